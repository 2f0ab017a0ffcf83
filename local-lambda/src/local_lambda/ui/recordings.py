"""Recordings that a reader loads into the page, to replay them."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import OrderedDict
from functools import partial
from typing import Any

from local_lambda.errors import UsageError
from local_lambda.timeline.reading import events_of, timeline_of
from local_lambda.ui.history import Entry, History
from local_lambda.ui.lines import SHOWN, line_of
from local_lambda.ui.traces import draw_trace

MAX_BYTES = 16 * 1024 * 1024
MAX_RECORDINGS = 2
"""How many are kept; another one replaces the oldest."""
MAX_TIME = 1e11
"""Seconds since the epoch, some thousand years from now."""
MAX_NUMBER = 1_000_000_000
LINES = 300
TRACES = 5


class LoadedRecording:
    """A recording in memory. Raises UsageError if it is not one."""

    def __init__(self, data: bytes, name: str) -> None:
        entries = _entries(data, name)
        try:
            if not all(_can_be_shown(entry) for entry in entries):
                raise ValueError
            timeline_of(entries)
            self._read(entries)
            if not all(math.isfinite(history.reader.duration or 0) for history in self.histories.values()):
                raise ValueError
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError):
            raise UsageError(f"{name} has events whose records `local-lambda --record` does not write") from None
        self.name = name
        times = [entry["at"] for entry in entries]
        self.began, self.end = min(times), max(times)

    def _read(self, entries: list[Entry]) -> None:
        self.histories: dict[int, History] = {}
        for entry in entries:
            number = entry["environment"]
            history = self.histories.setdefault(number, History(number, None))
            kind, at, record = entry["type"], entry["at"], entry["record"]
            history.take(kind, at, partial(_same, entry), record, bool(entry.get("failed")))
        entries = sorted(entries, key=_time)
        self._lines = [
            {"environment": entry["environment"], "at": entry["at"], **line_of(entry)._asdict()}
            for entry in entries
            if entry["type"] in SHOWN
        ]
        self._traces = [draw_trace(entry) for entry in entries if entry["type"] == "local.trace"]
        self._line_times = [line["at"] for line in self._lines]
        self._trace_times = [trace["at"] for trace in self._traces]

    def lines_until(self, until: float) -> list[dict[str, Any]]:
        """The last lines at that time (seconds since the epoch)."""
        end = bisect_right(self._line_times, until)
        return self._lines[max(end - LINES, 0) : end]

    def traces_until(self, until: float) -> list[dict[str, Any]]:
        """The last traces at that time."""
        end = bisect_right(self._trace_times, until)
        return self._traces[max(end - TRACES, 0) : end]


class Recordings:
    """Those that were loaded, by their number."""

    def __init__(self) -> None:
        self._loaded: OrderedDict[int, LoadedRecording] = OrderedDict()
        self._count = 0

    def add(self, recording: LoadedRecording) -> int:
        """Keep it; the oldest makes room."""
        self._count += 1
        self._loaded[self._count] = recording
        while len(self._loaded) > MAX_RECORDINGS:
            self._loaded.popitem(last=False)
        return self._count

    def find(self, number: int) -> LoadedRecording | None:
        """The recording, if it is still kept."""
        return self._loaded.get(number)


def _entries(data: bytes, name: str) -> list[Entry]:
    try:
        lines = data.decode().splitlines(keepends=True)
    except UnicodeDecodeError:
        raise UsageError(f"{name} is not a text file") from None
    entries = [entry for entry in events_of(lines, name) if entry is not None]
    if not entries:
        raise UsageError(f"{name} is empty; make a recording with `local-lambda invoke --record FILE`")
    return entries


def _can_be_shown(entry: Entry) -> bool:
    """Whether time and number are such as a run has; the page gets them as JSON and sends them in requests."""
    return 0 <= entry["at"] < MAX_TIME and type(entry["environment"]) is int and 0 < entry["environment"] < MAX_NUMBER


def _time(entry: Entry) -> float:
    at: float = entry["at"]
    return at


def _same(entry: Entry) -> Entry:
    return entry
