"""Every exercise: as delivered it fails for a reason that it names, and with its solution it passes."""

from __future__ import annotations

import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from learn.checks import Failed
from learn.exercise import SOLUTION, Exercise, find_exercises

EXERCISES = find_exercises()
NAMES = [exercise.name for exercise in EXERCISES]
FIRST_HINT = {"09-timeout": 2}
"""Exercises whose first failure is about another hint than the first."""


@pytest.fixture(autouse=True)
def python(monkeypatch: pytest.MonkeyPatch) -> None:
    """The functions run on the Python of the tests."""
    monkeypatch.setenv("LEARN_PYTHON", sys.executable)


def copy(exercise: Exercise, folder: Path, solved: bool = False) -> Path:
    """A copy as a learner has it, or as it is solved."""
    code = folder / exercise.name
    shutil.copytree(exercise.folder, code, ignore=shutil.ignore_patterns(SOLUTION, "check.py"))
    if solved:
        for file in (exercise.folder / SOLUTION).rglob("*"):
            if file.is_file():
                shutil.copy(file, code / file.relative_to(exercise.folder / SOLUTION))
    return code


@pytest.mark.parametrize("exercise", EXERCISES, ids=NAMES)
def test_exercise_as_delivered(exercise: Exercise, tmp_path: Path) -> None:
    """It fails, and names what was seen, what was expected and a hint."""
    with pytest.raises(Failed) as failure:
        exercise.check(copy(exercise, tmp_path))
    assert failure.value.saw.endswith((".", ")"))
    assert failure.value.hint == FIRST_HINT.get(exercise.name, 1)


@pytest.mark.parametrize("exercise", EXERCISES, ids=NAMES)
def test_exercise_when_solved(exercise: Exercise, tmp_path: Path) -> None:
    """It passes."""
    exercise.check(copy(exercise, tmp_path, solved=True))


@pytest.mark.parametrize("exercise", EXERCISES, ids=NAMES)
def test_exercise_has_all_its_texts(exercise: Exercise) -> None:
    """A title, a goal, three hints and a sentence about AWS; the solution differs only where it has to."""
    assert exercise.title
    assert len(" ".join(exercise.goal.split()).split(". ")) >= 2
    assert exercise.on_aws.endswith(".")
    assert len(exercise.hints) == 3
    changed = [file for file in (exercise.folder / SOLUTION).rglob("*") if file.is_file()]
    originals = [exercise.folder / file.relative_to(exercise.folder / SOLUTION) for file in changed]
    assert any(a.read_bytes() != b.read_bytes() for a, b in zip(changed, originals))


def test_two_checks_at_once(tmp_path: Path) -> None:
    """The listener of the telemetry extension has a port of its own."""
    exercise = next(each for each in EXERCISES if each.name == "16-telemetry")
    code = copy(exercise, tmp_path, solved=True)
    with ThreadPoolExecutor() as pool:
        list(pool.map(exercise.check, [code, code]))


def test_numbers_have_no_gap() -> None:
    """There are twenty-one."""
    assert [exercise.number for exercise in EXERCISES] == [f"{number:02}" for number in range(1, 22)]


def test_streaming_runtime_is_that_of_the_lesson() -> None:
    """The exercise has the file of the folder response-streaming."""
    name = "streaming_runtime.py"
    lesson = EXERCISES[0].folder.parent.parent / "response-streaming/app"
    assert (EXERCISES[20].folder / name).read_bytes() == (lesson / name).read_bytes()


@pytest.mark.parametrize(
    ("body", "saw"),
    [("return 'row 1'", r"The caller got status 502\. .*"), ("yield 'a'; raise OSError", "The response broke off.*")],
)
def test_url_when_the_handler_fails(tmp_path: Path, body: str, saw: str) -> None:
    """The learner sees what the caller saw."""
    exercise = next(each for each in EXERCISES if each.name == "21-streaming")
    code = copy(exercise, tmp_path)
    (code / "app.py").write_text(f"def handler(event, context):\n    {body}\n")
    with pytest.raises(Failed, match=saw):
        exercise.check(code)


def test_code_that_python_cannot_read(tmp_path: Path) -> None:
    """The learner sees the error and the line."""
    code = copy(EXERCISES[0], tmp_path)
    (code / "app.py").write_text("def handler(event, context)\n    return 1\n")
    with pytest.raises(Failed, match="could not be started: UserCodeSyntaxError") as failure:
        EXERCISES[0].check(code)
    assert "app.py" in failure.value.saw


def test_nothing_is_left_running(tmp_path: Path) -> None:
    """A check that fails ends its processes as well."""
    before = set(os.listdir("/proc")) if os.path.isdir("/proc") else set()
    with pytest.raises(Failed):
        EXERCISES[0].check(copy(EXERCISES[0], tmp_path))
    for pid in set(os.listdir("/proc")) - before if before else ():
        command = Path("/proc", pid, "cmdline")
        if pid.isdigit() and command.exists():
            assert str(tmp_path).encode() not in command.read_bytes()
