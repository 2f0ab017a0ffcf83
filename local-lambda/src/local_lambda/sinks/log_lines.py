"""Makes the log lines of CloudWatch Logs from events: text or JSON, with the level filter of the JSON format.

Formats: https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html and recorded logs of the service (2025/26:
REPORT has the status, and a timeout or a crash does not get a separate line).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import datetime

from local_lambda.events import platform
from local_lambda.events.platform import Event, Tracing
from local_lambda.functions.config import LoggingConfig
from local_lambda.limits import LOG_TAIL_BYTES

_LEVELS = {"TRACE": 0, "DEBUG": 1, "INFO": 2, "WARN": 3, "WARNING": 3, "ERROR": 4, "FATAL": 5, "CRITICAL": 5}

_TIMESTAMPS = ("timestamp", "time", "@timestamp")
"""The names of the timestamp in the runtimes' own log libraries."""
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)").fullmatch

Line = tuple[str, str]
"""The source of a line (`platform`, `function` or an extension's name), and the line with its line end."""


class LogLines:
    """A sink that writes an environment's log: every line goes to `write(source, line)` and into the log tail."""

    def __init__(self, logging: LoggingConfig, write: Callable[[str, str], None]) -> None:
        self._write = write
        self._json = logging.log_format == "JSON"
        self._application_level = _LEVELS.get(logging.application_log_level, 2)
        self._system_level = _LEVELS.get(logging.system_log_level, 2)
        self._tail: list[str] = []
        self._tail_of_last: list[str] = []
        self._tail_bytes = 0

    def wants(self, kind: type[Event]) -> bool:
        """Whether an event of this kind can produce a line."""
        return self._json or kind in _TEXT or issubclass(kind, platform.Log)

    def __call__(self, event: Event) -> None:
        kind = type(event)
        render = None if self._json else _TEXT.get(kind)
        if render is not None:
            line = render(event)
            if line is not None:
                self._add("platform", line)
        elif isinstance(event, platform.Log):
            if not self._json or self._application_line_is_wanted(event):
                source = event.source if kind is platform.FunctionLog else f"extension:{event.source}"
                self._add(source, event.text)
        elif self._json and _level(event) >= self._system_level:
            self._add("platform", json.dumps(event.wire(), separators=(",", ":")) + "\n")
        if kind is platform.Report:
            self._tail_of_last, self._tail = self._tail, []
            self._tail_bytes = 0

    def _add(self, source: str, line: str) -> None:
        if not line.endswith("\n"):
            line += "\n"
        self._write(source, line)
        self._tail.append(line)
        self._tail_bytes += len(line)
        if self._tail_bytes > 4 * LOG_TAIL_BYTES:
            self._tail = _last_lines(self._tail)
            self._tail_bytes = sum(map(len, self._tail))

    def tail(self) -> bytes:
        """The last 4 KB of the log of the last reported invocation; only whole records in the JSON format."""
        if self._json:
            records = _last_lines(self._tail_of_last)
            while records and sum(len(record.encode()) for record in records) > LOG_TAIL_BYTES:
                del records[0]
            return "".join(records).encode()
        return "".join(self._tail_of_last).encode()[-LOG_TAIL_BYTES:]

    def _application_line_is_wanted(self, event: platform.Log) -> bool:
        return _application_level(event.record()) >= self._application_level


def _application_level(record: object) -> int:
    """The level of a record that a process wrote: INFO unless it has a valid level and a valid timestamp.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
    """
    level = None
    if isinstance(record, dict) and any(_is_time(record.get(name)) for name in _TIMESTAMPS):
        level = _LEVELS.get(str(record.get("level")).upper())
    return _LEVELS["INFO"] if level is None else level


def _is_time(value: object) -> bool:
    """Whether this is a time in the format of RFC 3339."""
    if not isinstance(value, str) or not _RFC_3339(value):
        return False
    try:
        datetime.fromisoformat(value.upper())
    except ValueError:
        return False
    return True


def _last_lines(lines: list[str]) -> list[str]:
    kept, size = len(lines), 0
    while kept and size <= LOG_TAIL_BYTES:
        kept -= 1
        size += len(lines[kept])
    return lines[kept:]


def _level(event: Event) -> int:
    """The level of a system log record in the JSON format."""
    status = getattr(event, "status", "success")
    if isinstance(event, platform.LogsDropped) or status != "success":
        return _LEVELS["WARN"]
    if isinstance(
        event, (platform.InitRuntimeDone, platform.RuntimeDone, platform.InitReport, platform.RestoreRuntimeDone)
    ):
        return _LEVELS["DEBUG"]
    if isinstance(event, platform.InitStart) and event.runtime_version is None:
        return _LEVELS["DEBUG"]
    if isinstance(event, platform.ExtensionState) and event.error_type is not None:
        return _LEVELS["WARN"]
    return _LEVELS["INFO"]


def _init_start(event: platform.InitStart) -> str | None:
    if event.runtime_version is None:
        return None
    return f"INIT_START Runtime Version: {event.runtime_version}\tRuntime Version ARN: {event.runtime_version_arn}\n"


def _init_report(event: platform.InitReport) -> str | None:
    """The line for an init. A successful on-demand init has none: REPORT of its first invocation shows it instead."""
    if event.status == "success" and event.initialization_type == "on-demand":
        return None
    kind = f"\tError Type: {event.error_type}" if event.error_type else ""
    return f"INIT_REPORT Init Duration: {event.duration:.2f} ms\tPhase: {event.phase}\tStatus: {event.status}{kind}\n"


def _restore_start(event: platform.RestoreStart) -> str | None:
    return f"RESTORE_START Runtime Version: {event.runtime_version}\tRuntime Version ARN: {event.runtime_version_arn}\n"


def _restore_report(event: platform.RestoreReport) -> str | None:
    status = "" if event.status == "success" else f"\tStatus: {event.status}"
    kind = f"\tError Type: {event.error_type}" if event.error_type else ""
    return f"RESTORE_REPORT Restore Duration: {event.duration:.2f} ms{status}{kind}\n"


def _start(event: platform.Start) -> str:
    return f"START RequestId: {event.request_id} Version: {event.version}\n"


def _report(event: platform.Report) -> str:
    init = "" if event.init_duration is None else f"Init Duration: {event.init_duration:.2f} ms\t"
    if event.restore_duration is not None:
        init = f"Restore Duration: {event.restore_duration:.2f} ms\tBilled Restore Duration: "
        init += f"{math.ceil(event.restore_duration)} ms\t"
    line = (
        f"END RequestId: {event.request_id}\n"
        f"REPORT RequestId: {event.request_id}\tDuration: {event.duration:.2f} ms\t"
        f"Billed Duration: {event.billed_duration} ms\tMemory Size: {event.memory_size} MB\t"
        f"Max Memory Used: {event.max_memory_used} MB\t{init}"
    )
    if event.status != "success":
        line += f"Status: {event.status}"
        if event.error_type:
            line += f"\tError Type: {event.error_type}"
    return f"{line}\n{_xray(event.tracing)}"


def _xray(tracing: Tracing | None) -> str:
    if tracing is None or not tracing.sampled:
        return ""
    return f"XRAY TraceId: {tracing.trace_id}\tSegmentId: {tracing.span_id}\tSampled: true\t\n"


def _extension(event: platform.ExtensionState) -> str:
    kind = f"\tError Type: {event.error_type}" if event.error_type else ""
    return f"EXTENSION\tName: {event.name}\tState: {event.state}\tEvents: [{', '.join(event.events)}]{kind}\n"


def _subscription(event: platform.TelemetrySubscription) -> str:
    kind = "LOGS" if isinstance(event, platform.LogsSubscription) else "TELEMETRY"
    types = ", ".join(name.capitalize() for name in event.types)
    return f"{kind}\tName: {event.name}\tState: {event.state}\tTypes: [{types}]\n"


_TEXT: dict[type[Event], Callable[..., str | None]] = {
    platform.InitStart: _init_start,
    platform.InitReport: _init_report,
    platform.RestoreStart: _restore_start,
    platform.RestoreReport: _restore_report,
    platform.Start: _start,
    platform.Report: _report,
    platform.ExtensionState: _extension,
    platform.TelemetrySubscription: _subscription,
    platform.LogsSubscription: _subscription,
}
