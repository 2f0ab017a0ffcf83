"""Decodes a chunked body: bytes in, pieces of the body out.

Grammar: https://www.rfc-editor.org/rfc/rfc9112#section-7.1. Extensions are ignored; trailers are kept.
"""

from __future__ import annotations

import re

from local_lambda.http.head import MAX_HEAD_BYTES, BadRequest, parse_lines

MAX_SIZE_LINE_BYTES = 4096
"""The size of a chunk with its extensions, which are read and ignored."""

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[\t\x20-\xff]*)?").fullmatch
_SIZE_BEGUN = re.compile(rb"[0-9A-Fa-f]{1,15}(?:[ \t]*;[\t\x20-\xff]*|[ \t]*)\r?").fullmatch


class ChunkedBody:
    """Reads one body. `trailers` are complete when `complete` is True."""

    def __init__(self) -> None:
        self.complete = False
        self.trailers: list[tuple[str, str]] = []
        self.at = 0
        """How far `take` has read the bytes it was given."""
        self._left = 0
        self._in_chunk = False
        self._in_trailers = False
        self._trailer_bytes = 0

    def take(self, received: bytes | bytearray, at: int) -> bytes | None:
        """The next piece in `received` from `at` on; None if it needs more bytes, or at the end. Raises BadRequest."""
        self.at = at
        while not self.complete:
            if self._in_chunk:
                if self._left:
                    return self._data(received)
                if not self._ends_chunk(received):
                    return None
            elif self._in_trailers:
                if not self._trailer(received):
                    return None
            elif not self._size(received):
                return None
        return None

    def _data(self, received: bytes | bytearray) -> bytes | None:
        piece = received[self.at : self.at + self._left]
        self.at += len(piece)
        self._left -= len(piece)
        return bytes(piece) if piece else None

    def _ends_chunk(self, received: bytes | bytearray) -> bool:
        end = received[self.at : self.at + 2]
        if not b"\r\n".startswith(end):
            raise BadRequest(400, "a chunk is longer than it says")
        if len(end) < 2:
            return False
        self.at += 2
        self._in_chunk = False
        return True

    def _size(self, received: bytes | bytearray) -> bool:
        end = received.find(b"\r\n", self.at, self.at + MAX_SIZE_LINE_BYTES + 2)
        if end < 0:
            begun = bytes(received[self.at : self.at + MAX_SIZE_LINE_BYTES + 2])
            if len(begun) > MAX_SIZE_LINE_BYTES or (begun and _SIZE_BEGUN(begun) is None):
                raise BadRequest(400, "a chunk does not begin like this")
            return False
        found = _SIZE(bytes(received[self.at : end]))
        if found is None:
            raise BadRequest(400, "a chunk does not begin with its size")
        self._left = int(found[1], 16)
        self.at = end + 2
        self._in_chunk = self._left > 0
        self._in_trailers = self._left == 0
        return True

    def _trailer(self, received: bytes | bytearray) -> bool:
        """Read one line of the trailers, or the empty line after them."""
        end = received.find(b"\r\n", self.at, self.at + MAX_HEAD_BYTES)
        length = (end if end >= 0 else len(received)) - self.at
        if self._trailer_bytes + length > MAX_HEAD_BYTES:
            raise BadRequest(431, f"the trailers have more than {MAX_HEAD_BYTES} bytes")
        if end < 0:
            return False
        line = bytes(received[self.at : end + 2])
        self.at = end + 2
        if length == 0:
            self.complete = True
        else:
            self._trailer_bytes += length + 2
            self.trailers += parse_lines(line)
        return True
