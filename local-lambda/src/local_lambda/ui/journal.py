"""What the page knows of a live run: a history of every environment, the latest lines and traces. All of it is bounded.

It is a recorder next to the one that writes files, and only keeps references: entries are made when a page asks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from local_lambda.events.local import Traced
from local_lambda.events.platform import Event, Log, RuntimeDone
from local_lambda.sinks.recorder import entry_of
from local_lambda.ui.history import History
from local_lambda.ui.lines import SHOWN, line_of, shortened
from local_lambda.ui.states import ENDED, TELLING
from local_lambda.ui.traces import MAX_DOCUMENTS, draw_trace

if TYPE_CHECKING:
    from local_lambda.environment.environment import ExecutionEnvironment
    from local_lambda.events.stream import Sink

LINES = 2_000
TRACES = 20
MAX_ENDED = 20
"""How many environments that have ended are kept."""
DRAWN = 200
"""Characters of a log line that are kept for pictures."""
_NONE: dict[str, Any] = {}


class Kept(NamedTuple):
    """An event of the log or a trace, which is rendered when a page gets it."""

    serial: int
    environment: int
    event: Event


class Journal:
    """The live run. `on_change` is called with the first event after `seen`."""

    def __init__(self) -> None:
        self.histories: dict[int, History] = {}
        self.environments: dict[int, ExecutionEnvironment] = {}
        self.lines: deque[Kept] = deque(maxlen=LINES)
        self.traces: deque[Kept] = deque(maxlen=TRACES)
        self.serial = 0
        """The number of lines so far."""
        self.traced = 0
        """The number of traces so far."""
        self.version = 0
        """It grows with each event."""
        self.ended = 0
        """How many environments were forgotten."""
        self.on_change: Callable[[], object] | None = None
        self._changed = False

    def sink(self, environment: int) -> Sink:
        """See `Recording`."""
        history = self.histories[environment] = History(environment)
        self._forget()
        return partial(self._take, history)

    def made(self, number: int, environment: ExecutionEnvironment) -> None:
        """Know the environment that is `number`."""
        self.environments[number] = environment
        reader = self.histories[number].reader
        reader.function, reader.version = environment.function.name, environment.function.version

    def seen(self) -> None:
        """Report the next event with `on_change`."""
        self._changed = False

    def lines_after(self, serial: int, most: int) -> tuple[list[dict[str, Any]], int, int]:
        """The latest lines after `serial`, at most so many; how many were skipped; the serial of the last."""
        found: list[Kept] = []
        for kept in reversed(self.lines):
            if kept.serial <= serial or len(found) == most:
                break
            found.append(kept)
        found.reverse()
        last = self.lines[-1].serial if self.lines else serial
        return [self._line(kept) for kept in found], max(last - serial - len(found), 0), last

    def traces_after(self, serial: int) -> Iterator[dict[str, Any]]:
        """The traces after `serial`."""
        for kept in self.traces:
            if kept.serial > serial:
                yield draw_trace(entry_of(kept.environment, kept.event))

    def _take(self, history: History, event: Event) -> None:
        drawn = event
        if isinstance(event, Log):
            if len(event.text) > DRAWN:
                event = type(event)(event.time, shortened(event.text), event.source)
                drawn = type(event)(event.time, shortened(event.text, DRAWN), event.source)
        elif isinstance(event, Traced) and len(event.documents) > MAX_DOCUMENTS:
            drawn = event = Traced(event.time, event.request_id, event.documents[:MAX_DOCUMENTS])
        kind = event.type
        failed = isinstance(event, RuntimeDone) and event.failed
        record = cast(Mapping[str, Any], event.record()) if kind in TELLING else _NONE
        history.take(kind, event.time, partial(entry_of, history.number, drawn), record, failed)
        if kind in SHOWN:
            self.serial += 1
            self.lines.append(Kept(self.serial, history.number, event))
        elif kind == "local.trace":
            self.traced += 1
            self.traces.append(Kept(self.traced, history.number, event))
        self.version += 1
        if not self._changed:
            self._changed = True
            if self.on_change is not None:
                self.on_change()

    def _line(self, kept: Kept) -> dict[str, Any]:
        event = kept.event
        lane, text, bad = line_of(entry_of(kept.environment, event))
        return {"environment": kept.environment, "at": event.time, "lane": lane, "text": text, "bad": bad}

    def _forget(self) -> None:
        ended = [number for number, history in self.histories.items() if history.reader.state == ENDED]
        for number in ended:
            self.environments.pop(number, None)
        for number in ended[: max(len(ended) - MAX_ENDED, 0)]:
            del self.histories[number]
            self.ended += 1
