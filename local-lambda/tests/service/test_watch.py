"""`start --watch`: new environments serve what is saved, and requests in progress are not affected."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from conftest import MakeProject
from support.tool import Gate, Project, Tool

CODE = """
import os
answers = 0
def handler(event, context):
    global answers
    answers += 1
    if "gate" in event:
        print("waiting at", event["gate"], flush=True)
        open(event["gate"]).readline()
    return {"text": %r, "answers": answers, "variable": os.environ.get("VARIABLE")}
"""
WATCHED = "watching code, layers and template"


@contextmanager
def watching(project: Project) -> Iterator[Tool]:
    """The project's functions, from the moment on when changes are seen."""
    with project.serving("--watch") as tool:
        tool.wait_for(WATCHED)
        yield tool


def save(path: Path, text: str) -> None:
    """Replace a file in one step: half of one is nothing these tests are about."""
    new = path.parent.parent / f"{path.parent.name}-{path.name}"
    new.write_text(text)
    new.replace(path)


def edit(project: Project, **properties: Any) -> None:
    """Give the function Hello of the template other properties."""
    template = json.loads(project.template.read_text())
    template["Resources"]["Hello"]["Properties"].update(properties)
    save(project.template, json.dumps(template))


def test_code_that_is_saved_is_served(make_project: MakeProject) -> None:
    """By a new environment; until then the old one stays warm, and other functions are left alone."""
    project = make_project({"app.py": CODE % "first"}, Hello={"Handler": "app.handler"})
    with watching(project) as tool:
        assert [tool.invoke("Hello", {}).json["answers"] for _ in range(2)] == [1, 2]
        save(project.code / "app.py", CODE % "second")
        tool.wait_for("app.py has changed: Hello is reloaded")
        assert tool.invoke("Hello", {}).json == {"text": "second", "answers": 1, "variable": None}
        assert tool.text.count("INIT_START") == 2


def test_other_functions_stay_warm(make_project: MakeProject, tmp_path: Path) -> None:
    """Only those made of what has changed are renewed."""
    (tmp_path / "app.py").write_text(CODE % "other")
    functions = {"Hello": {"Handler": "app.handler"}, "Other": {"Handler": "app.handler", "CodeUri": str(tmp_path)}}
    project = make_project({"app.py": CODE % "first"}, **functions)
    with watching(project) as tool:
        tool.invoke("Other", {})
        save(project.code / "app.py", CODE % "second")
        tool.wait_for("Hello is reloaded")
        assert tool.invoke("Other", {}).json["answers"] == 2
        assert "Other is reloaded" not in tool.text


def test_who_is_being_served_is_served_to_the_end(make_project: MakeProject, shared_folder: Path) -> None:
    """By the old code, while the next one is served by the new."""
    project = make_project({"app.py": CODE % "first"}, Hello={"Handler": "app.handler"})
    gate = Gate(shared_folder)
    with watching(project) as tool:
        answers: list[Any] = []
        caller = threading.Thread(target=lambda: answers.append(tool.invoke("Hello", gate.event).json["text"]))
        caller.start()
        gate.reached(tool)
        save(project.code / "app.py", CODE % "second")
        tool.wait_for("Hello is reloaded")
        assert tool.invoke("Hello", {}).json["text"] == "second"
        gate.open()
        caller.join()
        assert answers == ["first"]
    gate.close()


def test_template_that_is_saved_is_served(make_project: MakeProject) -> None:
    """Variables, memory and the like at once; names only by a new start, and nothing of a template with a mistake."""
    project = make_project({"app.py": CODE % "first"}, Hello={"Handler": "app.handler"})
    with watching(project) as tool:
        assert tool.invoke("Hello", {}).json["variable"] is None
        edit(project, Environment={"Variables": {"VARIABLE": "new"}})
        tool.wait_for("template.yaml has changed: Hello is reloaded")
        assert tool.invoke("Hello", {}).json["variable"] == "new"
        good = project.template.read_text()
        save(project.template, "Resources: [")
        tool.wait_for("the functions stay as they are: .*template.yaml")
        assert tool.invoke("Hello", {}).json["answers"] == 2
        save(project.template, good)
        edit(project, ReservedConcurrentExecutions=5, MemorySize=256)
        tool.wait_for("SnapStart and concurrency stay as they are; start again to change them")
        tool.wait_for("template.yaml has changed", len(tool.lines) - 1)
        tool.invoke("Hello", {})
        tool.wait_for("Memory Size: 256 MB")
        since = len(tool.lines)
        edit(project, AutoPublishAlias="live")
        tool.wait_for("versions, SnapStart and concurrency stay as they are", since)


def test_folder_of_the_template_has_other_files_too(make_project: MakeProject) -> None:
    """With `CodeUri: .` responses, events and tests do not cause a cold start, nor does a template with an error."""
    project = make_project({}, Hello={"Handler": "app.handler", "CodeUri": "."})
    (project.folder / "app.py").write_text(CODE % "first")
    with watching(project) as tool:
        (project.folder / "answer.json").write_text("{}")
        good = project.template.read_text()
        save(project.template, "Resources: [")
        tool.wait_for("the functions stay as they are")
        save(project.template, good)
        save(project.folder / "app.py", CODE % "second")
        line = tool.wait_for("(.*) changed: Hello is reloaded")
        assert line[1].endswith("| app.py has")
        assert tool.invoke("Hello", {}).json["text"] == "second"
        assert tool.text.count("is reloaded") == 1


def zipped(folder: Path, archive: Path, text: str) -> None:
    """Put the code into an archive, in one step."""
    (folder / "app.py").write_text(CODE % text)
    made = shutil.make_archive(str(archive.with_name("new")), "zip", folder)
    Path(made).replace(archive)


def test_archive_that_is_replaced_is_served(make_project: MakeProject, tmp_path: Path) -> None:
    """An invalid zip is reported, and the old one stays in use; nothing is left of one that is no longer used."""
    source = tmp_path / "source"
    source.mkdir()
    archive = tmp_path / "code.zip"
    zipped(source, archive, "first")
    project = make_project({}, Hello={"Handler": "app.handler", "CodeUri": str(archive)})
    with watching(project) as tool:
        assert tool.invoke("Hello", {}).json["text"] == "first"
        zipped(source, archive, "second")
        tool.wait_for("code.zip has changed")
        assert tool.invoke("Hello", {}).json["text"] == "second"
        archive.write_text("no archive")
        tool.wait_for("Hello keeps running what it had: .*code.zip.*cannot be unzipped")
        assert tool.invoke("Hello", {}).json == {"text": "second", "answers": 2, "variable": None}


def test_layer_that_is_saved_is_seen(make_project: MakeProject, tmp_path: Path) -> None:
    """A layer's folder is watched as the code is."""
    module = tmp_path / "python" / "lib.py"
    module.parent.mkdir()
    module.write_text("answer = 1")
    code = "import lib\ndef handler(event, context):\n    return lib.answer\n"
    project = make_project({"app.py": code}, Hello={"Handler": "app.handler", "Layers": [str(tmp_path)]})
    with watching(project) as tool:
        assert tool.invoke("Hello", {}).json == 1
        save(module, "answer = 2")
        tool.wait_for("lib.py has changed")
        assert tool.invoke("Hello", {}).json == 2


@pytest.mark.parametrize("name", ["app.pyc", "__pycache__/app.py", ".venv/app.py", "app.py~"])
def test_what_others_write_beside_the_code_changes_nothing(make_project: MakeProject, name: str) -> None:
    """Caches, environments and editors' copies: none of them is the function."""
    project = make_project({"app.py": CODE % "first"}, Hello={"Handler": "app.handler"})
    path = project.code / name
    path.parent.mkdir(exist_ok=True)
    with watching(project) as tool:
        path.write_text("1 / 0")
        save(project.code / "readme", "the mark behind it")
        line = tool.wait_for("(.*) changed: Hello is reloaded")
        assert line[1].endswith("| readme has")


def replace_folder(project: Project, text: str, gone: bool) -> None:
    """Put a new folder in the place of the code's, as editors, git and build tools do."""
    new = project.folder / "new"
    new.mkdir()
    (new / "app.py").write_text(CODE % text)
    if gone:
        shutil.rmtree(project.code)
    else:
        project.code.rename(project.folder / f"before-{text}")
    new.rename(project.code)


@pytest.mark.parametrize("gone", [False, True])
def test_code_folder_that_is_replaced_is_seen_every_time(make_project: MakeProject, gone: bool) -> None:
    """So is what is saved in the new one afterwards."""
    project = make_project({"app.py": CODE % "first"}, Hello={"Handler": "app.handler"})
    with watching(project) as tool:
        for text in ("second", "third", "fourth"):
            since = len(tool.lines)
            replace_folder(project, text, gone)
            tool.wait_for("Hello is reloaded", since)
            served_at_last(tool, text)
        since = len(tool.lines)
        save(project.code / "app.py", CODE % "fifth")
        tool.wait_for("Hello is reloaded", since)
        served_at_last(tool, "fifth")


def served_at_last(tool: Tool, text: str) -> None:
    """A replacement may be seen in two steps: the last new environment serves what is there."""
    while True:
        since = len(tool.lines)
        if tool.invoke("Hello", {}).json["text"] == text:
            return
        tool.wait_for("Hello is reloaded", since)


def test_code_folder_that_comes_back_later_is_seen(make_project: MakeProject) -> None:
    """While it is away the old environments serve; a build tool may take its time."""
    project = make_project({"app.py": CODE % "first"}, Hello={"Handler": "app.handler"})
    with watching(project) as tool:
        assert tool.invoke("Hello", {}).json["answers"] == 1
        project.code.rename(project.folder / "away")
        tool.wait_for("Hello keeps running what it had")
        assert tool.invoke("Hello", {}).json["answers"] == 2
        (project.folder / "away" / "app.py").write_text(CODE % "second")
        (project.folder / "away").rename(project.code)
        tool.wait_for("Hello is reloaded")
        served_at_last(tool, "second")


def test_watch_without_its_package_says_how_to_install_it() -> None:
    """Exit status 3 and one line, before anything is started."""
    without = (
        "import importlib.util as u; u.find_spec = lambda name: None; from local_lambda.cli.arguments import main; "
    )
    command = [sys.executable, "-c", f"{without}raise SystemExit(main(['start', '--watch']))"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr == (
        "local-lambda: `start --watch` needs packages that are not installed (watchfiles); run: make install "
        "EXTRAS=watch in local-lambda's folder, or pip install 'local-lambda-env[watch]'\n"
    )
