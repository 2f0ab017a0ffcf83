"""A run confirms what READMEs show: their commands, transcripts, changes, excerpts, links and pictures.

`make readmes` rewrites the transcripts. walkthrough/README.md explains how a README says what is compared.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from walkthrough import anchors, excerpts, pictures
from walkthrough.copies import ROOT, Copies, readmes, walkthroughs
from walkthrough.parse import OPTIONAL, parse
from walkthrough.walk import Walk, walk

NOT_RUN = {
    "needs a terminal": 1,
    "needs an AWS account": 4,
    "needs an editor": 1,
    "needs the package index": 1,
    # On the page that all examples link to, which has no example next to it; the READMEs of the examples run them.
    "run in every example": 2,
    # What they build and start is built, started and asked by test_images.py.
    "needs Docker": 14,
    # Figures, which are different every time.
    "measures for minutes": 4,
    # `make test`: tox runs the tests of every folder.
    "run by tox anyway": 10,
}
"""How many blocks are not run or compared, for each reason. A new one is a decision: it needs a line here."""

Walks = dict[str, Future[Walk]]
EVERY_README = pytest.mark.parametrize("name", readmes())


@pytest.fixture(scope="module")
def walks(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walks]:
    """The walks of the selected READMEs, two at a time."""
    selected = [
        str(item.callspec.params["walkthrough"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and hasattr(item, "callspec") and "walkthrough" in item.callspec.params
    ]
    copies = Copies(tmp_path_factory.mktemp("walks"))
    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(walk, name, copies) for name in dict.fromkeys(selected)}


@pytest.mark.parametrize("walkthrough", walkthroughs())
def test_transcripts_when_commands_are_run_in_a_clean_copy(walks: Walks, walkthrough: str) -> None:
    """Each command, one after the other, prints what the README shows, and a picture it makes is the one shown."""
    walked = walks[walkthrough].result()
    report = walked.report()
    assert not report, f"\n\n{report}\n\n`make readmes README={walkthrough}` writes what was printed."
    assert pictures.differences(walked) == []


@EVERY_README
def test_excerpts_are_in_a_file_when_shown(name: str) -> None:
    """Code in a README is identical to code in its folder."""
    unknown = excerpts.unknown_excerpts(parse(ROOT / name))
    assert [f"{name}:{block.line}: {block.lines[0]}" for block in unknown] == []


@EVERY_README
def test_links_and_anchors_lead_somewhere(name: str) -> None:
    """Relative links are files of the repository, anchors their headings."""
    assert anchors.check(ROOT / name, ROOT) == []


@EVERY_README
def test_commands_are_console_blocks(name: str) -> None:
    """A transcript without the language `console` would not be run, and one with output first cannot be."""
    for block in parse(ROOT / name).blocks:
        assert block.language, f"{name}:{block.line}: a block without a language: console, or text for neither"
        if block.language == "console":
            assert block.commands(), f"{name}:{block.line}: no command"
        else:
            shown = [line for line in block.lines if line.startswith("$ ")]
            assert not shown, f"{name}:{block.line}: commands in a block that is not ```console"


def test_blocks_that_are_not_run_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """A block that is not run must be listed here."""
    found: Counter[str] = Counter()
    places = []
    for name in readmes():
        for block in parse(ROOT / name).blocks:
            if block.reason and block.reason not in OPTIONAL:
                found[block.reason] += 1
                places.append(f"{name}:{block.line}: {block.language} {block.reason}")
            elif block.reason and not block.is_run:
                places.append(f"{name}:{block.line}: {block.language} {block.reason}, which is not here")
    with capsys.disabled():
        print("\nnot run:", *places, sep="\n  ")
    assert found == NOT_RUN, "if another block cannot be run, count it in NOT_RUN of tests/test_readmes.py"


@EVERY_README
def test_names_exist_when_mentioned(name: str) -> None:
    """Files in a README's first table column exist, and so do the targets of make that it names."""
    folder = (ROOT / name).parent
    prose = "\n".join(parse(ROOT / name).prose)
    is_example = (folder / "template.yaml").exists()
    folders = [folder] if is_example else [ROOT, *ROOT.glob("*")]
    makefiles = [path for each in folders for path in [each / "Makefile", *each.glob("*.mk")] if path.is_file()]
    text = "\n".join(makefile.read_text(encoding="utf-8") for makefile in makefiles)
    for target in re.findall(r"`make ([a-z][a-z-]+)[ `]", prose):
        assert re.search(rf"^([a-z-]+ )*{target}( [a-z-]+)*:", text, re.MULTILINE), f"make {target}"
    if is_example:
        for file in re.findall(r"^\| `([\w./-]+/[\w./-]*|[\w-]+\.(?:py|yaml|txt|sh))`", prose, re.MULTILINE):
            assert (folder / file).exists(), file
