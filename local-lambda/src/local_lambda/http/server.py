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
from typing import NamedTuple, cast

import httptools

MAX_HEADER_BYTES = 65_536
MAX_KNOWN_HEADS = 16
_JOIN_BYTES = 16_384
_LARGE_BYTES = 131_072
_REASONS = {
    status.value: b"HTTP/1.1 %d %s\r\n" % (status.value, status.phrase.encode("ascii")) for status in HTTPStatus
}
JSON = b"Content-Type: application/json\r\n"

Application = Callable[["Exchange"], None]


class Exchange:
    """One request and its answer. `path` is still percent-encoded."""

    body = b""
    body_size = 0
    """Size of the body in bytes; when it is over the server's limit `body` holds only the part within it."""
    incomplete = False
    """The client hung up in the middle of the body."""
    keep_alive = True
    responded = False
    on_disconnect: Callable[[], None] | None = None

    def __init__(self, connection: Connection, head: Head) -> None:
        self._connection = connection
        self._head = head
        self.method = head.method
        self.path = head.path
        self.query = head.query
        self.began = perf_counter()

    def header(self, name: bytes, default: bytes = b"") -> bytes:
        """The value of a header, given in lower case."""
        head = self._head
        value = _value(head.lower, head.lines, b"\r\n%b:" % name)
        return default if value is None else value

    def headers(self) -> list[tuple[str, str]]:
        """All headers, as received and in order."""
        lines = (line.partition(b":") for line in self._head.lines.split(b"\r\n")[1:])
        return [(name.decode("latin-1"), value.strip(b" \t").decode("latin-1")) for name, _, value in lines]

    @property
    def client(self) -> str:
        """The address of who sent the request."""
        return self._address("peername")[0]

    @property
    def port(self) -> str:
        """The port it came in on."""
        return self._address("sockname")[1]

    def _address(self, end: str) -> tuple[str, str]:
        transport = self._connection.transport
        address = transport.get_extra_info(end) if transport is not None else None
        return (str(address[0]), str(address[1])) if address else ("", "")

    def respond(self, status: int, body: bytes = b"", headers: bytes = b"") -> None:
        """Answer. `headers` are complete lines with their line ends. A second answer is an error of ours.

        The answer to HEAD may have a `Content-Length` among them, that of the body it does not have.
        """
        if self.responded:
            raise RuntimeError("the exchange is over")
        self.responded = True
        connection = self._connection
        transport = connection.transport
        if transport is not None:
            end = b"\r\n" if self.keep_alive else b"Connection: close\r\n\r\n"
            if status == 204 or (self.method == b"HEAD" and b"content-length:" in headers.lower()):
                transport.write(b"%b%b%b" % (_REASONS[status], headers, end))
            elif self.method == b"HEAD":
                transport.write(b"%b%bContent-Length: %d\r\n%b" % (_REASONS[status], headers, len(body), end))
            elif len(body) <= _JOIN_BYTES:
                head = (_REASONS[status], headers, len(body), end, body)
                transport.write(b"%b%bContent-Length: %d\r\n%b%b" % head)
            else:
                transport.write(b"%b%bContent-Length: %d\r\n%b" % (_REASONS[status], headers, len(body), end))
                transport.write(body)
            if not self.keep_alive:
                transport.close()
        if connection.busy is self:
            connection.busy = None
            if connection.queue:
                connection.take_up()

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
        "_chunks",
        "_heads",
        "_large",
        "_llhttp",
        "_missing",
        "_server",
        "busy",
        "limit",
        "queue",
        "transport",
    )

    def __init__(self, server: Server) -> None:
        self._server = server
        self._app = server.app
        self.limit = server.body_limit
        self.transport: asyncio.Transport | None = None
        self._missing = 0
        self._awaited: Exchange | None = None
        self._chunks: list[bytes] = []
        self._large: bytearray | None = None
        self._heads: dict[bytes, Head] = {}
        self.busy: Exchange | None = None
        self.queue: deque[Exchange] = deque()
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
            self._request(data)

    def eof_received(self) -> bool:
        """The client hung up, or will at least send nothing more: it may still read an answer."""
        exchange = self._unfinished()
        if self.busy is not None:
            if self.busy.on_disconnect is not None:
                self.busy.on_disconnect()
        elif exchange is not None:
            self.finish(exchange, incomplete=True)
        else:
            return False
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        self.transport = None
        exchange = self._unfinished()
        if exchange is not None and self.busy is None:
            self.finish(exchange, incomplete=True)
        for exchange in (self.busy, *self.queue):
            if exchange is not None and exchange.on_disconnect is not None:
                exchange.on_disconnect()

    # --- requests

    def _request(self, data: bytes) -> None:
        end = data.find(b"\r\n\r\n") + 4
        text = data[:end]
        head = self._heads.get(text) or self._parse(text)
        received = len(data) - end
        if head is None or self.busy is not None or received > head.length:
            self._llhttp = LLHTTPParser(self)
            self._llhttp.feed(data)
            return
        exchange = Exchange(self, head)
        if not head.length:
            self.busy = exchange
            self._app(exchange)
            return
        self._awaited, self._missing = exchange, head.length
        if _LARGE_BYTES < head.length <= self.limit:
            self._large = bytearray(head.length)
        if received:
            self._body(exchange, data[end:])

    def _parse(self, text: bytes) -> Head | None:
        head = _parse_head(text)
        if head is not None and len(self._heads) < MAX_KNOWN_HEADS:
            self._heads[text] = head
        return head

    def _body(self, exchange: Exchange, data: bytes) -> None:
        size = len(data)
        if size > self._missing:  # the next request is there before this one is answered
            rest, data = data[self._missing :], data[: self._missing]
            self._body(exchange, data)
            self._llhttp = LLHTTPParser(self)
            self._llhttp.feed(rest)
        elif self._large is not None:
            # One buffer filled piece by piece costs half of what keeping the pieces and joining them does.
            start = len(self._large) - self._missing
            self._large[start : start + size] = data
            self._missing -= size
            if not self._missing:
                exchange.body, exchange.body_size, self._large = cast(bytes, self._large), len(self._large), None
                self.finish(exchange)
        elif size == self._missing and not exchange.body_size and size <= self.limit:
            exchange.body, exchange.body_size = data, size
            self._awaited, self.busy = None, exchange
            self._app(exchange)
        else:
            self._missing -= size
            self._add(exchange, data)
            if not self._missing:
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
        if self.busy is not None:
            self.queue.append(exchange)
        else:
            self.busy = exchange
            self._app(exchange)

    def take_up(self) -> None:
        """Begin with the next pipelined request."""
        self.busy = self.queue.popleft()
        self._app(self.busy)

    def refuse(self, status: int) -> None:
        """What came is no HTTP request: hang up, and say why if that cannot be taken for another answer."""
        if self.transport is not None:
            if self.busy is None:
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
        self._lines = b""

    def feed(self, data: bytes) -> None:
        """Take what was received."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._connection.refuse(400)
        except httptools.HttpParserError:
            self._connection.refuse(431 if len(self._lines) > MAX_HEADER_BYTES else 400)

    # --- httptools callbacks

    def on_message_begin(self) -> None:
        self._url, self._lines = b"", b""

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._lines += b"\r\n%b:%b" % (name, value)
        if len(self._lines) > MAX_HEADER_BYTES:
            raise ValueError("headers too large")

    def on_headers_complete(self) -> None:
        if self._parser.should_upgrade():
            raise ValueError("no other protocol is spoken here")
        path, _, query = self._url.partition(b"?")
        method = self._parser.get_method()
        exchange = Exchange(self._connection, Head(method, path, query, self._lines, self._lines.lower(), 0))
        exchange.keep_alive = self._parser.should_keep_alive()
        self.exchange = exchange
        transport = self._connection.transport
        if exchange.header(b"expect") and transport is not None:
            transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        assert self.exchange is not None
        self._connection._add(self.exchange, body)

    def on_message_complete(self) -> None:
        assert self.exchange is not None
        self._connection.finish(self.exchange)


class Head(NamedTuple):
    """The head of a request. `lines` are the header lines as received, each with a line end before it."""

    method: bytes
    path: bytes
    query: bytes
    lines: bytes
    lower: bytes
    length: int


def _parse_head(text: bytes) -> Head | None:
    """A head of the usual form; None for anything else, which llhttp then accepts or refuses."""
    plain = _PLAIN_HEAD(text)
    if plain is None or len(text) > MAX_HEADER_BYTES:
        return None
    method, target, lines = plain.groups()
    lower = lines.lower()
    if _SPECIAL_HEADER(lower) or lower.count(_CONTENT_LENGTH) > 1:
        return None
    length = _value(lower, lines, _CONTENT_LENGTH) or b"0"
    if not length.isdigit() or len(length) > 12:
        return None
    path, _, query = target.partition(b"?")
    return Head(method, path, query, lines, lower, int(length))


def _value(lower: bytes, lines: bytes, name: bytes) -> bytes | None:
    """The value of the header whose line begins with `name` (line end before, colon behind, lower case)."""
    start = lower.find(name)
    if start < 0:
        return None
    start += len(name)
    end = lines.find(b"\r\n", start)
    return (lines[start:end] if end >= 0 else lines[start:]).strip(b" \t")


_PLAIN_HEAD = re.compile(
    rb"([A-Z]+) (/[!-~]*) HTTP/1\.1((?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\0]*)*)\r\n\r\n"
).fullmatch
_SPECIAL_HEADER = re.compile(rb"\r\n(?:connection|expect|te|trailer|transfer-encoding|upgrade):").search
_CONTENT_LENGTH = b"\r\ncontent-length:"


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
        """`host:port`, with an IPv6 address in brackets, as URLs have it."""
        host, port = self._listener.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

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
