"""The README: its excerpts are from this folder, its transcripts from a run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_run import FOLDER, LOCAL_LAMBDA, PATIENCE, needs_local_lambda, needs_packages

README = (FOLDER / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```([\w ]*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
EXCERPTS = [text for language, text in BLOCKS if language == "python"]
TRANSCRIPTS = [text for language, text in BLOCKS if language == "console"]

# In the run below, `make run` is the command that the Makefile has for it, on the Python of these tests.
PREPARE = """
make() {
    echo ".venv/bin/python prices.py .venv/bin/python run.py $LOCAL_LAMBDA"
    "$PYTHON" prices.py "$PYTHON" run.py "$LOCAL_LAMBDA"
}
"""

# What the README leaves open: any lines, any text, and what differs from run to run.
WILDCARDS = {
    re.escape("..."): r".*?",
    re.escape("[ID]"): r"[0-9a-f-]{36}",
    re.escape("[TIME]"): r"[0-9:., T+-]+",
}


def read_sources():
    """Return the code of this folder, file by file."""
    paths = [*FOLDER.glob("*.py"), *FOLDER.glob("app/*.py"), *FOLDER.glob("src/**/*.py"), *FOLDER.glob("*.yaml")]
    return [path.read_text(encoding="utf-8") for path in paths]


@pytest.mark.parametrize("excerpt", EXCERPTS, ids=lambda text: text.strip().splitlines()[0][:40])
def test_excerpt_is_in_a_file_when_shown(excerpt):
    """Code in the README is code of this folder, letter by letter."""
    assert any(excerpt in source for source in read_sources())


def test_names_exist_when_mentioned():
    """Files in the README's tables are there, and so are the targets of make it names."""
    for name in re.findall(r"^\| `([\w./]+)`", README, re.MULTILINE):
        assert (FOLDER / name).exists() or name.startswith("pypwext"), name
    makefile = (FOLDER / "Makefile").read_text()
    for target in re.findall(r"`make ([a-z-]+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def compile_expected(output):
    """Return a pattern for the output a transcript shows."""
    lines = []
    for line in output.splitlines():
        if line.strip() == "...":
            lines.append(r"(?:.*\n)*?")
            continue
        pattern = re.escape(line)
        for wildcard, regex in WILDCARDS.items():
            pattern = pattern.replace(wildcard, regex)
        lines.append(pattern + r"\n")
    return re.compile("".join(lines) + r"\Z")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of what the commands of the README need, which they may change."""
    folder = tmp_path_factory.mktemp("readme") / "powertools-decorators"
    folder.mkdir()
    for name in ("app", "events"):
        shutil.copytree(str(FOLDER / name), str(folder / name))
    for name in ("run.py", "prices.py", "template.yaml"):
        shutil.copy(str(FOLDER / name), str(folder / name))
    return folder


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
@needs_local_lambda
@needs_packages
def test_transcripts_are_what_happens_when_commands_run(copy):
    """Each command, one after the other, writes what the README shows."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PRICES_URL", "PYTHONPATH")}
    tool = str(Path(LOCAL_LAMBDA).resolve()) if os.sep in LOCAL_LAMBDA else LOCAL_LAMBDA
    environment.update(PYTHON=sys.executable, LOCAL_LAMBDA=tool, LOCAL_LAMBDA_PYTHON=sys.executable)
    for transcript in TRANSCRIPTS:
        for command, output in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", transcript, re.MULTILINE):
            done = subprocess.run(
                ["bash", "-c", PREPARE + command],
                cwd=str(copy),
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
                timeout=3 * PATIENCE,
            )
            assert compile_expected(output).match(done.stdout), f"{command}\n{done.stdout}"
