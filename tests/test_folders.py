"""The repository as a whole: every example folder has the same shape, and nothing is forgotten in the lists."""

from __future__ import annotations

import re
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from walkthrough.copies import tracked_files

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted(path.parent.name for path in ROOT.glob("*/template.yaml"))
TARGETS = ["help", "install", "run", "serve", "invoke", "timeline", "test", "package", "image", "run-image", "clean"]
TARGETS += ["deploy", "invoke-aws", "logs-aws", "delete"]
OWN_WORDS = {
    ("external-extension-container", "package"),
    ("external-extension-container", "delete"),
    ("external-extension-layer", "deploy"),
    ("external-extension-layer", "delete"),
    ("logs-api-extension", "deploy"),
    ("logs-api-extension", "delete"),
    ("powertools-decorators", "run-image"),
}
"""Where a target means something else, so that it is described in other words than everywhere."""
# Whose recipes are the same in every folder that has them; a folder that cannot have the same is named.
SAME = ["help", "install", "invoke", "test", "image", "need-local-lambda", "need-docker", "need-aws", "need-role"]
SAME += ["serve-aws", "create", "update", "publish-layer-version", "attach", "detach", "invoke-aws", "logs-aws"]
OWN_RECIPES = {"external-extension-container": {"create", "update"}}
FILES = ["README.md", "Makefile", "Dockerfile", ".dockerignore", "template.yaml", "events", "tests/test_run.py"]
FILES += ["requirements.txt", "requirements-local.txt", "requirements-test.txt"]
HEADINGS = [
    "Run it",
    "What happened",
    "The code",
    "Break it",
    "Test it",
    "In a container",
    "On AWS",
    "What differs from AWS",
]

example = pytest.mark.parametrize("folder", EXAMPLES)


def read(name: str) -> str:
    """A file of the repository; that it is missing is said in one line."""
    path = ROOT / name
    if not path.is_file():
        pytest.fail(f"{name} is missing", pytrace=False)
    return path.read_text(encoding="utf-8")


def test_examples_are_found() -> None:
    """By their templates."""
    assert "hello-python3.8" in EXAMPLES


def test_concepts_have_a_cell_for_every_example() -> None:
    """A row with another number of cells breaks the table."""
    table = re.search(r"^\| concept \|.*\n(\|.*\n)+", read("README.md"), re.MULTILINE)
    assert table is not None
    wrong = [row for row in table[0].splitlines() if row.count("|") != len(EXAMPLES) + 2]
    assert wrong == []


def read_help(folder: str) -> dict[str, str]:
    """What `make` alone prints: the targets and what they do, in order."""
    read(f"{folder}/Makefile")
    text = subprocess.run(["make", "-s"], cwd=ROOT / folder, capture_output=True, text=True, check=True).stdout
    return {words[0]: words[1] for words in (line.split(maxsplit=1) for line in text.splitlines())}


@example
def test_example_has_the_files_of_every_example(folder: str) -> None:
    """Knowing one folder means knowing all."""
    missing = [name for name in FILES if not (ROOT / folder / name).exists()]
    assert missing == [], f"{folder} has no {', '.join(missing)}"
    assert list((ROOT / folder / "events").glob("*.json")) != [], f"{folder}/events has no event"


@example
def test_make_targets_are_the_same_words_in_the_same_order(folder: str) -> None:
    """A folder may add targets of its own between them; each is described, and declared to be no file."""
    described = read_help(folder)
    assert [word for word in described if word in TARGETS] == TARGETS
    makefile = read(f"{folder}/Makefile").replace("\\\n", " ")
    phony = " ".join(re.findall(r"^\.PHONY:(.*)$", makefile, re.MULTILINE)).split()
    assert [word for word in described if word not in phony] == []


def test_make_targets_are_described_in_the_same_words() -> None:
    """What is the same everywhere reads the same everywhere, also when only two examples have it."""
    found: dict[str, dict[str, list[str]]] = {}
    for folder in EXAMPLES:
        for target, words in read_help(folder).items():
            if (folder, target) not in OWN_WORDS:
                found.setdefault(target, {}).setdefault(words, []).append(folder)
    both = {target: words for target, words in found.items() if len(words) > 1 and target in TARGETS}
    assert both == {}


@pytest.mark.parametrize("target", SAME)
def test_recipe_is_the_same_in_every_folder(target: str) -> None:
    """A command that was understood in one folder is understood in all."""
    recipes: dict[str, list[str]] = {}
    for folder in EXAMPLES:
        text = read(f"{folder}/Makefile")
        found = re.search(rf"^{target}:[^\n]*\n((?:\t[^\n]*\n)+)", text, re.MULTILINE)
        if found and target not in OWN_RECIPES.get(folder, ()):
            recipe = re.sub(r'"%-\d+s', '"%-Ns', found[1])  # the width of the longest word
            recipes.setdefault(recipe, []).append(folder)
    assert len(recipes) == 1, recipes


class Answering(BaseHTTPRequestHandler):
    """Answers with the status that is the function's name."""

    def do_POST(self) -> None:
        self.send_response(int(self.path.split("/")[-2]))
        self.end_headers()
        self.wfile.write(b"an answer")

    def log_message(self, format: str, *arguments: Any) -> None:
        """Quietly."""


@example
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
    read(f"{folder}/Makefile")
    command = ["make", "-s", "invoke", f"PORT={port}", f"FUNCTION={status}"]
    return subprocess.run(command, cwd=ROOT / folder, capture_output=True, text=True)


@example
def test_last_stage_of_the_image_builds_nothing(folder: str) -> None:
    """Base image by argument, everything copied from the stage before, nobody's rights."""
    lines = read(f"{folder}/Dockerfile").splitlines()
    assert [line for line in lines if line.startswith("ARG")] == [
        "ARG PYTHON_VERSION=3.13",
        "ARG BASE=python:${PYTHON_VERSION}-slim",
    ]
    assert [line for line in lines if line.startswith("FROM")] == ["FROM ${BASE} AS build", "FROM ${BASE}"]
    words = [line.split()[:2] for line in lines[lines.index("FROM ${BASE}") + 1 :] if line and line[0].isupper()]
    assert {word for word, _ in words} <= {"COPY", "WORKDIR", "ENV", "USER", "ENTRYPOINT", "CMD"}
    assert all(argument == "--from=build" for word, argument in words if word == "COPY")
    assert ["USER", "nobody"] in words


@example
def test_readme_has_the_headings_in_order(folder: str) -> None:
    """The walkthroughs all go the same way."""
    text = read(f"{folder}/README.md")
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^## (.+)$", prose, re.MULTILINE)
    assert [heading for heading in headings if heading in HEADINGS] == HEADINGS


@example
def test_example_imports_neither_siblings_nor_the_tool(folder: str) -> None:
    """It runs on local-lambda as it would on AWS: through AWS_LAMBDA_RUNTIME_API."""
    others = "|".join(["local_lambda", *(name.replace("-", "_") for name in EXAMPLES if name != folder)])
    wrong = re.compile(rf"^\s*(import|from) ({others})\b", re.MULTILINE)
    sources = [name for name in tracked_files() if name.startswith(f"{folder}/") and name.endswith(".py")]
    assert sources != []
    for name in sources:
        assert not wrong.search(read(name)), name


@example
def test_example_is_listed_in_the_readme_and_tested_by_tox(folder: str) -> None:
    """No folder that nobody finds or no test runs."""
    readme, tox = read("README.md"), read("tox.ini")
    row = re.search(rf"^\| \[{re.escape(folder)}\]\({re.escape(folder)}/README\.md\) \|", readme, re.MULTILINE)
    assert row, f"README.md: 'The examples' has no row for {folder}"
    factor = re.search(rf"^    (\w+): {re.escape(folder)}$", tox, re.MULTILINE)
    assert factor, f"tox.ini: no line 'factor: {folder}' in description and change_dir"
    name = factor[1]
    assert tox.count(f"    {name}: {folder}\n") == 2, f"tox.ini: {name} has to be in description and in change_dir"
    assert f"    {name}: -r {folder}/requirements-test.txt\n" in tox, f"tox.ini: deps has no requirements for {name}"
    listed = re.search(rf"^    \{{([a-z]+,)*{name}(,[a-z]+)*\}}-py\{{38", tox, re.MULTILINE)
    assert listed, f"tox.ini: env_list has no environments for {name}"
    columns = re.search(r"^\| concept \|(.*)\|$", readme, re.MULTILINE)
    assert columns is not None
    assert name in re.findall(r"\w+", columns[1]), f"README.md: 'Where to read about' has no column {name}"


@example
def test_template_describes_python_functions_that_exist(folder: str) -> None:
    """What `sam deploy` takes is what runs here."""

    class Loader(yaml.SafeLoader):
        """Reads `!Ref` and its like as plain values."""

    def plain(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
        return suffix

    Loader.add_multi_constructor("!", plain)
    template = yaml.load(read(f"{folder}/template.yaml"), Loader)
    kinds = [resource["Type"] for resource in template["Resources"].values()]
    assert "AWS::Serverless::Function" in kinds


def test_pythons_of_pyenv_are_those_of_the_matrix() -> None:
    """`.python-version` makes pyenv offer every interpreter that tox asks for."""
    named = set(read(".python-version").split())
    matrix = re.search(r"-py\{(38[\d,]+)\}", read("tox.ini"))
    assert matrix is not None
    assert named == {f"{version[0]}.{version[1:]}" for version in matrix[1].split(",")}
