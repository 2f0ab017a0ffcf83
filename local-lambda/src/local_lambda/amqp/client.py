"""The client: it sends one request to a function's queue and gets one response from a private queue."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import aio_pika
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, ChannelNotFoundEntity, DeliveryError

from local_lambda.amqp.connection import Broker
from local_lambda.errors import StartError, UsageError
from local_lambda.events.identifiers import new_uuid


@dataclass(frozen=True)
class Reply:
    """The response. `function_error` is `X-Amz-Function-Error`; `refusal` (not invoked) is `x-amzn-ErrorType`."""

    payload: bytes
    function_error: str | None
    refusal: str | None


async def call(broker: Broker, function: str, payload: bytes, seconds: float) -> Reply:
    """Invoke a function and wait for its response; a request that no worker takes within `seconds` is dropped.

    Raises UsageError if the function has no queue, StartError if the broker or the response is missing.
    """
    connection = await broker.connect()
    answered: asyncio.Future[AbstractIncomingMessage] = asyncio.get_running_loop().create_future()
    correlation_id = new_uuid()

    async def take(message: AbstractIncomingMessage) -> None:
        if message.correlation_id == correlation_id and not answered.done():
            answered.set_result(message)

    def closed(_: object, error: BaseException | None) -> None:
        if not answered.done():
            reason = f"lost {broker}: {broker.reason(error)}; the function may have run"
            answered.set_exception(StartError(reason))

    try:
        async with asyncio.timeout(seconds):
            # The close callback is added last: a channel that the broker closes raises its own, clearer exception.
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            replies = await channel.declare_queue(exclusive=True)
            await replies.consume(take, no_ack=True)
            await _check_queue(connection, broker, function)
            connection.close_callbacks.add(closed)
            request = aio_pika.Message(
                payload,
                content_type="application/json",
                correlation_id=correlation_id,
                reply_to=replies.name,
                expiration=seconds,
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            )
            await channel.default_exchange.publish(request, function)
            message = await answered
    except TimeoutError:
        raise StartError(
            f"no response from {function} within {seconds:g} s; is a worker running, or is it busy?"
        ) from None
    except DeliveryError:
        raise StartError(f"the broker does not take the message for {function}: the queue is gone or full") from None
    except (AMQPError, ChannelInvalidStateError, OSError) as error:
        raise StartError(f"{broker}: {broker.reason(error)}") from None
    finally:
        connection.close_callbacks.discard(closed)
        await connection.close()
    headers = {key.lower(): str(value) for key, value in message.headers.items()}
    return Reply(message.body, headers.get("x-amz-function-error"), headers.get("x-amzn-errortype"))


async def _check_queue(connection: aio_pika.abc.AbstractConnection, broker: Broker, function: str) -> None:
    channel = await connection.channel()
    try:
        await channel.declare_queue(function, passive=True)
    except ChannelNotFoundEntity:
        raise UsageError(
            f"there is no queue {function} on {broker}; a worker declares it: local-lambda start --amqp URI"
        ) from None
    await channel.close()
