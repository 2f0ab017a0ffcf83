"""One subscription at work: records are buffered, sent in batches, in order, and dropped when there are too many.

Whatever the listener does (refuse, hang, fail, be slow), adding a record takes no longer and memory stays within
`Policy.held_bytes`. Records are serialised before they come here; there is one timer and at most one task.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import time

from local_lambda.events import LogsDropped
from local_lambda.sinks.delivery import Delivery, DeliveryFailed, NobodyListens
from local_lambda.sinks.records import Render
from local_lambda.subscription import Subscription

_CLOCK_SECONDS = 0.001
"""Timers of an event loop may be early by this much."""

DROPPED_REASON = {
    "Telemetry": "Some logs were dropped because the downstream consumer is slower than the logs production rate",
    "Logs": "Consumer seems to have fallen behind as it has not acknowledged receipt of logs.",
}


@dataclass(frozen=True)
class Policy:
    """How much patience there is with a listener. The service documents none of this. Seconds and bytes."""

    held_bytes: int = 16 * 1024 * 1024
    """Records that may wait for one listener, those under way included."""
    answer_timeout: float = 10.0
    attempts: int = 5
    """How often a batch is offered to a listener that does not accept it. One that is not there is waited for."""
    first_delay: float = 0.05
    longest_delay: float = 1.0


@dataclass(slots=True)
class _Loss:
    """A number of records and their bytes."""

    records: int = 0
    size: int = 0

    def add(self, records: int, size: int) -> None:
        self.records += records
        self.size += size


@dataclass(slots=True)
class _Batch:
    body: bytes
    held: int
    worth: _Loss
    """What is lost when it does not arrive: its records, and in place of its `logsDropped` what they told of."""


class Subscriber:
    """The records of one extension. `on_dropped` is told of losses, at most once for each batch's worth."""

    def __init__(
        self,
        name: str,
        subscription: Subscription,
        render: Render,
        delivery: Delivery,
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
        self._limit = policy.held_bytes
        self._answer_timeout = policy.answer_timeout if delivery.acknowledges else None
        self._reason = DROPPED_REASON[subscription.api.name]
        buffering = subscription.buffering
        self._max_items, self._max_bytes = buffering.max_items, buffering.max_bytes
        self._timeout = buffering.timeout_ms / 1000
        # The batch that is being filled.
        self._records: list[bytes] = []
        self._size = 1
        self._notices = _Loss()
        self._deadline = 0.0
        self._due = False
        self._timer: asyncio.TimerHandle | None = None
        # Full batches, the first of them under way; `_held` counts the bytes of everything that waits.
        self._sealed: deque[_Batch] = deque()
        self._held = 0
        # What was lost and the subscriber, or the environment, was not told of yet.
        self._untold = _Loss()
        self._unreported = _Loss()
        self._task: asyncio.Task[None] | None = None
        self._scope: asyncio.Timeout | None = None
        self._wake = asyncio.Event()
        self._paused = False
        self._flushing = False
        self._error: DeliveryFailed | None = None
        self._reached = False

    # --- records in

    def add(self, record: bytes) -> None:
        """Take a record. When no more can be kept it is dropped, and counted."""
        size = len(record) + 1
        held = self._held
        if held and held + size > self._limit:
            self._overflow(size - 1)
            return
        records = self._records
        if records and self._size + size > self._max_bytes:
            self._seal()
            records = self._records
        if not records:
            self._deadline = self._loop.time() + self._timeout
            if self._timer is None:
                self._timer = self._loop.call_at(self._deadline, self._tick)
        records.append(record)
        self._size += size
        self._held += size
        # A record that is larger than a batch may be goes out whole, alone: the service cuts it into invalid JSON.
        if self._size >= self._max_bytes or len(records) >= self._max_items:
            self._seal()

    def lost(self, records: int, size: int) -> None:
        """Records were lost before they came here; the subscriber is told once a batch has arrived."""
        self._untold.add(records, size)

    def _overflow(self, size: int) -> None:
        self._untold.add(1, size)
        self._unreported.add(1, size)
        if self._unreported.size >= self._max_bytes or self._unreported.records >= self._max_items:
            self._report()

    def _report(self, reason: str | None = None) -> None:
        loss, self._unreported = self._unreported, _Loss()
        if loss.records:
            self._on_dropped(LogsDropped(time(), reason or self._reason, loss.records, loss.size))

    def _tell(self) -> None:
        """The listener is well: let it know what it has missed, if it asked for platform records."""
        self._report()
        loss, self._untold = self._untold, _Loss()
        if "platform" in self.subscription.wanted:
            (notice,) = self._render(LogsDropped(time(), self._reason, loss.records, loss.size))
            if self._records and self._size + len(notice) + 1 > self._max_bytes:
                self._seal()
            self._notices.add(loss.records - 1, loss.size - len(notice))
            self._held, held = 0, self._held  # so that the notice is not dropped in its turn
            self.add(notice)
            self._held += held

    # --- batches

    def _seal(self) -> None:
        records, self._records = self._records, []
        held, self._size = self._size - 1, 1
        notices, self._notices = self._notices, _Loss()
        count = len(records)
        worth = _Loss(count + notices.records, held - count + notices.size)
        self._sealed.append(_Batch(self._delivery.frame(records), held, worth))
        self._due = False
        self._start()

    def _tick(self) -> None:
        self._timer = None
        if not self._records:
            return
        if self._deadline - self._loop.time() > _CLOCK_SECONDS:
            self._timer = self._loop.call_at(self._deadline, self._tick)
        else:
            # While another batch is under way this one goes on growing.
            self._due = True
            self._start()

    def _start(self) -> None:
        if self._task is None and not self._paused:
            self._task = self._loop.create_task(self._run())

    async def _run(self) -> None:
        policy = self._policy
        attempts, delay = 0, policy.first_delay
        try:
            while not self._paused:
                if not self._sealed:
                    if not self._records or not (self._due or self._flushing):
                        return
                    self._seal()
                error = await self._offer(self._sealed[0])
                if error is None:
                    attempts, delay, self._reached = 0, policy.first_delay, True
                    self._held -= self._sealed.popleft().held
                    if self._untold.records:
                        self._tell()
                    continue
                self._error = error
                if not isinstance(error, NobodyListens):
                    attempts += 1
                if attempts >= policy.attempts:
                    attempts = 0
                    self._give_up(self._sealed.popleft(), error)
                if self._flushing:
                    return
                await self._back_off(delay)
                delay = min(2 * delay, policy.longest_delay)
        finally:
            self._task = None

    async def _offer(self, batch: _Batch) -> DeliveryFailed | None:
        """Deliver a batch; why it failed, or None."""
        try:
            async with asyncio.timeout(self._answer_timeout) as self._scope:
                await self._delivery.deliver(batch.body)
            return None
        except TimeoutError:
            error = DeliveryFailed(f"the listener did not answer within {self._answer_timeout:g} s")
        except DeliveryFailed as failure:
            error = failure
        finally:
            self._scope = None
        self._delivery.reset()
        return error

    def _give_up(self, batch: _Batch, error: DeliveryFailed) -> None:
        self._held -= batch.held
        self._report()
        self._untold.add(batch.worth.records, batch.worth.size)
        self._unreported.add(batch.worth.records, batch.worth.size)
        self._report(f"could not send events: {error}")

    async def _back_off(self, delay: float) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(delay):
                await self._wake.wait()
        except TimeoutError:
            pass

    # --- from outside

    @property
    def waiting(self) -> bool:
        """Whether anything has not arrived yet."""
        return self._held > 0

    def wake(self) -> None:
        """The listener is there (again): do not wait any longer before the next attempt."""
        self._wake.set()

    def pause(self) -> None:
        """The listener is stopped: begin no delivery, and do not count the time it takes to answer."""
        self._paused = True
        if self._scope is not None and not self._scope.expired():
            self._scope.reschedule(None)

    def resume(self) -> None:
        """The listener runs again."""
        self._paused = False
        if self._scope is not None and not self._scope.expired() and self._answer_timeout is not None:
            self._scope.reschedule(self._loop.time() + self._answer_timeout)
        self._wake.set()
        if self._sealed or self._due:
            self._start()

    async def flush(self) -> None:
        """Send everything there is now; over when all has arrived, or at the first failure. Set a time limit."""
        self._flushing = True
        self._wake.set()
        try:
            if self._sealed or self._records:
                self._start()
            if self._task is not None and not self._paused:
                await asyncio.wait({self._task})
        finally:
            self._flushing = False
            if self._sealed:
                self._start()

    def end(self) -> None:
        """Stop; what has not arrived is lost, as it is on the service when an environment ends.

        A listener that nothing has ever arrived at was a mistake, which is reported.
        """
        self._paused = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
        self._report()
        if self._error is not None and not self._reached and self._held:
            if self._records:
                self._seal()
            while self._sealed:
                worth = self._sealed.popleft().worth
                self._unreported.add(worth.records, worth.size)
            self._report(f"could not send events: {self._error}")
        self._delivery.reset()
