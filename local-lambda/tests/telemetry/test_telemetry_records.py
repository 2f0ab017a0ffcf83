"""Every record type in every schema of the Telemetry API and the Logs API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local_lambda.events import platform
from local_lambda.telemetry.records import CATEGORIES, logs_records, telemetry_records
from support.telemetry_listeners import NOON

TIME = "2023-11-14T22:13:20.000Z"
TRACING = platform.Tracing("Root=1;Parent=2;Sampled=1", "1", "2", "3", "4", sampled=True)
WIRE_TRACING = {"type": "X-Amzn-Trace-Id", "value": "Root=1;Parent=2;Sampled=1"}
SPAN = platform.Span("responseLatency", NOON, 1.23456)
WIRE_SPAN = {"name": "responseLatency", "start": TIME, "durationMs": 1.235}

INIT_START = platform.InitStart(
    NOON, "on-demand", "init", "python:3.13.v58", "arn:v", "f", "$LATEST", "stream", 134217728
)
INIT_RUNTIME_DONE = platform.InitRuntimeDone(NOON, "on-demand", "init", "error", "Runtime.ExitError")
INIT_REPORT = platform.InitReport(NOON, "on-demand", "init", "error", 12.34567, "Runtime.ExitError")
START = platform.Start(NOON, "R", "$LATEST", "arn:f", TRACING)
RUNTIME_DONE = platform.RuntimeDone(NOON, "R", "success", None, 8.9, 15, (SPAN,), TRACING, True)
REPORT = platform.Report(NOON, "R", "success", None, 10.31, 492, 128, 41, 481.7, (SPAN,), TRACING)
EXTENSION = platform.ExtensionState(NOON, "e", "ExitError", ("INVOKE",), "Extension.Crash")
SUBSCRIPTION = platform.TelemetrySubscription(NOON, "e", "Subscribed", ("platform",))
LOGS_SUBSCRIPTION = platform.LogsSubscription(NOON, "e", "Already subscribed", ("function",))
DROPPED = platform.LogsDropped(NOON, "too slow", 3, 400)
FUNCTION = platform.FunctionLog(NOON, 'a "line"\tof é\n', "function")
EXTENSION_LOG = platform.ExtensionLog(NOON, "line\n", "e")

METRICS = {
    "durationMs": 10.31,
    "billedDurationMs": 492,
    "memorySizeMB": 128,
    "maxMemoryUsedMB": 41,
    "initDurationMs": 481.7,
}
FIRST_INIT_START = {
    "initializationType": "on-demand",
    "phase": "init",
    "runtimeVersion": "python:3.13.v58",
    "runtimeVersionArn": "arn:v",
}
LATER_INIT_START = {
    **FIRST_INIT_START,
    "functionName": "f",
    "functionVersion": "$LATEST",
    "instanceId": "stream",
    "instanceMaxMemory": 134217728,
}
FIRST_INIT_REPORT = {"initializationType": "on-demand", "phase": "init", "metrics": {"durationMs": 12.346}}
LATER_INIT_REPORT = {**FIRST_INIT_REPORT, "status": "error", "errorType": "Runtime.ExitError"}
WIRE_INIT_RUNTIME_DONE = {
    "initializationType": "on-demand",
    "phase": "init",
    "status": "error",
    "errorType": "Runtime.ExitError",
}
WIRE_START = {"requestId": "R", "version": "$LATEST", "tracing": {"spanId": "3", **WIRE_TRACING}}
WIRE_RUNTIME_DONE = {
    "requestId": "R",
    "status": "success",
    "metrics": {"durationMs": 8.9, "producedBytes": 15},
    "spans": [WIRE_SPAN],
    "tracing": {"spanId": "3", **WIRE_TRACING},
}
WIRE_REPORT = {
    "requestId": "R",
    "status": "success",
    "metrics": METRICS,
    "spans": [WIRE_SPAN],
    "tracing": {"spanId": "3", **WIRE_TRACING},
}
FIRST_EXTENSION = {"name": "e", "state": "ExitError", "events": ["INVOKE"]}
LATER_EXTENSION = {**FIRST_EXTENSION, "errorType": "Extension.Crash"}
WIRE_SUBSCRIPTION = {"name": "e", "state": "Subscribed", "types": ["platform"]}
WIRE_DROPPED = {"reason": "too slow", "droppedRecords": 3, "droppedBytes": 400}

FIRST, SECOND, THIRD = "2022-07-01", "2022-12-13", "2025-01-29"


def rendered(render: Any, event: platform.Event) -> list[tuple[str, Any]]:
    """Types and contents of the records an event becomes; their time is the event's."""
    records = [json.loads(record) for record in render(event)]
    assert all(list(record) == ["time", "type", "record"] and record["time"] == TIME for record in records)
    return [(record["type"], record["record"]) for record in records]


@pytest.mark.parametrize(
    ("event", "kind", "first", "second", "third"),
    [
        (INIT_START, "platform.initStart", FIRST_INIT_START, LATER_INIT_START, LATER_INIT_START),
        (INIT_RUNTIME_DONE, "platform.initRuntimeDone", *[WIRE_INIT_RUNTIME_DONE] * 3),
        (INIT_REPORT, "platform.initReport", FIRST_INIT_REPORT, LATER_INIT_REPORT, LATER_INIT_REPORT),
        (START, "platform.start", WIRE_START, WIRE_START, {**WIRE_START, "functionArn": "arn:f"}),
        (RUNTIME_DONE, "platform.runtimeDone", *[WIRE_RUNTIME_DONE] * 3),
        (REPORT, "platform.report", *[WIRE_REPORT] * 3),
        (EXTENSION, "platform.extension", FIRST_EXTENSION, LATER_EXTENSION, LATER_EXTENSION),
        (SUBSCRIPTION, "platform.telemetrySubscription", *[WIRE_SUBSCRIPTION] * 3),
        (DROPPED, "platform.logsDropped", *[WIRE_DROPPED] * 3),
        (FUNCTION, "function", *['a "line"\tof é\n'] * 3),
        (EXTENSION_LOG, "extension", *["line\n"] * 3),
    ],
)
def test_telemetry_records_of_each_type_have_the_members_of_their_schema(
    event: platform.Event, kind: str, first: Any, second: Any, third: Any
) -> None:
    """A later schema adds members, an earlier one does not have them."""
    for schema, record in ((FIRST, first), (SECOND, second), (THIRD, third)):
        assert rendered(telemetry_records(schema), event) == [(kind, record)]


def test_telemetry_records_know_nothing_of_the_logs_api() -> None:
    """The Telemetry API does not have the record `platform.logsSubscription`."""
    for schema in (FIRST, SECOND, THIRD):
        assert rendered(telemetry_records(schema), LOGS_SUBSCRIPTION) == []


@pytest.mark.parametrize("schema", ["2020-08-15", "2021-03-18"])
@pytest.mark.parametrize(
    ("event", "records"),
    [
        (INIT_START, []),
        (INIT_RUNTIME_DONE, []),
        (INIT_REPORT, []),
        (SUBSCRIPTION, []),
        (START, [("platform.start", {"requestId": "R", "version": "$LATEST"})]),
        (
            REPORT,
            [
                ("platform.end", {"requestId": "R"}),
                ("platform.report", {"requestId": "R", "metrics": METRICS, "tracing": WIRE_TRACING}),
            ],
        ),
        (EXTENSION, [("platform.extension", FIRST_EXTENSION)]),
        (
            LOGS_SUBSCRIPTION,
            [("platform.logsSubscription", {"name": "e", "state": "Already subscribed", "types": ["function"]})],
        ),
        (DROPPED, [("platform.logsDropped", WIRE_DROPPED)]),
        (FUNCTION, [("function", 'a "line"\tof é\n')]),
        (EXTENSION_LOG, [("extension", "line\n")]),
    ],
)
def test_logs_records_of_each_type_have_the_members_of_the_logs_api(
    schema: str, event: platform.Event, records: list[tuple[str, Any]]
) -> None:
    """No init, no status, no spans; the end of an invocation is a separate record."""
    assert rendered(logs_records(schema), event) == records


def ended(status: str) -> tuple[platform.RuntimeDone, platform.Report]:
    """The events of the end of an invocation."""
    return (
        platform.RuntimeDone(NOON, "R", status, "Runtime.ExitError", 1.0, 0, (), None, False),
        platform.Report(NOON, "R", status, "Runtime.ExitError", 1.0, 1, 128, 41, None, (), None),
    )


@pytest.mark.parametrize(
    ("status", "wire", "fault"),
    [
        ("success", "success", None),
        ("timeout", "timeout", "RequestId: R\tStatus: timeout\n"),
        ("error", "failure", "RequestId: R Process exited before completing request"),
        ("failure", "failure", "RequestId: R\tStatus: failure\n"),
    ],
)
def test_logs_records_of_an_end_tell_its_status_in_the_later_schema(status: str, wire: str, fault: str | None) -> None:
    """`platform.runtimeDone` came with 2021-03-18; a bad end is a `platform.fault` in both."""
    runtime_done, report = ended(status)
    done = [("platform.runtimeDone", {"requestId": "R", "status": wire})]
    assert rendered(logs_records("2021-03-18"), runtime_done) == done
    assert rendered(logs_records("2020-08-15"), runtime_done) == []
    for schema in ("2020-08-15", "2021-03-18"):
        records = rendered(logs_records(schema), report)
        assert [content for kind, content in records if kind == "platform.fault"] == ([fault] if fault else [])
        assert [kind for kind, _ in records][-2:] == ["platform.end", "platform.report"]


@pytest.mark.parametrize(
    ("text", "record"),
    [
        ('{"level":"INFO","message":"é"}\n', {"level": "INFO", "message": "é"}),
        (' {"a": 1}\n', {"a": 1}),
        ('{\n"a": [1.5, null]\n}', {"a": [1.5, None]}),
        ('{"a": 1} and more\n', '{"a": 1} and more\n'),
        ('{"a": NaN}', '{"a": NaN}'),
        ('{"a": 1e999}', '{"a": 1e999}'),
        ('{"a":' * 100_000, '{"a":' * 100_000),
        ("[1]\n", "[1]\n"),
        ("plain\n", "plain\n"),
    ],
)
def test_line_of_a_function_that_logs_json_is_an_object_in_the_later_schemas(text: str, record: Any) -> None:
    """An object where the line is one, in schemas that have that; and always one line of valid JSON."""
    event = platform.FunctionLog(NOON, text, "function", json_format=True)
    for schema, content in ((FIRST, text), (SECOND, record), (THIRD, record)):
        render = telemetry_records(schema)
        assert rendered(render, event) == [("function", content)]
        assert b"\n" not in render(event)[0]
    assert rendered(logs_records("2021-03-18"), event) == [("function", text)]
    as_text = platform.FunctionLog(NOON, text, "function")
    assert rendered(telemetry_records(SECOND), as_text) == [("function", text)]


def test_line_that_is_no_text_is_delivered_with_replacements() -> None:
    """Half a surrogate pair cannot be encoded; it does not stop the delivery."""
    event = platform.FunctionLog(NOON, "a\ud800b\n", "function")
    for render in (telemetry_records(SECOND), logs_records("2021-03-18")):
        assert rendered(render, event) == [("function", "a?b\n")]


def test_every_event_but_a_loss_belongs_to_a_type_one_can_subscribe_to() -> None:
    """A new event class needs a category, or it is not delivered."""

    kinds = {kind for kind in vars(platform).values() if isinstance(kind, type) and hasattr(kind, "type")}
    assert kinds == {*CATEGORIES, platform.LogsDropped}
    assert set(CATEGORIES.values()) == {"platform", "function", "extension"}
