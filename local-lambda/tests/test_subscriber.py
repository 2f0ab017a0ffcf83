"""A subscription at work: batches, their order and limits, and listeners that do not do as they should."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from local_lambda.events import LogsDropped, Start
from local_lambda.sinks.buffer import Buffer, Loss
from local_lambda.sinks.delivery import DeliveryFailed, NobodyListens
from local_lambda.sinks.records import logs_records
from local_lambda.sinks.subscriber import DROPPED_REASON, Policy, Subscriber
from local_lambda.subscription import SANDBOX, Buffering, Destination
from telemetry_listeners import (
    CLOSE,
    HANG,
    IMPATIENT,
    NOON,
    OK,
    PATIENT,
    Environment,
    HttpListener,
    TcpListener,
    answer,
    kinds,
    line,
    logs,
    run,
    telemetry,
    texts,
)

NOWHERE = Destination("HTTP", SANDBOX, 1)


# --- the buffer alone


class Kept:
    """A buffer, and what it says."""

    def __init__(self, buffering: Buffering, limit: int = 10_000, platform: bool = True) -> None:
        self.begun = self.full = 0
        self.losses: list[tuple[Loss, str | None]] = []
        self.buffer = Buffer(
            buffering,
            limit,
            lambda records: b"[%s]" % b",".join(records),
            lambda loss: b"<%d,%d>" % (loss.records, loss.size) if platform else None,
            self._first,
            self._complete,
            lambda loss, error: self.losses.append((loss, error)),
        )

    def _first(self) -> None:
        self.begun += 1

    def _complete(self) -> None:
        self.full += 1

    @property
    def bodies(self) -> list[bytes]:
        """The complete batches."""
        return [batch.body for batch in self.buffer.batches]


def test_buffer_with_max_items_completes_a_batch() -> None:
    """The third of three records completes the batch."""
    kept = Kept(Buffering(max_items=3))
    for record in (b"1", b"2", b"3", b"4"):
        kept.buffer.add(record)
    assert kept.bodies == [b"[1,2,3]"]
    assert (kept.begun, kept.full, kept.buffer.filling) == (2, 1, True)


def test_buffer_with_max_bytes_never_makes_a_larger_batch() -> None:
    """Bytes are those on the wire; a record that does not fit begins the next batch."""
    kept = Kept(Buffering(max_bytes=9))
    for record in (b"123", b"4567", b"89", b"0123", b"456"):
        kept.buffer.add(record)
    assert kept.bodies == [b"[123]", b"[4567,89]", b"[0123]"]


def test_buffer_with_a_record_larger_than_a_batch_keeps_it_whole() -> None:
    """It is a batch of its own; order is kept."""
    kept = Kept(Buffering(max_bytes=8))
    for record in (b"1", b"x" * 20, b"2"):
        kept.buffer.add(record)
    kept.buffer.seal()
    assert kept.bodies == [b"[1]", b"[%s]" % (b"x" * 20), b"[2]"]


def test_buffer_when_full_drops_the_newest_and_tells_when_one_batch_arrived() -> None:
    """The notice stands where the gap is; the environment learns of losses as they add up to a batch."""
    kept = Kept(Buffering(max_items=3), limit=12)
    for number in range(7):
        kept.buffer.add(b"%d.." % number)
    assert kept.bodies == [b"[0..,1..,2..]"]
    assert kept.losses == [(Loss(3, 9), None)]
    kept.buffer.arrived()
    assert kept.losses == [(Loss(3, 9), None), (Loss(1, 3), None)]
    kept.buffer.add(b"7..")
    kept.buffer.seal()
    assert kept.bodies == [b"[<4,12>,7..]"]
    kept.buffer.arrived()
    assert kept.buffer.held == 0
    assert not kept.buffer.filling


def test_buffer_when_full_without_platform_records_tells_the_environment_only() -> None:
    """A subscriber gets no type it did not ask for."""
    kept = Kept(Buffering(max_items=2), limit=8, platform=False)
    for number in range(3):
        kept.buffer.add(b"%d.." % number)
    kept.buffer.arrived()
    assert kept.losses == [(Loss(1, 3), None)]
    assert not kept.buffer.filling


def test_buffer_that_gives_up_a_notice_tells_its_content_anew() -> None:
    """Losses add up; a lost notice is not itself counted."""
    kept = Kept(Buffering(max_items=2))
    for record in (b"1", b"22", b"3", b"4"):
        kept.buffer.add(record)
    kept.buffer.give_up("no reason")
    assert kept.losses == [(Loss(2, 3), "no reason")]
    kept.buffer.arrived()
    kept.buffer.add(b"5")
    assert kept.bodies == [b"[<2,3>,5]"]
    kept.buffer.give_up("none")
    assert kept.losses[1:] == [(Loss(3, 4), "none")]
    for record in (b"6", b"7"):
        kept.buffer.add(record)
    kept.buffer.arrived()
    kept.buffer.seal()
    assert kept.bodies == [b"[<3,4>]"]
    kept.buffer.arrived()
    assert kept.buffer.held == 0


def test_buffer_whose_notices_alone_are_given_up_feeds_no_loop() -> None:
    """A listener that takes nothing makes no new notices."""
    kept = Kept(Buffering())
    kept.buffer.lost(Loss(1, 1))
    kept.buffer.add(b"1")
    kept.buffer.seal()
    kept.buffer.arrived()
    kept.buffer.seal()
    assert kept.bodies == [b"[<1,1>]"]
    kept.buffer.give_up("none")
    assert not kept.buffer.filling
    assert kept.buffer.held == 0


# --- a subscriber with a clock and a listener of paper


class Clock:
    """A loop whose time is turned by hand."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.create_task = asyncio.get_running_loop().create_task

    def time(self) -> float:
        """Seconds."""
        return self.now

    def call_at(self, when: float, action: Callable[[], None]) -> Clock:
        """Set a timer."""
        self.timers.append((when, action))
        return self

    def cancel(self) -> None:
        """Of a timer: nothing, these tests end soon."""

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
    """No batch is given up because nobody listens; a subscription of the same kind wakes the waiting."""

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
        failures = [DeliveryFailed("the listener answered 500") for _ in range(10)]
        paper = Paper(*failures)
        collector, dropped = subscriber(Clock(), paper, Buffering(max_items=2), IMPATIENT, "function", "platform")
        for record in (b"10", b"20", b"30", b"40", b"50", b"60"):
            collector.add(record)
        assert await paper.batches.get() == [50, 60]
        assert paper.offers == 11
        reason = "could not send events: the listener answered 500"
        assert [(event.reason, event.records, event.size) for event in dropped] == [(reason, 2, 4)] * 2
        await settle()
        await collector.flush()
        (notice,) = await paper.batches.get()
        assert notice["type"] == "platform.logsDropped"
        assert notice["record"] == {"reason": DROPPED_REASON["Logs"], "droppedRecords": 4, "droppedBytes": 8}
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
    """A listener that is stopped cannot answer: its time limit begins anew when it runs again."""

    async def test() -> None:
        paper = Paper()
        collector, dropped = subscriber(
            Clock(), paper, Buffering(max_items=1), replace(IMPATIENT, answer_timeout=0.001, attempts=1)
        )
        paper.gate.clear()
        collector.add(b"1")
        await settle()
        collector.pause()
        waited = asyncio.Event()
        asyncio.get_running_loop().call_later(0.005, waited.set)
        await waited.wait()
        assert (paper.offers, dropped) == (1, [])
        paper.gate.set()
        assert await paper.batches.get() == [1]
        collector.resume()
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


# --- real ports


def test_http_listener_gets_one_json_array_after_the_other_on_one_connection() -> None:
    """Method, path, headers and body as the service sends them."""

    async def test() -> None:
        async with HttpListener() as listener, Environment() as environment:
            destination = replace(listener.destination, path="/logs?a=b", method="PUT")
            environment.subscriptions.subscribe("collector", telemetry(destination))
            for text in ("one\n", "two é\n", "three\n"):
                environment.emit(line(text))
                request = await listener.requests.get()
                assert texts(request.records) == [text]
                head = request.head.split("\r\n")
                assert head[0] == "PUT /logs?a=b HTTP/1.1"
                assert f"Host: sandbox.localdomain:{listener.port}" in head
                assert "Content-Type: application/json" in head
                assert request.connection == 1

    run(test)


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 202 Accepted\r\nConnection: close\r\n\r\nlong",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nOK\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
    ],
)
def test_http_listener_with_any_good_answer_is_believed(reply: bytes) -> None:
    """With and without a length, keeping the connection or not."""

    async def test() -> None:
        async with HttpListener(reply, reply, reply) as listener, Environment() as environment:
            environment.subscriptions.subscribe("collector", telemetry(listener.destination))
            for text in "123":
                environment.emit(line(text))
                assert texts((await listener.requests.get()).records) == [text]
            assert await environment.flush()
            assert environment.dropped == []

    run(test)


@pytest.mark.parametrize("bad", [answer(500), answer(404), answer(302), CLOSE, b"not HTTP\r\n\r\n"])
def test_http_listener_that_fails_once_gets_the_batch_again(bad: bytes) -> None:
    """Order is kept: nothing overtakes the batch that failed."""

    async def test() -> None:
        async with HttpListener(bad) as listener, Environment() as environment:
            environment.subscriptions.subscribe("collector", telemetry(listener.destination))
            environment.emit(line("one"))
            first = await listener.requests.get()
            environment.emit(line("two"))
            second = await listener.requests.get()
            assert texts(first.records) == texts(second.records) == ["one"]
            assert texts((await listener.requests.get()).records) == ["two"]
            assert await environment.flush()
            assert environment.dropped == []

    run(test)


def test_http_listener_that_hangs_is_given_up_and_others_are_served() -> None:
    """One that never answers costs its own records only."""

    async def test() -> None:
        policy = replace(IMPATIENT, answer_timeout=0.001, attempts=2)
        patient = replace(IMPATIENT, answer_timeout=60)
        async with HttpListener(HANG, HANG) as hanging, HttpListener() as good, Environment(policy) as environment:
            environment.subscriptions.subscribe("hanging", telemetry(hanging.destination, "function", "platform"))
            environment.subscriptions._policy = patient
            environment.subscriptions.subscribe("good", telemetry(good.destination))
            environment.emit(line("one"))
            assert texts(await good.records(1)) == ["one"]
            for _ in range(2):
                await hanging.requests.get()
            while not environment.dropped:
                await asyncio.sleep(0)
            assert environment.dropped[0].reason == "could not send events: the listener did not answer within 0.001 s"

    run(test)


def test_http_listener_that_begins_late_gets_everything() -> None:
    """Subscribing before the listener listens is a race that is lost for nobody."""

    async def test() -> None:
        async with HttpListener() as probe:
            port = probe.port
        async with Environment() as environment:
            environment.subscriptions.subscribe("collector", telemetry(replace(probe.destination, port=port)))
            environment.emit(line("early"))
            await asyncio.wait_for(environment.subscriptions.flush(60), 60)
            async with HttpListener(port=port) as listener:
                assert texts(await listener.records(1)) == ["early"]

    run(test)


def test_slow_listener_loses_records_and_learns_how_many() -> None:
    """What is delivered and what `platform.logsDropped` counts make up what was written; memory is bounded."""

    async def test() -> None:
        policy = replace(IMPATIENT, held_bytes=100_000)
        async with HttpListener() as listener, Environment(policy) as environment:
            buffering = Buffering(max_items=1_000, timeout_ms=1)
            listener.gate.clear()
            types = ("platform", "function")
            environment.subscriptions.subscribe(
                "collector", telemetry(listener.destination, *types, buffering=buffering)
            )
            environment.subscriptions.close()
            environment.emit(*[line(f"{number:0200d}\n") for number in range(20_000)])
            assert environment.subscriptions._subscribers["collector"]._buffer.held <= 100_000
            listener.gate.set()
            assert await environment.flush()
            environment.emit(line("last"))
            assert await environment.flush()
            records = []
            while not listener.requests.empty():
                records += listener.requests.get_nowait().records
            lines = texts([record for record in records if record["type"] == "function"])
            told = [record["record"] for record in records if record["type"] == "platform.logsDropped"]
            assert lines[:-1] == [f"{number:0200d}\n" for number in range(len(lines) - 1)]
            assert lines[-1] == "last"
            lost = 20_000 - (len(lines) - 1)
            assert 19_000 < lost == sum(notice["droppedRecords"] for notice in told)
            assert lost == sum(event.records for event in environment.dropped)
            size = sum(event.size for event in environment.dropped)
            assert size == sum(notice["droppedBytes"] for notice in told)
            assert {notice["reason"] for notice in told} == {DROPPED_REASON["Telemetry"]}
            assert kinds(records)[-2:] == ["logsDropped", "function"]

    run(test)


def test_tcp_listener_gets_one_record_on_each_line() -> None:
    """Newline-delimited JSON on one connection, made when the subscription was."""

    async def test() -> None:
        async with TcpListener() as listener, Environment() as environment:
            environment.subscriptions.subscribe("collector", logs(listener.destination, "function", "platform"))
            environment.emit(line("two\nlines\n"), Start(NOON, "R", "1", "arn", None))
            environment.emit(line("é\n"))
            records = await listener.records(4)
            assert kinds(records) == ["logsSubscription", "function", "start", "function"]
            assert [texts(records)[index] for index in (1, 3)] == ["two\nlines\n", "é\n"]
            assert len(listener.writers) == 1
            assert await environment.flush()

    run(test)


def test_tcp_listener_that_hangs_up_is_connected_again() -> None:
    """A connection that is closed is no end of the subscription."""

    async def test() -> None:
        async with TcpListener() as listener, Environment() as environment:
            environment.subscriptions.subscribe("collector", logs(listener.destination))
            environment.emit(line("one"))
            assert texts(await listener.records(1)) == ["one"]
            connection = environment.subscriptions._subscribers["collector"]._delivery._connection  # type: ignore
            listener.writers[0].close()
            while not connection.closed:
                await asyncio.sleep(0)
            environment.emit(line("two"))
            assert texts(await listener.records(1)) == ["two"]
            assert len(listener.writers) == 2

    run(test)


def test_tcp_listener_that_reads_slowly_gets_everything_within_the_bounds() -> None:
    """Megabytes that the kernel does not take at once."""

    async def test() -> None:
        async with TcpListener() as listener, Environment() as environment:
            buffering = Buffering(max_bytes=1_048_576, timeout_ms=1)
            environment.subscriptions.subscribe("collector", logs(listener.destination, buffering=buffering))
            environment.emit(*[line(f"{number:0100000d}") for number in range(100)])
            flush = asyncio.ensure_future(environment.flush())
            assert [int(text[-9:]) for text in texts(await listener.records(100))] == list(range(100))
            assert await flush

    run(test)


def test_flush_with_living_and_dead_listeners_reaches_the_living() -> None:
    """What is buffered goes out at the end of an environment; a dead listener costs no time."""

    async def test() -> None:
        async with HttpListener() as gone:
            pass
        async with HttpListener() as listener, HttpListener(answer(500)) as failing, Environment() as environment:
            for name, to in (("living", listener), ("dead", gone), ("failing", failing)):
                environment.subscriptions.subscribe(name, telemetry(to.destination, buffering=PATIENT))
            environment.emit(line("one"), line("two"))
            assert not await environment.flush()
            assert texts(await listener.records(1)) == ["one", "two"]

    run(test)


def test_flush_with_a_listener_that_hangs_ends_at_its_time_limit() -> None:
    """The time for a shutdown is short."""

    async def test() -> None:
        async with HttpListener(HANG) as listener, Environment() as environment:
            environment.subscriptions.subscribe("collector", telemetry(listener.destination, buffering=PATIENT))
            environment.emit(line("one"))
            assert not await environment.subscriptions.flush(0.001)
            assert not await environment.subscriptions.flush(0)

    run(test)


def test_100_000_lines_arrive_complete_and_in_order() -> None:
    """Two hundred bytes each, written as fast as the stream takes them; nothing is lost and little is held."""

    async def test() -> None:
        async with HttpListener() as listener, Environment(Policy()) as environment:
            subscription = logs(listener.destination, buffering=Buffering())
            environment.subscriptions.subscribe("counter", subscription)
            environment.subscriptions.close()
            collector = environment.subscriptions._subscribers["counter"]
            held = 0
            for start in range(0, 100_000, 500):
                environment.emit(*[line(f"{number:0199d}\n") for number in range(start, start + 500)])
                await asyncio.sleep(0)
                held = max(held, collector._buffer.held)
            assert await environment.flush()
            numbers = []
            while not listener.requests.empty():
                request = listener.requests.get_nowait()
                assert len(request.body) <= 262_144
                assert request.connection == 1
                numbers += [int(text) for text in texts(request.records)]
            assert numbers == list(range(100_000))
            assert held <= Policy().held_bytes
            assert environment.dropped == []

    run(test)
