"""A lane of the picture, while the events of its process are being read."""

from __future__ import annotations

from local_lambda.timeline.model import LaneSpan, Mark


class Track:
    """A lane that is being read. `open` has the spans without an end: start and detail by name."""

    def __init__(self) -> None:
        self.spans: list[LaneSpan] = []
        self.marks: list[Mark] = []
        self.open: dict[str, tuple[float, str]] = {}
        self.running = False
        """Whether its process was started and has not ended."""
        self.told = False
        """Whether the process was asked to end, so that its end is not a failure."""

    def begin(self, name: str, start: float, detail: str = "") -> None:
        """Begin a span."""
        self.open[name] = start, detail

    def end(self, name: str, end: float, failed: bool = False) -> None:
        """End a span, if it has begun."""
        if name in self.open:
            start, detail = self.open.pop(name)
            self.spans.append(LaneSpan(name, start, max(start, end), detail, failed))

    def end_all(self, end: float, failed: bool = False) -> None:
        """End all open spans."""
        for name in list(self.open):
            self.end(name, end, failed and name != "shutdown")

    def mark(self, kind: str, time: float, detail: str = "") -> None:
        """Add a mark."""
        self.marks.append(Mark(kind, time, detail))
