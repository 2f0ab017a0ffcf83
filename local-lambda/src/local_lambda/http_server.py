"""The HTTP/1.1 server: bytes in, an `Exchange` to an application function, bytes out. Nothing else knows about sockets.

An application is a plain function `app(exchange)`; it answers now or later by `exchange.respond`, so a request that has
to wait costs no task. Requests of one connection are answered in order. What may be asked is not known here.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from time import perf_counter

import httptools

MAX_HEADER_BYTES = 65_536
_JOIN_BYTES = 16_384
_REASONS = {
    status.value: b"HTTP/1.1 %d %s\r\n" % (status.value, status.phrase.encode("ascii")) for status in HTTPStatus
}
JSON = b"Content-Type: application/json\r\n"

Application = Callable[["Exchange"], None]


class Exchange:
    """One request and its answer. Header names are lower case; `path` is still percent-encoded."""

    __slots__ = (
        "_connection",
        "began",
        "body",
        "body_size",
        "headers",
        "incomplete",
        "keep_alive",
        "method",
        "on_disconnect",
        "path",
        "query",
        "responded",
    )

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.began = 0.0
        self.headers: dict[bytes, bytes] = {}
        self.method = b""
        self.path = b""
        self.query = b""
        self.body = b""
        self.body_size = 0
        """Size of the body in bytes; when it is over the server's limit `body` holds only the part within it."""
        self.incomplete = False
        """The client hung up in the middle of the body."""
        self.keep_alive = True
        self.responded = False
        self.on_disconnect: Callable[[], None] | None = None

    def respond(self, status: int, body: bytes = b"", headers: bytes = b"") -> None:
        """Answer. `headers` are complete lines with their line ends. A second answer is an error of ours."""
        if self.responded:
            raise RuntimeError("the exchange is over")
        self.responded = True
        if status == 204:
            head = b"%s%s" % (_REASONS[status], headers)
        else:
            head = b"%s%sContent-Length: %d\r\n" % (_REASONS[status], headers, len(body))
        self._connection.send(self, head, body)

    @property
    def connected(self) -> bool:
        """Whether somebody is still there to read an answer."""
        return self._connection.transport is not None


class Connection(asyncio.Protocol):
    """One client connection; parses with httptools (llhttp)."""

    __slots__ = (
        "_app",
        "_busy",
        "_chunks",
        "_exchange",
        "_header_bytes",
        "_limit",
        "_parser",
        "_queue",
        "_server",
        "transport",
    )

    def __init__(self, server: Server) -> None:
        self._server = server
        self._app = server.app
        self._limit = server.body_limit
        self.transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._exchange: Exchange | None = None
        self._chunks: list[bytes] = []
        self._header_bytes = 0
        self._busy: Exchange | None = None
        self._queue: deque[Exchange] = deque()

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self._server.connections.add(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(400)
        except httptools.HttpParserError:
            self._refuse(431 if self._header_bytes > MAX_HEADER_BYTES else 400)

    def eof_received(self) -> bool:
        """A client that hangs up inside a body may still read why its request failed."""
        exchange = self._exchange
        if exchange is None or not exchange.method or self._busy is not None:
            return self._busy is not None
        self._finish(incomplete=True)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        self.transport = None
        if self._exchange is not None and self._exchange.method and self._busy is None:
            self._finish(incomplete=True)
        for exchange in (self._busy, *self._queue):
            if exchange is not None and exchange.on_disconnect is not None:
                exchange.on_disconnect()

    # --- httptools callbacks

    def on_message_begin(self) -> None:
        self._exchange = Exchange(self)
        self._header_bytes = 0

    def on_url(self, url: bytes) -> None:
        assert self._exchange is not None
        self._exchange.path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        assert self._exchange is not None
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > MAX_HEADER_BYTES:
            raise ValueError("headers too large")
        self._exchange.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        exchange = self._exchange
        assert exchange is not None
        exchange.began = perf_counter()
        exchange.method = self._parser.get_method()
        exchange.keep_alive = self._parser.should_keep_alive()
        if b"expect" in exchange.headers and self.transport is not None:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        exchange = self._exchange
        assert exchange is not None
        exchange.body_size += len(body)
        if exchange.body_size <= self._limit:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        self._finish()

    # --- answers

    def _finish(self, incomplete: bool = False) -> None:
        exchange, self._exchange = self._exchange, None
        assert exchange is not None
        exchange.incomplete = incomplete
        if self._chunks:
            exchange.body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
            self._chunks = []
        path = exchange.path
        if b"?" in path:
            exchange.path, _, exchange.query = path.partition(b"?")
        if self._busy is not None:
            self._queue.append(exchange)
        else:
            self._busy = exchange
            self._app(exchange)

    def send(self, exchange: Exchange, head: bytes, body: bytes) -> None:
        """Write an answer and take up the next pipelined request."""
        transport = self.transport
        if transport is not None:
            head += b"\r\n" if exchange.keep_alive else b"Connection: close\r\n\r\n"
            if len(body) <= _JOIN_BYTES:
                transport.write(head + body)
            else:
                transport.writelines((head, body))
            if not exchange.keep_alive:
                transport.close()
        if exchange is self._busy:
            self._busy = None
            if self._queue:
                self._busy = self._queue.popleft()
                self._app(self._busy)

    def _refuse(self, status: int) -> None:
        if self.transport is not None:
            self.transport.write(_REASONS[status] + b"Content-Length: 0\r\nConnection: close\r\n\r\n")
            self.transport.close()


class Server:
    """A listening socket and its connections."""

    def __init__(self, app: Application, listener: socket.socket, body_limit: int) -> None:
        self.app = app
        self.body_limit = body_limit
        self.connections: set[Connection] = set()
        self._listener = listener
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> str:
        """`host:port`."""
        host, port = self._listener.getsockname()[:2]
        return f"{host}:{port}"

    async def start(self) -> None:
        """Accept connections from now on."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), sock=self._listener, backlog=512)

    def stop_listening(self) -> None:
        """Accept no new connection."""
        if self._server is not None:
            self._server.close()
        else:
            self._listener.close()

    def close(self) -> None:
        """Stop listening and cut every connection."""
        self.stop_listening()
        for connection in list(self.connections):
            if connection.transport is not None:
                connection.transport.close()
