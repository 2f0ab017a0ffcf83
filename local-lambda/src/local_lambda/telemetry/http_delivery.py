"""Batches to an HTTP listener: a minimal HTTP/1.1 client. It reuses connections and ignores response bodies."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from local_lambda.http.client import NotHttp, ResponseParser
from local_lambda.telemetry.delivery import DeliveryFailed, not_there
from local_lambda.telemetry.request import Destination


class HttpDelivery:
    """Sends batches as JSON arrays to an HTTP listener; a response status of 200 to 299 acknowledges a batch."""

    acknowledges = True

    def __init__(
        self, destination: Destination, resolve: Callable[[str], str], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._destination = destination
        self._resolve = resolve
        self._loop = loop
        self._connection: _HttpConnection | None = None
        self._head = (
            f"{destination.method} {destination.path} HTTP/1.1\r\n"
            f"Host: {destination.host}:{destination.port}\r\n"
            "Content-Type: application/json\r\n"
        ).encode("ascii")

    def frame(self, records: Sequence[bytes]) -> bytes:
        """The records as one JSON array."""
        return b"[%s]" % b",".join(records)

    async def deliver(self, batch: bytes) -> None:
        """Send a batch and read the response. Raises DeliveryFailed."""
        head = b"%sContent-Length: %d\r\n\r\n" % (self._head, len(batch))
        connection = self._connection
        status = 0
        if connection is not None and connection.reusable:
            # A listener may close an idle connection at any moment; that is not a failure.
            with contextlib.suppress(_ClosedUnanswered):
                status = await connection.request(head, batch)
        if not status:
            self.reset()
            self._connection = connection = await self._connect()
            try:
                status = await connection.request(head, batch)
            except _ClosedUnanswered:
                raise DeliveryFailed("the listener closed the connection without a response") from None
        if not 200 <= status <= 299:
            raise DeliveryFailed(f"the listener responded {status}")

    async def _connect(self) -> _HttpConnection:
        destination = self._destination
        try:
            _, connection = await self._loop.create_connection(
                lambda: _HttpConnection(self._loop), self._resolve(destination.host), destination.port
            )
        except OSError as error:
            raise not_there(destination, error) from None
        return connection

    def reset(self) -> None:
        """Abort the connection; the next batch opens a new one."""
        if self._connection is not None:
            self._connection.abort()
            self._connection = None


class _ClosedUnanswered(Exception):
    """The connection ended before the response began."""


class _HttpConnection(asyncio.Protocol):
    """One connection to an HTTP listener, one request at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._parser: ResponseParser | None = None

    @property
    def reusable(self) -> bool:
        """Whether another request may be sent: the connection is kept alive, and the last response was complete."""
        if self._transport is None or self._transport.is_closing():
            return False
        return self._parser is None or (self._parser.complete and self._parser.keep_alive)

    async def request(self, head: bytes, body: bytes) -> int:
        """Send a request; return the response's status, once the response is complete (if its end can be detected)."""
        assert self._transport is not None
        self._parser = ResponseParser()
        self._answer = self._loop.create_future()
        self._transport.writelines((head, body))
        return await self._answer

    def abort(self) -> None:
        """Abort the connection."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        parser = self._parser
        if parser is None or self._answer is None or (self._answer.done() and parser.complete):
            self.abort()  # it sent something without a request
            return
        try:
            parser.feed(data)
        except NotHttp:
            self._fail(DeliveryFailed("the listener's response is not HTTP"))
            self.abort()
            return
        # Without a length the response ends with the connection, which may stay open. Only the status matters.
        if parser.complete or (parser.status and not parser.framed):
            self._succeed(parser.status)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._parser is not None and self._parser.status:
            self._succeed(self._parser.status)
        else:
            self._fail(_ClosedUnanswered())

    def _succeed(self, status: int) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(status)

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
