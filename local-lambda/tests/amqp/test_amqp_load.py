"""10,000 requests, three workers, one of them killed, the broker restarted: all are answered."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage

from conftest import MakeProject
from support.broker import RabbitMQ

REQUESTS = 10_000
KILL_WORKER_AT = 3_000
RESTART_BROKER_AT = 6_000
PATIENCE_SECONDS = 240
ONCE = (3, 13)
"""With CI set the tests run on several Pythons side by side; this one is run on this one alone."""


class Answers:
    """Reads the queue `answers`, whatever happens to the broker, and acts when a number of requests is answered."""

    def __init__(self, uri: str, actions: dict[int, Callable[[], Awaitable[None]]]) -> None:
        self.uri = uri
        self.actions = actions
        self.seen: Counter[str] = Counter()
        self.redelivered = 0
        self.wrong: list[bytes] = []
        self._complete = asyncio.Event()

    async def read(self) -> None:
        """Return when every request is answered."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self._complete.is_set():
                with suppress(OSError, aio_pika.exceptions.AMQPError):
                    await self._read()
                await asyncio.sleep(0.1)  # the pace at which it knocks while the broker is away

    async def _read(self) -> None:
        closed = asyncio.Event()
        connection = await aio_pika.connect(self.uri)
        connection.close_callbacks.add(lambda *_: closed.set())
        async with connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=500)
            await (await channel.get_queue("answers")).consume(self._take)
            waits = [asyncio.ensure_future(each.wait()) for each in (self._complete, closed)]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for each in waits:
                each.cancel()

    async def _take(self, message: AbstractIncomingMessage) -> None:
        assert message.correlation_id
        self.redelivered += "X-Redelivered" in message.headers
        if json.loads(message.body) != {"n": int(message.correlation_id)}:
            self.wrong.append(message.body)
        with suppress(OSError, RuntimeError, aio_pika.exceptions.AMQPError):
            await message.ack()
        self.seen[message.correlation_id] += 1
        if action := self.actions.pop(len(self.seen), None):
            await action()
        if len(self.seen) == REQUESTS:
            self._complete.set()


async def publish(uri: str, function: str) -> None:
    """Put all requests into the queue, each confirmed by the broker."""
    async with await aio_pika.connect(uri) as connection:
        channel = await connection.channel(on_return_raises=True)
        for name in (function, "answers"):
            await channel.declare_queue(name, durable=True)
        for start in range(0, REQUESTS, 500):
            messages = [
                aio_pika.Message(b'{"n": %d}' % n, correlation_id=str(n), reply_to="answers", delivery_mode=2)
                for n in range(start, start + 500)
            ]
            await asyncio.gather(*(channel.default_exchange.publish(each, function) for each in messages))


@pytest.mark.skipif(
    bool(os.environ.get("CI")) and sys.version_info[:2] != ONCE,
    reason=f"takes half a minute: with CI set it is run on Python {ONCE[0]}.{ONCE[1]} only",
)
def test_requests_when_worker_is_killed_and_broker_restarted(
    make_project: MakeProject, broker: RabbitMQ, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every request is answered at least once, with its own answer; few twice, and the counts are printed."""
    project = make_project(Many={"Handler": "app.echo"})
    with ExitStack() as stack:
        asyncio.run(publish(broker.uri, "Many"))
        workers = [
            stack.enter_context(project.serving("--amqp", broker.uri, "--max-environments", "2")) for _ in range(3)
        ]

        async def kill_worker() -> None:
            workers[0].process.kill()
            workers[0].process.wait()

        async def restart_broker() -> None:
            await asyncio.get_running_loop().run_in_executor(None, broker.restart)

        async def read() -> Answers:
            answers = Answers(broker.uri, {KILL_WORKER_AT: kill_worker, RESTART_BROKER_AT: restart_broker})
            await answers.read()
            return answers

        answers = asyncio.run(read())
        for worker in workers[1:]:
            worker.wait_for("again$")
            worker.stop()
        more = sum(answers.seen.values()) - len(answers.seen)
    with capsys.disabled():
        print(f"\n{len(answers.seen)} of {REQUESTS} answered, {more} twice, {answers.redelivered} redelivered")
    assert answers.wrong == []
    assert len(answers.seen) == REQUESTS
    assert not answers.actions
    assert 0 < answers.redelivered < REQUESTS / 10
