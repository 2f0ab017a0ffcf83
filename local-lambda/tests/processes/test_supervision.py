"""No process of a function outlives its environment, whatever is killed, and the tool keeps working."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conftest import MakeProject
from local_lambda.processes.programs.supervisor import version_of
from support import tool as command
from support.sandboxed import IMPOSSIBLE
from support.tool import Gate, Project, Tool
from support.watching import Processes, descendants, on_machine

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs pidfd")

FAMILY = """
import os, signal, subprocess, sys

SLEEP = [sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(3600)"]

def handler(event, context):
    if "kill" in event:
        os.kill(os.getppid(), signal.SIGKILL)
        if event["kill"] == "and wait":
            signal.pause()
    if "gate" in event:
        with open(event["gate"]) as gate:
            print("waiting at", event["gate"], flush=True)
            gate.readline()
    if "family" not in event:
        return None
    child = subprocess.Popen(SLEEP, start_new_session=True)
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(write, str(os.getpid()).encode())
            os.execv(SLEEP[0], SLEEP)
        os._exit(0)
    return [os.getpid(), child.pid, int(os.read(read, 20))]
"""
"""A runtime with a child in its own session and a daemon; both ignore SIGTERM."""


@pytest.fixture(params=["sandbox", "no sandbox"])
def contained(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the environments are in a sandbox."""
    if request.param == "sandbox":
        if IMPOSSIBLE is not None:
            pytest.skip(f"the sandbox {IMPOSSIBLE}")
        return True
    script = str(Path(command.__file__).with_name("no_sandbox.py"))
    monkeypatch.setattr(command, "COMMAND", (sys.executable, script))
    return False


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    return make_project({"app.py": FAMILY}, Hello={"Handler": "app.handler", "Timeout": 60})


@pytest.fixture
def tool(contained: bool, project: Project, tmp_path: Path) -> Iterator[Tool]:
    """One environment at a time; what it leaves in its folder for temporary files is seen."""
    with project.serving("--max-environments", "1", variables={"TMPDIR": str(tmp_path)}) as tool:
        yield tool
    assert list(tmp_path.iterdir()) == []


def supervisor_of(tool: Tool) -> int:
    """The process that the runtime's parent is: a child of the helper that has children. Others end at once."""
    parents = {}
    for pid in descendants(tool.process.pid):
        with contextlib.suppress(OSError):  # it has ended
            parents[pid] = parent(pid)
    (zygote,) = (pid for pid in parents if parents[pid] == tool.process.pid)
    (supervisor,) = (pid for pid in parents if parents[pid] == zygote and pid in parents.values())
    return supervisor


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def family_of(tool: Tool) -> Processes:
    return Processes(on_machine(tool.invoke("Hello", {"family": True}).json, tool.process.pid))


def works(tool: Tool) -> bool:
    """Whether the next invocation succeeds in a new runtime."""
    return tool.invoke("Hello", {}).body == b"null"


def test_environment_whose_supervisor_is_killed_is_replaced(tool: Tool) -> None:
    """All its processes end, daemons too, and no invocation fails: there was none."""
    family = family_of(tool)
    os.kill(supervisor_of(tool), signal.SIGKILL)
    assert family.ended()
    family.close()
    assert works(tool)
    assert len(descendants(tool.process.pid)) == 3  # the helper, a supervisor and the runtime


def test_invocation_whose_supervisor_is_killed_is_the_only_one_that_fails(
    tool: Tool, callers: ThreadPoolExecutor, make_gate: Callable[[], Gate]
) -> None:
    """Its caller gets an error at once; the next is served."""
    gate = make_gate()
    reply = callers.submit(tool.invoke, "Hello", gate.event)
    gate.reached(tool)
    os.kill(supervisor_of(tool), signal.SIGKILL)
    assert reply.result().json["errorType"] == "Runtime.ExitError"
    assert works(tool)


def test_handler_that_kills_its_parent_hurts_itself_at_most(tool: Tool, contained: bool) -> None:
    """In a sandbox the parent cannot be killed; without one the invocation fails. Then all is as before."""
    family = family_of(tool)
    reply = tool.invoke("Hello", {"kill": "and go on" if contained else "and wait"})
    if contained:
        assert reply.body == b"null"
    else:
        assert reply.json["errorType"] == "Runtime.ExitError"
        assert family.ended()
    family.close()
    assert works(tool)


def test_start_when_the_helper_process_was_killed_makes_environments(tool: Tool, contained: bool) -> None:
    """It is started again. A sandbox needs it no more; without one its environments end with it."""
    family, supervisor = family_of(tool), supervisor_of(tool)
    ended = Processes([parent(supervisor), *([] if contained else [supervisor])])
    os.kill(parent(supervisor), signal.SIGKILL)
    assert ended.ended()
    if contained:
        assert works(tool)
        os.kill(supervisor, signal.SIGKILL)
    assert family.ended()
    assert works(tool)
    assert len(descendants(tool.process.pid)) == 3
    family.close()
    ended.close()


def test_start_when_a_supervisor_was_stopped_ends(tool: Tool) -> None:
    """SIGTERM is obeyed within the budget for killing, and nothing is left."""
    family = family_of(tool)
    os.kill(supervisor_of(tool), signal.SIGSTOP)
    began = time.monotonic()
    assert tool.stop().status == 0
    assert family.ended()
    assert time.monotonic() - began < command.DEADLINE_SECONDS
    family.close()


def test_start_when_the_helper_process_was_stopped_ends(tool: Tool, tmp_path: Path) -> None:
    """It is finally killed, and the tool removes the workspace itself."""
    family = family_of(tool)
    os.kill(parent(supervisor_of(tool)), signal.SIGSTOP)
    assert tool.stop().status == 0
    assert family.ended()
    family.close()


def test_start_when_helper_and_tool_are_killed_leaves_no_process(contained: bool, project: Project) -> None:
    """The supervisors see the end of the tool themselves."""
    with project.serving() as tool:
        family = family_of(tool)
        for pid in (parent(supervisor_of(tool)), tool.process.pid):
            os.kill(pid, signal.SIGKILL)
        tool.process.wait(command.DEADLINE_SECONDS)
        assert family.ended()
        family.close()


@pytest.mark.parametrize(
    ("release", "version"),
    [("6.9.3-arch1-1", (6, 9)), ("6.9+", (6, 9)), ("6.12rc2", (6, 12)), ("5.14", (5, 14)), ("strange", (0,))],
)
def test_version_of_a_kernel_when_its_release_has_more(release: str, version: tuple[int, ...]) -> None:
    """A release may have any name, and functions start on it too."""
    assert version_of(release) == version
