"""An extension's listeners, on real ports, that do what a test says, and an environment where they subscribe."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import uvloop

from local_lambda.apis.logs_2020_08_15 import LOGS_API
from local_lambda.apis.telemetry_2022_07_01 import TELEMETRY_API
from local_lambda.events.platform import Event, FunctionLog, LogsDropped
from local_lambda.events.stream import EventStream
from local_lambda.telemetry.registry import Subscriptions
from local_lambda.telemetry.request import SANDBOX, Buffering, Destination, Subscription
from local_lambda.telemetry.subscriber import Policy

NOON = 1_700_000_000.0
LOOPBACK = "127.0.0.1"
GIVE_UP_SECONDS = 60
"""How long a test waits for something to happen; it does not measure anything."""

IMPATIENT = Policy(answer_timeout=GIVE_UP_SECONDS, first_delay=0.001, longest_delay=0.001)
HASTY = Buffering(timeout_ms=1)
"""Batches are sent as soon as there is a record."""
PATIENT = Buffering(timeout_ms=30_000)
"""Batches are sent when they are full, or flushed."""

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"
HANG = b""
"""A response that never comes."""
CLOSE = b"close"
"""The connection is closed instead of a response."""


def answer(status: int) -> bytes:
    """A response without a body."""
    return b"HTTP/1.1 %d Because\r\nContent-Length: 0\r\n\r\n" % status


def run(test: Callable[[], Awaitable[None]]) -> None:
    """Run a test in each kind of event loop; it fails if it does not end."""

    async def limited() -> None:
        async with asyncio.timeout(GIVE_UP_SECONDS):
            await test()

    for new_loop in (uvloop.new_event_loop, asyncio.new_event_loop):
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(limited())


def line(text: str) -> FunctionLog:
    """A line of the function."""
    return FunctionLog(NOON, text, "function")


@dataclass
class Request:
    """A request a listener got."""

    head: str
    body: bytes
    connection: int

    @property
    def records(self) -> list[Any]:
        """The batch."""
        batch = json.loads(self.body)
        assert isinstance(batch, list)
        return batch


class HttpListener:
    """An HTTP listener: it responds with `answers` in turn, then with 200; `gate` delays responses until it is set."""

    def __init__(self, *answers: bytes, port: int = 0) -> None:
        self.answers = list(answers)
        self.requests: asyncio.Queue[Request] = asyncio.Queue()
        self.connections = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.port = port
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> HttpListener:
        self._server = await asyncio.start_server(self._connected, LOOPBACK, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def destination(self) -> Destination:
        """Where to subscribe it."""
        return Destination("HTTP", SANDBOX, self.port)

    async def records(self, count: int) -> list[Any]:
        """The next records, from as many batches as are needed for at least `count`."""
        records: list[Any] = []
        while len(records) < count:
            records += (await self.requests.get()).records
        return records

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        number = self.connections
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                size = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0])
                body = await reader.readexactly(size)
                reply = self.answers.pop(0) if self.answers else OK
                self.requests.put_nowait(Request(head, body, number))
                await self.gate.wait()
                if reply == HANG:
                    await reader.read()
                if reply in (HANG, CLOSE):
                    break
                writer.write(reply)
                if reply.startswith(b"HTTP/1.0") or b"connection: close" in reply.lower():
                    break
        writer.close()


class TcpListener:
    """A TCP listener that reads lines."""

    def __init__(self) -> None:
        self.lines: asyncio.Queue[Any] = asyncio.Queue()
        self.writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> TcpListener:
        self._server = await asyncio.start_server(self._connected, LOOPBACK, 0, limit=2**20)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self.writers:
            writer.close()

    @property
    def destination(self) -> Destination:
        """Where to subscribe it."""
        return Destination("TCP", SANDBOX, self.port)

    async def records(self, count: int) -> list[Any]:
        """The next records."""
        return [await self.lines.get() for _ in range(count)]

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        with suppress(ConnectionError):
            while text := await reader.readline():
                assert text.endswith(b"\n")
                self.lines.put_nowait(json.loads(text))


class Environment:
    """An environment's event stream and subscriptions; `seen` lists what the stream's other sinks get."""

    def __init__(self, policy: Policy = IMPATIENT) -> None:
        loop = asyncio.get_running_loop()
        self.seen: list[Event] = []
        self.stream = EventStream(loop.call_soon, self._broken)
        self.stream.add(self.seen.append)
        self.subscriptions = Subscriptions(self.stream.emit, self._resolve, loop, policy=policy)
        self.stream.add(self.subscriptions)

    async def __aenter__(self) -> Environment:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.subscriptions.end()
        self.stream.flush()

    def emit(self, *events: Event) -> None:
        """Report events; the sinks have them when this returns."""
        for event in events:
            self.stream.emit(event)
        self.stream.flush()

    async def flush(self) -> bool:
        """Send everything that is buffered."""
        self.stream.flush()
        return await self.subscriptions.flush(GIVE_UP_SECONDS)

    @property
    def dropped(self) -> list[LogsDropped]:
        """The reported losses."""
        self.stream.flush()
        return [event for event in self.seen if isinstance(event, LogsDropped)]

    def _resolve(self, host: str) -> str:
        assert host == SANDBOX
        return LOOPBACK

    def _broken(self, sink: object, error: Exception) -> None:
        raise error


def telemetry(
    destination: Destination,
    *types: str,
    schema: str = "2022-12-13",
    buffering: Buffering = HASTY,
) -> Subscription:
    """A subscription of the Telemetry API, by default to lines of the function."""
    return Subscription(TELEMETRY_API, schema, types or ("function",), destination, buffering)


def logs(
    destination: Destination,
    *types: str,
    schema: str = "2021-03-18",
    buffering: Buffering = HASTY,
) -> Subscription:
    """A subscription of the Logs API, by default to lines of the function."""
    return Subscription(LOGS_API, schema, types or ("function",), destination, buffering)


def texts(records: Sequence[Any]) -> list[Any]:
    """What is recorded, without time and type."""
    return [record["record"] for record in records]


def kinds(records: Sequence[Any]) -> list[str]:
    """The types of records without `platform.`."""
    return [record["type"].removeprefix("platform.") for record in records]
