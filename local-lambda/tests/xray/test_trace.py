"""Lambda's own segment documents, and which documents make one trace."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from local_lambda.events.platform import Event, FunctionLog, Report, RuntimeDone, Tracing
from local_lambda.xray.collecting import SegmentDocuments, Trace, TraceSink
from support.traced_events import ARN, CAUSE, EXCEPTION, NOON, TRACE_ID, init, invocation, subsegment, tracing


class Recorder:
    """A sink with its documents, and everything it hands over."""

    def __init__(self, limit: int = 2000) -> None:
        self.traces: list[Trace] = []
        self.late: list[dict[str, Any]] = []
        self.documents = SegmentDocuments(self.late.append, limit)
        self.sink = self.environment()

    def environment(self) -> TraceSink:
        return TraceSink(self.documents, self.traces.append)

    def see(self, events: Iterable[Event]) -> None:
        for event in events:
            self.sink(event)

    def function_segment(self) -> dict[str, Any]:
        segment: dict[str, Any] = self.traces[-1].documents[1]
        return segment


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def without_ids(value: Any) -> Any:
    """`value` with every random id replaced, those that a context gives left as they are."""
    if isinstance(value, dict):
        fresh = "id" in value and len(set(value["id"])) > 2
        return {name: "fresh" if fresh and name == "id" else without_ids(member) for name, member in value.items()}
    return [without_ids(member) for member in value] if isinstance(value, list) else value


AWS = {"aws": {"function_arn": ARN}}


def test_report_of_a_cold_start_gives_the_documents_of_lambda(recorder: Recorder) -> None:
    """The service segment holds the function segment, which holds Initialization (earlier), Invocation, Overhead."""
    recorder.see([*init(), *invocation(tracing(upstream="d" * 16))])
    [trace] = recorder.traces
    assert (trace.request_id, trace.trace_id) == ("request-1", TRACE_ID)
    assert without_ids(trace.documents) == [
        {
            "id": "c" * 15 + "1",
            "name": "hello",
            "start_time": NOON,
            "end_time": NOON + 0.103,
            "trace_id": TRACE_ID,
            "parent_id": "d" * 16,
            "http": {"response": {"status": 200}},
            "aws": {"request_id": "request-1"},
            "origin": "AWS::Lambda",
            "resource_arn": ARN,
        },
        {
            "id": "b" * 15 + "1",
            "name": "hello",
            "start_time": NOON + 0.002,
            "end_time": NOON + 0.103,
            "trace_id": TRACE_ID,
            "parent_id": "c" * 15 + "1",
            "aws": {"account_id": "123456789012", "function_arn": ARN, "resource_names": ["hello"]},
            "origin": "AWS::Lambda::Function",
            "subsegments": [
                {"id": "fresh", "name": "Initialization", "start_time": NOON - 0.4, "end_time": NOON - 0.1} | AWS,
                {"id": "a" * 15 + "1", "name": "Invocation", "start_time": NOON + 0.002, "end_time": NOON + 0.102}
                | AWS,
                {"id": "fresh", "name": "Overhead", "start_time": NOON + 0.102, "end_time": NOON + 0.103} | AWS,
            ],
        },
    ]
    json.dumps(trace.documents)


def names(recorder: Recorder) -> list[str]:
    return [part["name"] for part in recorder.function_segment()["subsegments"]]


def test_second_report_of_an_environment_has_no_initialization(recorder: Recorder) -> None:
    """Only the invocation after the Init phase shows it, even if that one was not traced."""
    recorder.see([*init(), *invocation(tracing(1)), *invocation(tracing(2))])
    assert names(recorder) == ["Invocation", "Overhead"]
    recorder.see([*init(), *invocation(None), *invocation(tracing(3))])
    assert names(recorder) == ["Invocation", "Overhead"]
    recorder.see([*init("error"), *init(), *invocation(tracing(4))])
    assert names(recorder) == ["Initialization", "Invocation", "Overhead"]


def test_report_of_a_qualified_invocation_names_the_function(recorder: Recorder) -> None:
    """The service's resource is what was invoked; the function's name and ARN have no qualifier."""
    recorder.see(invocation(tracing(), arn=ARN + ":live"))
    service, function = recorder.traces[0].documents
    assert (service["name"], service["resource_arn"]) == ("hello", ARN + ":live")
    assert (function["name"], function["aws"]["function_arn"]) == ("hello", ARN)


def told(error_type: str, message: str | None = None) -> dict[str, Any]:
    exception = {"id": "fresh", "type": error_type}
    return {"exceptions": [exception | ({"message": message} if message else {})]}


@pytest.mark.parametrize(
    ("events", "cause"),
    [
        (
            invocation(tracing(), failed=True, cause=CAUSE),
            {
                "working_directory": "/var/task",
                "paths": ["app.py"],
                "exceptions": [{"id": "fresh", **EXCEPTION}],
            },
        ),
        (invocation(tracing(), failed=True), None),
        (invocation(tracing(), failed=True, cause="{"), None),
        (invocation(tracing(), failed=True, cause='{"exceptions":' + "[" * 100_000), None),
        (invocation(tracing(), failed=True, cause='{"exceptions":' + "[" * 100_000 + "]" * 100_000 + "}"), None),
        (invocation(tracing(), failed=True, cause='{"exceptions": [3]}'), {"exceptions": []}),
        (invocation(tracing(), "error", "Runtime.ExitError", failed=True), told("Runtime.ExitError")),
        (invocation(tracing(), "timeout"), told("Sandbox.Timedout", "Task timed out after 0.10 seconds")),
        (invocation(tracing(), "failure", "Sandbox.Failure"), told("Sandbox.Failure")),
    ],
)
def test_report_of_a_failure_marks_the_function_segment(recorder: Recorder, events: Any, cause: Any) -> None:
    """The function segment has the fault and its cause; for the service a function that failed is a 200."""
    recorder.see(events)
    service, function = recorder.traces[0].documents
    assert function["fault"] is True
    assert without_ids(function.get("cause")) == cause
    assert "fault" not in service
    assert service["http"]["response"]["status"] == 200


def test_report_of_a_failed_init_marks_the_initialization(recorder: Recorder) -> None:
    """An Init phase that failed within the invocation is the fault of the Initialization."""
    began = NOON + 0.002
    failed = init("error", "Runtime.ImportModuleError", began)
    recorder.see([*failed, *invocation(tracing(), "error", "Runtime.ImportModuleError", failed=True)])
    initialization = recorder.function_segment()["subsegments"][0]
    assert initialization["fault"] is True
    assert without_ids(initialization["cause"]) == told("Runtime.ImportModuleError")


def test_report_without_an_answer_has_no_overhead(recorder: Recorder) -> None:
    """A runtime that was stopped has not answered: the invocation lasts to its end."""
    recorder.see(invocation(tracing(), "timeout"))
    assert names(recorder) == ["Invocation"]
    assert recorder.function_segment()["subsegments"][0]["end_time"] == NOON + 0.103
    start, _, report = invocation(tracing(2))
    recorder.see([start, report])
    assert names(recorder) == ["Invocation"]


@pytest.mark.parametrize("context", [None, tracing(sampled=False)])
def test_report_of_an_unsampled_invocation_gives_nothing(recorder: Recorder, context: Tracing | None) -> None:
    """`Sampled=0`: no trace."""
    recorder.see([*init(), *invocation(context)])
    assert (recorder.traces, recorder.late) == ([], [])


def test_documents_of_the_sdk_follow_lambdas_in_the_order_of_arrival(recorder: Recorder) -> None:
    """Whatever carries the trace id belongs to the only invocation of that trace, also what hangs in the air."""
    documents = [
        subsegment("inner", "never-sent"),
        subsegment("outer", tracing().parent_id),
        subsegment("stale", "parent-of-an-earlier-invocation"),
    ]
    recorder.documents.add(documents[0])
    start, *rest = invocation(tracing())
    recorder.sink(start)
    for document in documents[1:]:
        recorder.documents.add(document)
    recorder.sink(FunctionLog(NOON, "hello", "function"))
    recorder.see(rest)
    assert recorder.traces[0].documents[2:] == documents


def test_drain_when_the_report_comes_is_called_first() -> None:
    """What waits on the socket at the report is in the trace."""
    traces: list[Trace] = []
    documents = SegmentDocuments(print)
    last = subsegment("last", tracing().parent_id)
    sink = TraceSink(documents, traces.append, drain=lambda: documents.add(last))
    for event in invocation(tracing()):
        sink(event)
    assert traces[0].documents[2:] == [last]


def test_documents_when_two_environments_share_a_trace_go_where_they_belong(recorder: Recorder) -> None:
    """A caller may invoke a function twice in one trace; the chain of parents tells whose a document is."""
    first, second = invocation(tracing(1)), invocation(tracing(2))
    other = recorder.environment()
    recorder.sink(first[0])
    other(second[0])
    inside = {"id": "b1", "name": "b1", "start_time": NOON}
    documents = [
        subsegment("d1", "b1"),
        subsegment("a2", tracing(2).parent_id),
        subsegment("a1", tracing(1).parent_id, subsegments=[inside]),
        subsegment("nobody", "never-sent"),
    ]
    for document in documents:
        recorder.documents.add(document)
    recorder.see(first[1:])
    for event in second[1:]:
        other(event)
    assert [[document["id"] for document in trace.documents[2:]] for trace in recorder.traces] == [
        ["d1", "a1"],
        ["a2", "nobody"],
    ]


def test_documents_when_late_are_handed_over_at_once(recorder: Recorder) -> None:
    """A background thread may send after the report; a later invocation of the same trace gets its own again."""
    recorder.see(invocation(tracing(1)))
    late = subsegment("late", tracing(1).parent_id)
    recorder.documents.add(late)
    assert recorder.late == [late]
    start, *rest = invocation(tracing(2))
    recorder.sink(start)
    recorder.documents.add(subsegment("in time", tracing(2).parent_id))
    recorder.see(rest)
    assert [document["id"] for document in recorder.traces[1].documents[2:]] == ["in time"]


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"trace_id": TRACE_ID},
        subsegment("a", "b") | {"trace_id": 7},
        subsegment("a", "b") | {"id": ["list"]},
        subsegment("a", "b") | {"parent_id": {}},
        subsegment("a", "b") | {"start_time": "noon"},
        subsegment("a", "b") | {"end_time": float("nan")},
        subsegment("a", "b") | {"start_time": 10**400},
        subsegment("a", "b") | {"subsegments": [{"id": "c"}]},
    ],
)
def test_documents_when_they_lack_what_x_ray_demands_are_in_no_trace(recorder: Recorder, document: Any) -> None:
    """X-Ray would refuse them; here they are handed over and end up in no tree."""
    recorder.sink(invocation(tracing())[0])
    recorder.documents.add(document)
    assert recorder.late == [document]


def test_documents_when_nothing_ends_do_not_pile_up() -> None:
    """The oldest ones are handed over when too many wait, and all of them at the end."""
    recorder = Recorder(limit=3)
    documents = [subsegment(str(number), "x", trace_id=f"trace-{number % 2}") for number in range(5)]
    for document in documents:
        recorder.documents.add(document)
    assert [document["id"] for document in recorder.late] == ["0", "2"]
    recorder.documents.close()
    assert sorted(document["id"] for document in recorder.late) == ["0", "1", "2", "3", "4"]


def test_invocation_when_it_never_ends_leaves_nothing_behind(recorder: Recorder) -> None:
    """An environment that ends in the middle, or starts over, returns its documents."""
    recorder.sink(invocation(tracing(1))[0])
    recorder.documents.add(subsegment("first", tracing(1).parent_id))
    recorder.sink(invocation(tracing(2))[0])
    recorder.documents.add(subsegment("second", tracing(2).parent_id))
    recorder.sink.close()
    recorder.sink.close()
    assert [document["id"] for document in recorder.late] == ["first", "second"]
    assert recorder.traces == []


def test_asynchronous_invocation_when_retried_shows_all_attempts(recorder: Recorder) -> None:
    """The service answers 202 and tries again; each trace has the service segment with the attempts so far."""
    first, second = tracing(1, attempt=1), tracing(2, attempt=2, service_id=tracing(1).service_id)
    recorder.see(invocation(first, failed=True))
    other = recorder.environment()
    for event in invocation(second, began=NOON + 60):
        other(event)
    for trace, count in zip(recorder.traces, (1, 2), strict=True):
        service, function = trace.documents
        dwell, *attempts = service["subsegments"]
        assert (service["http"], service["end_time"]) == ({"response": {"status": 202}}, NOON)
        assert (dwell["name"], dwell["start_time"], dwell["end_time"]) == ("Dwell Time", NOON, NOON + 0.002)
        assert [attempt["name"] for attempt in attempts] == [f"Attempt #{number + 1}" for number in range(count)]
        assert all(attempt["http"] == {"response": {"status": 200}} for attempt in attempts)
        assert [attempt.get("fault", False) for attempt in attempts] == [True, False][:count]
        assert function["parent_id"] == attempts[-1]["id"]


def test_sink_when_events_of_other_kinds_come_ignores_them(recorder: Recorder) -> None:
    """An end without a beginning, and a log line, are nothing to a trace."""
    recorder.see(event for event in invocation(tracing()) if isinstance(event, (RuntimeDone, Report)))
    recorder.sink(FunctionLog(NOON, "text", "function"))
    assert (recorder.traces, recorder.late) == ([], [])
