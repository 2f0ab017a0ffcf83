"""The command that shows what a run has left in the database."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import List, Tuple

import pytest
from with_database import new_database

FOLDER = Path(__file__).resolve().parent.parent
VISIT = f"""
import os, sys
sys.path.insert(0, {str(FOLDER)!r})
from app.journal import Journal
journal = Journal(os.environ["DATABASE_PATH"])
journal.add("Ada")
"""


def run(command: List[str]) -> Tuple[int, str, str]:
    """Run with_database.py with a command; exit status, output and errors."""
    process = subprocess.run(
        [sys.executable, str(FOLDER / "with_database.py"), *command], capture_output=True, text=True, timeout=60
    )
    return process.returncode, process.stdout, process.stderr


def test_output_when_visits_are_committed() -> None:
    """What the command has committed is counted after its own output."""
    status, out, _ = run([sys.executable, "-c", VISIT + "journal.close()"])
    assert status == 0
    assert out.splitlines()[-1] == "Visits in the database: 1"


def test_output_when_the_command_is_killed() -> None:
    """What was pending is gone; the exit status is that of a shell, 128 and the signal."""
    status, out, _ = run([sys.executable, "-c", VISIT + "os.kill(os.getpid(), 9)"])
    assert (status, out) == (128 + signal.SIGKILL, "Visits in the database: 0\n")


def test_output_when_there_is_no_database() -> None:
    """A command that makes no database is not blamed for it."""
    assert run([sys.executable, "-c", "raise SystemExit(3)"]) == (3, "", "")


@pytest.mark.parametrize(("command", "status", "message"), [([], 2, "usage"), (["no-tool"], 127, "no-tool: No")])
def test_message_when_there_is_no_command(command: List[str], status: int, message: str) -> None:
    """A missing command is named."""
    returned, _, err = run(command)
    assert returned == status
    assert message in err


def test_folder_when_the_block_ends() -> None:
    """Nothing is left behind."""
    with new_database() as path:
        Path(path).write_text("something")
    assert not os.path.exists(os.path.dirname(path))
