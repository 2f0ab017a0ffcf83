"""A tool that runs for long keeps what it needs and nothing more: descriptors, processes, memory."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import MakeProject
from support.tool import Tool
from support.watching import descendants, descriptors

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(scope="module")
def tool(make_project: MakeProject) -> Iterator[Tool]:
    """A function that works, and one that fails as its event says, with one environment each."""
    project = make_project(Echo={"Handler": "app.echo"}, Failing={"Handler": "failing.handler"})
    with project.serving("--max-environments", "1") as tool:
        yield tool


def megabytes(tool: Tool) -> int:
    """What the tool keeps in memory."""
    status = Path(f"/proc/{tool.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) // 1024


def fail(tool: Tool, times: int) -> None:
    """Lose the runtime again and again; the last invocation finds it back."""
    for _ in range(times):
        assert tool.invoke("Failing", {"how": "vanishes", "status": 1}).json["errorType"] == "Runtime.ExitError"
    assert tool.invoke("Failing", {}).json == {}


def test_invoke_that_fails_often_leaves_nothing_open(tool: Tool) -> None:
    """Every lost runtime releases its pipes, and does not stay as a zombie."""
    fail(tool, 2)
    before, running = descriptors(tool), len(descendants(tool.process.pid))
    fail(tool, 20)
    assert descriptors(tool) <= before + 1
    assert len(descendants(tool.process.pid)) == running


def test_invoke_of_many_callers_leaves_nothing_open(tool: Tool) -> None:
    """Each one uses a new connection, which ends with it."""
    for _ in range(3):
        tool.invoke("Echo", {})
    before = descriptors(tool)
    for _ in range(200):
        assert tool.invoke("Echo", {}).status == 200
    assert descriptors(tool) <= before + 3


def test_invoke_of_large_payloads_leaves_memory_flat(tool: Tool) -> None:
    """5.9 MB in and out, thirty times."""
    payload = b'"' + b"x" * 5_900_000 + b'"'
    for _ in range(5):
        tool.invoke("Echo", payload=payload)
    before = megabytes(tool)
    for _ in range(30):
        assert len(tool.invoke("Echo", payload=payload).body) == len(payload)
    assert megabytes(tool) < before + 30
