"""Delivers one subscription: batches are sent in order when they are due, and again until the listener accepts them.

Whatever the listener does (refuse, hang, fail, be slow), adding a record stays fast and memory stays bounded.
Records arrive serialized. There is one timer and at most one task.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from time import time

from local_lambda.events.platform import LogsDropped
from local_lambda.telemetry.buffer import Batch, Buffer, Loss
from local_lambda.telemetry.delivery import DeliveryFailed, NobodyListens, Transport
from local_lambda.telemetry.records import Render
from local_lambda.telemetry.request import Subscription

_CLOCK_SECONDS = 0.001
"""Timers of an event loop may fire early by this much."""

OnOffered = Callable[[str, Batch, float, DeliveryFailed | None], None]
"""Gets the extension's name, a batch that was offered to it, when that began, and why it was not accepted."""

DROPPED_REASON = {
    "Telemetry": "Some logs were dropped because the downstream consumer is slower than the logs production rate",
    "Logs": "Consumer seems to have fallen behind as it has not acknowledged receipt of logs.",
}


@dataclass(frozen=True)
class Policy:
    """Retry and buffering limits for a listener, in seconds and bytes. The service does not document its own."""

    held_bytes: int = 16 * 1024 * 1024
    """Records that may wait for one listener, including those being delivered."""
    answer_timeout: float = 10.0
    attempts: int = 5
    """How often a batch is offered to a listener that does not accept it. One that is not listening is waited for."""
    first_delay: float = 0.05
    longest_delay: float = 1.0


class Subscriber:
    """The records of one extension. `on_dropped` is called with losses, at most once per batch's worth."""

    def __init__(
        self,
        name: str,
        subscription: Subscription,
        render: Render,
        delivery: Transport,
        loop: asyncio.AbstractEventLoop,
        on_dropped: Callable[[LogsDropped], None],
        policy: Policy,
    ) -> None:
        self.name = name
        self.subscription = subscription
        self._render = render
        self._delivery = delivery
        self._loop = loop
        self._on_dropped = on_dropped
        self._policy = policy
        self._answer_timeout = policy.answer_timeout if delivery.acknowledges else None
        self._buffer = Buffer(
            subscription.buffering,
            policy.held_bytes,
            delivery.frame,
            self._notice,
            self._set_timer,
            self._full,
            self._lost,
        )
        self.add = self._buffer.add
        """Take a record."""
        self._timeout = subscription.buffering.timeout_ms / 1000
        self._deadline = 0.0
        self._due = False
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._scope: asyncio.Timeout | None = None
        self._wake = asyncio.Event()
        self._paused = False
        self._flushing = False
        self._error: DeliveryFailed | None = None
        self._reached = False
        self.on_offered: OnOffered | None = None

    @property
    def waiting(self) -> bool:
        """Whether anything has not arrived yet."""
        return self._buffer.held > 0

    # --- callbacks of the buffer

    def _set_timer(self) -> None:
        self._deadline = self._loop.time() + self._timeout
        if self._timer is None:
            self._timer = self._loop.call_at(self._deadline, self._tick)

    def _full(self) -> None:
        self._due = False
        self._start()

    def _notice(self, loss: Loss) -> bytes | None:
        if "platform" not in self.subscription.wanted:
            return None
        (record,) = self._render(self._dropped(loss, None))
        return record

    def _lost(self, loss: Loss, error: str | None) -> None:
        self._on_dropped(self._dropped(loss, error))

    def _dropped(self, loss: Loss, error: str | None) -> LogsDropped:
        reason = f"could not send events: {error}" if error else DROPPED_REASON[self.subscription.api.name]
        return LogsDropped(time(), reason, loss.records, loss.size)

    # --- sending

    def _tick(self) -> None:
        # The timer is not reset for each batch: it may have been set for one that was already full.
        self._timer = None
        if not self._buffer.filling:
            return
        if self._deadline - self._loop.time() > _CLOCK_SECONDS:
            self._timer = self._loop.call_at(self._deadline, self._tick)
        else:
            # While another batch is being delivered, this one keeps growing.
            self._due = True
            self._start()

    def _start(self) -> None:
        if self._task is None and not self._paused:
            self._task = self._loop.create_task(self._run())

    async def _run(self) -> None:
        policy, buffer = self._policy, self._buffer
        refused, delay = 0, policy.first_delay
        try:
            while not self._paused:
                if not buffer.batches:
                    if not buffer.filling or not (self._due or self._flushing):
                        return
                    buffer.seal()
                batch, began = buffer.batches[0], time()
                error = await self._offer(batch.body)
                if self.on_offered is not None:
                    self.on_offered(self.name, batch, began, error)
                if error is None:
                    refused, delay, self._reached = 0, policy.first_delay, True
                    buffer.arrived()
                    continue
                self._error = error
                refused += not isinstance(error, NobodyListens)
                if refused >= policy.attempts:
                    refused = 0
                    buffer.give_up(str(error))
                if self._flushing:
                    return
                await self._back_off(delay)
                delay = min(2 * delay, policy.longest_delay)
        finally:
            self._task = None

    async def _offer(self, batch: bytes) -> DeliveryFailed | None:
        """Deliver a batch; return why it failed, or None."""
        try:
            async with asyncio.timeout(self._answer_timeout) as self._scope:
                await self._delivery.deliver(batch)
            return None
        except TimeoutError:
            error = DeliveryFailed(f"the listener did not respond within {self._answer_timeout:g} s")
        except DeliveryFailed as failure:
            error = failure
        except Exception as fault:
            # A bug: it is reported like any other failure, and the records after this batch are still delivered.
            error = DeliveryFailed(f"{type(fault).__name__}: {fault}")
        finally:
            self._scope = None
        self._delivery.reset()
        return error

    async def _back_off(self, delay: float) -> None:
        self._wake.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._wake.wait()

    # --- called by the registry

    def lost(self, records: int, size: int) -> None:
        """Records were lost before they got here; the subscriber gets a notice once a batch has arrived."""
        self._buffer.lost(Loss(records, size))

    def wake(self) -> None:
        """The listener is ready: make the next attempt now."""
        self._wake.set()

    def pause(self) -> None:
        """The listener is stopped: begin no delivery, and do not count the time until its response."""
        self._paused = True
        if self._scope is not None and not self._scope.expired():
            self._scope.reschedule(None)

    def resume(self) -> None:
        """The listener runs again."""
        self._paused = False
        if self._scope is not None and not self._scope.expired() and self._answer_timeout is not None:
            self._scope.reschedule(self._loop.time() + self._answer_timeout)
        self._wake.set()
        if self._buffer.batches or self._due:
            self._start()

    async def flush(self) -> None:
        """Send everything buffered; return when all of it has arrived, or at the first failure. Set a time limit."""
        self._flushing = True
        self._wake.set()
        try:
            if self.waiting:
                self._start()
            if self._task is not None and not self._paused:
                await asyncio.wait({self._task})
        finally:
            self._flushing = False
            if self._buffer.batches:
                self._start()

    def end(self) -> None:
        """Stop. What has not arrived is lost, as on the service when an environment ends.

        A listener that never accepted anything is reported, because its destination was probably a mistake.
        """
        self._paused = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
        self._buffer.report()
        if self._error is not None and not self._reached:
            self._buffer.give_up_all(str(self._error))
        self._delivery.reset()
