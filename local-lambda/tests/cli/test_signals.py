"""The end of the tool: graceful at the first signal, at once at the second, and no process survives it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conftest import MakeProject
from support.tool import COMMAND, DEADLINE_SECONDS, Gate, Project, Tool
from support.watching import Processes, descendants, on_machine

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]

FAMILY = """
import os, signal, subprocess, sys

def handler(event, context):
    pids = [os.getpid()]
    sleep = "import time; time.sleep(3600)"
    child = subprocess.Popen([sys.executable, "-c", sleep])
    stubborn = subprocess.Popen(
        [sys.executable, "-c", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + sleep],
        start_new_session=True,
    )
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(write, str(os.getpid()).encode())
            os.execv(sys.executable, [sys.executable, "-c", sleep])
        os._exit(0)
    daemon = int(os.read(read, 20))
    return [os.getpid(), child.pid, stubborn.pid, daemon]
"""
"""A runtime process with a child, a child in its own session, and a daemon without a parent."""


@pytest.fixture(scope="module")
def project(make_project: MakeProject) -> Project:
    """A function that waits, and one that leaves processes behind."""
    return make_project(
        {"app.py": FAMILY},
        Family={"Handler": "app.handler"},
        Wait={"Handler": "app.wait", "CodeUri": str(make_project().code)},
    )


@pytest.mark.parametrize("number", SIGNALS)
def test_start_when_signalled_ends_well(project: Project, number: signal.Signals) -> None:
    """Exit status 0, a last line, nothing on standard output."""
    with project.serving() as tool:
        assert tool.invoke("Family", {}).status == 200
        outcome = tool.stop(number)
    assert (outcome.status, outcome.output) == (0, b"")
    assert outcome.errors.endswith("platform | stopped\n")


def test_start_when_signalled_finishes_what_runs(
    project: Project, callers: ThreadPoolExecutor, make_gate: Callable[[], Gate]
) -> None:
    """The caller gets its response; new callers are not accepted."""
    gate = make_gate()
    with project.serving() as tool:
        reply = callers.submit(tool.invoke, "Wait", gate.event)
        gate.reached(tool)
        tool.process.send_signal(signal.SIGTERM)
        refused(tool)
        gate.open("done")
        assert reply.result().json["read"] == "done\n"
        assert tool.wait().status == 0


WAYS_TO_END = pytest.mark.parametrize(
    "end",
    [[signal.SIGTERM], [signal.SIGINT, signal.SIGINT], [signal.SIGKILL]],
    ids=["graceful", "twice", "sigkill"],
)


def refused(tool: Tool) -> None:
    """Return when the tool accepts no connection any more."""
    while True:
        try:
            tool.request("GET", "/")
        except ConnectionError:
            return


def test_start_when_signalled_twice_ends_at_once(
    project: Project, callers: ThreadPoolExecutor, make_gate: Callable[[], Gate]
) -> None:
    """Although an invocation is running, which ends with the tool."""
    gate = make_gate()
    with project.serving() as tool:
        reply = callers.submit(tool.invoke, "Wait", gate.event)
        gate.reached(tool)
        tool.process.send_signal(signal.SIGINT)
        refused(tool)
        tool.process.send_signal(signal.SIGINT)
        assert tool.wait().status == 130
        assert isinstance(reply.exception(), ConnectionError | OSError)


@pytest.mark.skipif(sys.platform != "linux", reason="needs pidfd")
@WAYS_TO_END
def test_processes_of_a_function_end_with_the_tool(project: Project, end: list[signal.Signals]) -> None:
    """The runtime, its children, and daemons with their own session, however the tool ends."""
    with project.serving() as tool:
        processes = Processes(on_machine(tool.invoke("Family", {}).json, tool.process.pid))
        for number in end:
            tool.process.send_signal(number)
        tool.process.wait(DEADLINE_SECONDS)
        assert processes.ended()
        processes.close()


@pytest.mark.skipif(sys.platform != "linux", reason="needs pidfd")
def test_processes_of_a_function_end_with_a_reset(project: Project) -> None:
    """What an invocation left behind does not survive next to the following one after a crash."""
    with project.serving() as tool:
        pids = on_machine(tool.invoke("Family", {}).json, tool.process.pid)
        processes = Processes(pids)
        os.kill(pids[0], signal.SIGKILL)
        assert processes.ended()
        processes.close()


@pytest.mark.skipif(sys.platform != "linux", reason="needs pidfd")
@WAYS_TO_END
def test_helpers_and_workspace_end_with_the_tool(project: Project, end: list[signal.Signals], tmp_path: Path) -> None:
    """Not only the function's processes: the tool's own helper processes and its folder are gone as well."""
    with project.serving(variables={"TMPDIR": str(tmp_path)}) as tool:
        tool.invoke("Family", {})
        helpers = Processes(descendants(tool.process.pid))
        assert helpers.descriptors
        assert [path.name.rpartition("-")[0] for path in tmp_path.iterdir()] == [f"local-lambda-{tool.process.pid}"]
        for number in end:
            tool.process.send_signal(number)
        tool.process.wait(DEADLINE_SECONDS)
        assert helpers.ended()
        assert list(tmp_path.iterdir()) == []
        helpers.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("line", [b"| INIT_START ", b"| START ", b"| waiting at "])
def test_invoke_when_signalled_ends_without_an_answer(
    project: Project, make_gate: Callable[[], Gate], line: bytes, number: signal.Signals
) -> None:
    """In init and while it runs: exit status 130, no payload, for there was none, and no traceback."""
    event = project.folder / "gate.json"
    event.write_text(json.dumps(make_gate().event))
    arguments = ["invoke", "-t", project.template, "--python", project.python, "Wait", "-e", event]
    process = subprocess.Popen([*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stderr is not None
    assert any(line in seen for seen in process.stderr)
    process.send_signal(number)
    output, errors = process.communicate(timeout=DEADLINE_SECONDS)
    assert (process.returncode, output) == (130, b"")
    assert b"Traceback" not in errors
