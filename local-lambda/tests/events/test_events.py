"""Events have the wire form of the Telemetry API, and carry nothing else onto the wire."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from local_lambda.events import platform

NOON = 1_700_000_000.5
WIRE_TIME = "2023-11-14T22:13:20.500Z"
TRACING = platform.Tracing("Root=1-a;Parent=b;Sampled=1", "1-a", "b", "c", "d", sampled=True)
WIRE_TRACING = {"spanId": "c", "type": "X-Amzn-Trace-Id", "value": "Root=1-a;Parent=b;Sampled=1"}
DEEP = '{"a":' * 100_000 + "1" + "}" * 100_000
SPAN = platform.Span("responseLatency", NOON, 1.23456)
DONE = platform.RuntimeDone(NOON, "id", "success", None, 12.34567, 7, (SPAN,), TRACING, True, "the cause")
REPORT = platform.Report(NOON, "id", "error", "Runtime.ExitError", 12.34567, 13, 128, 40, None, (), None)

RECORDS: list[tuple[platform.Event, str, Any]] = [
    (
        platform.InitStart(NOON, "on-demand", "init", "python:3.11", "arn:r", "f", "$LATEST", "stream", 1024),
        "platform.initStart",
        {
            "initializationType": "on-demand",
            "phase": "init",
            "runtimeVersion": "python:3.11",
            "runtimeVersionArn": "arn:r",
            "functionName": "f",
            "functionVersion": "$LATEST",
            "instanceId": "stream",
            "instanceMaxMemory": 1024,
        },
    ),
    (
        platform.InitRuntimeDone(NOON, "on-demand", "invoke", "error", "Runtime.ExitError"),
        "platform.initRuntimeDone",
        {
            "initializationType": "on-demand",
            "phase": "invoke",
            "status": "error",
            "errorType": "Runtime.ExitError",
        },
    ),
    (
        platform.InitReport(NOON, "on-demand", "init", "success", 300.12345),
        "platform.initReport",
        {
            "initializationType": "on-demand",
            "phase": "init",
            "status": "success",
            "metrics": {"durationMs": 300.123},
        },
    ),
    (
        platform.Start(NOON, "id", "$LATEST", "arn:f", TRACING),
        "platform.start",
        {"requestId": "id", "version": "$LATEST", "functionArn": "arn:f", "tracing": WIRE_TRACING},
    ),
    (
        platform.RestoreStart(NOON, "python:3.13.v1", "arn:r", "hello", "1", "stream", 128),
        "platform.restoreStart",
        {
            "runtimeVersion": "python:3.13.v1",
            "runtimeVersionArn": "arn:r",
            "functionName": "hello",
            "functionVersion": "1",
            "instanceId": "stream",
            "instanceMaxMemory": 128,
        },
    ),
    (
        platform.RestoreRuntimeDone(NOON, "error", "Runtime.AfterRestoreError"),
        "platform.restoreRuntimeDone",
        {"status": "error", "errorType": "Runtime.AfterRestoreError"},
    ),
    (
        platform.RestoreReport(NOON, "success", 12.3456),
        "platform.restoreReport",
        {"status": "success", "metrics": {"durationMs": 12.346}},
    ),
    (
        DONE,
        "platform.runtimeDone",
        {
            "requestId": "id",
            "status": "success",
            "metrics": {"durationMs": 12.346, "producedBytes": 7},
            "spans": [{"name": "responseLatency", "start": WIRE_TIME, "durationMs": 1.235}],
            "tracing": WIRE_TRACING,
        },
    ),
    (
        REPORT,
        "platform.report",
        {
            "requestId": "id",
            "status": "error",
            "errorType": "Runtime.ExitError",
            "metrics": {"durationMs": 12.346, "billedDurationMs": 13, "memorySizeMB": 128, "maxMemoryUsedMB": 40},
        },
    ),
    (platform.FunctionLog(NOON, "hello\n", "function"), "function", "hello\n"),
    (platform.ExtensionLog(NOON, "hello\n", "watcher"), "extension", "hello\n"),
    (
        platform.ExtensionState(NOON, "watcher", "Ready", ("INVOKE",)),
        "platform.extension",
        {"name": "watcher", "state": "Ready", "events": ["INVOKE"]},
    ),
    (
        platform.TelemetrySubscription(NOON, "watcher", "Subscribed", ("platform",)),
        "platform.telemetrySubscription",
        {"name": "watcher", "state": "Subscribed", "types": ["platform"]},
    ),
    (
        platform.LogsSubscription(NOON, "watcher", "Subscribed", ("platform",)),
        "platform.logsSubscription",
        {"name": "watcher", "state": "Subscribed", "types": ["platform"]},
    ),
    (
        platform.LogsDropped(NOON, "Consumer seems to have fallen behind", 12, 345),
        "platform.logsDropped",
        {"reason": "Consumer seems to have fallen behind", "droppedRecords": 12, "droppedBytes": 345},
    ),
]


@pytest.mark.parametrize(("event", "kind", "record"), RECORDS, ids=[row[1] for row in RECORDS])
def test_wire_of_an_event_is_the_telemetry_apis(event: platform.Event, kind: str, record: Any) -> None:
    """Names, nesting and rounding; what has no value is left out."""
    assert event.wire() == {"time": WIRE_TIME, "type": kind, "record": record}
    json.dumps(event.wire())


def test_wire_of_every_event_type_is_tested() -> None:
    """No record type is forgotten in the table above."""
    known = {cls for cls in vars(platform).values() if isinstance(cls, type) and hasattr(cls, "type")}
    assert {type(event) for event, _, _ in RECORDS} == known


def test_record_of_a_report_of_a_cold_start_has_its_init() -> None:
    """`initDurationMs` is there for the invocation that waited for the init, and only for that."""
    record: Any = replace(REPORT, init_duration=300.12345).record()
    assert record["metrics"]["initDurationMs"] == 300.123


def test_record_when_not_sampled_has_no_tracing() -> None:
    """Records carry a `tracing` object when the invocation is traced."""
    record: Any = replace(DONE, tracing=TRACING._replace(sampled=False)).record()
    assert "tracing" not in record


@pytest.mark.parametrize(
    ("text", "record"),
    [
        ('{"level":"INFO","message":"m"}\n', {"level": "INFO", "message": "m"}),
        ('{"level":\n', '{"level":\n'),
        ("[1]\n", "[1]\n"),
        ("plain\n", "plain\n"),
        pytest.param(DEEP, DEEP, id="nested too deeply"),
    ],
)
def test_record_of_a_json_log_line_is_an_object(text: str, record: Any) -> None:
    """In the JSON log format a line that is a JSON object is delivered as one, every other line as it is."""
    assert platform.FunctionLog(NOON, text, "function", json_format=True).record() == record
    assert platform.FunctionLog(NOON, text, "function").record() == text


def test_timestamp_when_near_a_second_does_not_round_up() -> None:
    """Milliseconds are cut, so that no event is later than it was."""
    assert platform.timestamp(1_699_999_999.9999) == "2023-11-14T22:13:19.999Z"
    assert platform.timestamp(1_700_000_000.0) == "2023-11-14T22:13:20.000Z"
