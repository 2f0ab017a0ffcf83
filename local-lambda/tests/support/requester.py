"""A requester that sends requests to a queue and reads responses, with aio-pika instead of the tool's own client."""

from __future__ import annotations

import asyncio
import json
from types import TracebackType
from typing import Any

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

PATIENCE_SECONDS = 120


class Requester:
    """A connection, a channel and an exclusive queue for responses. It uses a loop that runs during calls."""

    def __init__(self, uri: str) -> None:
        self._runner = asyncio.Runner()
        self.run = self._runner.run
        self.answers: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        self.reply_to = self.run(self._open(uri))

    async def _open(self, uri: str) -> str:
        self.connection = await aio_pika.connect(uri, timeout=PATIENCE_SECONDS)
        self.channel = await self.connection.channel(publisher_confirms=True, on_return_raises=True)
        queue = await self.channel.declare_queue(exclusive=True)
        await queue.consume(self.answers.put, no_ack=True)
        return queue.name

    def __enter__(self) -> Requester:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.run(self.connection.close())
        self._runner.close()

    def send(self, function: str, event: object = None, *, body: bytes | None = None, **properties: Any) -> None:
        """Publish a request; `reply_to` is the queue for responses by default."""
        data = json.dumps(event).encode() if body is None else body
        message = aio_pika.Message(data, **{"reply_to": self.reply_to, **properties})
        self.run(self.channel.default_exchange.publish(message, function))

    def answer(self) -> AbstractIncomingMessage:
        """The next response."""
        return self.run(asyncio.wait_for(self.answers.get(), PATIENCE_SECONDS))

    def call(
        self, function: str, event: object = None, *, body: bytes | None = None, **properties: Any
    ) -> tuple[Any, dict[str, Any]]:
        """Send one request and return the payload and headers of its response."""
        self.send(function, event, body=body, **properties)
        answer = self.answer()
        return json.loads(answer.body), dict(answer.headers)

    def take(self, queue: str) -> AbstractIncomingMessage:
        """The next message of a queue, waiting for it."""

        async def take() -> AbstractIncomingMessage:
            found: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
            channel = await self.connection.channel()
            await channel.set_qos(prefetch_count=1)
            await (await channel.get_queue(queue)).consume(found.put, no_ack=False)
            message = await asyncio.wait_for(found.get(), PATIENCE_SECONDS)
            await message.ack()
            await channel.close()
            return message

        return self.run(take())

    def depth(self, queue: str) -> int:
        """How many messages of a queue wait to be delivered."""

        async def depth() -> int:
            channel = await self.connection.channel()
            declared = await channel.declare_queue(queue, passive=True)
            await channel.close()
            return declared.declaration_result.message_count or 0

        return self.run(depth())
