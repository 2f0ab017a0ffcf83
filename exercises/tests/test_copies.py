"""The learner's copies: how they begin, begin again, and are watched."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from learn.exercise import Exercise
from learn.files import copy_files, state
from learner import EXERCISES, FIRST, read_until, run, solve, start, write


@pytest.fixture(name="exercise")
def beginning(tmp_path: Path) -> Exercise:
    """The first exercise, with a copy."""
    exercise = Exercise(FIRST.folder, tmp_path)
    exercise.begin()
    return exercise


def test_reset_never_loses_code(exercise: Exercise, tmp_path: Path) -> None:
    """Each version that differs from the exercise is kept, under a name that is free."""
    (tmp_path / f"{FIRST.name}.before-reset-2").write_text("a file of the learner")
    kept = []
    for number in (1, 2):
        write(tmp_path, f"# version {number}\n")
        kept.append(exercise.reset())
    assert [path.name for path in kept if path] == [f"{FIRST.name}.before-reset", f"{FIRST.name}.before-reset-3"]
    assert [(path / "app.py").read_text() for path in kept if path] == ["# version 1\n", "# version 2\n"]


def test_reset_of_what_was_not_changed_keeps_nothing(exercise: Exercise, tmp_path: Path) -> None:
    """The copy is the same as before."""
    assert exercise.reset() is None
    assert [path.name for path in tmp_path.iterdir()] == [FIRST.name]
    (exercise.copy / "mine.py").touch()
    assert exercise.reset() is not None


def test_reset_when_the_copy_is_a_file(exercise: Exercise, tmp_path: Path) -> None:
    """The file is kept, and the exercise begins."""
    shutil.rmtree(exercise.copy)
    exercise.copy.write_text("mine")
    done = run(tmp_path, "--reset", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / f"{FIRST.name}.before-reset").read_text() == "mine"
    assert (exercise.copy / "app.py").is_file()


def test_reset_of_an_exercise_that_was_never_begun(tmp_path: Path) -> None:
    """It says so."""
    assert run(tmp_path, "--reset", "2").stdout.startswith("Exercise 02 had not been started.")


def test_copy_is_there_as_a_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy that is interrupted leaves nothing."""

    def interrupted(_: str, target: str, **__: object) -> None:
        Path(target).mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "copytree", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Exercise(FIRST.folder, tmp_path).begin()
    assert list(tmp_path.iterdir()) == []


def test_files_of_editors_are_no_saves(exercise: Exercise) -> None:
    """Swap files, backups and locks do not start a check."""
    before = state(exercise.copy)
    for name in (".app.py.swp", ".app.py.swx", "app.py~", ".#app.py"):
        (exercise.copy / name).touch()
    (exercise.copy / "__pycache__").mkdir()
    (exercise.copy / "__pycache__/app.pyc").touch()
    assert state(exercise.copy) == before
    (exercise.copy / "new.py").touch()
    assert state(exercise.copy) != before


def test_files_that_vanish_while_they_are_looked_at(exercise: Exercise, monkeypatch: pytest.MonkeyPatch) -> None:
    """Editors do that; the other files count."""
    (exercise.copy / "link.py").symlink_to("nowhere")
    walk = os.walk
    monkeypatch.setattr(os, "walk", lambda top: ((place, dirs, [*names, "gone"]) for place, dirs, names in walk(top)))
    assert {file.name for file in state(exercise.copy)} == {"README.md", "app.py"}
    monkeypatch.setattr("learn.files.state", lambda _: [exercise.copy / "gone", exercise.copy / "app.py"])
    copy_files(exercise.copy, exercise.copy.with_name("target"))
    assert [file.name for file in exercise.copy.with_name("target").iterdir()] == ["app.py"]


@pytest.mark.parametrize("harm", ["remove", "replace", "rename", "remove all"])
def test_copy_that_is_removed_while_it_is_watched(tmp_path: Path, harm: str) -> None:
    """One line says what to do, and the session continues when that is done."""
    copy = tmp_path / FIRST.name
    with start(tmp_path) as process:
        try:
            read_until(process, "Waiting for you")
            if harm == "rename":
                copy.rename(tmp_path / "renamed")
            else:
                shutil.rmtree(tmp_path if harm == "remove all" else copy)
            if harm == "replace":
                copy.write_text("a file")
            read_until(process, "There are no files to read in")
            assert "Traceback" not in read_until(process, "Waiting for you")
            run(tmp_path, "--reset", "1")
            solve(tmp_path)
            read_until(process, "Exercise 01 is done")
        finally:
            process.terminate()


def test_file_to_open_is_the_one_to_change(tmp_path: Path) -> None:
    """Some exercises are about a program of a layer."""
    opened = {exercise.number: [str(file) for file in exercise.files] for exercise in EXERCISES}
    watcher = ["layer/extensions/watcher"]
    assert {number: files for number, files in opened.items() if files != ["app.py"]} == {
        "14": watcher,
        "15": watcher,
        "16": watcher,
    }
