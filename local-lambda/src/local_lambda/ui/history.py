"""The events of one environment, in chapters: one for each Init, invocation or shutdown. The oldest are dropped.

A live run may last for days; of every environment the page keeps what it can show. A loaded recording keeps all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from typing import Any, NamedTuple

from local_lambda.ui.states import ENDED, StateReader

CHAPTERS = 30
"""How many chapters of a live environment are kept, and in addition its last Init phase."""
CHAPTER_LINES = 250
"""How many log lines of a live chapter are kept; further ones are counted."""
EVENTS = 500
"""How many other events of a live chapter are kept; further ones are counted."""
ENDED_CHAPTERS = 8
"""How many chapters are kept of an environment that has ended."""
_LINE_TYPES = frozenset({"function", "extension"})
_BEGINNINGS = frozenset({"platform.initStart", "platform.restoreStart", "platform.start", "local.stop"})
_INITS = frozenset({"platform.initStart", "platform.restoreStart"})

Entry = dict[str, Any]
"""An event as a recording has it."""
MakeEntry = Callable[[], Entry]


class Moment(NamedTuple):
    """An event that is kept: when it happened, and how its entry is made when a picture needs it."""

    at: float
    entry: MakeEntry


class Chapter:
    """The events from one beginning to the next."""

    __slots__ = ("before", "began", "events", "events_left_out", "invocations", "is_init", "lines")

    def __init__(self, began: float, before: StateReader | None) -> None:
        self.began = began
        self.before = before
        """The state at the beginning, for a recording."""
        self.events: list[Moment] = []
        self.events_left_out = 0
        self.lines = 0
        self.invocations = 0
        self.is_init = False


class View(NamedTuple):
    """What is drawn of an environment: its entries, and what is not among them.

    These are earlier invocations, and events of the chapters that are drawn.
    """

    entries: list[Entry]
    left_out: int
    events_left_out: int


class History:
    """The chapters of environment `number`, which keeps `chapters` of them; all if that is None."""

    def __init__(self, number: int, chapters: int | None = CHAPTERS) -> None:
        self.number = number
        self.reader = StateReader()
        self._limit = chapters
        self._chapters: deque[Chapter] = deque()
        self._init: Chapter | None = None
        """The last Init phase, if its chapter was dropped."""
        self._dropped = 0
        """Invocations in chapters that were dropped."""

    def take(self, kind: str, at: float, entry: MakeEntry, record: Mapping[str, Any], failed: bool = False) -> None:
        """Add an event. `record` may be empty for a type that is not in `states.TELLING`."""
        if kind in _BEGINNINGS or not self._chapters:
            self._begin(kind, at)
        self.reader.take(kind, at, record, failed)
        chapter = self._chapters[-1]
        chapter.invocations += kind == "platform.start"
        is_line = kind in _LINE_TYPES
        chapter.lines += is_line
        others = len(chapter.events) - min(chapter.lines, CHAPTER_LINES)
        if self._limit is None or (chapter.lines <= CHAPTER_LINES if is_line else others < EVENTS):
            chapter.events.append(Moment(at, entry))
        else:
            chapter.events_left_out += 1
        if self._limit is not None and self.reader.state == ENDED:
            self._drop(ENDED_CHAPTERS)

    def view(self, last: int, until: float | None = None) -> View:
        """The last Init phase and the `last` chapters that began by `until` (seconds since the epoch), or so far."""
        chapters = [each for each in self._chapters if until is None or each.began <= until]
        shown = chapters[-last:]
        before = chapters[: len(chapters) - len(shown)]
        init = next((each for each in reversed(before) if each.is_init), self._init)
        if init is not None and not any(each.is_init for each in shown):
            shown = [init, *shown]
            before = [each for each in before if each is not init]
        left_out = self._dropped + sum(each.invocations for each in before)
        return View([*_entries(shown, until)], left_out, sum(each.events_left_out for each in shown))

    def at(self, until: float) -> StateReader:
        """The state at a time, for a recording."""
        chapter = next((each for each in reversed(self._chapters) if each.began <= until), None)
        if chapter is None or chapter.before is None:
            return StateReader()
        reader = copy(chapter.before)
        for moment in chapter.events:
            if moment.at <= until:
                entry = moment.entry()
                reader.take(entry["type"], moment.at, entry["record"], bool(entry.get("failed")))
        return reader

    def _begin(self, kind: str, at: float) -> None:
        chapter = Chapter(at, copy(self.reader) if self._limit is None else None)
        chapter.is_init = kind in _INITS
        if kind in _INITS and self._chapters and not self._chapters[-1].invocations and len(self._chapters) == 1:
            # the start of its processes comes first
            chapter = self._chapters.pop()
            chapter.is_init = True
        self._chapters.append(chapter)
        if self._limit is not None:
            self._drop(self._limit)

    def _drop(self, limit: int) -> None:
        """Keep so many chapters, and the last Init phase."""
        while len(self._chapters) > limit:
            oldest = self._chapters.popleft()
            self._dropped += oldest.invocations
            if oldest.is_init:
                self._init = oldest


def _entries(chapters: Iterable[Chapter], until: float | None) -> Iterable[Entry]:
    for chapter in chapters:
        for moment in chapter.events:
            if until is None or moment.at <= until:
                yield moment.entry()
