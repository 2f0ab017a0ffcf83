"""A debugger, real debugpy and an editor's protocol: breakpoints, variables, and clocks that stand still."""

from __future__ import annotations

import json
import os
import pty
import socket
import subprocess
import sys
import threading
from typing import Any

import pytest

from conftest import MakeProject
from support.dap import Editor
from support.tool import COMMAND, DEADLINE_SECONDS, Project

CODE = """import threading, time
from queue import Queue

asked, answered = Queue(), Queue()

def work():
    while True:
        question = asked.get()
        answer = question * 2
        answered.put(answer)

threading.Thread(target=work, daemon=True).start()

def handler(event, context):
    began = time.monotonic()
    number = event["n"] + 1
    asked.put(number)
    result = answered.get()
    return {"result": result, "seconds": time.monotonic() - began}
"""
HANDLER_LINE, THREAD_LINE = 17, 9
TIMEOUT = 1


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    """A function with a thread of its own, as internal extensions have one, and a timeout of a second."""
    return make_project({"app.py": CODE}, Hello={"Handler": "app.handler", "Timeout": TIMEOUT})


def test_function_waits_at_breakpoints_longer_than_its_timeout(project: Project) -> None:
    """In the handler and in a thread, in files as the editor knows them; then the right answer comes.

    Afterwards, without a debugger, the timeout counts again, and a web page cannot pretend to be one.
    """
    answers: list[Any] = []
    with project.serving("--debug-port", "0") as tool:
        port = int(tool.wait_for(r"waiting for a debugger on 127\.0\.0\.1:(\d+);")[1])
        stranger = socket.create_connection(("127.0.0.1", port))
        stranger.sendall(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
        assert stranger.recv(100) == b""
        tool.wait_for("what connected to the debug port is not a debugger")
        editor = Editor(port)
        path = str(project.code / "app.py")
        folder = str(project.code)
        mapping = [{"localRoot": folder, "remoteRoot": folder}]  # what VS Code sends by itself
        editor.attach({path: [HANDLER_LINE, THREAD_LINE]}, pathMappings=mapping)
        tool.wait_for("a debugger is attached")
        call = threading.Thread(target=lambda: answers.append(tool.invoke("Hello", {"n": 20}).json))
        call.start()
        thread, frame = editor.stopped()
        assert (frame["source"]["path"], frame["line"], frame["name"]) == (path, HANDLER_LINE, "handler")
        assert editor.variables(frame)["event"] == "{'n': 20}"
        # The clock of the test is the function's: it stands still for longer than the timeout.
        call.join(TIMEOUT * 1.5)
        assert call.is_alive()
        editor.call("continue", threadId=thread)
        thread, frame = editor.stopped()
        assert (frame["line"], frame["name"]) == (THREAD_LINE, "work")
        assert editor.variables(frame)["question"] == "21"
        editor.call("continue", threadId=thread)
        call.join(DEADLINE_SECONDS)
        assert answers[0]["result"] == 42
        assert answers[0]["seconds"] > TIMEOUT
        editor.leave()
        tool.wait_for("the debugger is gone: the clocks continue")
        assert tool.invoke("Hello", {"n": 1}).json["result"] == 4
    assert "Sandbox.Timedout" not in tool.text


def test_invoke_waits_for_a_debugger(project: Project) -> None:
    """The Init phase stands still until one attaches, however long that takes; the response is the function's."""
    (project.folder / "event.json").write_text('{"n": 1}')
    command = [*COMMAND, "invoke", "-t", project.template, "--python", project.python, "--debug-port", "0"]
    process = subprocess.Popen(
        [*command, "-e", project.folder / "event.json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    line = next(line for line in process.stderr if "waiting for a debugger" in line)
    editor = Editor(int(line.partition("127.0.0.1:")[2].partition(";")[0]))
    editor.attach({str(project.code / "app.py"): [HANDLER_LINE]})
    thread, frame = editor.stopped()
    assert frame["line"] == HANDLER_LINE
    editor.send("continue", threadId=thread)
    output, _ = process.communicate(timeout=DEADLINE_SECONDS)
    assert (process.returncode, json.loads(output)["result"]) == (0, 4)


def test_debug_port_that_is_taken_is_an_error(project: Project) -> None:
    """Nothing has started; the exit status is 3."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = project.invoke("--debug-port", str(taken.getsockname()[1]))
    assert (ended.status, ended.output) == (3, b"")
    assert "Address already in use" in ended.errors or "in use" in ended.errors


PDB = """def handler(event, context):
    secret = 41
    breakpoint()
    return secret + 1
"""


def test_breakpoint_opens_pdb_when_there_is_a_terminal(make_project: MakeProject) -> None:
    """On the terminal of `invoke`; the timeout stands still; without a terminal the function fails as on AWS."""
    project = make_project({"app.py": PDB}, Hello={"Handler": "app.handler", "Timeout": TIMEOUT})
    terminal, inner = pty.openpty()
    command = [*COMMAND, "invoke", "-t", project.template, "--python", project.python]
    process = subprocess.Popen(command, stdin=inner, stdout=subprocess.PIPE, stderr=inner)
    os.close(inner)
    shown = _read_until(terminal, b"(Pdb) ")
    assert b"pdb has this terminal" in shown
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(TIMEOUT * 1.5)
    os.write(terminal, b"p secret\n")
    assert b"41" in _read_until(terminal, b"(Pdb) ")
    os.write(terminal, b"secret = 99\n")
    _read_until(terminal, b"(Pdb) ")
    os.write(terminal, b"c\n")
    threading.Thread(target=_read_until, args=(terminal, b"never"), daemon=True).start()
    output, _ = process.communicate(timeout=DEADLINE_SECONDS)
    assert (process.returncode, output) == (0, b"100\n")
    ended = project.invoke()
    assert ended.status == 1
    # From 3.14 on, pdb ends the process at the end of its input.
    expected = "BdbQuit" if sys.version_info < (3, 14) else "Runtime.ExitError"
    assert json.loads(ended.output)["errorType"] == expected


def _read_until(terminal: int, text: bytes) -> bytes:
    """Read what is shown on the terminal until the text has come, or the other side has gone."""
    shown = b""
    while text not in shown:
        try:
            shown += os.read(terminal, 4096)
        except OSError:
            break
    return shown
