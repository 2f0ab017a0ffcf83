"""`Event` invocations: answered before they run, tried three times, never throttled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import MakeProject
from support.tool import Gate, Reply, Tool

SECOND_TIME = """
import json, os
def handler(event, context):
    print("attempt at", context.aws_request_id)
    first = not os.path.exists(event["marker"])
    open(event["marker"], "w").close()
    if event["always"] or first:
        raise ValueError("not yet")
"""


@pytest.fixture(scope="module")
def tool(make_project: MakeProject) -> Iterator[Tool]:
    """A function that waits, and one that fails, with one environment each."""
    project = make_project(
        {"app.py": SECOND_TIME},
        Failing={"Handler": "app.handler"},
        Wait={"Handler": "app.wait", "CodeUri": str(make_project().code)},
    )
    with project.serving("--max-environments", "1") as tool:
        yield tool


def queue(tool: Tool, name: str, event: object) -> Reply:
    """Invoke without waiting for the result."""
    reply = tool.invoke(name, event, X_Amz_Invocation_Type="Event")
    assert (reply.status, reply.body) == (202, b"")
    return reply


def starts(tool: Tool, request_id: str) -> int:
    """How often an invocation with this id has been started."""
    return tool.text.count(f"START RequestId: {request_id}")


def test_invoke_event_is_answered_before_it_runs(tool: Tool, make_gate: Callable[[], Gate]) -> None:
    """202 with a request id and no version, while the function is still busy; then it has run."""
    gate = make_gate()
    reply = queue(tool, "Wait", gate.event)
    assert reply.headers["X-Amz-Executed-Version"] is None
    gate.reached(tool)
    assert f"END RequestId: {reply.request_id}" not in tool.text
    gate.open()
    assert tool.log_of(reply.request_id)


def test_invoke_event_while_busy_waits_and_is_not_throttled(
    tool: Tool, callers: ThreadPoolExecutor, make_gate: Callable[[], Gate]
) -> None:
    """The queue is served when the environment is free, in order."""
    gate, later = make_gate(), [make_gate() for _ in range(3)]
    synchronous = callers.submit(tool.invoke, "Wait", gate.event)
    gate.reached(tool)
    replies = [queue(tool, "Wait", other.event) for other in later]
    assert tool.invoke("Wait", gate.event).status == 429
    for other in later:
        other.open()
    gate.open()
    assert synchronous.result().json["read"] == "go\n"
    for reply in replies:
        tool.wait_for(f"REPORT RequestId: {reply.request_id}")
    order = [tool.text.index(f"START RequestId: {reply.request_id}") for reply in replies]
    assert order == sorted(order)


def test_invoke_event_that_fails_is_tried_three_times(tool: Tool, make_gate: Callable[[], Gate]) -> None:
    """The same request id each time; then it is given up with a line that says so, or it has succeeded before."""
    hopeless = queue(tool, "Failing", {"marker": make_gate().path + ".hopeless", "always": True}).request_id
    hopeful = queue(tool, "Failing", {"marker": make_gate().path + ".hopeful", "always": False}).request_id
    line = tool.wait_for(f"asynchronous invocation {hopeless} of Failing failed 3 times and is discarded").string
    assert '"errorMessage": "not yet"' in line
    assert line.startswith("platform")
    assert (starts(tool, hopeless), starts(tool, hopeful)) == (3, 2)
    assert tool.text.count(f"attempt at {hopeless}") == 3


def test_stop_while_an_event_is_between_two_attempts_names_it(make_project: MakeProject) -> None:
    """Nothing that was accepted is dropped silently, and the end does not wait for the pause."""
    with make_project(Failing={"Handler": "failing.handler"}).serving() as tool:
        identifier = queue(tool, "Failing", {"how": "raises", "name": "x"}).request_id
        tool.wait_for(f"REPORT RequestId: {identifier}")
        outcome = tool.stop()
    assert outcome.status == 0
    assert "queued asynchronous invocations of Failing, dropped at shutdown: 1" in outcome.errors
