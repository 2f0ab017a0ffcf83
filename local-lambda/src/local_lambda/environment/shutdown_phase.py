"""The Shutdown phase, and the same part of a reset: stop the runtime, notify extensions, kill the rest.

Budgets and signals: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html (Shutdown phase).
Without extensions the runtime gets no time and no SIGTERM; this phase is not needed then.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from local_lambda.environment.extensions import Extensions, shutdown_event
from local_lambda.environment.ports import Clock, Loop, Process, Timer
from local_lambda.environment.process_control import ProcessControl, runs
from local_lambda.events.stream import EventStream
from local_lambda.limits import EXTERNAL_SHUTDOWN_SECONDS, INTERNAL_SHUTDOWN_SECONDS, RUNTIME_SHUTDOWN_SECONDS

FLUSH_SECONDS = 0.1


class Deliveries(Protocol):
    """The deliveries to the environment's listeners."""

    def flush_then(self, seconds: float, when_flushed: Callable[[], None]) -> None:
        """Send everything that is buffered, for at most `seconds`, then call back."""


class _Wait(NamedTuple):
    """A wait until all these processes have ended, or until `deadline` (`perf_counter` seconds)."""

    processes: Sequence[Process]
    deadline: float


_FLUSH = _Wait((), 0.0)
"""A wait until the listeners have received everything."""


class ShutdownPhase:
    """Gives runtime and extensions time to clean up, then calls `when_over`."""

    def __init__(
        self,
        control: ProcessControl,
        extensions: Extensions,
        stream: EventStream,
        deliveries: Deliveries,
        clock: Clock,
        loop: Loop,
    ) -> None:
        self._control = control
        self._extensions = extensions
        self._stream = stream
        self._deliveries = deliveries
        self._time = clock.time
        self._perf_counter = clock.perf_counter
        self._loop = loop
        self._steps: Iterator[_Wait] = iter(())
        self._waiting: _Wait | None = None
        self._timer: Timer | None = None
        self._when_over: Callable[[], None] = _nothing

    def begin(self, reason: str, when_over: Callable[[], None]) -> None:
        """Begin. `reason` is `spindown`, `timeout` or `failure`."""
        self._when_over = when_over
        self._steps = self._story(reason)
        self._go_on()

    def process_ended(self) -> None:
        """A process of the environment has ended."""
        if self._waiting is not None and not any(map(runs, self._waiting.processes)):
            self._go_on()

    def _go_on(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._waiting = None
        for wait in self._steps:
            if wait is _FLUSH:
                self._stream.flush()
                self._deliveries.flush_then(FLUSH_SECONDS, self._go_on)
                return
            if any(map(runs, wait.processes)):
                self._waiting = wait
                self._timer = self._loop.call_later(max(wait.deadline - self._perf_counter(), 0.0), self._go_on)
                return
        self._when_over()

    def _story(self, reason: str) -> Iterator[_Wait]:
        """The steps in order; each waits for what it yields."""
        extensions = [extension for extension in self._extensions.external() if runs(extension.process)]
        began = self._perf_counter()
        total = EXTERNAL_SHUTDOWN_SECONDS if extensions else INTERNAL_SHUTDOWN_SECONDS
        runtime = self._control.runtime
        if runtime is not None and runs(runtime):
            share = INTERNAL_SHUTDOWN_SECONDS if self._extensions.has_internal() else RUNTIME_SHUTDOWN_SECONDS
            self._control.signal(runtime, signal.SIGTERM)
            yield _Wait((runtime,), began + share)
            if runs(runtime):
                self._control.signal(runtime, signal.SIGKILL)
                yield _Wait((runtime,), began + total)
        # A listener gets everything before its extension is asked to end, but cannot use up the time.
        yield _FLUSH
        left = began + total - self._perf_counter()
        event = shutdown_event(reason, int((self._time() + left) * 1000))
        notified = []
        for extension in extensions:
            process = extension.process
            if process is None or not runs(process):
                continue
            notified.append(process)
            if "SHUTDOWN" in extension.events:
                self._extensions.give(extension, "SHUTDOWN", event, None)
            else:
                self._control.signal(process, signal.SIGKILL)
        yield _Wait(notified, began + total)
        yield _FLUSH


def _nothing() -> None:
    """The default of `when_over`."""
