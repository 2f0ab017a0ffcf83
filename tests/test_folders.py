"""The repository as a whole: every example folder has the same shape, and nothing is forgotten in the lists."""

from __future__ import annotations

import re
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from examples import ROOT
from shape import EXAMPLES, SHORT_NAMES, TARGETS, find_lacks, read, read_columns, read_help

OWN_WORDS = {
    ("external-extension-container", "package"),
    ("powertools-decorators", "run-image"),
}
"""Where a target means something different, so that its description differs, too."""
SAME = ["watch", "invoke", "test", "image"]
"""Targets whose recipes are the same in every folder."""
SCAFFOLDING = ["install.mk", "aws.mk", "build_package.py", "with_service.py", "tests/extensions_api.py"]
SCAFFOLDING += [".vscode/launch.json"]
"""Files that are the same in every folder that has them. The first two are in all."""
WITH_MAKEFILE = [folder for folder in EXAMPLES if (ROOT / folder / "Makefile").is_file()]


def test_examples_are_found() -> None:
    """By their templates."""
    assert "hello-python3.8" in EXAMPLES


@pytest.mark.parametrize("folder", EXAMPLES)
def test_folder_has_what_every_example_has(folder: str) -> None:
    """Knowing one folder means knowing all. What a new folder lacks is one list to work through."""
    lacks = find_lacks(folder)
    if lacks:
        pytest.fail(f"{folder} lacks:\n" + "".join(f"  * {lack}\n" for lack in lacks), pytrace=False)


def test_concepts_have_a_cell_for_every_example() -> None:
    """A row with another number of cells breaks the table."""
    table = re.search(r"^\| concept \|.*\n(\|.*\n)+", read("README.md"), re.MULTILINE)
    assert table is not None
    columns = read_columns()
    assert [name for name in columns if name not in SHORT_NAMES.values()] == []
    wrong = [row for row in table[0].splitlines() if row.count("|") != len(columns) + 2]
    assert wrong == []


def test_make_targets_are_described_in_the_same_words() -> None:
    """Identical parts have identical text everywhere, even if only two examples have them."""
    found: dict[str, dict[str, list[str]]] = {}
    for folder in WITH_MAKEFILE:
        for target, words in read_help(folder).items():
            if (folder, target) not in OWN_WORDS:
                found.setdefault(target, {}).setdefault(words, []).append(folder)
    both = {target: words for target, words in found.items() if len(words) > 1 and target in TARGETS}
    assert both == {}


@pytest.mark.parametrize("target", SAME)
def test_recipe_is_the_same_in_every_folder(target: str) -> None:
    """If you understand a command in one folder, you understand it in all."""
    recipes: dict[str, list[str]] = {}
    for folder in WITH_MAKEFILE:
        text = read(f"{folder}/Makefile")
        found = re.search(rf"^{target}:[^\n]*\n((?:\t[^\n]*\n)+)", text, re.MULTILINE)
        if found:
            recipes.setdefault(found[1], []).append(folder)
    assert len(recipes) == 1, recipes


@pytest.mark.parametrize("name", SCAFFOLDING)
def test_scaffolding_is_the_same_file_in_every_folder(name: str) -> None:
    """If you have understood one copy, you know the others; a change of one copy has to be made in all."""
    copies: dict[str, list[str]] = {}
    for folder in EXAMPLES:
        if (ROOT / folder / name).exists():
            copies.setdefault(read(f"{folder}/{name}"), []).append(folder)
    assert len(copies) == 1, f"{name} differs: {' / '.join(', '.join(folders) for folders in copies.values())}"


class Answering(BaseHTTPRequestHandler):
    """Responds with the status that is the function's name."""

    def do_POST(self) -> None:
        self.send_response(int(self.path.split("/")[-2]))
        self.end_headers()
        self.wfile.write(b"an answer")

    def log_message(self, format: str, *arguments: Any) -> None:
        """Quietly."""


@pytest.mark.parametrize("folder", WITH_MAKEFILE)
def test_invoke_tells_an_answer_from_a_refusal_and_from_silence(folder: str) -> None:
    """Exit status and hint; what the tool says about a refusal is shown."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        found = [invoke(folder, server.server_port, status) for status in (200, 404)]
        server.shutdown()
    assert [(made.returncode, made.stdout) for made in found] == [(0, "an answer\n"), (2, "an answer\n")]
    assert "No answer" not in found[1].stderr
    silent = invoke(folder, server.server_port, 200)
    assert silent.returncode == 2
    assert "No answer. Is 'make serve' running in another terminal?" in silent.stderr


def invoke(folder: str, port: int, status: int) -> subprocess.CompletedProcess[str]:
    """`make invoke` of a function with the number's name."""
    command = ["make", "-s", "invoke", f"PORT={port}", f"FUNCTION={status}"]
    return subprocess.run(command, cwd=ROOT / folder, capture_output=True, text=True)
