"""One request and its response, as an application sees them, and the response's bytes."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

from local_lambda.http.headers import NONE, Block, Pairs, render
from local_lambda.http.responses import BEGINNINGS, CLOSE, END, KEEP, beginning

if TYPE_CHECKING:
    from local_lambda.http.head import Head

_JOIN_BYTES = 16_384
"""A body up to this size is appended to its head, so that both are sent as one piece."""

Application = Callable[["Exchange"], None]
"""Gets a complete request, and responds now or later: a waiting request does not need a task."""


class Carrier(Protocol):
    """What an exchange needs of its connection."""

    @property
    def transport(self) -> object | None:
        """None when the client is gone."""

    @property
    def writable(self) -> bool:
        """The client keeps up with what is sent."""

    def send(self, data: bytes) -> None:
        """Send bytes, if anything can still be sent."""

    def resume(self) -> None:
        """The reader of a body takes more, or no more."""

    def answered(self, exchange: Exchange) -> None:
        """The response is written."""

    def abandon(self) -> None:
        """Close without, or in the middle of, a response."""

    def address(self, end: str) -> tuple[str, str]:
        """Host and port of one `end`: `peername` or `sockname`."""


class BodyReader(Protocol):
    """Takes a request's body while it arrives."""

    def received(self, data: bytes) -> None:
        """The next piece, never empty."""
        ...

    def ended(self, trailers: Pairs, complete: bool) -> None:
        """The end of the body. `complete` is False if the client left or stalled in the middle of it."""
        ...


class Exchange:
    """One request and its response. `path` is still percent-encoded.

    A response is sent whole (`respond`), or begun, written in pieces and ended. A second response is a bug.
    """

    body = b""
    """The whole body, if it is within the server's limit; empty if it is streamed."""
    body_size = 0
    """Size of the body in bytes, even if it is over the server's limit."""
    incomplete = False
    """Whether the client left in the middle of the body."""
    trailers: Pairs = ()
    keep_alive = True
    responded = False
    receiving = False
    """Whether the body is still arriving."""
    reader: BodyReader | None = None
    held = False
    """Whether the body's reader has paused."""
    on_disconnect: Callable[[], None] | None = None
    """Called when the client leaves, or ends its side, before it has its response."""
    on_status: Callable[[int], None] | None = None
    """Called with the status when a whole response has been sent."""
    on_drain: Callable[[], None] | None = None
    """Called when `write` has returned False and the client has received everything written."""

    writing = False
    """Whether a response was begun and has not ended."""

    def __init__(self, connection: Carrier, head: Head) -> None:
        self._connection = connection
        self.head = head
        self.method = head.method
        self.path = head.path
        self.query = head.query
        if not head.keep_alive:
            self.keep_alive = False
        self.began = perf_counter()

    def header(self, name: bytes, default: bytes = b"") -> bytes:
        """The value of a header, whose name must be in lower case."""
        return self.head.header(name, default)

    def headers(self) -> list[tuple[str, str]]:
        """All headers, as received and in order."""
        return self.head.headers()

    @property
    def client(self) -> str:
        """The sender's address."""
        return self._connection.address("peername")[0]

    @property
    def port(self) -> str:
        """The port that received the request."""
        return self._connection.address("sockname")[1]

    @property
    def connected(self) -> bool:
        """Whether the client can still read a response."""
        return self._connection.transport is not None

    # --- the body, for an application that the server calls before it is complete

    def read(self, reader: BodyReader) -> None:
        """Pass the body to `reader` while it arrives. Call this only while the server calls the application."""
        self.reader = reader

    def hold(self, held: bool) -> None:
        """Pause or resume the body: while it is held, nothing more of it is received."""
        self.held = held
        self._connection.resume()

    # --- the response

    def respond(self, status: int, body: bytes = b"", headers: Pairs = (), block: Block = NONE) -> None:
        """Respond with a whole body. `block` holds headers that never change; the length is added.

        The headers of a response to HEAD may include the `Content-Length` of the body it does not have. Raises
        ValueError, and sends nothing, for a status or header that cannot be sent.
        """
        if self.responded:
            raise RuntimeError("the exchange is over")
        start = BEGINNINGS.get(status) or beginning(status)
        lines = block.lines + render(headers) if headers else block.lines
        self.responded = True
        connection = self._connection
        end = END if self.keep_alive and not self.receiving and not self.head.old else self._end_of_head()
        if status in (204, 304) or self.method == b"HEAD":
            if status not in (204, 304) and b"content-length:" not in lines.lower():
                lines += b"Content-Length: %d\r\n" % len(body)
            connection.send(start + lines + end)
        elif len(body) <= _JOIN_BYTES:
            connection.send(b"%b%bContent-Length: %d\r\n%b%b" % (start, lines, len(body), end, body))
        else:
            connection.send(b"%b%bContent-Length: %d\r\n%b" % (start, lines, len(body), end))
            connection.send(body)
        connection.answered(self)
        if self.on_status is not None:
            self.on_status(status)

    def begin(self, status: int, headers: Pairs = (), block: Block = NONE) -> None:
        """Begin a response of unknown length: chunked, or for HTTP/1.0 until the connection ends."""
        if self.responded:
            raise RuntimeError("the exchange is over")
        start, lines = beginning(status), block.lines + render(headers)
        self.responded = self.writing = True
        if self.head.old:
            self.keep_alive = False
        else:
            lines += b"Transfer-Encoding: chunked\r\n"
        self._connection.send(b"%b%b%b" % (start, lines, self._end_of_head()))

    def write(self, data: bytes) -> bool:
        """Write the next piece. False means wait for `on_drain`: the client reads more slowly than you write."""
        if not self.writing:
            raise RuntimeError("the response was not begun, or has ended")
        if data and self.method != b"HEAD":
            self._connection.send(data if self.head.old else b"%x\r\n%b\r\n" % (len(data), data))
        return self._connection.writable

    def end(self, trailers: Pairs = ()) -> None:
        """End a response that was begun. Only HTTP/1.1 clients get the trailers."""
        if not self.writing:
            raise RuntimeError("the response was not begun, or has ended")
        self.writing = False
        if not self.head.old and self.method != b"HEAD":
            self._connection.send(b"0\r\n%b\r\n" % render(trailers))
        self._connection.answered(self)

    def _end_of_head(self) -> bytes:
        if self.receiving or not self.keep_alive:
            return CLOSE
        return KEEP if self.head.old else END

    def abandon(self) -> None:
        """End the connection without a response, or in the middle of one, so that the client notices."""
        self.responded = True
        self._connection.abandon()
