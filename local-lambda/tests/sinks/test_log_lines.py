"""Log lines are made from events: text as CloudWatch shows it, JSON with its level filter, and the last 4 KB."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from local_lambda.events import platform
from local_lambda.functions.config import LoggingConfig
from local_lambda.limits import LOG_TAIL_BYTES
from local_lambda.sinks.log_lines import LogLines

NOON = 1_700_000_000.5
STREAM = "2023/11/14/[$LATEST]0a"
TRACING = platform.Tracing("Root=1-a;Parent=b;Sampled=1", "1-a", "b", "c", "d", sampled=True)
INIT_START = platform.InitStart(
    NOON, "on-demand", "init", "python:3.11.7", "arn:r", "hello", "$LATEST", STREAM, 1 << 27
)
INIT_DONE = platform.InitRuntimeDone(NOON, "on-demand", "init", "success")
INIT_REPORT = platform.InitReport(NOON, "on-demand", "init", "success", 300.126)
START = platform.Start(NOON, "id-1", "$LATEST", "arn:f", None)
DONE = platform.RuntimeDone(NOON, "id-1", "success", None, 12.3, 2, (), None, False)
REPORT = platform.Report(NOON, "id-1", "success", None, 12.345, 313, 128, 40, 300.126, (), None)


class Log:
    """What `LogLines` wrote, and the sink itself."""

    def __init__(self, *arguments: str, **members: Any) -> None:
        self.lines: list[tuple[str, str]] = []
        self.sink = LogLines(
            LoggingConfig(*arguments, **members), lambda source, line: self.lines.append((source, line))
        )

    def __call__(self, *reported: platform.Event) -> list[str]:
        for event in reported:
            self.sink(event)
        return [line for _, line in self.lines]


def text(line: str, json_format: bool = False) -> platform.FunctionLog:
    return platform.FunctionLog(NOON, line, "function", json_format)


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (INIT_START, "INIT_START Runtime Version: python:3.11.7\tRuntime Version ARN: arn:r\n"),
        (replace(INIT_START, runtime_version=None), None),
        (INIT_DONE, None),
        (INIT_REPORT, None),
        (
            replace(INIT_REPORT, phase="invoke", status="error", error_type="Runtime.ExitError"),
            "INIT_REPORT Init Duration: 300.13 ms\tPhase: invoke\tStatus: error\tError Type: Runtime.ExitError\n",
        ),
        (
            replace(INIT_REPORT, status="timeout"),
            "INIT_REPORT Init Duration: 300.13 ms\tPhase: init\tStatus: timeout\n",
        ),
        (START, "START RequestId: id-1 Version: $LATEST\n"),
        (DONE, None),
        (
            REPORT,
            "END RequestId: id-1\nREPORT RequestId: id-1\tDuration: 12.35 ms\tBilled Duration: 313 ms\t"
            "Memory Size: 128 MB\tMax Memory Used: 40 MB\tInit Duration: 300.13 ms\t\n",
        ),
        (
            replace(REPORT, init_duration=None, status="timeout", duration=3000.0),
            "END RequestId: id-1\nREPORT RequestId: id-1\tDuration: 3000.00 ms\tBilled Duration: 313 ms\t"
            "Memory Size: 128 MB\tMax Memory Used: 40 MB\tStatus: timeout\n",
        ),
        (
            replace(REPORT, status="error", error_type="Runtime.ExitError"),
            "END RequestId: id-1\nREPORT RequestId: id-1\tDuration: 12.35 ms\tBilled Duration: 313 ms\t"
            "Memory Size: 128 MB\tMax Memory Used: 40 MB\tInit Duration: 300.13 ms\t"
            "Status: error\tError Type: Runtime.ExitError\n",
        ),
        (
            replace(REPORT, init_duration=None, tracing=TRACING),
            "END RequestId: id-1\nREPORT RequestId: id-1\tDuration: 12.35 ms\tBilled Duration: 313 ms\t"
            "Memory Size: 128 MB\tMax Memory Used: 40 MB\t\nXRAY TraceId: 1-a\tSegmentId: c\tSampled: true\t\n",
        ),
        (
            platform.ExtensionState(NOON, "watcher", "Ready", ("INVOKE", "SHUTDOWN")),
            "EXTENSION\tName: watcher\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n",
        ),
        (
            platform.TelemetrySubscription(NOON, "watcher", "Subscribed", ("platform", "function")),
            "TELEMETRY\tName: watcher\tState: Subscribed\tTypes: [Platform, Function]\n",
        ),
        (
            platform.LogsSubscription(NOON, "watcher", "Subscribed", ("platform",)),
            "LOGS\tName: watcher\tState: Subscribed\tTypes: [Platform]\n",
        ),
    ],
)
def test_line_of_a_record_in_the_text_format(event: platform.Event, line: str | None) -> None:
    """The text is the service's, to the tab; a successful init and the end of the runtime do not have a line."""
    log = Log()
    log(event)
    assert log.lines == ([] if line is None else [("platform", line)])


def test_line_when_not_sampled_has_no_xray_part() -> None:
    """`XRAY` is part of the REPORT of traced invocations only."""
    assert "XRAY" not in Log()(replace(REPORT, tracing=TRACING._replace(sampled=False)))[0]


def test_line_without_an_end_gets_one() -> None:
    """What the runtime client logs as one record ends like any line: END never stands behind a traceback."""
    log = Log()
    log(START, text("[ERROR] E: e\nTraceback (most recent call last):"), text("two\n"))
    assert log.lines[1:] == [("function", "[ERROR] E: e\nTraceback (most recent call last):\n"), ("function", "two\n")]


def test_line_of_an_extension_is_marked_as_its_own() -> None:
    """The source tells the lane of the console."""
    log = Log()
    log(platform.ExtensionLog(NOON, "hello\n", "watcher"))
    assert log.lines == [("extension:watcher", "hello\n")]


def system_lines(level: str) -> list[str]:
    """The types that are written at a system log level, of a good and of a failed invocation."""
    log = Log("JSON", system_log_level=level)
    failed = [replace(event, status="error", error_type="E") for event in (INIT_DONE, INIT_REPORT, DONE, REPORT)]
    lines = log(
        INIT_START, INIT_DONE, INIT_REPORT, START, DONE, REPORT, *failed, platform.LogsDropped(NOON, "slow", 1, 2)
    )
    return [json.loads(line)["type"].removeprefix("platform.") for line in lines]


def test_system_lines_of_the_json_format_follow_the_level() -> None:
    """INFO shows init start, start and report; DEBUG everything; WARN only what went wrong."""
    bad = ["initRuntimeDone", "initReport", "runtimeDone", "report", "logsDropped"]
    assert system_lines("INFO") == ["initStart", "start", "report", *bad]
    assert system_lines("DEBUG") == [
        "initStart",
        "initRuntimeDone",
        "initReport",
        "start",
        "runtimeDone",
        "report",
        *bad,
    ]
    assert system_lines("WARN") == bad


def test_system_line_of_the_json_format_is_the_record() -> None:
    """Time, type and record, as the Telemetry API writes them."""
    (line,) = Log("JSON")(START)
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.500Z",
        "type": "platform.start",
        "record": {"requestId": "id-1", "version": "$LATEST", "functionArn": "arn:f"},
    }


AT = '"timestamp":"2026-01-12T15:37:41Z"'


@pytest.mark.parametrize(
    ("level", "kept"),
    [
        ("TRACE", "tdiweafpxnoyz"),
        ("DEBUG", "diweafpxnoyz"),
        ("INFO", "iweafpxnoyz"),
        ("WARN", "wefy"),
        ("ERROR", "efy"),
        ("FATAL", "f"),
    ],
)
def test_application_lines_of_the_json_format_follow_the_level(level: str, kept: str) -> None:
    """A record's `level` decides. Without a valid one, or without a valid time, it is INFO, and so is plain text."""
    lines = {
        "t": f'{{{AT},"level":"TRACE"}}',
        "d": f'{{{AT},"level":"DEBUG"}}',
        "i": f'{{{AT},"level":"INFO"}}',
        "w": f'{{{AT},"level":"WARNING"}}',
        "e": f'{{{AT},"level":"error"}}',
        "a": f'{{{AT},"log_level":"ERROR"}}',
        "f": f'{{{AT},"level":"CRITICAL"}}',
        "p": "plain",
        "x": f'{{{AT},"level":"LOUD"}}',
        "n": '{"level":"ERROR"}',
        "o": '{"timestamp":"2026-13-12T15:37:41Z","level":"ERROR"}',
        "y": '{"time":"2026-01-12T15:37:41.123+01:00","level":"ERROR"}',
        "z": '{"timestamp":1768232261,"level":"DEBUG"}',
    }
    log = Log("JSON", application_log_level=level)
    written = log(*(text(line + "\n", json_format=True) for line in lines.values()))
    assert written == [lines[letter] + "\n" for letter in kept]


def test_tail_holds_one_invocation() -> None:
    """From the lines before START (of a cold start) to REPORT, and nothing of the next invocation."""
    log = Log()
    lines = log(INIT_START, START, text("one\n"), REPORT)
    log(START, text("two\n"))
    assert log.sink.tail() == "".join(lines).encode()


@pytest.mark.parametrize("count", [100, 1000, 5000])
def test_tail_is_the_last_4096_bytes_of_text(count: int) -> None:
    """Cut by bytes, in the middle of a line or of a character."""
    log = Log()
    lines = log(START, *(text(f"ä line {number}\n") for number in range(count)), REPORT)
    assert log.sink.tail() == "".join(lines).encode()[-LOG_TAIL_BYTES:]


def test_tail_of_the_json_format_holds_whole_records() -> None:
    """As many of the last records as fit into 4,096 bytes."""
    log = Log("JSON")
    lines = log(START, *(text(f'{{"message":"ä {number}"}}\n', json_format=True) for number in range(1000)), REPORT)
    tail = log.sink.tail()
    records = tail.decode().splitlines(keepends=True)
    assert records == lines[-len(records) :]
    assert len(tail) <= LOG_TAIL_BYTES < len(tail) + len(lines[-len(records) - 1].encode())


def test_tail_when_one_line_is_longer_keeps_its_end() -> None:
    """A single line of 1 MB does not get around the limit."""
    log = Log()
    log(START, text("x" * 1_000_000 + "y\n"), REPORT)
    tail = log.sink.tail()
    assert len(tail) == LOG_TAIL_BYTES
    assert b"xy\nEND RequestId" in tail


def test_tail_when_the_report_is_filtered_is_the_invocations_all_the_same() -> None:
    """A system level above INFO hides the REPORT record, not what the function logged."""
    log = Log("JSON", system_log_level="WARN")
    log(START, text("first\n"), REPORT, START, text("second\n"), REPORT)
    assert log.sink.tail() == b"second\n"
