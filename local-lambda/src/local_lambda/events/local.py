"""Facts of a local run that AWS's telemetry does not report: what processes do, signals, deliveries, freezing.

They are for recordings and pictures only: subscribers, log lines and reports never get them. They are made only
during a recording. `process` is `runtime` or `extension:NAME`, as in the lanes of the console.
"""

from __future__ import annotations

from typing import Any, ClassVar

from local_lambda.events.platform import Event, Record


class LocalEvent(Event, frozen=True):
    """An event for recordings only."""


class ProcessStarted(LocalEvent, frozen=True):
    """`local.processStarted`: the platform requested a process."""

    type: ClassVar[str] = "local.processStarted"
    process: str

    def record(self) -> Record:
        return {"process": self.process}


class ProcessExited(LocalEvent, frozen=True):
    """`local.processExited`: a process ended. `exit_code` is negative after a signal, 127 if it could not start."""

    type: ClassVar[str] = "local.processExited"
    process: str
    pid: int | None
    exit_code: int

    def record(self) -> Record:
        return {"process": self.process, "pid": self.pid, "exitCode": self.exit_code}


class ProcessSignalled(LocalEvent, frozen=True):
    """`local.processSignalled`: the platform sent a process a signal."""

    type: ClassVar[str] = "local.processSignalled"
    process: str
    signal: str

    def record(self) -> Record:
        return {"process": self.process, "signal": self.signal}


class ExtensionRegistered(LocalEvent, frozen=True):
    """`local.extensionRegistered`: an extension registered for `events`."""

    type: ClassVar[str] = "local.extensionRegistered"
    process: str
    events: tuple[str, ...]

    def record(self) -> Record:
        return {"process": self.process, "events": list(self.events)}


class ExtensionNext(LocalEvent, frozen=True):
    """`local.extensionNext`: an extension asked for its next event."""

    type: ClassVar[str] = "local.extensionNext"
    process: str

    def record(self) -> Record:
        return {"process": self.process}


class ExtensionEvent(LocalEvent, frozen=True):
    """`local.extensionEvent`: an extension got an `INVOKE` or `SHUTDOWN` event."""

    type: ClassVar[str] = "local.extensionEvent"
    process: str
    event: str

    def record(self) -> Record:
        return {"process": self.process, "event": self.event}


class Delivery(LocalEvent, frozen=True):
    """`local.delivery`: a batch of `records`, `size` bytes, was offered to a listener for `duration` milliseconds."""

    type: ClassVar[str] = "local.delivery"
    process: str
    records: int
    size: int
    duration: float
    error: str | None

    def record(self) -> Record:
        metrics = {"records": self.records, "bytes": self.size, "durationMs": round(self.duration, 3)}
        return {"process": self.process, **metrics, **({"error": self.error} if self.error else {})}


class Freeze(LocalEvent, frozen=True):
    """`local.freeze`: all processes were stopped (`frozen`) or continued."""

    type: ClassVar[str] = "local.freeze"
    frozen: bool

    def record(self) -> Record:
        return {"frozen": self.frozen}


class Stop(LocalEvent, frozen=True):
    """`local.stop`: all processes are about to be stopped; `reason` is `spindown`, `timeout` or `failure`."""

    type: ClassVar[str] = "local.stop"
    reason: str

    def record(self) -> Record:
        return {"reason": self.reason}


class Stopped(LocalEvent, frozen=True):
    """`local.stopped`: all processes have ended. After a `spindown` the environment has ended too (`final`)."""

    type: ClassVar[str] = "local.stopped"
    final: bool

    def record(self) -> Record:
        return {"final": self.final}


class Traced(LocalEvent, frozen=True):
    """`local.trace`: the X-Ray segment documents of an invocation."""

    type: ClassVar[str] = "local.trace"
    request_id: str
    documents: list[dict[str, Any]]

    def record(self) -> Record:
        return {"requestId": self.request_id, "documents": self.documents}
