"""The exec wrapper, in front of programs made up for the test."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import List

import pytest

FOLDER = Path(__file__).resolve().parent.parent


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A runtime that loads a handler with two modules, one of them slow."""
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(0.05)\n")
    (tmp_path / "quick.py").write_text("")
    (tmp_path / "handler.py").write_text("import slow, quick\n")
    (tmp_path / "later.py").write_text("")
    code = "import importlib, sys\nimportlib.import_module('handler')\nimport later\nprint(__name__, sys.argv[1:])\n"
    (tmp_path / "bootstrap.py").write_text(code)
    return tmp_path / "bootstrap.py"


def run(command: List[str], cwd: Path, **variables: str) -> List[str]:
    """What it prints."""
    wrapper = [str(FOLDER / "wrappers/time-imports"), sys.executable]
    done = subprocess.run(
        [*wrapper, *command], cwd=str(cwd), env={**os.environ, **variables}, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def seconds(line: str) -> List[float]:
    """The numbers of a line: with the imports in it, and without."""
    return [float(number) for number in re.findall(r"(\d\.\d+) s", line)]


def test_lines_when_the_handler_is_loaded(program: Path) -> None:
    """The slowest come first; what a module imports is not its own time. Then the program runs as it would alone."""
    lines = run([str(program), "a", "-b"], program.parent, _HANDLER="handler.function")
    assert lines[-1] == "__main__ ['a', '-b']"
    slowest = [line.rpartition(" ")[2] for line in lines[1:-1]]
    assert slowest[:2] == ["handler", "slow"]
    total, own = seconds(lines[1])
    assert total >= 0.05 > own
    assert seconds(lines[2])[1] >= 0.05


def test_lines_when_the_program_is_a_module(program: Path) -> None:
    """A container image starts `python -m awslambdaric HANDLER`."""
    lines = run(["-m", "bootstrap", "handler.function"], program.parent, _HANDLER="")
    assert lines[-1] == "__main__ ['handler.function']"
    assert any(line.endswith(": slow") for line in lines)


def test_lines_when_fewer_are_wanted(program: Path) -> None:
    """IMPORTS is how many; a mistake in it is one sentence instead of a failed import."""
    assert len(run([str(program)], program.parent, _HANDLER="handler.function", IMPORTS="1")) == 3
    wrapper = [str(FOLDER / "wrappers/time-imports"), sys.executable, str(program)]
    done = subprocess.run(wrapper, env={**os.environ, "IMPORTS": "x"}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "IMPORTS is 'x', but must be a number of lines\n")


def test_lines_when_later(program: Path) -> None:
    """What is imported after the handler is not timed, except in the naive way, which prints at the exit."""
    assert not any("later" in line for line in run([str(program)], program.parent, _HANDLER="handler.function"))
    lines = run([str(program)], program.parent, IMPORTS_PRINT="exit", IMPORTS="99")
    assert lines[0].startswith("__main__")
    assert any(line.endswith(": later") for line in lines)
