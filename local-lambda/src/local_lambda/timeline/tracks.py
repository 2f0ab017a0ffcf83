"""A lane of the picture while the events of its process are being read."""

from __future__ import annotations

from local_lambda.timeline.model import LaneSpan, Mark


class Track:
    """A lane while it is being read. `open` are spans without an end: name to start and detail."""

    def __init__(self) -> None:
        self.spans: list[LaneSpan] = []
        self.marks: list[Mark] = []
        self.open: dict[str, tuple[float, str]] = {}
        self.running = False
        """Its process is there: it was started, and has not ended."""
        self.told = False
        """The process has been told to end, so that its end is no failure."""

    def begin(self, name: str, start: float, detail: str = "") -> None:
        """A span begins."""
        self.open[name] = start, detail

    def end(self, name: str, end: float, failed: bool = False) -> None:
        """A span ends, if it has begun."""
        if name in self.open:
            start, detail = self.open.pop(name)
            self.spans.append(LaneSpan(name, start, max(start, end), detail, failed))

    def end_all(self, end: float, failed: bool = False) -> None:
        """Whatever was going on is over."""
        for name in list(self.open):
            self.end(name, end, failed and name != "shutdown")

    def mark(self, kind: str, time: float, detail: str = "") -> None:
        """Something happened."""
        self.marks.append(Mark(kind, time, detail))
