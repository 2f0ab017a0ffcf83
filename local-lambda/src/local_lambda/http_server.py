"""The HTTP/1.1 server: bytes in, an `Exchange` to an application function, bytes out. Nothing else knows about sockets.

An application is a plain function `app(exchange)`; it answers now or later by `exchange.respond`, so a request that has
to wait costs no task. Requests of one connection are answered in order. What may be asked is not known here.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from time import perf_counter
from typing import NamedTuple

import httptools

MAX_HEADER_BYTES = 65_536
MAX_KNOWN_HEADS = 16
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

    def __init__(
        self, connection: Connection, method: bytes, path: bytes, query: bytes, headers: dict[bytes, bytes], began: float
    ) -> None:
        self._connection = connection
        self.began = began
        self.headers = headers
        self.method = method
        self.path = path
        self.query = query
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
            head = b"%b%b" % (_REASONS[status], headers)
        else:
            head = b"%b%bContent-Length: %d\r\n" % (_REASONS[status], headers, len(body))
        self._connection.send(self, head, body)

    @property
    def connected(self) -> bool:
        """Whether somebody is still there to read an answer."""
        return self._connection.transport is not None


class Connection(asyncio.Protocol):
    """One client connection.

    Plain requests, such as those of SDKs and of awslambdaric, are parsed here: a head of the usual form, a body of
    known length, nothing in advance. The first that is anything else hands the connection over to llhttp for good.
    """

    __slots__ = (
        "_app",
        "_awaited",
        "_buffer",
        "_busy",
        "_chunks",
        "_heads",
        "_llhttp",
        "_missing",
        "_queue",
        "_server",
        "limit",
        "transport",
    )

    def __init__(self, server: Server) -> None:
        self._server = server
        self._app = server.app
        self.limit = server.body_limit
        self.transport: asyncio.Transport | None = None
        self._buffer = b""
        self._missing = 0
        self._awaited: Exchange | None = None
        self._chunks: list[bytes] = []
        self._heads: dict[bytes, _Head] = {}
        self._busy: Exchange | None = None
        self._queue: deque[Exchange] = deque()
        self._llhttp: LLHTTPParser | None = None

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self._server.connections.add(self)

    def data_received(self, data: bytes) -> None:
        if self._llhttp is not None:
            self._llhttp.feed(data)
        elif self._awaited is not None:
            self._body(self._awaited, data)
        else:
            self._request(self._buffer + data if self._buffer else data)

    def eof_received(self) -> bool:
        """A client that hangs up inside a body may still read why its request failed."""
        exchange = self._unfinished()
        if exchange is None or self._busy is not None:
            return self._busy is not None
        self.finish(exchange, incomplete=True)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        self.transport = None
        exchange = self._unfinished()
        if exchange is not None and self._busy is None:
            self.finish(exchange, incomplete=True)
        for exchange in (self._busy, *self._queue):
            if exchange is not None and exchange.on_disconnect is not None:
                exchange.on_disconnect()

    # --- requests

    def _request(self, data: bytes) -> None:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self._buffer = data
            if len(data) > MAX_HEADER_BYTES:
                self.refuse(431)
            return
        text = data[:end]
        head = self._heads.get(text) or self._parse(text)
        if head is None or self._busy is not None or len(data) - end - 4 > head.length:
            self._llhttp = LLHTTPParser(self)
            self._buffer = b""
            self._llhttp.feed(data)
            return
        exchange = Exchange(self, head.method, head.path, head.query, head.headers, perf_counter())
        self._buffer = b""
        if not head.length:
            self._busy = exchange
            self._app(exchange)
        elif len(data) - end - 4 == head.length and head.length <= self.limit:
            exchange.body = data[end + 4 :]
            exchange.body_size = head.length
            self._busy = exchange
            self._app(exchange)
        else:
            self._awaited, self._missing = exchange, head.length
            if end + 4 < len(data):
                self._body(exchange, data[end + 4 :])

    def _parse(self, text: bytes) -> _Head | None:
        head = _parse_head(text)
        # An invocation's response has a new head every time; what repeats is worth keeping.
        if head is not None and len(self._heads) < MAX_KNOWN_HEADS and not head.path.endswith((b"/response", b"/error")):
            self._heads[text] = head
        return head

    def _body(self, exchange: Exchange, data: bytes) -> None:
        self._missing -= len(data)
        if self._missing < 0:  # the next request is there before this one is answered
            self._awaited, extra = None, data[self._missing :]
            self._add(exchange, data[: self._missing])
            self._llhttp = LLHTTPParser(self)
            self.finish(exchange)
            self._llhttp.feed(extra)
            return
        self._add(exchange, data)
        if not self._missing:
            self._awaited = None
            self.finish(exchange)

    def _add(self, exchange: Exchange, data: bytes) -> None:
        exchange.body_size += len(data)
        if exchange.body_size <= self.limit:
            self._chunks.append(data)

    def _unfinished(self) -> Exchange | None:
        return self._llhttp.exchange if self._llhttp is not None else self._awaited

    def finish(self, exchange: Exchange, incomplete: bool = False) -> None:
        """The request is complete, or all there will be of it: give it to the application when its turn has come."""
        exchange.incomplete = incomplete
        self._awaited = None
        if self._llhttp is not None:
            self._llhttp.exchange = None
        if self._chunks:
            exchange.body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
            self._chunks = []
        if self._busy is not None:
            self._queue.append(exchange)
        else:
            self._busy = exchange
            self._app(exchange)

    # --- answers

    def send(self, exchange: Exchange, head: bytes, body: bytes) -> None:
        """Write an answer and take up the next pipelined request."""
        transport = self.transport
        if transport is not None:
            if exchange.keep_alive:
                if len(body) <= _JOIN_BYTES:
                    transport.write(b"%b\r\n%b" % (head, body))
                else:
                    transport.write(head + b"\r\n")
                    transport.write(body)
            else:
                transport.write(b"%bConnection: close\r\n\r\n%b" % (head, body))
                transport.close()
        if exchange is self._busy:
            self._busy = None
            if self._queue:
                self._busy = self._queue.popleft()
                self._app(self._busy)

    def refuse(self, status: int) -> None:
        """What came is no HTTP request: say so and hang up."""
        if self.transport is not None:
            self.transport.write(_REASONS[status] + b"Content-Length: 0\r\nConnection: close\r\n\r\n")
            self.transport.close()


class LLHTTPParser:
    """llhttp (through httptools) for everything that is not plain: chunked bodies, pipelining, Expect, HTTP/1.0."""

    def __init__(self, connection: Connection) -> None:
        self.exchange: Exchange | None = None
        """A request of which the head has been read, but not yet the whole body."""
        self._connection = connection
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._header_bytes = 0

    def feed(self, data: bytes) -> None:
        """Take what was received."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._connection.refuse(400)
        except httptools.HttpParserError:
            self._connection.refuse(431 if self._header_bytes > MAX_HEADER_BYTES else 400)

    # --- httptools callbacks

    def on_message_begin(self) -> None:
        self._url, self._headers, self._header_bytes = b"", {}, 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > MAX_HEADER_BYTES:
            raise ValueError("headers too large")
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        path, _, query = self._url.partition(b"?")
        method = self._parser.get_method()
        exchange = Exchange(self._connection, method, path, query, self._headers, perf_counter())
        exchange.keep_alive = self._parser.should_keep_alive()
        self.exchange = exchange
        transport = self._connection.transport
        if b"expect" in self._headers and transport is not None:
            transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        assert self.exchange is not None
        self._connection._add(self.exchange, body)

    def on_message_complete(self) -> None:
        assert self.exchange is not None
        self._connection.finish(self.exchange)


class _Head(NamedTuple):
    """The head of a plain request."""

    method: bytes
    path: bytes
    query: bytes
    headers: dict[bytes, bytes]
    length: int


def _parse_head(text: bytes) -> _Head | None:
    """A head of the usual form; None for anything else, which llhttp then accepts or refuses."""
    lines = text.split(b"\r\n")
    request = lines[0].split(b" ")
    if len(request) != 3 or request[2] != b"HTTP/1.1" or len(text) > MAX_HEADER_BYTES:
        return None
    method, target, _ = request
    if not _PLAIN_TARGET(target) or not method.isalpha():
        return None
    headers: dict[bytes, bytes] = {}
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        headers[name.lower()] = value.strip(b" \t")
    sound = _HEADER_NAMES(b":".join(headers)) and text.count(b"\n") == len(lines) - 1 and b"\0" not in text
    if not sound or len(headers) != len(lines) - 1:  # a repeated header is nothing to decide here
        return None
    if not headers.keys().isdisjoint(_SPECIAL_HEADERS):
        return None
    length = headers.get(b"content-length", b"0")
    if not length.isdigit() or len(length) > 12:
        return None
    path, _, query = target.partition(b"?")
    return _Head(method, path, query, headers, int(length))


_PLAIN_TARGET = re.compile(rb"/[!-~]*").fullmatch
_HEADER_NAMES = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+(:[!#$%&'*+.^_`|~0-9a-z-]+)*").fullmatch
_SPECIAL_HEADERS = {b"connection", b"expect", b"te", b"trailer", b"transfer-encoding", b"upgrade"}


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
