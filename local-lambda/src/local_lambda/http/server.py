"""The HTTP/1.1 server: a listening socket, its connections, and which of them are served.

The application decides what may be requested, and the parser what is valid HTTP. No other module knows about TCP.
"""

from __future__ import annotations

import asyncio
import resource
import socket
import sys
from collections.abc import Callable

from local_lambda.http.access import LOOPBACK, Access
from local_lambda.http.connection import Connection
from local_lambda.http.exchange import Application, Exchange
from local_lambda.http.headers import JSON, Block, Pairs

MAX_CONNECTIONS = 4096
SPARE_DESCRIPTORS = 8
"""How many descriptors are kept for turning clients away: without one, the event loop cuts connections silently."""

__all__ = ["JSON", "Application", "Block", "Exchange", "Pairs", "Server"]


class Server:
    """A listening socket and its connections.

    A body of more than `body_limit` bytes is read and dropped. `on_head` gets a request whose body has not arrived with
    its head; if it takes the body with `Exchange.read`, the request does not go to `app`. `is_own` is called once
    for each connection, with the peer's address and the own one; it returns whether that peer is served at all.
    """

    def __init__(
        self,
        app: Application,
        listener: socket.socket,
        body_limit: int,
        access: Access = LOOPBACK,
        on_head: Application | None = None,
        is_own: Callable[[tuple[str, int], tuple[str, int]], bool] | None = None,
    ) -> None:
        self.app = app
        self.on_head = on_head
        self._is_own = is_own
        self.body_limit = body_limit
        self.access = access
        self.connections: set[Connection] = set()
        self._listener = listener
        self._server: asyncio.Server | None = None
        self._most, self._highest = connection_limits()

    @property
    def address(self) -> str:
        """`host:port` as in URLs, with an IPv6 address in brackets."""
        host, port = self._listener.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def start(self) -> None:
        """Accept connections from now on."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), sock=self._listener, backlog=512)

    def admit(self, connection: Connection, descriptor: int) -> bool:
        """Count a new connection; False if there are too many, or too few descriptors left for anything else.

        The system assigns the lowest free number, so a high number shows how many are in use.
        """
        self.connections.add(connection)
        return len(self.connections) <= self._most and descriptor < self._highest

    def serves(self, transport: asyncio.BaseTransport) -> bool:
        """Whether a new connection comes from a process that this server serves."""
        if self._is_own is None:
            return True
        peer, own = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        return bool(peer and own and self._is_own(peer[:2], own[:2]))

    def forget(self, connection: Connection) -> None:
        """Count the end of a connection."""
        self.connections.discard(connection)

    def stop_listening(self) -> None:
        """Stop accepting connections."""
        if self._server is not None:
            self._server.close()
        else:
            self._listener.close()

    def close(self) -> None:
        """Stop listening and cut every connection."""
        self.stop_listening()
        for connection in list(self.connections):
            connection.abandon()


def connection_limits() -> tuple[int, int]:
    """How many connections a port may have, and the descriptor from which on too few are left to serve one.

    Connections get at most half of a process's descriptors: environments and their processes need the rest.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS, sys.maxsize
    return min(MAX_CONNECTIONS, soft // 2), soft - SPARE_DESCRIPTORS
