"""Batches to a TCP listener: lines of JSON, without a response."""

from __future__ import annotations

import asyncio
import errno
import select
import socket
from collections.abc import Callable, Sequence
from typing import cast

from local_lambda.telemetry.delivery import DeliveryFailed, not_there
from local_lambda.telemetry.request import Destination

PROBE_MILLISECONDS = 50
"""Time limit for the first connection; on the loopback interface the kernel responds at once."""


class TcpDelivery:
    """Sends batches as lines of JSON on one connection. A batch counts as delivered once the kernel has taken it."""

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
        """Connect now. Raises NobodyListens. A listener whose queue is full is tried again with the first batch."""
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
            # The connection is kept: a listener may accept only one.
            self._probed = connection
            return
        connection.close()
        if error != errno.EINPROGRESS:
            raise not_there(destination, OSError(error, ""))

    def frame(self, records: Sequence[bytes]) -> bytes:
        """The records, one per line."""
        return b"%s\n" % b"\n".join(records)

    async def deliver(self, batch: bytes) -> None:
        """Write a batch and wait until the kernel has taken all of it. Raises DeliveryFailed."""
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
            raise not_there(destination, error) from None

    def reset(self) -> None:
        """Abort the connection; the next batch opens a new one."""
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
        """Whether the listener closed the connection."""
        return self._transport is None or self._transport.is_closing()

    async def write(self, batch: bytes) -> None:
        """Write all of a batch. Raises DeliveryFailed if the connection ends first."""
        assert self._transport is not None
        self._transport.write(batch)
        if self._written is not None:
            await self._written

    def abort(self) -> None:
        """Abort the connection."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=0)

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
