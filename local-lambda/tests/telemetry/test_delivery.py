"""Deliveries to listeners on real ports, among them those that refuse, fail, hang, hang up or are slow."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from msgspec import structs

from local_lambda.events.platform import LogsDropped, Start
from local_lambda.telemetry.request import Buffering
from local_lambda.telemetry.subscriber import DROPPED_REASON, Policy
from local_lambda.telemetry.tcp_delivery import TcpDelivery
from support.telemetry_listeners import (
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


def test_http_listener_gets_one_json_array_after_the_other_on_one_connection() -> None:
    """Method, path, headers and body as the service sends them."""

    async def test() -> None:
        async with HttpListener() as listener, Environment() as environment:
            destination = structs.replace(listener.destination, path="/logs?a=b", method="PUT")
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
        policy = replace(IMPATIENT, answer_timeout=0.01, attempts=2)
        lost: asyncio.Queue[LogsDropped] = asyncio.Queue()
        async with HttpListener(*[HANG] * 99) as hanging, HttpListener() as good, Environment(policy) as environment:
            environment.stream.add(lambda event: lost.put_nowait(event) if isinstance(event, LogsDropped) else None)
            environment.subscriptions.subscribe("hanging", telemetry(hanging.destination))
            environment.emit(line("one"))
            loss = await lost.get()
            assert loss.records == 1
            assert loss.reason == "could not send events: the listener did not respond within 0.01 s"
            async with Environment() as other:
                other.subscriptions.subscribe("good", telemetry(good.destination))
                environment.emit(line("two"))
                other.emit(line("two"))
                assert texts(await good.records(1)) == ["two"]

    run(test)


def test_http_listener_that_begins_late_gets_everything() -> None:
    """Subscribing before the listener listens does not lose anything."""

    async def test() -> None:
        async with HttpListener() as probe:
            port = probe.port
        async with Environment() as environment:
            environment.subscriptions.subscribe("collector", telemetry(structs.replace(probe.destination, port=port)))
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
    """A closed connection does not end the subscription."""

    async def test() -> None:
        async with TcpListener() as listener, Environment() as environment:
            environment.subscriptions.subscribe("collector", logs(listener.destination))
            environment.emit(line("one"))
            assert texts(await listener.records(1)) == ["one"]
            delivery = environment.subscriptions._subscribers["collector"]._delivery
            assert isinstance(delivery, TcpDelivery)
            connection = delivery._connection
            assert connection is not None
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
