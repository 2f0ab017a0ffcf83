"""A learner at the command `learn`, with a folder that belongs to one test."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Dict, List

from learn.exercise import SOLUTION, Exercise, find_exercises

FOLDER = Path(__file__).resolve().parent.parent
EXERCISES = find_exercises()
FIRST, SECOND = EXERCISES[:2]


def command(learning: Path, *options: str) -> List[str]:
    """The command, which works in this folder."""
    return [sys.executable, "-m", "learn", "--in", str(learning), *options]


def variables(**more: str) -> Dict[str, str]:
    """Where the package is, and the Python that runs the functions."""
    return {**os.environ, "PYTHONPATH": str(FOLDER), "LEARN_PYTHON": sys.executable, **more}


def run(learning: Path, *options: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(
        command(learning, *options), env=variables(**more), capture_output=True, text=True, timeout=100
    )


def start(learning: Path, **more: str) -> subprocess.Popen[str]:
    """Start it; it waits for files that are saved."""
    return subprocess.Popen(
        command(learning),
        env=variables(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=functools.partial(signal.signal, signal.SIGHUP, signal.SIG_DFL),  # what started this may ignore it
    )


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Read lines up to one that begins like this; return what was before it."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        if line.startswith(text):
            return "".join(lines)
        lines.append(line)
    raise AssertionError(f"it ended without {text!r}: {''.join(lines)}")


def write(learning: Path, code: str, exercise: Exercise = FIRST) -> None:
    """Save this as the function's code."""
    (learning / exercise.name).mkdir(exist_ok=True)
    (learning / exercise.name / "app.py").write_text(code, encoding="utf-8")


def solve(learning: Path, exercise: Exercise = FIRST) -> None:
    """Save the solution of an exercise."""
    write(learning, (exercise.folder / SOLUTION / "app.py").read_text(encoding="utf-8"), exercise)
