"""The worker: each function has a queue; a message is an invocation, and its response goes to `reply_to`.

A message is acknowledged only after the broker has confirmed the response, so work that a worker had not finished when
it died is delivered again. All connection errors are handled in the same way: the connection is dropped and a new one
is opened, with growing pauses. Header names are those of the Invoke API's HTTP headers:
https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html.
"""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import aio_pika
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, ChannelNotFoundEntity, DeliveryError, PublishError

from local_lambda.amqp.connection import Broker
from local_lambda.apis.invocations import error_body
from local_lambda.environment.invocation import Invocation, InvocationResponse
from local_lambda.errors import ApiError, StartError
from local_lambda.events.identifiers import new_uuid
from local_lambda.service.payload import check_json, check_size, client_context
from local_lambda.service.pool import EnvironmentPool
from local_lambda.xray.header import new_tracing

if TYPE_CHECKING:
    from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue, ConsumerTag

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
CLOSE_SECONDS = 5.0
"""Time limit for closing a connection, so that a broker that does not respond cannot keep the tool from ending."""
NACK_PAUSES = (0.1, 0.5, 2.0)
"""Seconds between attempts to publish a response that the broker rejects."""
DIRECT_REPLY = "amq.rabbitmq.reply-to."
"""Prefix of the broker's pseudo-queues for direct replies. The broker returns every mandatory message to such a queue,
so these responses are not mandatory: https://www.rabbitmq.com/docs/direct-reply-to."""

Headers = Mapping[str, str]


class Worker:
    """Serves the queues of these functions. `say` prints a line; its second argument marks bad news."""

    def __init__(self, broker: Broker, pools: Mapping[str, EnvironmentPool], say: Callable[[str, bool], None]) -> None:
        self._broker = broker
        self._pools = pools
        self._say = say
        self._consumers: list[tuple[AbstractQueue, ConsumerTag]] = []
        self._connection: AbstractConnection | None = None
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._keeper: asyncio.Task[None] | None = None
        self._stopping = False
        self._given_up = asyncio.Event()
        self._working: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Connect and consume. Raises StartError if that fails. A connection that is lost later is reopened."""
        await self._open()
        self._say(f"serving {', '.join(self._pools)} from {self._broker}", False)
        for name, pool in self._pools.items():
            if not pool.limit:
                self._say(f"{name} has no concurrency: its messages stay in the queue", True)
        self._keeper = asyncio.get_running_loop().create_task(self._keep_connected())

    async def stop_consuming(self) -> None:
        """Stop consuming; requests in progress continue."""
        self._stopping = True
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait((self._keeper,))
        for queue, tag in self._consumers:
            with suppress(Exception):  # a lost connection, or a broker that does not respond, delivers nothing anyway
                async with asyncio.timeout(CLOSE_SECONDS):
                    await queue.cancel(tag)
        self._say(f"stopped consuming from {self._broker}", False)

    async def finish(self) -> None:
        """Publish the responses of finished invocations (the pools are done) and return all other messages."""
        await asyncio.sleep(0)
        self._given_up.set()
        if self._working:
            await asyncio.wait(self._working)
        await self._close()

    async def _close(self) -> None:
        if self._connection is not None:
            with suppress(Exception):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._connection.close()

    async def _open(self) -> None:
        lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        connection = await self._broker.connect()

        def closed(_: object, error: BaseException | None) -> None:
            if not lost.done():
                lost.set_result(self._broker.reason(error))

        connection.close_callbacks.add(closed)
        self._lost, self._connection, self._consumers = lost, connection, []
        try:
            for name, pool in self._pools.items():
                await _ensure_queue(connection, name)
                if pool.limit:  # with a concurrency of 0, messages would be taken and never served
                    await self._consume(connection, name, pool, closed)
        except Exception as error:  # RuntimeError too: the libraries raise it if the connection is lost meanwhile
            await self._close()
            raise StartError(f"cannot consume from {self._broker}: {self._broker.reason(error)}") from None

    async def _consume(
        self,
        connection: AbstractConnection,
        name: str,
        pool: EnvironmentPool,
        closed: Callable[[object, BaseException | None], None],
    ) -> None:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        channel.close_callbacks.add(closed)
        underlay = await channel.get_underlay_channel()
        underlay.on_consumer_cancel_callbacks.add(lambda _: closed(None, AMQPError(f"the queue {name} is gone")))
        await channel.set_qos(prefetch_count=pool.limit)
        queue = await channel.get_queue(name, ensure=False)
        self._consumers.append((queue, await queue.consume(partial(self._deliver, channel, pool))))

    async def _keep_connected(self) -> None:
        while True:
            reason = await self._lost
            self._say(f"lost {self._broker}: {reason}; trying until it is back", True)
            await self._close()
            pause = FIRST_PAUSE_SECONDS
            while True:
                await asyncio.sleep(pause * random.uniform(0.5, 1))
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
                try:
                    await self._open()
                    break
                except StartError:
                    continue
                except asyncio.CancelledError:  # aiormq cancels whatever waits on a connection that is closed
                    if self._stopping:
                        raise
            self._say(f"serving {', '.join(self._pools)} from {self._broker} again", False)

    async def _deliver(self, channel: AbstractChannel, pool: EnvironmentPool, message: AbstractIncomingMessage) -> None:
        if self._stopping:
            return  # not acknowledged, so it returns to the queue when the connection closes
        task = asyncio.current_task()
        assert task is not None
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        try:
            await self._serve(channel, pool, message)
        except (AMQPError, ChannelInvalidStateError, OSError) as error:
            # The response was not published. The broker still has the message and delivers it again.
            if not self._lost.done() and not self._stopping and not channel.is_closed:
                self._lost.set_result(self._broker.reason(error))

    async def _serve(self, channel: AbstractChannel, pool: EnvironmentPool, message: AbstractIncomingMessage) -> None:
        headers = {key.lower(): value for key, value in message.headers.items() if isinstance(value, str)}
        incoming = headers.get("x-amzn-trace-id")
        try:
            _check(message)
            context = headers.get("x-amz-client-context")
            invocation = Invocation(
                message.body or b"{}",
                pool.function.arn,
                new_tracing(incoming, pool.function.tracing_active, queued=not message.reply_to),
                client_context=client_context(context.encode()) if context else None,
                tail=headers.get("x-amz-log-type") == "Tail",
            )
        except ApiError as error:
            await self._refuse(channel, pool, message, error)
            return
        if message.redelivered:
            self._say(f"{invocation.request_id} was delivered before: it may run a second time", False)
        if not message.reply_to:
            await self._serve_asynchronous(pool, invocation, message)
            return
        try:
            answer = await pool.call(invocation, patient=True)
        except ApiError as error:
            await self._refuse(channel, pool, message, error)
            return
        await self._answer(channel, message, answer.payload, _headers(pool, invocation, answer))

    async def _refuse(
        self, channel: AbstractChannel, pool: EnvironmentPool, message: AbstractIncomingMessage, error: ApiError
    ) -> None:
        self._say(f"a message for {pool.function.name} is refused: {error.error_type}: {error.message}", True)
        refusal = {"x-amzn-ErrorType": error.error_type, "x-amzn-RequestId": new_uuid()}
        await self._answer(channel, message, error_body(error), refusal)

    async def _serve_asynchronous(
        self, pool: EnvironmentPool, invocation: Invocation, message: AbstractIncomingMessage
    ) -> None:
        """Serve a message without `reply_to`: as with `Event`, up to three attempts, then it is a dead letter."""
        loop = asyncio.get_running_loop()
        attempts = loop.create_task(pool.asynchronous.attempts(invocation))
        stop = loop.create_task(self._given_up.wait())
        await asyncio.wait((attempts, stop), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not attempts.done():
            attempts.cancel()  # between two attempts: the message returns to the queue
        elif (error := attempts.exception()) is not None or attempts.result().failed:
            last = str(error) if error else attempts.result().payload[:500].decode("utf-8", "replace")
            self._say(f"{invocation.request_id} failed every time and is a dead letter; the last error: {last}", True)
            await message.reject(requeue=False)
        else:
            await message.ack()

    async def _answer(
        self, channel: AbstractChannel, message: AbstractIncomingMessage, body: bytes, headers: Headers
    ) -> None:
        """Publish, wait for the confirmation, then acknowledge; without `reply_to` the message is a dead letter."""
        if not message.reply_to:
            await message.reject(requeue=False)
            return
        reply = aio_pika.Message(
            body,
            headers={**headers, **({"X-Redelivered": "true"} if message.redelivered else {})},
            content_type="application/json",
            correlation_id=message.correlation_id,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        mandatory = not message.reply_to.startswith(DIRECT_REPLY)
        dropped = "rejects messages"
        for pause in (*NACK_PAUSES, None):
            try:
                await channel.default_exchange.publish(reply, message.reply_to, mandatory=mandatory)
                dropped = ""
            except PublishError:
                dropped = "is gone"
            except DeliveryError:  # the queue is full, or the broker has a temporary problem
                if pause is not None:
                    await asyncio.sleep(pause)
                    continue
            break
        if dropped:
            self._say(f"a response is dropped: its queue {message.reply_to} {dropped}", True)
        await message.ack()


async def _ensure_queue(connection: AbstractConnection, name: str) -> None:
    """Declare a durable queue unless the queue exists; an existing one may have any type and arguments."""
    channel = await connection.channel()
    try:
        await channel.declare_queue(name, passive=True)
    except ChannelNotFoundEntity:
        channel = await connection.channel()
        await channel.declare_queue(name, durable=True)
    await channel.close()


def _check(message: AbstractIncomingMessage) -> None:
    """Raises ApiError if a message's body is not a valid event."""
    check_size(len(message.body), asynchronous=not message.reply_to)
    check_json(message.body)


def _headers(pool: EnvironmentPool, invocation: Invocation, answer: InvocationResponse) -> Headers:
    headers = {
        "x-amzn-RequestId": invocation.request_id,
        "X-Amzn-Trace-Id": invocation.tracing.header,
        "X-Amz-Executed-Version": pool.function.version,
    }
    if answer.failed:
        headers["X-Amz-Function-Error"] = "Unhandled"
    if answer.log_tail is not None:
        headers["X-Amz-Log-Result"] = base64.b64encode(answer.log_tail).decode()
    return headers
