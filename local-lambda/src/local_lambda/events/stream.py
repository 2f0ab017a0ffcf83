"""One emitter, many sinks. What an environment reports is queued and handed to the sinks after the answers are written.

A sink is a callable that takes an event. One that raises is switched off and reported; the invocation goes on. A sink
may have a method `wants(kind)`: an event nobody wants need not be made. Only recorders get local events.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

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
        self._sinks: list[Sink] = []
        self._recorders: list[Sink] = []
        self.recording = False
        """Whether anybody makes anything of local events."""
        self._wants: list[Callable[[type[Event]], bool]] = []
        self._wanted: dict[type[Event], bool] = {}

    def add(self, sink: Sink, recorder: bool = False) -> None:
        """Give `sink` every event from now on; a recorder gets the local ones as well."""
        self._sinks.append(sink)
        if recorder:
            self._recorders.append(sink)
            self.recording = True
        self._wants.append(getattr(sink, "wants", lambda kind: True))
        self.reconsider()

    def wanted(self, kind: type[Event]) -> bool:
        """Whether some sink makes anything of events of this kind now."""
        known = self._wanted.get(kind)
        if known is None:
            known = self._wanted[kind] = any(wants(kind) for wants in self._wants)
        return known

    def reconsider(self) -> None:
        """Some sink wants other events than before."""
        self._wanted.clear()

    def emit(self, event: Event | Callable[[], Event]) -> None:
        """Report a fact; given as a function it is put into words when the sinks get it, off the path of the answer."""
        self._queue.append(event)
        if not self._scheduled:
            self._scheduled = True
            self._defer(self.flush)

    def flush(self) -> None:
        """Hand everything that is queued to the sinks now."""
        self._scheduled = False
        queue = self._queue
        while queue:
            item = queue.popleft()
            event = item if isinstance(item, Event) else item()
            for sink in self._recorders if isinstance(event, LocalEvent) else self._sinks:
                try:
                    sink(event)
                except Exception as error:
                    self._sinks = [other for other in self._sinks if other is not sink]
                    self._recorders = [other for other in self._recorders if other is not sink]
                    self._on_broken(sink, error)
