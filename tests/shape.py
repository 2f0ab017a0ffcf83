"""What every example folder has, and what one of them still lacks, as a list to work through.

A new example is a folder with a template.yaml; CONTRIBUTING.md has the steps from there. Each check below says what is
missing or different, one line each. It does not see whether a test can fail or whether a text explains.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from typing import Any

import yaml
from examples import ROOT, find_examples, read_learning_path, short_names

from walkthrough.copies import tracked_files

EXAMPLES = find_examples()
SHORT_NAMES = short_names(EXAMPLES)
TARGETS = [
    "help",
    "install",
    "run",
    "serve",
    "watch",
    "invoke",
    "timeline",
    "test",
    "package",
    "image",
    "run-image",
    "clean",
]
TARGETS += ["deploy", "invoke-aws", "logs-aws", "delete"]
FILES = [
    "requirements.txt",
    "requirements-local.txt",
    "requirements-test.txt",
    "events",
    "Makefile",
    "install.mk",
    "aws.mk",
]
FILES += ["Makefile", "install.mk", "aws.mk", "Dockerfile", ".dockerignore", ".vscode/launch.json"]
FILES += ["tests/test_run.py", "README.md"]
HEADINGS = [
    "The idea",
    "Predict first",
    "Run it",
    "What happened",
    "The code",
    "Break it",
    "Test it",
    "In a container",
    "On AWS",
    "What differs from AWS",
    "Recap",
]


def read(name: str) -> str:
    """The text of a file of the repository, empty if there is no such file."""
    path = ROOT / name
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def read_help(folder: str) -> dict[str, str]:
    """What `make` alone prints: the targets and what they do, in order; nothing without a Makefile."""
    if not (ROOT / folder / "Makefile").is_file():
        return {}
    text = subprocess.run(["make", "-s"], cwd=ROOT / folder, capture_output=True, text=True, check=True).stdout
    return {words[0]: words[1] for words in (line.split(maxsplit=1) for line in text.splitlines())}


def find_lacks(folder: str) -> list[str]:
    """Everything that the folder lacks, in the order of the steps of CONTRIBUTING.md."""
    checks = [template, code, files, makefile, dockerfile, headings, lists]
    return [lack for check in checks for lack in check(folder)]


def template(folder: str) -> Iterator[str]:
    """`sam deploy` takes the files that run here."""

    class Loader(yaml.SafeLoader):
        """Reads `!Ref` and its like as plain values."""

    def plain(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
        return suffix

    Loader.add_multi_constructor("!", plain)
    described = yaml.load(read(f"{folder}/template.yaml"), Loader) or {}
    kinds = [resource.get("Type") for resource in (described.get("Resources") or {}).values()]
    if "AWS::Serverless::Function" not in kinds:
        yield "template.yaml: no resource of type AWS::Serverless::Function"


def code(folder: str) -> Iterator[str]:
    """It runs on local-lambda as it would on AWS: through AWS_LAMBDA_RUNTIME_API."""
    others = "|".join(["local_lambda", *(name.replace("-", "_") for name in EXAMPLES if name != folder)])
    wrong = re.compile(rf"^\s*(?:import|from) ({others})\b", re.MULTILINE)
    sources = [name for name in tracked_files() if name.startswith(f"{folder}/") and name.endswith(".py")]
    if not sources:
        yield "no Python file: the function is missing"
    for name in sources:
        for other in wrong.findall(read(name)):
            yield f"{name.removeprefix(f'{folder}/')} imports {other}: a folder that is copied out does not have that"


def files(folder: str) -> Iterator[str]:
    """If you know one folder, you know them all."""
    for name in FILES:
        if not (ROOT / folder / name).exists():
            yield f"{name} is missing"
    if (ROOT / folder / "events").exists() and not list((ROOT / folder / "events").glob("*.json")):
        yield "events/ has no event, a JSON file"


def makefile(folder: str) -> Iterator[str]:
    """Targets have the same names in the same order; others may stand between them. None of them is a file."""
    described = read_help(folder)
    if not described:
        return
    missing = [target for target in TARGETS if target not in described]
    if missing:
        yield f"Makefile: `make help` does not list {', '.join(missing)}"
    order = [target for target in described if target in TARGETS]
    wanted = [target for target in TARGETS if target in described]
    if order != wanted:
        yield f"Makefile: the order of the targets is {', '.join(order)}; elsewhere it is {', '.join(wanted)}"
    text = "\n".join(read(f"{folder}/{name}") for name in ("Makefile", "install.mk", "aws.mk"))
    phony = " ".join(re.findall(r"^\.PHONY:(.*)$", text.replace("\\\n", " "), re.MULTILINE))
    for target in described:
        if target not in phony.split():
            yield f"Makefile: {target} is not declared .PHONY"


def dockerfile(folder: str) -> Iterator[str]:
    """Base image by argument, everything copied from the stage before, nothing built in the last stage, no rights."""
    lines = read(f"{folder}/Dockerfile").splitlines()
    if not lines:
        return
    arguments = ["ARG PYTHON_VERSION=3.13", "ARG BASE=python:${PYTHON_VERSION}-slim"]
    if [line for line in lines if line.startswith("ARG")] != arguments:
        yield f"Dockerfile: the ARG lines are not {' and '.join(arguments)}"
    stages = ["FROM ${BASE} AS build", "FROM ${BASE}"]
    if [line for line in lines if line.startswith("FROM")] != stages:
        yield f"Dockerfile: the FROM lines are not {' and '.join(stages)}"
        return
    words = [line.split()[:2] for line in lines[lines.index("FROM ${BASE}") + 1 :] if line and line[0].isupper()]
    for word in sorted({word for word, _ in words} - {"COPY", "WORKDIR", "ENV", "USER", "ENTRYPOINT", "CMD"}):
        yield f"Dockerfile: {word} in the last stage, which builds nothing"
    if any(argument != "--from=build" for word, argument in words if word == "COPY"):
        yield "Dockerfile: the last stage copies from somewhere else than --from=build"
    if ["USER", "nobody"] not in words:
        yield "Dockerfile: no USER nobody in the last stage"


def headings(folder: str) -> Iterator[str]:
    """All walkthroughs have the same structure."""
    prose = re.sub(r"^```.*?^```$", "", read(f"{folder}/README.md"), flags=re.MULTILINE | re.DOTALL)
    if not prose:
        return
    found = [heading for heading in re.findall(r"^## (.+)$", prose, re.MULTILINE) if heading in HEADINGS]
    missing = [heading for heading in HEADINGS if heading not in found]
    if missing:
        yield f"README.md: no heading {', '.join(missing)}"
    elif found != HEADINGS:
        yield f"README.md: the order of the headings is {', '.join(found)}; elsewhere it is {', '.join(HEADINGS)}"


def lists(folder: str) -> Iterator[str]:
    """The root README is the only list: `make run`, tox and the tests read it or the folders."""
    if folder not in read_learning_path():
        yield f"../README.md: the learning path has no line with [{folder}]({folder}/README.md)"
    there, here = read_minutes(folder)
    if not here or there != here:
        yield f"README.md says {here or 'no'} minutes (**N minutes**), ../README.md {there or 'none'} (· N minutes)"
    if SHORT_NAMES[folder] not in read_columns():
        yield f"../README.md: the concept table has no column {SHORT_NAMES[folder]}"


def read_minutes(folder: str) -> tuple[str, str]:
    """How long the example takes: in the learning path of the root README, and in its own; empty if it does not say."""
    found = re.search(rf"\]\({re.escape(folder)}/README\.md\) · (\d+) minutes", read("README.md"))
    own = re.search(r"\*\*(\d+) minutes\.?\*\*", read(f"{folder}/README.md").partition("\n## ")[0])
    return found[1] if found else "", own[1] if own else ""


def read_columns() -> list[str]:
    """The examples that the concept table of the root README has a column for, by their short names."""
    found = re.search(r"^\| concept \|(.*)\|$", read("README.md"), re.MULTILINE)
    return [cell.strip() for cell in found[1].split("|")] if found else []
