"""What a picture of a run shows, independent of its format: lanes, phases, spans and marks in time.

`reading.py` makes it from a recording; `svg.py`, `html.py`, `terminal.py` and `trace_events.py` draw it. All times are
milliseconds since the beginning of the recording. Files, recordings and pixels do not belong here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LaneSpan:
    """Something that took time in a lane. `name` is one of `SPANS`, `detail` a line of further information."""

    name: str
    start: float
    end: float
    detail: str = ""
    failed: bool = False

    @property
    def duration(self) -> float:
        """Milliseconds."""
        return self.end - self.start


SPANS = {
    "start": "from the start of the process until it registers or asks for its first event",
    "register": "an extension, from its registration until it asks for its first event",
    "handler": "the runtime, from an event until its response, or the first byte of it",
    "response": "the runtime, from the first byte of a streamed response until the last",
    "overhead": "the runtime, from its response until it asks for the next event",
    "event": "an extension, from an INVOKE event until it asks for the next one",
    "shutdown": "a process, from the signal or event that ends it until its exit",
    "frozen": "all processes are stopped (with --freeze), or there is nothing to do",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at a moment in a lane. `kind` is one of `MARKS`."""

    kind: str
    time: float
    detail: str = ""


MARKS = {
    "log": "the process wrote a line",
    "delivery": "the platform delivered a batch of log records to the extension",
    "signal": "the platform sent the process SIGTERM",
    "kill": "the platform killed the process",
    "exit": "the process ended",
    "error": "an error was reported, or the process crashed",
    "dropped": "log records for the extension were dropped",
}


@dataclass(frozen=True, slots=True)
class Lane:
    """A process, or the platform: `platform`, `runtime`, `extension:NAME`."""

    name: str
    spans: tuple[LaneSpan, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Phase:
    """`Init`, `Invoke 1`, `Invoke 2` and so on, `Shutdown`. A repeated Init (after a reset) is `Init` again."""

    name: str
    start: float
    end: float
    detail: str = ""
    failed: bool = False

    @property
    def duration(self) -> float:
        """Milliseconds."""
        return self.end - self.start

    @property
    def title(self) -> str:
        """The heading of the phase: its name, and whether it failed."""
        return f"{self.name} failed" if self.failed else self.name


@dataclass(frozen=True, slots=True)
class Subsegment:
    """A part of the X-Ray trace of an invocation. `phase` is the name of its phase, `depth` is 0 at the top."""

    phase: str
    name: str
    depth: int
    start: float
    end: float
    detail: str = ""
    failed: bool = False

    @property
    def duration(self) -> float:
        """Milliseconds."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Environment:
    """One execution environment. `number` counts from 1, in the order in which environments began."""

    number: int
    function: str
    phases: tuple[Phase, ...]
    lanes: tuple[Lane, ...]
    subsegments: tuple[Subsegment, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """A run. `began` is in seconds since the epoch; `complete` is false if the recording was cut off."""

    began: float
    environments: tuple[Environment, ...]
    complete: bool = True

    @property
    def end(self) -> float:
        """Milliseconds from the beginning to the last event."""
        ends = [phase.end for each in self.environments for phase in each.phases]
        for each in self.environments:
            for lane in each.lanes:
                ends += [span.end for span in lane.spans]
                ends += [mark.time for mark in lane.marks]
        return max(ends, default=0.0)
