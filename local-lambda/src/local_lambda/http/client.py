"""Parses the responses that a server sends, for code that makes requests, such as telemetry's deliveries.

It reports what a sender has to know: the status, and whether the connection can be reused. It reads and drops bodies.
"""

from __future__ import annotations

import re

from local_lambda.http.chunks import ChunkedBody
from local_lambda.http.head import MAX_HEAD_BYTES, BadRequest, parse_lines

_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-5]\d\d)(?: [\t\x20-\xff]*)?\r\n").match


class NotHttp(Exception):
    """The received bytes are not a response."""


class ResponseParser:
    """Reads one response. It skips interim responses (1xx)."""

    def __init__(self) -> None:
        self.status = 0
        """0 until the head is complete."""
        self.framed = False
        """Whether the head says where the body ends; if not, it ends with the connection."""
        self.complete = False
        self.keep_alive = False
        """Whether another request may follow, once the response is complete."""
        self._received = bytearray()
        self._left = 0
        self._chunked: ChunkedBody | None = None

    def feed(self, data: bytes) -> None:
        """Take received bytes. Raises NotHttp."""
        self._received += data
        try:
            while not self.status and self._head():
                pass
            if self.status and not self.complete:
                self._body()
        except BadRequest as error:
            raise NotHttp(str(error)) from None

    def _head(self) -> bool:
        """Read a head; False while it is incomplete."""
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            if len(self._received) > MAX_HEAD_BYTES:
                raise NotHttp(f"the head has more than {MAX_HEAD_BYTES} bytes")
            if not b"HTTP/1.".startswith(self._received[:7]):
                raise NotHttp("it does not begin with a status")
            return False
        text = bytes(self._received[: end + 2])
        del self._received[: end + 4]
        found = _STATUS(text)
        if found is None:
            raise NotHttp("it does not begin with a status")
        status = int(found[2])
        if status >= 200:
            fields = {name.lower(): value for name, value in parse_lines(text[found.end() :])}
            options = {option.strip() for option in fields.get("connection", "").lower().split(",")}
            self.keep_alive = "close" not in options and (found[1] == b"1" or "keep-alive" in options)
            self._frame(status, fields)
            self.status = status
        return True

    def _frame(self, status: int, fields: dict[str, str]) -> None:
        length = fields.get("content-length", "")
        if status in (204, 304):
            self.framed = True
        elif fields.get("transfer-encoding", "").lower() == "chunked":
            self.framed, self._chunked = True, ChunkedBody()
        elif length:
            if not length.isdecimal() or len(length) > 15:
                raise NotHttp("Content-Length is not a number")
            self.framed, self._left = True, int(length)

    def _body(self) -> None:
        chunked = self._chunked
        if chunked is not None:
            while chunked.take(self._received, 0) is not None:
                del self._received[: chunked.at]
            del self._received[: chunked.at]
            self.complete = chunked.complete
        else:
            self._left -= min(self._left, len(self._received))
            self._received.clear()
            self.complete = self.framed and not self._left
