"""The sink that turns an environment's events and the documents of the X-Ray SDK into one trace per invocation.

Source: https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html. The shapes of Lambda's own documents are in
`segments.py`, the drawing is in `tree.py`, the UDP port in `receiver.py`. Nothing is printed here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple

from local_lambda.events.platform import Event, InitReport, InitStart, Report, RuntimeDone, Start, Tracing
from local_lambda.xray.segments import (
    Document,
    TracedInvocation,
    attempt_subsegment,
    children,
    function_segment,
    service_segment,
    well_formed,
)

_REMEMBERED = 500


class Trace(NamedTuple):
    """One traced invocation. `documents`: the service's segment, the function's, then the SDK's in order of arrival."""

    request_id: str
    trace_id: str
    documents: list[Document]


class SegmentDocuments:
    """Keeps the documents that SDKs send until their invocation is over. One instance serves all environments.

    A document that comes after its trace has ended, or that lacks required members, goes to `on_late`. If more than
    `limit` documents wait, so do the oldest. Nothing is lost, and memory stays bounded.
    """

    def __init__(self, on_late: Callable[[Document], object], limit: int = 2000) -> None:
        self._on_late = on_late
        self._limit = limit
        self._waiting: dict[str, list[Document]] = {}
        self._count = 0
        self._open: dict[str, list[str]] = {}
        self._ended: dict[str, None] = {}
        self._attempts: dict[str, list[Document]] = {}

    def add(self, document: Document) -> None:
        """Take a document that an SDK sent."""
        trace_id = str(document.get("trace_id"))
        if not well_formed(document) or (trace_id in self._ended and trace_id not in self._open):
            self._on_late(document)
            return
        self._waiting.setdefault(trace_id, []).append(document)
        self._count += 1
        if self._count > self._limit:
            self._give_up(next(iter(self._waiting)))

    def begin(self, tracing: Tracing) -> None:
        """An invocation with this context begins."""
        self._open.setdefault(tracing.trace_id, []).append(tracing.parent_id)

    def finish(self, tracing: Tracing) -> list[Document]:
        """End an invocation; return its documents: while others of its trace run, only those that are certainly its."""
        trace_id, others = tracing.trace_id, self._open[tracing.trace_id]
        others.remove(tracing.parent_id)
        documents = self._waiting.pop(trace_id, [])
        self._count -= len(documents)
        if others:
            documents, rest = _split(documents, tracing.parent_id)
            if rest:
                self._waiting[trace_id] = rest
                self._count += len(rest)
        else:
            del self._open[trace_id]
            _remember(self._ended, trace_id, None)
        return documents

    def attempts(self, invocation: TracedInvocation) -> list[Document]:
        """The attempts so far at an asynchronous invocation, the latest last; empty for a synchronous one."""
        if invocation.tracing.attempt is None:
            return []
        key = invocation.tracing.service_id
        attempts = [*self._attempts.pop(key, []), attempt_subsegment(invocation)]
        if invocation.failed:
            _remember(self._attempts, key, attempts)
        return attempts

    def abandon(self, tracing: Tracing) -> None:
        """The invocation will not complete: its documents are late."""
        for document in self.finish(tracing):
            self._on_late(document)

    def close(self) -> None:
        """No further invocation will end: the documents that still wait are late."""
        for trace_id in list(self._waiting):
            self._give_up(trace_id)

    def _give_up(self, trace_id: str) -> None:
        documents = self._waiting.pop(trace_id)
        self._count -= len(documents)
        for document in documents:
            self._on_late(document)


class TraceSink:
    """A sink for one environment's events; after each traced invocation's report it calls `on_trace`.

    `documents` may serve several environments. `drain` is called first, to receive what the function has sent.
    """

    def __init__(
        self,
        documents: SegmentDocuments,
        on_trace: Callable[[Trace], object],
        drain: Callable[[], object] = lambda: None,
    ) -> None:
        self._documents = documents
        self._on_trace = on_trace
        self._drain = drain
        self._tracing: Tracing | None = None
        self._start: Start | None = None
        self._done: RuntimeDone | None = None
        self._init_start: float | None = None
        self._init: InitReport | None = None
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            InitStart: self._on_init_start,
            InitReport: self._on_init_report,
            Start: self._on_start,
            RuntimeDone: self._on_runtime_done,
            Report: self._on_report,
        }

    def __call__(self, event: Event) -> None:
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)

    @property
    def kinds(self) -> Collection[type[Event]]:
        """The kinds of events it uses."""
        return self._handlers

    @staticmethod
    def wants(kind: type[Event]) -> bool:
        """False only for `RuntimeDone`: it matters only for a sampled invocation, which the environment checks."""
        return kind is not RuntimeDone

    def close(self) -> None:
        """The environment has ended. An invocation that did not complete gets no trace; its documents are late."""
        if self._tracing is not None:
            self._drain()
            self._documents.abandon(self._tracing)
            self._tracing = None

    def _on_init_start(self, event: InitStart) -> None:
        self._init_start = event.time

    def _on_init_report(self, event: InitReport) -> None:
        self._init = event

    def _on_start(self, event: Start) -> None:
        if self._tracing is not None:
            self.close()
        tracing = event.tracing
        if tracing is not None and tracing.sampled:
            self._tracing, self._start, self._done = tracing, event, None
            self._documents.begin(tracing)
        else:
            self._init = None

    def _on_runtime_done(self, event: RuntimeDone) -> None:
        if self._tracing is not None:
            self._done = event

    def _on_report(self, event: Report) -> None:
        tracing, start = self._tracing, self._start
        if tracing is None or start is None:
            return
        self._drain()
        invocation = TracedInvocation(tracing, start, self._done, event, self._init_start, self._init)
        self._tracing = self._init = None
        attempts = self._documents.attempts(invocation)
        parent_id = attempts[-1]["id"] if attempts else tracing.service_id
        segments = [service_segment(invocation, attempts), function_segment(invocation, parent_id)]
        trace = Trace(start.request_id, tracing.trace_id, segments + self._documents.finish(tracing))
        self._on_trace(trace)


def _remember(memory: dict[str, Any], key: str, value: object) -> None:
    memory[key] = value
    if len(memory) > _REMEMBERED:
        del memory[next(iter(memory))]


def _split(documents: list[Document], ancestor: str) -> tuple[list[Document], list[Document]]:
    """`documents` in two: those below the segment `ancestor`, and the rest. A parent may come after its children."""
    above: set[object] = {ancestor}
    while True:
        below = [document for document in documents if document.get("parent_id") in above]
        known = len(above)
        above.update(_ids(below))
        if len(above) == known:
            return below, [document for document in documents if document.get("parent_id") not in above]


def _ids(documents: list[Document]) -> Iterator[object]:
    """The ids of the documents and of all their subsegments."""
    pending = list(documents)
    while pending:
        document = pending.pop()
        yield document.get("id")
        pending += children(document)
