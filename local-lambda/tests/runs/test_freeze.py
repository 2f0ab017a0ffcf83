"""`--freeze`: between invocations every process of an environment is stopped, as on Lambda."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from conftest import MakeProject
from support.tool import DEADLINE_SECONDS, Gate, Project, Tool
from support.watching import on_machine

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

FAMILY = """
import os, subprocess
child = subprocess.Popen(["/bin/sh", "-c", "read line"], stdin=subprocess.PIPE)
daemon = subprocess.Popen(["/bin/sh", "-c", "read line"], stdin=subprocess.PIPE, start_new_session=True)

def handler(event, context):
    if event.get("exit"):
        os._exit(1)
    return [os.getpid(), child.pid, daemon.pid]
"""
WAKING = """
def wake():
    say("woken", line=open(os.environ["GATE"]).readline())
threading.Thread(target=wake, daemon=True).start()
say("pid", pid=os.getpid())
register("INVOKE", "SHUTDOWN")
serve()
"""
"""An extension that does something in the background when the test says so."""


@pytest.fixture
def gate(shared_folder: Path) -> Gate:
    """What the extension waits for."""
    return Gate(shared_folder)


@pytest.fixture
def project(extend: MakeProject, gate: Gate) -> Project:
    """A function with a child, a child that left its group, and an extension."""
    project: Project = extend({"one": WAKING}, code=FAMILY, variables={"GATE": gate.path})
    return project


def state(pid: int) -> str:
    """The state of a process as in ps(1): T is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


def all_stop(pids: Iterable[int]) -> bool:
    """Wait until all are stopped, by looking: no event reports it."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while set(map(state, pids)) != {"T"}:
        if time.monotonic() > deadline:
            return False
        os.sched_yield()
    return True


def pids(tool: Tool, since: int = 0) -> list[int]:
    """Invoke; runtime, children and extension."""
    reply = tool.invoke("Hello", {})
    tool.log_of(reply.request_id)
    said = [*reply.json, int(tool.wait_for(r'"pid": (\d+)', since)[1])]
    return on_machine(said, tool.process.pid)


def test_freeze_stops_all_processes_until_the_next_invocation(project: Project, gate: Gate) -> None:
    """They see what came in meanwhile when they continue."""
    with project.serving("--freeze", "--max-environments", "1") as tool:
        stopped = pids(tool)
        assert all_stop(stopped)
        gate.open("while frozen")
        since = len(tool.lines)
        deadline = time.monotonic() + DEADLINE_SECONDS
        # An invocation may be over, and its processes stopped again, before the one that was woken has said so.
        while not any("while frozen" in line for line in tool.lines[since:]):
            assert pids(tool) == stopped
            assert time.monotonic() < deadline
        assert all_stop(stopped)
    texts = tool.lines
    again = [number for number, line in enumerate(texts) if "START RequestId" in line][1]
    assert next(number for number, line in enumerate(texts) if "woken" in line) >= again


def test_freeze_lets_processes_go_on_at_shutdown(project: Project) -> None:
    """The extension has its event, and the tool ends well."""
    with project.serving("--freeze") as tool:
        assert all_stop(pids(tool))
    assert '"eventType": "SHUTDOWN", "shutdownReason": "spindown"' in tool.text


def test_freeze_after_a_reset_stops_the_new_processes(project: Project) -> None:
    """A crash is not the end of it."""
    with project.serving("--freeze", "--max-environments", "1") as tool:
        first = pids(tool)
        assert all_stop(first)
        since = len(tool.lines)
        assert tool.invoke("Hello", {"exit": True}).json["errorType"] == "Runtime.ExitError"
        second = pids(tool, since)
        assert all_stop(second)
        assert not set(first) & set(second)


def test_processes_run_between_invocations_without_freeze(project: Project, gate: Gate) -> None:
    """Background work continues automatically."""
    with project.serving("--max-environments", "1") as tool:
        running = pids(tool)
        gate.open("by itself")
        tool.wait_for("woken.*by itself")
        assert "T" not in set(map(state, running))


def test_freeze_of_invoke_is_no_obstacle(project: Project) -> None:
    """Several invocations, each of thawed processes, and a graceful end."""
    outcome = project.invoke("Hello", "--freeze", "--count", "3", "--report", "json")
    assert outcome.status == 0
    assert len(set(map(tuple, outcome.payloads))) == 1
    assert [record["status"] for record in outcome.records("platform.report")] == ["success"] * 3
