"""Many callers at once: environments are started, reused and limited, and every caller gets its own response."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import boto3
import pytest
from botocore.config import Config

from conftest import MakeProject
from support.tool import Gate, Tool

LIMIT = 3
CALLERS = 50
CALLS = 10


@pytest.fixture(scope="module")
def tool(make_project: MakeProject) -> Iterator[Tool]:
    """Functions with three environments at most, and one that has reserved two."""
    functions: dict[str, dict[str, Any]] = {
        "Count": {"Handler": "app.count"},
        "Echo": {"Handler": "app.echo"},
        "Wait": {"Handler": "app.wait"},
        "Reserved": {"Handler": "app.wait", "ReservedConcurrentExecutions": 2},
        "Failing": {"Handler": "failing.handler"},
        "Never": {"Handler": "app.echo", "ReservedConcurrentExecutions": 0},
    }
    with make_project(**functions).serving("--max-environments", str(LIMIT)) as tool:
        yield tool


def call(tool: Tool, name: str, events: list[object]) -> list[Any]:
    """Invoke with each event on one connection; one that is throttled is tried again."""
    connection = HTTPConnection(tool.host, tool.port, timeout=60)
    answers = []
    for event in events:
        while True:
            connection.request("POST", f"/2015-03-31/functions/{name}/invocations", json.dumps(event))
            reply = connection.getresponse()
            body = json.loads(reply.read())
            if reply.status != 429:
                break
        assert reply.status == 200
        answers.append(body)
    connection.close()
    return answers


def test_invoke_by_50_callers_gives_each_its_own_answer(tool: Tool, callers: ThreadPoolExecutor) -> None:
    """500 invocations, none mixed up, with payloads of very different sizes."""
    events: list[list[object]] = [
        [{"caller": caller, "call": number, "x": "x" * (caller * number * 50)} for number in range(CALLS)]
        for caller in range(CALLERS)
    ]
    answers = list(callers.map(lambda own: call(tool, "Echo", own), events))
    assert answers == events


def test_invoke_by_50_callers_runs_one_at_a_time_in_each_environment(tool: Tool, callers: ThreadPoolExecutor) -> None:
    """No more processes than environments; each counted its own invocations without a gap."""
    answers = callers.map(lambda number: call(tool, "Count", [{}] * CALLS), range(CALLERS))
    counted = defaultdict(list)
    for answer in (answer for some in answers for answer in some):
        counted[answer["pid"]].append(answer["invocations"])
    assert 1 <= len(counted) <= LIMIT
    assert sum(map(len, counted.values())) == CALLERS * CALLS
    for numbers in counted.values():
        assert sorted(numbers) == list(range(1, len(numbers) + 1))


def test_invoke_when_failing_beside_others_hurts_nobody(tool: Tool, callers: ThreadPoolExecutor) -> None:
    """Environments that are lost and started again under load take no other invocation with them."""
    good: list[object] = [{"n": number} for number in range(CALLS)]
    bad: list[object] = [{"how": "vanishes", "status": 1}] * 3
    answers = list(callers.map(lambda own: call(tool, "Failing", own), [good, bad, good, bad, good]))
    assert answers[0::2] == [good] * 3
    assert {answer["errorType"] for some in answers[1::2] for answer in some} == {"Runtime.ExitError"}


def test_invoke_while_busy_starts_another_environment(
    tool: Tool, callers: ThreadPoolExecutor, make_gate: Callable[[], Gate]
) -> None:
    """Up to the limit each waiting invocation has its own process; then a warm one is reused."""
    gates = [make_gate() for _ in range(LIMIT)]
    replies = []
    for gate in gates:
        replies.append(callers.submit(tool.invoke, "Wait", gate.event))
        gate.reached(tool)
    for number, gate in enumerate(gates):
        gate.open(f"gate {number}")
    answers = [reply.result().json for reply in replies]
    assert [answer["read"] for answer in answers] == [f"gate {number}\n" for number in range(LIMIT)]
    processes = {answer["pid"] for answer in answers}
    assert len(processes) == LIMIT
    gates[0].open("warm")
    assert tool.invoke("Wait", gates[0].event).json["pid"] in processes
    tool.wait_for(r"^function Wait#3 *\| waiting at")


@pytest.mark.parametrize(
    ("name", "limit", "reason"),
    [
        ("Wait", LIMIT, "ConcurrentInvocationLimitExceeded"),
        ("Reserved", 2, "ReservedFunctionConcurrentInvocationLimitExceeded"),
    ],
)
def test_invoke_beyond_the_limit_is_429(
    tool: Tool, callers: ThreadPoolExecutor, make_gate: Callable[[], Gate], name: str, limit: int, reason: str
) -> None:
    """The error has its reason; those who are served are not disturbed, and afterwards there is room again."""
    gates = [make_gate() for _ in range(limit)]
    replies = [callers.submit(tool.invoke, name, gate.event) for gate in gates]
    for gate in gates:
        gate.reached(tool)
    refused = tool.invoke(name, gates[0].event)
    assert (refused.status, refused.headers["x-amzn-ErrorType"]) == (429, "TooManyRequestsException")
    assert refused.json == {"Reason": reason, "Type": "User", "message": "Rate Exceeded."}
    assert refused.headers["Retry-After"] == "1"
    keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none", "region_name": "us-east-1"}
    client = boto3.client("lambda", endpoint_url=tool.url, config=Config(retries={"max_attempts": 0}), **keys)
    with pytest.raises(client.exceptions.TooManyRequestsException) as raised:
        client.invoke(FunctionName=name, Payload=json.dumps(gates[0].event))
    assert raised.value.response["Reason"] == reason
    for gate in gates:
        gate.open()
    assert [reply.result().status for reply in replies] == [200] * limit
    gates[0].open()
    assert tool.invoke(name, gates[0].event).status == 200


def test_invoke_of_a_function_that_has_reserved_nothing_is_429(tool: Tool) -> None:
    """`ReservedConcurrentExecutions: 0` switches a function off."""
    assert tool.invoke("Never", {}).json["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"


def test_invoke_when_the_caller_hangs_up_is_finished_all_the_same(tool: Tool, make_gate: Callable[[], Gate]) -> None:
    """The handler runs to its end, and its environment is free again."""
    gates = [make_gate() for _ in range(LIMIT)]
    connections = []
    for gate in gates:
        connection = HTTPConnection(tool.host, tool.port, timeout=60)
        connection.request("POST", "/2015-03-31/functions/Wait/invocations", json.dumps(gate.event))
        gate.reached(tool)
        connections.append(connection)
    for connection in connections:
        connection.close()
    for gate in gates:
        gate.open("nobody listens")
    after = make_gate()
    after.open("after")
    assert tool.invoke("Wait", after.event).json["read"] == "after\n"
