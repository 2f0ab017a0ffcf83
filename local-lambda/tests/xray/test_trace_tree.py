"""What a trace looks like as text."""

from __future__ import annotations

from typing import Any

import pytest

from local_lambda.events.platform import Event
from local_lambda.xray.collecting import SegmentDocuments, Trace, TraceSink
from local_lambda.xray.tree import Line, draw
from support.traced_events import ARN, CAUSE, NOON, TRACE_ID, init, invocation, subsegment, tracing

PARENT = tracing().parent_id


def traced(events: list[Event], documents: list[dict[str, Any]]) -> Trace:
    """The trace of one invocation whose function sent `documents`."""
    traces: list[Trace] = []
    waiting = SegmentDocuments(print)
    sink = TraceSink(waiting, traces.append)
    for document in documents:
        waiting.add(document)
    for event in events:
        sink(event)
    return traces[0]


def lines(*documents: dict[str, Any]) -> list[Line]:
    """The lines of what is inside `Invocation`, without the columns on the left."""
    drawn = draw(traced(invocation(tracing()), list(documents)))
    return [Line(text[31:], is_bad) for text, is_bad in drawn[5:-1]]


def test_draw_of_a_failed_cold_start_tells_the_whole_story() -> None:
    """Offsets count from the request, so an initialization may be before; each exception has a line."""
    refused = {"exceptions": [{"type": "ConnectionError", "message": "[Errno 111] Connection refused"}]}
    check = subsegment("checkip", "outer", start=0.02, namespace="remote", fault=True, cause=refused)
    check["http"] = {"request": {"method": "GET", "url": "http://127.0.0.1:9/"}, "response": {"status": 503}}
    outer = subsegment("outer", PARENT, name="getRuntimeInfo", annotations={"python": "3.8.18", "cold": True})
    aws = {"operation": "GetItem"}
    table = subsegment("DynamoDB", PARENT, start=0.05, namespace="aws", aws=aws, http={"response": {"status": 200}})
    trace = traced([*init(), *invocation(tracing(), failed=True, cause=CAUSE)], [check, outer, table])
    good, bad = False, True
    assert [(line.text, line.is_bad) for line in draw(trace)] == [
        (f"Trace {TRACE_ID} of request request-1", good),
        ("      start    duration", good),
        ("     0.0 ms    103.0 ms  hello (AWS::Lambda) 200", good),
        ("     2.0 ms    101.0 ms  └─ hello (AWS::Lambda::Function) ✗ fault", bad),
        ("                            │  SimpleException: sorry", bad),
        ("  -400.0 ms    300.0 ms     ├─ Initialization", good),
        ("     2.0 ms    100.0 ms     ├─ Invocation", good),
        ("    10.0 ms     20.0 ms     │  ├─ getRuntimeInfo {python=3.8.18, cold=True}", good),
        ("    20.0 ms     20.0 ms     │  │  └─ checkip 503 ✗ fault GET http://127.0.0.1:9/", bad),
        ("                            │  │        ConnectionError: [Errno 111] Connection refused", bad),
        ("    50.0 ms     20.0 ms     │  └─ DynamoDB GetItem 200", good),
        ("   102.0 ms      1.0 ms     └─ Overhead", good),
    ]


@pytest.mark.parametrize(
    ("members", "text", "is_bad"),
    [
        ({}, "a", False),
        ({"throttle": True, "error": True, "http": {"response": {"status": 429}}}, "a 429 ✗ throttle ✗ error", True),
        ({"fault": False, "error": None}, "a", False),
        ({"sql": {"sanitized_query": "SELECT 1"}}, "a SELECT 1", False),
        ({"fault": True, "cause": "0123456789abcdef"}, "a ✗ fault", True),
        ({"cause": {"exceptions": [3, {"id": "x"}]}, "http": 7, "aws": [], "annotations": "x"}, "a", False),
        ({"name": "a\n\x1b[31mb"}, "a  [31mb", False),
    ],
)
def test_draw_of_a_subsegment_shows_what_there_is(members: dict[str, Any], text: str, is_bad: bool) -> None:
    """Odd members of a document are left out, control characters never reach the terminal."""
    assert lines(subsegment("a", PARENT, **members)) == [("└─ " + text, is_bad)]


def test_draw_of_long_texts_ends_at_the_width() -> None:
    """No line is longer than 100 columns; the trouble stands before what is long."""
    cause = {"exceptions": [{"type": "E", "message": "m" * 200}]}
    http = {"request": {"url": "http://" + "u" * 200}}
    trace = traced(invocation(tracing()), [subsegment("a", PARENT, fault=True, cause=cause, http=http)])
    long = [text for text, _ in draw(trace) if len(text) > 90]
    assert [(len(text), text[-1]) for text in long] == [(100, "…"), (100, "…")]
    assert "└─ a ✗ fault http://uuu" in long[0]
    assert max(len(text) for text, _ in draw(trace, width=60)) == 60


def test_draw_of_a_subsegment_sent_twice_shows_the_last() -> None:
    """Some SDKs send a subsegment when it begins and again when it ends."""
    running = subsegment("a", PARENT)
    del running["end_time"]
    assert draw(traced(invocation(tracing()), [running]))[5].text == "    10.0 ms  unfinished     │  └─ a"
    assert lines(running, subsegment("a", PARENT, name="done")) == [("└─ done", False)]


def test_draw_of_siblings_sorts_them_by_start() -> None:
    """Documents arrive when they end; they are shown in the order they began, embedded ones too."""
    embedded = {"id": "c", "name": "c", "start_time": NOON + 0.03}
    documents = [
        subsegment("b", PARENT, start=0.04),
        subsegment("a", PARENT, start=0.02, subsegments=[embedded]),
        subsegment("d", "a", start=0.025),
    ]
    assert [text for text, _ in lines(*documents)] == ["├─ a", "│  ├─ d", "│  └─ c", "└─ b"]


def test_draw_of_very_deep_and_very_many_stays_in_the_picture() -> None:
    """A thousand levels indent only so far, and a thousand children are a thousand lines."""
    deep = [subsegment(f"n{level}", f"n{level - 1}" if level else PARENT) for level in range(1000)]
    drawn = [text for text, _ in lines(*deep)]
    assert len(drawn) == 1000
    assert drawn[-1].endswith("└─ n999")
    assert len({len(text) for text in drawn[100:]}) == 1
    assert len(lines(*(subsegment(f"n{number}", PARENT) for number in range(1000)))) == 1000


def test_draw_of_a_segment_without_a_parent_is_a_tree_of_its_own() -> None:
    """A program may send a whole segment in the function's trace."""
    segment = subsegment("job", "", start=0.2)
    del segment["parent_id"]
    drawn = draw(traced(invocation(tracing(), arn=ARN), [segment]))
    assert drawn[-1].text == "   200.0 ms     20.0 ms  job"
