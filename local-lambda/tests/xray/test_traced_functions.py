"""Tracing with the real SDK in real functions: headers, the service's segments, the SDK's subsegments, the picture."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from conftest import MakeProject
from support.tool import Project, Tool

ROOT = "1-5759e988-bd862e3fe1be46a994272793"
PARENT = "53995c3f42cd8ad8"


@pytest.fixture(scope="module")
def project(make_project: MakeProject) -> Project:
    """The same function with and without active tracing, one that fails otherwise, and one without the SDK."""
    return make_project(
        Active={"Handler": "traced.handler", "Tracing": "Active"},
        PassThrough={"Handler": "traced.handler"},
        Failing={"Handler": "failing.handler", "Tracing": "Active", "Timeout": 1},
    )


@pytest.fixture(scope="module")
def tool(project: Project) -> Iterator[Tool]:
    """All of them, served."""
    with project.serving() as tool:
        yield tool


def named(documents: list[Any], name: str, origin: str | None = None) -> Any:
    """The one document with this name and origin."""
    (found,) = [one for one in documents if one["name"] == name and one.get("origin") == origin]
    return found


def test_report_of_a_traced_invocation_has_one_connected_trace(project: Project) -> None:
    """Service, function, Invocation, and the SDK's subsegments in it: each hangs on the one above."""
    outcome = project.report({"name": "me"}, function="Active")
    segments = outcome.report["segments"]
    service = named(segments, "Active", "AWS::Lambda")
    function = named(segments, "Active", "AWS::Lambda::Function")
    init, invocation, overhead = function["subsegments"]
    info = named(segments, "getRuntimeInfo")
    assert [init["name"], invocation["name"], overhead["name"]] == ["Initialization", "Invocation", "Overhead"]
    assert (function["parent_id"], info["parent_id"]) == (service["id"], invocation["id"])
    assert info["annotations"] == {"caller": "me"}
    assert named(segments, "inner")["parent_id"] == info["id"]
    assert len({segment["trace_id"] for segment in segments}) == 1
    assert not any("fault" in segment for segment in segments)
    assert service["start_time"] <= function["start_time"] <= info["start_time"] <= info["end_time"]
    assert info["end_time"] <= function["end_time"]
    assert service["aws"]["request_id"] == outcome.report["invocations"][0]["requestId"]


def test_report_of_several_invocations_has_a_trace_for_each(project: Project) -> None:
    """With an Initialization in the first only."""
    segments = project.report({}, {}, {}, function="Active").report["segments"]
    functions = [segment for segment in segments if segment.get("origin") == "AWS::Lambda::Function"]
    assert len({segment["trace_id"] for segment in functions}) == 3
    names = [[part["name"] for part in segment["subsegments"]] for segment in functions]
    assert names == [["Initialization", "Invocation", "Overhead"], *[["Invocation", "Overhead"]] * 2]


def test_report_when_the_handler_raises_has_the_fault(project: Project) -> None:
    """The function's segment has the exception as the runtime describes it."""
    segments = project.report({"fails": True}, function="Active").report["segments"]
    function = named(segments, "Active", "AWS::Lambda::Function")
    (exception,) = function["cause"]["exceptions"]
    assert function["fault"] is True
    assert (exception["type"], exception["message"]) == ("ValueError", "traced failure")
    assert exception["stack"][-1]["label"] == "handler"


@pytest.mark.parametrize(
    ("event", "exception"),
    [
        ({"how": "hangs"}, "Sandbox.Timedout"),
        ({"how": "vanishes", "status": 1}, "Runtime.ExitError"),
    ],
)
def test_report_when_the_runtime_is_lost_has_the_fault(project: Project, event: object, exception: str) -> None:
    """Only the platform can report what happened."""
    function = named(project.report(event, function="Failing").report["segments"], "Failing", "AWS::Lambda::Function")
    assert function["fault"] is True
    assert [one["type"] for one in function["cause"]["exceptions"]] == [exception]


def test_report_without_active_tracing_has_no_segments(project: Project) -> None:
    """There is still a trace header, with `Sampled=0`, and no XRAY line."""
    outcome = project.report({}, function="PassThrough")
    (invocation,) = outcome.report["invocations"]
    assert outcome.report["segments"] == []
    form = r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0(;Lineage=.+)?"
    assert re.fullmatch(form, invocation["payload"])
    assert "XRAY" not in invocation["logTail"]


def test_report_of_a_traced_invocation_has_the_xray_line(project: Project) -> None:
    """Trace and segment id in the log are those of the documents; the events carry the same context."""
    outcome = project.report({}, function="Active")
    (invocation,) = outcome.report["invocations"]
    function = named(outcome.report["segments"], "Active", "AWS::Lambda::Function")
    line = f"XRAY TraceId: {function['trace_id']}\tSegmentId: {function['id']}\tSampled: true\t\n"
    assert invocation["logTail"].endswith(line)
    for kind in ("platform.start", "platform.runtimeDone", "platform.report"):
        (record,) = outcome.records(kind)
        tracing = {"spanId": function["id"], "type": "X-Amzn-Trace-Id", "value": invocation["payload"]}
        assert record["tracing"] == tracing


@pytest.mark.parametrize(("sampled", "function"), [("1", "PassThrough"), ("0", "Active")])
def test_invoke_with_a_trace_header_follows_its_decision(tool: Tool, sampled: str, function: str) -> None:
    """The caller decides whether its trace is continued here, whatever the function's own mode."""
    reply = tool.invoke(function, {}, X_Amzn_Trace_Id=f"Root={ROOT};Parent={PARENT};Sampled={sampled}")
    header = reply.headers["X-Amzn-Trace-Id"]
    assert reply.json == header
    assert re.fullmatch(rf"Root={ROOT};Parent=(?!{PARENT})[0-9a-f]{{16}};Sampled={sampled}", header)
    tool.wait_for(f"REPORT RequestId: {reply.request_id}")
    if sampled == "1":
        assert tool.wait_for(rf"XRAY TraceId: {ROOT}\tSegmentId")


def test_console_draws_the_trace_of_each_invocation(tool: Tool) -> None:
    """A tree with durations, annotations and faults in the lane `trace`."""
    since = len(tool.lines)
    tool.invoke("Active", {"name": "me", "fails": True})
    for part in (
        r"Active \(AWS::Lambda\)",
        r"└─ Active \(AWS::Lambda::Function\).*fault",
        r"Invocation",
        r"getRuntimeInfo.*\{caller=me\}",
        r"inner",
    ):
        assert tool.wait_for(rf"^trace[^|]*\| .*{part}", since)
    assert tool.wait_for("ValueError: traced failure", since)


def test_invoke_by_many_at_once_keeps_traces_apart(project: Project, callers: ThreadPoolExecutor) -> None:
    """Each trace has its own subsegment, although all arrive on one port."""
    names = [f"caller-{number}" for number in range(24)]
    with project.serving("--max-environments", "3") as tool:

        def call(name: str) -> str:
            while (reply := tool.invoke("Active", {"name": name})).status == 429:
                pass
            return reply.request_id

        for identifier in callers.map(call, names):
            tool.wait_for(f"REPORT RequestId: {identifier}")
        for name in names:
            tool.wait_for(rf"getRuntimeInfo.*\{{caller={name}\}}")
        tool.close()
        assert tool.text.count("getRuntimeInfo") == len(names)
        assert "belongs to no invocation" not in tool.text
