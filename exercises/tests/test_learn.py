"""The command `make learn`: progress, hints, starting again, and a check for each file that is saved."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from learner import EXERCISES, FIRST, SECOND, command, read_until, run, solve, start, variables, write


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
    assert [line.split()[0] for line in listed if line.split()[1] == "now"] == ["02"]


def test_hints_become_more_direct(tmp_path: Path) -> None:
    """The fourth is the third one again, and says so."""
    shown = [run(tmp_path, "--hint").stdout for _ in range(4)]
    assert [text.splitlines()[0] for text in shown[:3]] == [f"Exercise 01, hint {n} of 3:" for n in (1, 2, 3)]
    first, _, rest = shown[3].partition("\n")
    assert first == "Exercise 01, hint 3 of 3, which was the last one:"
    assert rest == shown[2].partition("\n")[2]
    assert " ".join(FIRST.hints[0].split()) in " ".join(shown[0].split())


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


def test_saving_a_file_checks_it(tmp_path: Path) -> None:
    """Until it is solved; then the next exercise begins. Ctrl-C leaves, and nothing is left running."""
    with start(tmp_path) as process:
        assert process.stdout is not None
        read_until(process, "Waiting for you")
        solve(tmp_path)
        read_until(process, "Exercise 01 is done")
        read_until(process, "Waiting for you")
        os.killpg(process.pid, signal.SIGINT)
        assert "Left. Everything is where you left it" in process.stdout.read()
        assert process.wait(30) == 0
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)


@pytest.mark.parametrize("option", ["--list", "--hint"])
def test_reader_that_has_enough(tmp_path: Path, option: str) -> None:
    """A closed pipe ends it quietly."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command(tmp_path, option), env=variables(), stdout=writer, stderr=subprocess.PIPE, timeout=60)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_reader_that_ends_while_the_session_waits(tmp_path: Path) -> None:
    """The session ends as well, without a traceback."""
    process = subprocess.Popen(
        command(tmp_path), env=variables(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        read_until(process, "Waiting for you")
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.stderr.read(), process.wait(30)) == ("", 0)


def test_terminal_that_is_closed_without_a_signal(tmp_path: Path) -> None:
    """As it is for the children of make: the session ends as well."""
    terminal, output = os.openpty()
    process = subprocess.Popen(command(tmp_path), env=variables(), stdout=output, stderr=subprocess.PIPE, text=True)
    os.close(output)
    with process:
        with open(terminal, encoding="utf-8") as lines:
            assert any(line.startswith("Waiting for you") for line in lines)
        assert process.stderr is not None
        assert (process.stderr.read(), process.wait(30)) == ("", 0)


def test_terminal_that_has_few_characters(tmp_path: Path) -> None:
    """What it does not have is escaped."""
    code = "def handler(event, context):\n    return 'Grüße'\n"
    write(tmp_path, code)
    assert 'got "Grüße".' in run(tmp_path, "--once", PYTHONIOENCODING="utf-8").stdout
    assert 'got "Gr\\xfc\\xdfe".' in run(tmp_path, "--once", PYTHONIOENCODING="ascii").stdout


def test_folder_that_cannot_be_used(tmp_path: Path) -> None:
    """One line says which."""
    (tmp_path / "file").touch()
    done = run(tmp_path / "file/learning", "--once")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
