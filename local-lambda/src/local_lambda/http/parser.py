"""Parses the requests of one connection into `Head`s and pieces of bodies. No socket, no clock, no application.

It reads one request at a time: `head` returns the next head, then `body` its pieces until `complete`. Bytes of later
requests stay in the buffer until those are read, so the caller decides how far ahead it receives.
"""

from __future__ import annotations

from local_lambda.http.chunks import ChunkedBody
from local_lambda.http.head import CHUNKED, BadRequest, Head, check_beginning, parse_head

MAX_KNOWN_HEADS = 16
MAX_KNOWN_BYTES = 1024
"""Clients repeat the same heads. This many of them, if they are no longer than this, are parsed only once."""

__all__ = ["BadRequest", "RequestParser"]


class RequestParser:
    """Reads the requests of one connection."""

    def __init__(self) -> None:
        self.complete = True
        """Whether the body of the last head was read to its end."""
        self.empty = True
        """Whether all received bytes have been read."""
        self._buffer: bytes | bytearray = b""
        self._at = 0
        self._scanned = 0
        self._left = 0
        self._chunked: ChunkedBody | None = None
        self._known: dict[bytes, Head] = {}

    def feed(self, data: bytes) -> None:
        """Take received bytes, at least one."""
        self.empty = False
        buffer = self._buffer
        if self._at == len(buffer):
            self._buffer, self._at, self._scanned = data, 0, 0
            return
        if self._at or not isinstance(buffer, bytearray):
            buffer = bytearray(memoryview(buffer)[self._at :])
            self._scanned -= self._at
            self._at = 0
            self._buffer = buffer
        buffer += data

    def whole(self, data: bytes) -> tuple[Head, bytes] | None:
        """The head and body of the request that received bytes consist of, which is how most requests arrive.

        None, and nothing is read, unless they are exactly one complete request and no earlier bytes are unread.
        """
        end = data.find(b"\r\n\r\n") + 4
        if end < 4 or not self.empty:
            return None
        text = data[:end]
        try:
            head = self._known.get(text) or self._parse(text)
        except BadRequest:
            return None
        return (head, data[end:]) if head.length == len(data) - end else None

    def _parse(self, text: bytes) -> Head:
        head = parse_head(text)
        if len(self._known) < MAX_KNOWN_HEADS and len(text) <= MAX_KNOWN_BYTES:
            self._known[text] = head
        return head

    @property
    def waiting(self) -> int:
        """How many received bytes have not been read yet."""
        return len(self._buffer) - self._at

    @property
    def trailers(self) -> list[tuple[str, str]]:
        """The trailers of the last body."""
        return [] if self._chunked is None else self._chunked.trailers

    def head(self) -> Head | None:
        """The next request's head; None while it is incomplete. Raises BadRequest."""
        if self.empty:
            return None
        buffer, at = self._buffer, self._at
        while buffer.startswith(b"\r\n", at):
            at += 2
        end = buffer.find(b"\r\n\r\n", self._scanned - 3 if self._scanned > at + 3 else at)
        if end < 0:
            self._at = at
            self._look_at_beginning()
            return None
        text = bytes(buffer[at : end + 4])
        self._at = self._scanned = end + 4
        self.empty = end + 4 == len(buffer)
        head = self._known.get(text) or self._parse(text)
        self._left = head.length
        self.complete = head.length == 0
        self._chunked = ChunkedBody() if head.length == CHUNKED else None
        return head

    def _look_at_beginning(self) -> None:
        """Refuse a head that cannot become valid, before it is complete."""
        buffer, at = self._buffer, self._at
        self.empty = at == len(buffer)
        if not self.empty:
            check_beginning(buffer, at, max(at, self._scanned))
            self._scanned = max(at, len(buffer) - 1)

    def body(self) -> bytes | None:
        """The next piece of the body; None if more bytes are needed, or the body is complete. Raises BadRequest."""
        chunked = self._chunked
        if chunked is not None:
            piece = chunked.take(self._buffer, self._at)
            self._at = chunked.at
            self.empty = self._at == len(self._buffer)
            self.complete = chunked.complete
            return piece
        buffer, at = self._buffer, self._at
        if at == 0 and len(buffer) <= self._left:
            piece = bytes(buffer)
        else:
            piece = bytes(buffer[at : at + self._left])
        self._at = at + len(piece)
        self.empty = self._at == len(buffer)
        self._left -= len(piece)
        self.complete = self._left == 0
        return piece or None

    def discard(self) -> None:
        """Forget all received bytes."""
        self._buffer, self._at, self._scanned, self.empty = b"", 0, 0, True
