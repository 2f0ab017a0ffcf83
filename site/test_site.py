"""The site is complete, follows the learning path, loads nothing from elsewhere, and fails with a broken link."""

from __future__ import annotations

import html
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import sequences
from examples import find_examples

from walkthrough.copies import ROOT, tracked_files
from walkthrough.parse import parse
from walkthrough.session import network_of_its_own

NOWHERE = "http://127.0.0.1:9"
NO_NETWORK = {"http_proxy": NOWHERE, "https_proxy": NOWHERE, "REPOSITORY_URL": "", "SITE_URL": ""}
LOADED = re.compile(
    r"<(?:script|img|iframe|source|link(?! rel=\"?canonical))\b[^>]*?\b(?:src|href)=[\"']?(https?:[^\"' >]+)"
)


def build(root: Path) -> subprocess.CompletedProcess[str]:
    """Build the site of a repository as `make site` does, without a network where the system allows that."""
    command = [*network_of_its_own(), sys.executable, "-m", "mkdocs", "build", "-f", "site/mkdocs.yml"]
    return subprocess.run(command, cwd=root, env={**os.environ, **NO_NETWORK}, capture_output=True, text=True)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository, to build in."""
    root = tmp_path_factory.mktemp("copy")
    for name in tracked_files():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, root / name)
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    return root


@pytest.fixture(scope="module")
def site(copy: Path) -> Path:
    """The built site."""
    built = build(copy)
    assert built.returncode == 0, built.stderr
    reported = [line for line in built.stderr.splitlines() if "WARNING" in line or "Doc file" in line]
    assert reported == []
    return copy / "site/build"


def page_of(name: str) -> str:
    """The page of a Markdown file."""
    return re.sub(r"(?:README)?\.md$", lambda found: "index.html" if "R" in found[0] else ".html", name)


def test_every_page_of_the_repository_is_in_the_site(site: Path) -> None:
    """Except for a form of the host, and the hints that `make learn` gives one at a time."""
    missing = [name for name in tracked_files() if name.endswith(".md") and not (site / page_of(name)).is_file()]
    assert [name for name in missing if not name.endswith("/hints.md")] == [".github/pull_request_template.md"]


def test_previous_and_next_follow_the_learning_path(site: Path) -> None:
    """From the start page and how to use the examples through all of them, and back."""
    path = ["index.html", "docs/examples.html", *(f"{folder}/index.html" for folder in find_examples())]
    for here, there in itertools.pairwise(path):
        assert neighbor(site, here, "next") == there
        assert neighbor(site, there, "prev") == here


def test_lessons_have_their_numbers(site: Path) -> None:
    """Those of the learning path, in the navigation."""
    text = (site / "docs/examples.html").read_text(encoding="utf-8")
    shown = re.findall(r'<span class="md-ellipsis">\s*(\d+ · [\w.-]+)\s*</span>', text)
    assert shown == [f"{number} · {folder}" for number, folder in enumerate(find_examples(), 1)]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [f"{number} · {folder}" for number, folder in re.findall(r"^(\d+)\. \[([\w.-]+)\]", readme, re.M)] == shown


def neighbor(site: Path, page: str, which: str) -> str:
    """The page that the link in the footer leads to."""
    text = (site / page).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"<a [^>]*>", text) if f"md-footer__link--{which}" in link]
    target = re.findall(r"href=\"([^\"]+)\"", links[0])[0]
    return os.path.normpath(os.path.join(os.path.dirname(page), target))


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    """No fonts, no scripts, no pictures: the site works without a network."""
    loaded = {
        f"{path.relative_to(site)}: {address}"
        for path in site.rglob("*.html")
        for address in LOADED.findall(path.read_text(encoding="utf-8"))
    }
    assert loaded == set()


@pytest.mark.parametrize("folder", find_examples())
def test_walkthrough_has_its_timeline(site: Path, folder: str) -> None:
    """The picture of the run is a page that shows details, and the walkthrough embeds it."""
    walkthrough = (site / folder / "index.html").read_text(encoding="utf-8")
    assert '<div class="scrolls"><iframe class="timeline" src="timeline.html"' in walkthrough
    assert (site / folder / "timeline.html").read_text(encoding="utf-8").count("data-hint=") > 1


def copied(site: Path, name: str) -> list[str]:
    """What the buttons of the transcripts of a page copy."""
    text = (site / page_of(name)).read_text(encoding="utf-8")
    tags = re.findall(r'<div class="language-console [^>]*>', text)
    return [html.unescape(re.findall(r' data-copy="([^"]*)"', tag)[0]) for tag in tags]


def test_copying_a_transcript_copies_its_commands(site: Path) -> None:
    """Those that the test of the READMEs runs, on every page: without prompts and output."""
    for name in tracked_files():
        if name.endswith(".md") and (site / page_of(name)).is_file():
            blocks = [block for block in parse(ROOT / name).blocks if block.language == "console"]
            commands = ["\n".join(command.text for command in block.commands()) for block in blocks]
            assert (name, copied(site, name)) == (name, commands)


def test_copying_a_transcript_copies_here_documents(site: Path) -> None:
    """With their bodies; and no line of the output, whatever it looks like."""
    assert any("<<" in text and "\nEND" in text for text in copied(site, "local-lambda/docs/routes.md"))
    symptoms = copied(site, "docs/symptoms.md")
    assert [text for text in symptoms if "function | " in text or "..." in text.splitlines()] == []


def test_theme_copies_the_attribute(site: Path) -> None:
    """Instead of the text of the block."""
    assert any(
        'getAttribute("data-copy")' in script.read_text(encoding="utf-8")
        for script in site.glob("assets/javascripts/*.js")
    )


def test_symptoms_are_forty_commands_that_can_be_searched(site: Path) -> None:
    """Each is a heading with a command that the test of the READMEs runs."""
    document = parse(ROOT / "docs/symptoms.md")
    symptoms = [line[4:] for line in document.prose if line.startswith("### ")]
    starts = [number for number, line in enumerate(document.prose, 1) if line.startswith("### ")]
    with_command = {
        max(start for start in starts if start < block.line) for block in document.blocks if block.line > starts[0]
    }
    assert (len(symptoms), sorted(with_command)) == (40, starts)
    index = html.unescape((site / "search/search_index.json").read_text(encoding="utf-8").replace('\\"', '"'))
    assert [symptom for symptom in symptoms if html.unescape(symptom) not in index] == []


@pytest.fixture(scope="module")
def index(site: Path) -> dict[str, Any]:
    """The index that the search of the site reads."""
    return json.loads((site / "search/search_index.json").read_text(encoding="utf-8"))


def words(index: dict[str, Any], text: str) -> set[str]:
    """The words that the search makes of a text, or of what a reader types."""
    return set(re.split(index["config"]["separator"], re.sub(r"<[^>]*>", " ", text).lower())) - {""}


@pytest.mark.parametrize(
    "typed",
    ["Sandbox.Timedout", "Timedout", "ImportModuleError", "Runtime.ExitError", "ExitError", "errorType", "127.0.0.1"],
)
def test_search_finds_the_words_of_a_message(index: dict[str, Any], typed: str) -> None:
    """A part of it, too: each word that is typed is one of the index, or nothing is found."""
    known = set().union(*(words(index, f"{entry['title']} {entry['text']}") for entry in index["docs"]))
    assert words(index, typed) <= known


def test_search_prefers_pages_that_explain(index: dict[str, Any]) -> None:
    """To those for people who change the tool."""
    boosts = {entry["location"].partition("#")[0]: entry.get("boost", 1) for entry in index["docs"]}
    assert boosts["docs/symptoms.html"] == boosts["GLOSSARY.html"] == 2
    assert boosts["local-lambda/docs/life-of-an-invocation.html"] < boosts["index.html"] == 1
    assert [page for page in boosts if "attacks" in page] == []


def test_diagrams_are_pictures(site: Path) -> None:
    """As on GitHub: with all participants and messages, and in words for those who do not see the picture."""
    page = (site / "local-lambda/docs/life-of-an-invocation.html").read_text(encoding="utf-8")
    blocks = parse(ROOT / "local-lambda/docs/life-of-an-invocation.md").blocks
    diagrams = [block for block in blocks if block.language == "mermaid"]
    pictures = re.findall(r'<img src="(life-of-an-invocation-\d\.svg)" alt="([^"]+)"', page)
    assert len(pictures) == len(diagrams) == 3
    assert "sequenceDiagram" not in page
    for (picture, words), diagram in zip(pictures, diagrams, strict=True):
        drawn = ElementTree.parse(site / "local-lambda/docs" / picture).getroot()
        texts = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
        participants = [line.split(maxsplit=1)[1] for line in diagram.lines if "participant " in line]
        messages = [line.partition(": ")[2] for line in diagram.lines if "->>" in line]
        assert texts == [*participants, *messages]
        assert [text for text in messages if text not in html.unescape(words)] == []


@pytest.mark.parametrize("line", ["    Note over caller: waits", "    caller->>nobody: hello"])
def test_diagram_that_cannot_be_drawn_fails(line: str) -> None:
    """Instead of a picture that lacks a part."""
    with pytest.raises(ValueError, match=f"cannot draw: {line.strip()}"):
        sequences.read(["sequenceDiagram", "    participant caller", line])


def test_terms_of_the_glossary_have_anchors(site: Path) -> None:
    """Those that the live page uses, too: a term with hyphens for its spaces."""
    rows = [row for row in (ROOT / "GLOSSARY.md").read_text(encoding="utf-8").splitlines() if row.startswith("| **")]
    terms = {term.strip("`") for row in rows for term in re.findall(r"\*\*([^*]+)\*\*", row)}
    ids = re.findall(r'<strong id="([^"]+)"', (site / "GLOSSARY.html").read_text(encoding="utf-8"))
    assert {"cold start", "Init phase", "authorizer"} <= terms
    assert sorted(ids) == sorted(term.replace(" ", "-") for term in terms)


@pytest.mark.parametrize(
    ("name", "link"),
    [
        ("hello-python3.8/index.html", '<a href="../GLOSSARY.html#Init-phase"><em>Init phase</em></a>'),
        ("extension-toolbox/index.html", '<a href="../GLOSSARY.html#Telemetry-API">Telemetry API</a>'),
        ("index.html", '<a href="GLOSSARY.html">Glossary</a>'),
    ],
)
def test_link_to_the_glossary_leads_to_its_term(site: Path, name: str, link: str) -> None:
    """If its text is one."""
    assert link in (site / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("link", ["nowhere.md", "GLOSSARY.md#nowhere", "docs/nowhere.svg", "docs/nowhere.py"])
def test_broken_link_fails(copy: Path, link: str) -> None:
    """A page, a heading, a picture or a source file that does not exist: the message names the link."""
    readme = copy / "README.md"
    before = readme.read_text(encoding="utf-8")
    readme.write_text(f"{before}\n[broken]({link})\n", encoding="utf-8")
    try:
        built = build(copy)
    finally:
        readme.write_text(before, encoding="utf-8")
    assert built.returncode != 0
    assert link in built.stderr


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, by Playwright: tox -e ui has both."""
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: tox -e ui has it")
    program = shutil.which(os.environ.get("CHROMIUM") or "chromium")
    if program is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    flags = ["--disable-background-networking", "--no-proxy-server", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with driver.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=flags)
        yield browser
        browser.close()


def measure(browser: Any, page: Path, width: int, script: str) -> Any:
    """The value of a script in a page of the site, in a window of this width."""
    opened = browser.new_page(viewport={"width": width, "height": 800})
    try:
        opened.goto(page.as_uri())
        opened.wait_for_selector(".md-code__button, .md-typeset__scrollwrap")
        return opened.evaluate(script)
    finally:
        opened.close()


def test_timeline_is_legible_on_a_phone(site: Path, browser: Any) -> None:
    """It is wider than the screen, and scrolls in the page, which does not."""
    script = """[document.documentElement.scrollWidth, document.querySelector("iframe.timeline").clientWidth]"""
    assert measure(browser, site / "hello-python3.8/index.html", 400, script) == [400, 700]


@pytest.mark.parametrize("width", [1280, 1440])
def test_tables_are_not_cut_off(site: Path, browser: Any, width: int) -> None:
    """The widest ones are those of the start page."""
    tables = """[...document.querySelectorAll(".md-typeset__scrollwrap")]"""
    script = f"{tables}.map((each) => each.scrollWidth - each.clientWidth)"
    assert set(measure(browser, site / "index.html", width, script)) == {0}


def test_first_column_of_a_wide_table_stays_on_a_phone(site: Path, browser: Any) -> None:
    """Without it, the other columns have no meaning."""
    script = """(() => {
        const table = [...document.querySelectorAll(".md-typeset__scrollwrap")].pop();
        table.scrollLeft = 300;
        return [table.scrollLeft, table.querySelector("tbody td").getBoundingClientRect().left];
    })()"""
    assert measure(browser, site / "index.html", 400, script) == [300, 0]


def test_hidden_link_of_a_heading_takes_no_line(site: Path, browser: Any) -> None:
    """The heading is as high as without it."""
    script = """(() => {
        const heading = document.querySelector("h1");
        const before = heading.offsetHeight;
        heading.querySelector(".headerlink").remove();
        return before - heading.offsetHeight;
    })()"""
    heights = {measure(browser, site / "index.html", width, script) for width in range(1240, 1300, 10)}
    assert heights == {0}


def test_copy_button_covers_no_command(site: Path, browser: Any) -> None:
    """Commands are as long as the screen is wide: they end where the button begins."""
    script = """(() => {
        const code = document.querySelector(".language-console code");
        const end = code.getBoundingClientRect().right - parseFloat(getComputedStyle(code).paddingRight);
        return end <= document.querySelector(".language-console .md-code__nav").getBoundingClientRect().left;
    })()"""
    assert measure(browser, site / "hello-python3.8/index.html", 400, script) is True
