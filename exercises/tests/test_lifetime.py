"""However the checker ends, what it started ends as well."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path
from typing import Iterator, Tuple

import pytest
from learn import checks
from learn.checks import Run
from learner import EXERCISES, FIRST, run, start, write

SHELL = """#!{python}
import os, socket, sys
connection = socket.create_connection(("127.0.0.1", {port}))
os.set_inheritable(connection.fileno(), True)
os.execv("/bin/sh", ["sh", *sys.argv[1:]])
"""
CODE = """import socket
kept = []
def stop():
    kept.append(socket.create_connection(("127.0.0.1", {port})))
    kept[0].recv(1)
{body}
"""
BODIES = {
    "start": "",
    "init": "stop()\ndef handler(event, context):\n    pass",
    "invocation": "def handler(event, context):\n    stop()",
}
STATUS = {signal.SIGINT: 0, signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGKILL: -9}


@pytest.fixture(name="listener")
def listening() -> Iterator[socket.socket]:
    """Processes connect to it; each connection ends with the last process that has it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        yield server


def accept(listener: socket.socket) -> socket.socket:
    """The next connection."""
    connection, _ = listener.accept()
    connection.settimeout(60)
    return connection


def folders(tmp_path: Path, listener: socket.socket, moment: str) -> Tuple[Path, Path, str]:
    """A folder with the learner's copy, one for temporary files, and a PATH whose shell connects to the listener."""
    port = listener.getsockname()[1]
    learning, temporary, programs = (tmp_path / name for name in ("learning", "temporary", "programs"))
    for folder in (learning, temporary, programs):
        folder.mkdir()
    write(learning, CODE.format(port=port, body=BODIES[moment]))
    (programs / "sh").write_text(SHELL.format(python=sys.executable, port=port))
    (programs / "sh").chmod(0o755)
    return learning, temporary, f"{programs}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.parametrize("number", STATUS, ids=lambda number: number.name)
@pytest.mark.parametrize("moment", BODIES)
def test_nothing_is_left_when_the_checker_is_killed(
    tmp_path: Path, listener: socket.socket, moment: str, number: signal.Signals
) -> None:
    """While the check starts, in the Init phase, in an invocation: no process and no folder is left."""
    learning, temporary, path = folders(tmp_path, listener, moment)
    with start(learning, PATH=path, TMPDIR=str(temporary)) as process:
        connections = [accept(listener)]
        if moment != "start":
            connections.append(accept(listener))
        os.kill(process.pid, number)
        connections[-1].shutdown(socket.SHUT_WR)  # the function need not run into its timeout
        for connection in connections:
            with connection:
                while connection.recv(4096):
                    pass
        assert process.wait(60) == STATUS[number]
    commands = [file.read_bytes() for file in Path("/proc").glob("[0-9]*/cmdline") if file.exists()]
    assert not [command for command in commands if str(temporary).encode() in command]
    assert list(temporary.iterdir()) == []


def test_files_and_pipes_are_closed(tmp_path: Path) -> None:
    """Python warns of none that is left open."""
    assert "ResourceWarning" not in run(tmp_path, "--once", PYTHONDEVMODE="1").stderr


def test_start_that_fails_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that ends at once says why."""
    monkeypatch.setattr(checks.tempfile, "tempdir", str(tmp_path))
    with pytest.raises(checks.ToolFault, match="--python"):
        Run(FIRST.folder, {}, "ls", sys.executable)
    assert list(tmp_path.iterdir()) == []


def test_function_cannot_change_the_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs a copy of the learner's files, as they were when the check began."""
    code = tmp_path / "code"
    code.mkdir()
    (code / "app.py").write_text("def handler(event, context):\n    open(__file__, 'a').write('#')\n")
    (code / ".app.py.swp").write_text("an editor's")
    before = (code / "app.py").read_bytes()
    monkeypatch.setenv("LEARN_PYTHON", sys.executable)
    tool, python = checks.tool_of(EXERCISES[0].folder.parent.parent)
    with Run(code, {}, tool, python) as served:
        served.invoke()
        assert not (served.code / ".app.py.swp").exists()
        assert (served.code / "app.py").exists()
    assert (code / "app.py").read_bytes() == before
