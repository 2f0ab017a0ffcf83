"""The transports of a subscription: one batch at a time to an extension's HTTP or TCP listener.

A minimal HTTP/1.1 client: keep-alive, answers parsed by httptools, their bodies ignored. No buffering, no retry and no
time limit here: whoever delivers decides about those, and calls `reset` after a delivery it has given up.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import select
import socket
from collections.abc import Callable, Sequence
from typing import Protocol

import httptools

from local_lambda.subscription import Destination

PROBE_MILLISECONDS = 50
"""How long a TCP listener may take to accept; on the loopback interface the kernel answers at once."""


class DeliveryFailed(Exception):
    """A batch did not arrive, or nobody said that it did."""


class NobodyListens(DeliveryFailed):
    """There is no listener to deliver to."""


class Delivery(Protocol):
    """A way to a listener. `acknowledges` says whether a delivery ends with the listener's answer."""

    acknowledges: bool

    def frame(self, records: Sequence[bytes]) -> bytes:
        """The records as one batch."""
        ...

    async def deliver(self, batch: bytes) -> None:
        """Hand over a batch. Raises DeliveryFailed."""
        ...

    def reset(self) -> None:
        """Cut the connection; the next batch gets a new one."""
        ...


def open_delivery(
    destination: Destination, resolve: Callable[[str], str], loop: asyncio.AbstractEventLoop
) -> HttpDelivery | TcpDelivery:
    """The delivery for `destination`. Raises NobodyListens for TCP: such a listener has to be there first."""
    if destination.protocol == "HTTP":
        return HttpDelivery(destination, resolve, loop)
    delivery = TcpDelivery(destination, resolve, loop)
    delivery.probe()
    return delivery


class HttpDelivery:
    """Batches as JSON arrays to an HTTP listener; an answer of 200 to 299 acknowledges one."""

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
        """Send a batch and read the answer. Raises DeliveryFailed."""
        head = b"%sContent-Length: %d\r\n\r\n" % (self._head, len(batch))
        connection = self._connection
        status = 0
        if connection is not None and connection.reusable:
            # A listener may close an idle connection at any moment; that is no failure of it.
            with contextlib.suppress(_ClosedUnanswered):
                status = await connection.request(head, batch)
        if not status:
            self.reset()
            self._connection = connection = await self._connect()
            try:
                status = await connection.request(head, batch)
            except _ClosedUnanswered:
                raise DeliveryFailed("the listener closed the connection without an answer") from None
        if not 200 <= status <= 299:
            raise DeliveryFailed(f"the listener answered {status}")

    async def _connect(self) -> _HttpConnection:
        destination = self._destination
        try:
            _, connection = await self._loop.create_connection(
                lambda: _HttpConnection(self._loop), self._resolve(destination.host), destination.port
            )
        except OSError as error:
            raise _not_there(destination, error) from None
        return connection

    def reset(self) -> None:
        """Cut the connection; the next batch gets a new one."""
        if self._connection is not None:
            self._connection.abort()
            self._connection = None


class _ClosedUnanswered(Exception):
    """The connection ended before the answer began."""


class _HttpConnection(asyncio.Protocol):
    """One connection to an HTTP listener, one request at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._begin()

    def _begin(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._status = 0
        self._framed = False
        self._complete = True

    @property
    def reusable(self) -> bool:
        """Whether another request may be sent: the listener keeps the connection, and its last answer was whole."""
        return self._transport is not None and not self._transport.is_closing() and self._complete

    async def request(self, head: bytes, body: bytes) -> int:
        """Send a request; the status of the answer, once the answer is complete (if its end can be told)."""
        assert self._transport is not None
        self._begin()
        self._complete = False
        self._answer = self._loop.create_future()
        self._transport.writelines((head, body))
        return await self._answer

    def abort(self) -> None:
        """Cut the connection."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail(DeliveryFailed("the listener's answer is no HTTP"))
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._status:
            self._succeed()
        else:
            self._fail(_ClosedUnanswered())

    # --- httptools callbacks

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() in (b"content-length", b"transfer-encoding"):
            self._framed = True

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200:
            self._status = status
            if not self._framed:
                # It ends with the connection, which may stay open: the status is all that matters.
                self._succeed()

    def on_message_complete(self) -> None:
        if self._status:
            self._complete = self._parser.should_keep_alive()
            self._succeed()

    def _succeed(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(self._status)

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)


class TcpDelivery:
    """Batches as lines of JSON on one connection. The kernel's taking them is all the acknowledgement there is."""

    acknowledges = False

    def __init__(
        self, destination: Destination, resolve: Callable[[str], str], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._destination = destination
        self._resolve = resolve
        self._loop = loop
        self._probed: socket.socket | None = None
        self._connection: _TcpConnection | None = None

    def probe(self) -> None:
        """Connect now. Raises NobodyListens; a listener whose queue is full is tried again at the first batch."""
        destination = self._destination
        connection = socket.socket()
        connection.setblocking(False)
        error = connection.connect_ex((self._resolve(destination.host), destination.port))
        if error == errno.EINPROGRESS:
            poll = select.poll()
            poll.register(connection, select.POLLOUT)
            if poll.poll(PROBE_MILLISECONDS):
                error = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error == 0:
            # Kept: a listener may take the first connection for the only one.
            self._probed = connection
            return
        connection.close()
        if error != errno.EINPROGRESS:
            raise _not_there(destination, OSError(error, ""))

    def frame(self, records: Sequence[bytes]) -> bytes:
        """The records, one on each line."""
        return b"%s\n" % b"\n".join(records)

    async def deliver(self, batch: bytes) -> None:
        """Write a batch and wait until the kernel has all of it. Raises DeliveryFailed."""
        connection = self._connection
        if connection is None or connection.closed:
            self._connection = connection = await self._connect()
        await connection.write(batch)

    async def _connect(self) -> _TcpConnection:
        destination = self._destination
        probed, self._probed = self._probed, None
        make = lambda: _TcpConnection(self._loop)  # noqa: E731
        try:
            if probed is not None:
                return (await self._loop.create_connection(make, sock=probed))[1]
            address = self._resolve(destination.host)
            return (await self._loop.create_connection(make, address, destination.port))[1]
        except OSError as error:
            raise _not_there(destination, error) from None

    def reset(self) -> None:
        """Cut the connection; the next batch gets a new one."""
        if self._probed is not None:
            self._probed.close()
            self._probed = None
        if self._connection is not None:
            self._connection.abort()
            self._connection = None


class _TcpConnection(asyncio.Protocol):
    """One connection to a TCP listener; what the listener sends is ignored."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._written: asyncio.Future[None] | None = None

    @property
    def closed(self) -> bool:
        """Whether the listener hung up."""
        return self._transport is None or self._transport.is_closing()

    async def write(self, batch: bytes) -> None:
        """Write all of a batch. Raises DeliveryFailed when the connection ends before."""
        assert self._transport is not None
        self._transport.write(batch)
        if self._written is not None:
            await self._written

    def abort(self) -> None:
        """Cut the connection."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=0)

    def pause_writing(self) -> None:
        self._written = self._loop.create_future()

    def resume_writing(self) -> None:
        written, self._written = self._written, None
        if written is not None and not written.done():
            written.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        written, self._written = self._written, None
        if written is not None and not written.done():
            written.set_exception(DeliveryFailed("the listener closed the connection"))


def _not_there(destination: Destination, error: OSError) -> NobodyListens:
    reason = errno.errorcode.get(error.errno or 0, str(error))
    return NobodyListens(f"nobody listens on {destination.host}:{destination.port} ({reason})")
