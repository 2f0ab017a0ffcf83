"""One emitter, many sinks. Events are queued and delivered in batches, after responses are written.

A sink is a callable that takes an event. If it raises, it is switched off and reported, and the invocation continues. A
sink may have a method `wants(kind)`: events that no sink wants are not made. Only recorders get local events.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from typing import NamedTuple

from local_lambda.events.local import LocalEvent
from local_lambda.events.platform import Event

Sink = Callable[[Event], None]


class EventStream:
    """The events of one environment, in order. `defer` runs a function soon (asyncio's `call_soon`)."""

    def __init__(
        self, defer: Callable[[Callable[[], None]], object], on_broken: Callable[[Sink, Exception], None]
    ) -> None:
        self._defer = defer
        self._on_broken = on_broken
        self._queue: deque[Event | Callable[[], Event]] = deque()
        self._scheduled = False
        self._sinks: list[_Entry] = []
        self.recording = False
        """Whether a sink uses local events."""
        self._routes: dict[type[Event], list[Sink]] = {}
        """The sinks for each kind of event, determined when the first event of the kind is emitted."""
        self._wanted: dict[type[Event], bool] = {}

    def add(self, sink: Sink, recorder: bool = False, kinds: Collection[type[Event]] | None = None) -> None:
        """Give `sink` all further events, or those of `kinds`; a recorder gets local events as well."""
        self._sinks.append(_Entry(sink, recorder, kinds, getattr(sink, "wants", None)))
        self.recording = self.recording or recorder
        self._routes.clear()
        self._wanted.clear()

    def wanted(self, kind: type[Event]) -> bool:
        """Whether a sink uses events of this kind now."""
        known = self._wanted.get(kind)
        if known is None:
            known = self._wanted[kind] = any(entry.wants_now(kind) for entry in self._sinks)
        return known

    def reconsider(self) -> None:
        """Ask the sinks again which events they want."""
        self._wanted.clear()

    def emit(self, event: Event | Callable[[], Event]) -> None:
        """Emit an event, or a function that makes it, which is called when the sinks get it, after the response."""
        self._queue.append(event)
        if not self._scheduled:
            self._scheduled = True
            self._defer(self.flush)

    def flush(self) -> None:
        """Deliver everything queued to the sinks now."""
        self._scheduled = False
        queue = self._queue
        while queue:
            item = queue.popleft()
            event = item if isinstance(item, Event) else item()
            kind = type(event)
            route = self._routes.get(kind)
            for sink in self._route(kind) if route is None else route:
                try:
                    sink(event)
                except Exception as error:
                    self._switch_off(sink, error)

    def _route(self, kind: type[Event]) -> list[Sink]:
        route = self._routes[kind] = [entry.sink for entry in self._sinks if entry.gets(kind)]
        return route

    def _switch_off(self, sink: Sink, error: Exception) -> None:
        self._sinks = [entry for entry in self._sinks if entry.sink is not sink]
        self._routes.clear()
        self._wanted.clear()
        self._on_broken(sink, error)


class _Entry(NamedTuple):
    """A sink and the events it gets."""

    sink: Sink
    recorder: bool
    kinds: Collection[type[Event]] | None
    wants: Callable[[type[Event]], bool] | None

    def gets(self, kind: type[Event]) -> bool:
        if issubclass(kind, LocalEvent):
            return self.recorder
        return self.kinds is None or kind in self.kinds

    def wants_now(self, kind: type[Event]) -> bool:
        return self.gets(kind) and (self.wants is None or self.wants(kind))
