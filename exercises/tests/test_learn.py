"""The command `make learn`: progress, hints, starting again, and a check for each file that is saved."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Dict, List

import pytest
from learn.exercise import SOLUTION, find_exercises

FOLDER = Path(__file__).resolve().parent.parent

EXERCISES = find_exercises()
FIRST, SECOND = EXERCISES[:2]


def command(learning: Path, *options: str) -> List[str]:
    """The command, which works in this folder."""
    return [sys.executable, "-m", "learn", "--in", str(learning), *options]


def variables() -> Dict[str, str]:
    """Where the package is, and the Python that runs the functions."""
    return {**os.environ, "PYTHONPATH": str(FOLDER), "LEARN_PYTHON": sys.executable}


def run(learning: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(command(learning, *options), env=variables(), capture_output=True, text=True, timeout=60)


def solve(learning: Path, exercise: object = FIRST) -> None:
    """Save the solution of an exercise."""
    source = exercise.folder / SOLUTION / "app.py"  # type: ignore[attr-defined]
    (learning / exercise.name / "app.py").write_text(source.read_text())  # type: ignore[attr-defined]


def test_first_check_explains_and_fails(tmp_path: Path) -> None:
    """Goal, file, what was seen, what was expected, hint; no line is wider than 80 columns."""
    done = run(tmp_path, "--once")
    assert done.returncode == 1
    assert done.stdout.startswith(f"01. {FIRST.title}")
    assert "app.py" in done.stdout
    assert "Not yet. The caller got null" in done.stdout
    assert "See hint 1." in done.stdout
    assert all(len(line) <= 80 or " " not in line.strip() for line in done.stdout.splitlines() if "Open" not in line)
    assert sorted(path.name for path in (tmp_path / FIRST.name).iterdir()) == ["README.md", "app.py"]


def test_progress_is_kept(tmp_path: Path) -> None:
    """An exercise that is done is not asked for again, and the list shows it."""
    run(tmp_path, "--once")
    solve(tmp_path)
    done = run(tmp_path, "--once")
    assert done.returncode == 0
    assert "Exercise 01 is done. On AWS: " in done.stdout
    assert run(tmp_path, "--once").stdout.startswith(f"02. {SECOND.title}")
    listed = run(tmp_path, "--list").stdout.splitlines()
    assert (listed[0].split()[:2], listed[1].split()[0], len(listed)) == (["01", "done"], "02", len(EXERCISES))


def test_hints_become_more_direct(tmp_path: Path) -> None:
    """The fourth is the third one again."""
    shown = [run(tmp_path, "--hint").stdout for _ in range(4)]
    assert [text.splitlines()[0] for text in shown[:3]] == [f"Exercise 01, hint {n} of 3:" for n in (1, 2, 3)]
    assert shown[3] == shown[2]
    assert FIRST.hints[0] in shown[0]


def test_reset_keeps_what_was_there(tmp_path: Path) -> None:
    """The copy is new, the old one is next to it, and the exercise is not done any more."""
    run(tmp_path, "--once")
    solve(tmp_path)
    run(tmp_path, "--once")
    done = run(tmp_path, "--reset", "1")
    assert done.returncode == 0
    assert (tmp_path / f"{FIRST.name}.before-reset" / "app.py").read_text() != (
        tmp_path / FIRST.name / "app.py"
    ).read_text()
    assert json.loads((tmp_path / "progress.json").read_text())["done"] == []
    wrong = run(tmp_path, "--reset", "99")
    assert (wrong.returncode, wrong.stderr) == (2, "there is no exercise 99; `make learn LIST=1` lists them\n")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"done": 3}'])
def test_damaged_progress_is_not_overwritten(tmp_path: Path, text: str) -> None:
    """One line says what to do."""
    (tmp_path / "progress.json").write_text(text)
    done = run(tmp_path, "--hint")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "is damaged" in done.stderr
    assert (tmp_path / "progress.json").read_text() == text


def test_saving_a_file_checks_it(tmp_path: Path) -> None:
    """Until it is solved; then the next exercise begins. Ctrl-C leaves, and nothing is left running."""
    pytest.importorskip("watchfiles")
    process = subprocess.Popen(
        command(tmp_path),
        env=variables(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        read_until(process.stdout, "Waiting for you")
        solve(tmp_path)
        read_until(process.stdout, "Exercise 01 is done")
        read_until(process.stdout, "Waiting for you")
        os.killpg(process.pid, signal.SIGINT)
        rest = process.stdout.read()
        assert "Left. Everything is where you left it" in rest
        assert process.wait(30) == 0
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)
    finally:
        process.kill()
        process.wait()


def read_until(output: object, text: str) -> None:
    """Read lines up to one that begins like this."""
    for line in output:  # type: ignore[attr-defined]
        if line.startswith(text):
            return
    raise AssertionError(f"it ended without {text!r}")
