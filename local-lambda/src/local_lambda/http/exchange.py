"""One request and its response, as an application sees them. What the bytes look like is in `connection.py`."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

from local_lambda.http.headers import NONE, Block, Pairs

if TYPE_CHECKING:
    from local_lambda.http.connection import Connection
    from local_lambda.http.head import Head

Application = Callable[["Exchange"], None]
"""Gets a request when it is complete, and responds now or later: a request that waits costs no task."""


class BodyReader(Protocol):
    """Takes a request's body while it arrives."""

    def received(self, data: bytes) -> None:
        """The next piece, never empty."""
        ...

    def ended(self, trailers: Pairs, complete: bool) -> None:
        """No more will come. `complete` is False when the client left, or stalled, in the middle of the body."""
        ...


class Exchange:
    """One request and its response. `path` is still percent-encoded.

    A response is whole (`respond`), or it is begun, written in pieces and ended. A second one is an error of ours.
    """

    body = b""
    """The whole body, if it is within the server's limit; empty for one that is streamed."""
    body_size = 0
    """Size of the body in bytes, also when it is over the server's limit."""
    incomplete = False
    """The client left in the middle of the body."""
    trailers: Pairs = ()
    keep_alive = True
    responded = False
    held = False
    """The body's reader wants no more for now."""
    on_disconnect: Callable[[], None] | None = None
    """Called when the client is gone, or sends nothing more, before it has its response."""
    on_drain: Callable[[], None] | None = None
    """Called when `write` has returned False and the client has taken what was written."""

    def __init__(self, connection: Connection, head: Head) -> None:
        self._connection = connection
        self.head = head
        self.method = head.method
        self.path = head.path
        self.query = head.query
        self.keep_alive = head.keep_alive
        self.reader: BodyReader | None = None
        self.began = perf_counter()

    def header(self, name: bytes, default: bytes = b"") -> bytes:
        """The value of a header, given in lower case."""
        return self.head.header(name, default)

    def headers(self) -> list[tuple[str, str]]:
        """All headers, as received and in order."""
        return self.head.headers()

    @property
    def client(self) -> str:
        """The address of who sent the request."""
        return self._connection.address("peername")[0]

    @property
    def port(self) -> str:
        """The port it came in on."""
        return self._connection.address("sockname")[1]

    @property
    def connected(self) -> bool:
        """Whether the client can still read a response."""
        return self._connection.transport is not None

    # --- the body, for an application that the server calls before it is there

    def read(self, reader: BodyReader) -> None:
        """Hand the body to `reader` while it arrives. Only while the server calls the application."""
        self.reader = reader

    def hold(self, held: bool) -> None:
        """Stop and resume: while a body is held nothing more of it is received."""
        self.held = held
        self._connection.resume()

    # --- the response

    def respond(self, status: int, body: bytes = b"", headers: Pairs = (), block: Block = NONE) -> None:
        """Respond with a whole body. `block` are headers that never change; the length is added.

        The response to HEAD may have a `Content-Length` among its headers, that of the body it does not have.
        """
        if self.responded:
            raise RuntimeError("the exchange is over")
        self._connection.respond(self, status, body, headers, block)

    def begin(self, status: int, headers: Pairs = (), block: Block = NONE) -> None:
        """Begin a response whose length is not known: chunked, or until the connection ends for HTTP/1.0."""
        if self.responded:
            raise RuntimeError("the exchange is over")
        self._connection.begin(self, status, headers, block)

    def write(self, data: bytes) -> bool:
        """The next piece. False asks to wait for `on_drain`: the client reads slower than this is written."""
        return self._connection.write(self, data)

    def end(self, trailers: Pairs = ()) -> None:
        """End a response that was begun. Trailers reach a client of HTTP/1.1 only."""
        self._connection.end(self, trailers)

    def abandon(self) -> None:
        """End the connection without a response, or in the middle of one, so that the client can tell."""
        self.responded = True
        self._connection.abandon()
