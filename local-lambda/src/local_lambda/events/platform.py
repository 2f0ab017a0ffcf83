"""The events of an execution environment: a frozen class per record type, named as in the Telemetry API.

Everything that is shown (console lanes, log lines, log deliveries, traces, reports, test assertions) is rendered from
these. Wire names live only here. `time` is in seconds since the epoch, durations are in milliseconds.
Source: https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html (schema 2022-12-13).
"""

from __future__ import annotations

import json
import math
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import msgspec

Record = dict[str, Any] | str


def timestamp(time: float) -> str:
    """`time` (seconds since the epoch) in Lambda's format: ISO 8601, milliseconds, `Z`."""
    second, milliseconds = divmod(int(time * 1000), 1000)
    return f"{_second(second)}.{milliseconds:03d}Z"


@lru_cache(maxsize=16)
def _second(second: int) -> str:
    return f"{datetime.fromtimestamp(second, timezone.utc):%Y-%m-%dT%H:%M:%S}"


class Span(NamedTuple):
    """A named part of a phase: `start` in seconds since the epoch, `duration` in milliseconds."""

    name: str
    start: float
    duration: float

    def wire(self) -> dict[str, Any]:
        """The span in the format of the Telemetry API."""
        return {"name": self.name, "start": timestamp(self.start), "durationMs": round(self.duration, 3)}


class Tracing(NamedTuple):
    """The X-Ray context of an invocation. `span_id` is the function segment's id, `upstream` the caller's parent id."""

    header: str
    trace_id: str
    parent_id: str
    span_id: str
    service_id: str
    upstream: str | None = None
    sampled: bool = False
    received: float = 0.0
    """When the invocation's request arrived (seconds since the epoch). Not on the wire."""
    attempt: int | None = None
    """The attempt at an asynchronous (`Event`) invocation: 1, 2, 3. Not on the wire."""

    def wire(self) -> dict[str, str]:
        """The `tracing` object of the Telemetry API."""
        return {"spanId": self.span_id, "type": "X-Amzn-Trace-Id", "value": self.header}


class Event(msgspec.Struct, frozen=True):
    """One event. Subclasses define `type` (wire name) and `record()` (wire content)."""

    type: ClassVar[str]
    time: float

    def record(self) -> Record:
        """The `record` member of the wire form."""
        raise NotImplementedError

    def wire(self) -> dict[str, Any]:
        """The event in the form that the Telemetry API delivers: `time`, `type`, `record`."""
        return {"time": timestamp(self.time), "type": self.type, "record": self.record()}


def _compact(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _spans(spans: tuple[Span, ...]) -> list[dict[str, Any]] | None:
    return [span.wire() for span in spans] or None


class InitStart(Event, frozen=True):
    """`platform.initStart`: the Init phase begins. `phase` is `init`, or `invoke` for a suppressed init."""

    type: ClassVar[str] = "platform.initStart"
    initialization_type: str
    phase: str
    runtime_version: str | None
    runtime_version_arn: str | None
    function_name: str
    function_version: str
    instance_id: str
    instance_max_memory: int

    def record(self) -> Record:
        return _compact(
            initializationType=self.initialization_type,
            phase=self.phase,
            runtimeVersion=self.runtime_version,
            runtimeVersionArn=self.runtime_version_arn,
            functionName=self.function_name,
            functionVersion=self.function_version,
            instanceId=self.instance_id,
            instanceMaxMemory=self.instance_max_memory,
        )


class InitRuntimeDone(Event, frozen=True):
    """`platform.initRuntimeDone`: the runtime is ready for its first invocation, or its init failed."""

    type: ClassVar[str] = "platform.initRuntimeDone"
    initialization_type: str
    phase: str
    status: str
    error_type: str | None = None

    def record(self) -> Record:
        return _compact(
            initializationType=self.initialization_type, phase=self.phase, status=self.status, errorType=self.error_type
        )


class InitReport(Event, frozen=True):
    """`platform.initReport`: the Init phase is over, `duration` milliseconds after it began."""

    type: ClassVar[str] = "platform.initReport"
    initialization_type: str
    phase: str
    status: str
    duration: float
    error_type: str | None = None

    def record(self) -> Record:
        return _compact(
            initializationType=self.initialization_type,
            phase=self.phase,
            status=self.status,
            errorType=self.error_type,
            metrics={"durationMs": round(self.duration, 3)},
        )


class RestoreStart(Event, frozen=True):
    """`platform.restoreStart`: an environment begins to continue from a snapshot."""

    type: ClassVar[str] = "platform.restoreStart"
    runtime_version: str | None
    runtime_version_arn: str | None
    function_name: str
    function_version: str
    instance_id: str
    instance_max_memory: int

    def record(self) -> Record:
        return _compact(
            runtimeVersion=self.runtime_version,
            runtimeVersionArn=self.runtime_version_arn,
            functionName=self.function_name,
            functionVersion=self.function_version,
            instanceId=self.instance_id,
            instanceMaxMemory=self.instance_max_memory,
        )


class RestoreRuntimeDone(Event, frozen=True):
    """`platform.restoreRuntimeDone`: the hooks have run and the runtime is ready, or a hook has failed."""

    type: ClassVar[str] = "platform.restoreRuntimeDone"
    status: str
    error_type: str | None = None

    def record(self) -> Record:
        return _compact(status=self.status, errorType=self.error_type)


class RestoreReport(Event, frozen=True):
    """`platform.restoreReport`: the restore is over, `duration` milliseconds after it began."""

    type: ClassVar[str] = "platform.restoreReport"
    status: str
    duration: float
    error_type: str | None = None

    def record(self) -> Record:
        return _compact(status=self.status, errorType=self.error_type, metrics={"durationMs": round(self.duration, 3)})


class Start(Event, frozen=True):
    """`platform.start`: an invocation was given to the runtime."""

    type: ClassVar[str] = "platform.start"
    request_id: str
    version: str
    function_arn: str
    tracing: Tracing | None
    tenant_id: str | None = None

    def record(self) -> Record:
        return _compact(
            requestId=self.request_id,
            version=self.version,
            functionArn=self.function_arn,
            tenantId=self.tenant_id,
            tracing=self.tracing.wire() if self.tracing and self.tracing.sampled else None,
        )


class RuntimeDone(Event, frozen=True):
    """`platform.runtimeDone`: the runtime finished an invocation (it asked for the next) or was stopped during it."""

    type: ClassVar[str] = "platform.runtimeDone"
    request_id: str
    status: str
    error_type: str | None
    duration: float
    produced_bytes: int
    spans: tuple[Span, ...]
    tracing: Tracing | None
    failed: bool
    """Whether the handler reported an error. Not on the wire: for Lambda this is a `success` of the runtime."""
    cause: str | None = None
    """The exception as the runtime describes it for X-Ray (JSON text). Not on the wire."""
    tenant_id: str | None = None
    streamed: bool = False
    """Whether the response came in pieces. Not on the wire."""

    def record(self) -> Record:
        return _compact(
            requestId=self.request_id,
            status=self.status,
            errorType=self.error_type,
            tenantId=self.tenant_id,
            metrics={"durationMs": round(self.duration, 3), "producedBytes": self.produced_bytes},
            spans=_spans(self.spans),
            tracing=self.tracing.wire() if self.tracing and self.tracing.sampled else None,
        )


class Report(Event, frozen=True):
    """`platform.report`: runtime and extensions finished the invocation. Memory in MB, durations in milliseconds."""

    type: ClassVar[str] = "platform.report"
    request_id: str
    status: str
    error_type: str | None
    duration: float
    billed_duration: int
    memory_size: int
    max_memory_used: int
    init_duration: float | None
    spans: tuple[Span, ...]
    tracing: Tracing | None
    restore_duration: float | None = None

    def record(self) -> Record:
        return _compact(
            requestId=self.request_id,
            status=self.status,
            errorType=self.error_type,
            metrics=_compact(
                durationMs=round(self.duration, 3),
                billedDurationMs=self.billed_duration,
                memorySizeMB=self.memory_size,
                maxMemoryUsedMB=self.max_memory_used,
                initDurationMs=None if self.init_duration is None else round(self.init_duration, 3),
                restoreDurationMs=None if self.restore_duration is None else round(self.restore_duration, 3),
                billedRestoreDurationMs=None if self.restore_duration is None else math.ceil(self.restore_duration),
            ),
            spans=_spans(self.spans),
            tracing=self.tracing.wire() if self.tracing and self.tracing.sampled else None,
        )


class Log(Event, frozen=True):
    """A line of output, unchanged. `source` is the process: `function` or an extension's name."""

    text: str
    source: str
    json_format: bool = False
    """Whether the function's log format is JSON: then a line that is a JSON object is delivered as an object."""

    def record(self) -> Record:
        if self.json_format and self.text.startswith("{"):
            try:
                value = json.loads(self.text)
            except (ValueError, RecursionError):
                return self.text
            if isinstance(value, dict):
                return value
        return self.text


class FunctionLog(Log, frozen=True):
    """`function`: a line the runtime process wrote (standard output, standard error or the framed log descriptor)."""

    type: ClassVar[str] = "function"


class ExtensionLog(Log, frozen=True):
    """`extension`: a line an extension process wrote."""

    type: ClassVar[str] = "extension"


class ExtensionState(Event, frozen=True):
    """`platform.extension`: the state of an extension at the end of init."""

    type: ClassVar[str] = "platform.extension"
    name: str
    state: str
    events: tuple[str, ...]
    error_type: str | None = None

    def record(self) -> Record:
        return _compact(name=self.name, state=self.state, events=list(self.events), errorType=self.error_type)


class TelemetrySubscription(Event, frozen=True):
    """`platform.telemetrySubscription` or `platform.logsSubscription`: an extension subscribed to `types`."""

    type: ClassVar[str] = "platform.telemetrySubscription"
    name: str
    state: str
    types: tuple[str, ...]

    def record(self) -> Record:
        return {"name": self.name, "state": self.state, "types": list(self.types)}


class LogsSubscription(TelemetrySubscription, frozen=True):
    """A subscription made through the older Logs API."""

    type: ClassVar[str] = "platform.logsSubscription"


class LogsDropped(Event, frozen=True):
    """`platform.logsDropped`: a slow subscriber lost `records` records with a total of `size` bytes."""

    type: ClassVar[str] = "platform.logsDropped"
    reason: str
    records: int
    size: int

    def record(self) -> Record:
        return {"reason": self.reason, "droppedRecords": self.records, "droppedBytes": self.size}
