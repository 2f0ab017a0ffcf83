"""A subscription at work, with a clock that is turned by hand and a listener on paper."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from local_lambda.events.platform import LogsDropped
from local_lambda.telemetry.delivery import DeliveryFailed, NobodyListens
from local_lambda.telemetry.records import logs_records
from local_lambda.telemetry.request import SANDBOX, Buffering, Destination
from local_lambda.telemetry.subscriber import DROPPED_REASON, Policy, Subscriber
from support.telemetry_listeners import IMPATIENT, logs, run

NOWHERE = Destination("HTTP", SANDBOX, 1)


class Clock:
    """A loop whose time is turned by hand."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.now = loop.time()
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.create_task = loop.create_task

    def time(self) -> float:
        """Seconds."""
        return self.now

    def call_at(self, when: float, action: Callable[[], None]) -> Clock:
        """Set a timer."""
        self.timers.append((when, action))
        return self

    def cancel(self) -> None:
        """Of a timer: it is not waited for."""

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        due = [timer for timer in self.timers if timer[0] <= self.now]
        self.timers = [timer for timer in self.timers if timer[0] > self.now]
        for _, action in due:
            action()


class Paper:
    """A delivery that writes batches down; `outcomes` are what it raises in turn, None for success."""

    acknowledges = True

    def __init__(self, *outcomes: Exception | None) -> None:
        self.outcomes = list(outcomes)
        self.batches: asyncio.Queue[Any] = asyncio.Queue()
        self.offers = 0
        self.gate = asyncio.Event()
        self.gate.set()

    def frame(self, records: Sequence[bytes]) -> bytes:
        """A JSON array."""
        return b"[%s]" % b",".join(records)

    async def deliver(self, batch: bytes) -> None:
        """Write a batch down."""
        self.offers += 1
        await self.gate.wait()
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if outcome is not None:
            raise outcome
        self.batches.put_nowait(json.loads(batch))

    def reset(self) -> None:
        """Nothing to cut."""


async def settle() -> None:
    """Let what is ready run."""
    for _ in range(10):
        await asyncio.sleep(0)


def subscriber(
    clock: Any, paper: Paper, buffering: Buffering, policy: Policy = IMPATIENT, *types: str
) -> tuple[Subscriber, list[LogsDropped]]:
    """A subscriber, and the losses it reports."""
    dropped: list[LogsDropped] = []
    subscription = logs(NOWHERE, *types, buffering=buffering)
    render = logs_records(subscription.schema)
    return Subscriber("collector", subscription, render, paper, clock, dropped.append, policy), dropped


def test_subscriber_with_a_timeout_sends_what_there_is_when_it_passes() -> None:
    """The time counts from the first record of a batch; there is never more than one timer."""

    async def test() -> None:
        clock, paper = Clock(), Paper()
        collector, _ = subscriber(clock, paper, Buffering(max_items=2, timeout_ms=100))
        collector.add(b"1")
        clock.advance(0.09)
        collector.add(b"2")
        assert await paper.batches.get() == [1, 2]
        collector.add(b"3")
        assert len(clock.timers) == 1
        clock.advance(0.02)
        await settle()
        assert paper.batches.empty()
        assert len(clock.timers) == 1
        clock.advance(0.08)
        assert await paper.batches.get() == [3]
        assert clock.timers == []
        await settle()
        collector.end()

    run(test)


def test_subscriber_whose_timeout_passes_during_a_delivery_lets_the_batch_grow() -> None:
    """A slow listener gets fewer and larger batches."""

    async def test() -> None:
        clock, paper = Clock(), Paper()
        collector, _ = subscriber(clock, paper, Buffering(timeout_ms=100))
        paper.gate.clear()
        collector.add(b"1")
        clock.advance(0.1)
        await settle()
        for number in (b"2", b"3", b"4"):
            collector.add(number)
            clock.advance(0.1)
        paper.gate.set()
        assert await paper.batches.get() == [1]
        assert await paper.batches.get() == [2, 3, 4]
        collector.end()

    run(test)


def test_subscriber_with_a_listener_that_is_not_there_waits_for_it() -> None:
    """No batch is dropped because nothing is listening; a new subscription of the same kind ends the wait."""

    async def test() -> None:
        gone = [NobodyListens("gone") for _ in range(20)]
        paper = Paper(*gone)
        collector, dropped = subscriber(Clock(), paper, Buffering(max_items=1))
        collector.add(b"1")
        assert await paper.batches.get() == [1]
        assert (paper.offers, dropped) == (21, [])
        paper.outcomes = [NobodyListens("gone")]
        lazy, _ = subscriber(Clock(), paper, Buffering(max_items=1), replace(IMPATIENT, first_delay=3600))
        lazy.add(b"2")
        await settle()
        lazy.wake()
        assert await paper.batches.get() == [2]
        collector.end()
        lazy.end()

    run(test)


def test_subscriber_with_a_listener_that_takes_nothing_gives_up_batch_by_batch() -> None:
    """Five attempts each; every loss is reported once, and told when a batch arrives after all."""

    async def test() -> None:
        failures = [DeliveryFailed("the listener responded 500") for _ in range(10)]
        paper = Paper(*failures)
        collector, dropped = subscriber(Clock(), paper, Buffering(max_items=2), IMPATIENT, "function", "platform")
        for record in (b"10", b"20", b"30", b"40", b"50", b"60"):
            collector.add(record)
        assert await paper.batches.get() == [50, 60]
        assert paper.offers == 11
        reason = "could not send events: the listener responded 500"
        assert [(event.reason, event.records, event.size) for event in dropped] == [(reason, 2, 4)] * 2
        await settle()
        await collector.flush()
        (notice,) = await paper.batches.get()
        assert notice["type"] == "platform.logsDropped"
        assert notice["record"] == {"reason": DROPPED_REASON["Logs"], "droppedRecords": 4, "droppedBytes": 8}
        collector.end()

    run(test)


def test_subscriber_with_a_delivery_that_is_at_fault_goes_on() -> None:
    """A bug costs a batch, and is reported; it does not stop the deliveries."""

    async def test() -> None:
        paper = Paper(*[RuntimeError("oh") for _ in range(5)])
        collector, dropped = subscriber(Clock(), paper, Buffering(max_items=1))
        collector.add(b"1")
        collector.add(b"2")
        assert await paper.batches.get() == [2]
        assert [event.reason for event in dropped] == ["could not send events: RuntimeError: oh"]
        collector.end()

    run(test)


def test_subscriber_when_paused_begins_no_delivery_and_goes_on_when_resumed() -> None:
    """What is due while the environment is frozen goes out when it is thawed."""

    async def test() -> None:
        clock, paper = Clock(), Paper()
        collector, _ = subscriber(clock, paper, Buffering(max_items=2, timeout_ms=100))
        collector.pause()
        for record in (b"1", b"2", b"3"):
            collector.add(record)
        clock.advance(0.1)
        await settle()
        await collector.flush()
        assert paper.offers == 0
        collector.resume()
        assert await paper.batches.get() == [1, 2]
        assert await paper.batches.get() == [3]
        collector.end()

    run(test)


def test_subscriber_when_paused_during_a_delivery_does_not_count_the_time() -> None:
    """A stopped listener cannot respond: its time limit starts again when it continues."""

    async def test() -> None:
        paper = Paper()
        collector, dropped = subscriber(Clock(), paper, Buffering(max_items=1))
        paper.gate.clear()
        collector.add(b"1")
        await settle()
        limit = collector._scope
        assert limit is not None
        assert limit.when() is not None
        collector.pause()
        assert limit.when() is None
        collector.resume()
        assert limit.when() is not None
        paper.gate.set()
        assert await paper.batches.get() == [1]
        assert (paper.offers, dropped) == (1, [])
        collector.end()

    run(test)


def test_end_when_nothing_has_ever_arrived_reports_it() -> None:
    """A subscription with a wrong port does not pass unnoticed; one that has worked ends silently."""

    async def test() -> None:
        mistaken, dropped = subscriber(Clock(), Paper(NobodyListens("nobody")), Buffering(max_items=2))
        working, silent = subscriber(Clock(), Paper(None, NobodyListens("nobody")), Buffering(max_items=2))
        for record in (b"1", b"2", b"3"):
            mistaken.add(record)
            working.add(record)
        for collector in (mistaken, working):
            await collector.flush()
            collector.end()
        await settle()
        assert [(event.reason, event.records) for event in dropped] == [
            ("could not send events: nobody", 2),
            ("could not send events: nobody", 1),
        ]
        assert silent == []

    run(test)
