"""The pipes that processes write to: what comes out is cut into lines and, on the log descriptor, into records.

The log descriptor is that of the runtime interface client, which writes frames to it:
https://github.com/aws/aws-lambda-python-runtime-interface-client. What a process is for is not known here.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

from local_lambda.limits import MAX_LOG_EVENT_BYTES

_READ_BYTES = 65_536
_FRAME_HEADER_BYTES = 16

OnLine = Callable[[str, float | None], None]
"""Gets a line as written and, for framed log records, the time (seconds since the epoch) the writer gave it."""


class Writer(Protocol):
    """Whose output it is."""

    on_line: OnLine


class Output:
    """The read end of one pipe. Subclasses cut what arrives into lines."""

    def __init__(self, descriptor: int, process: Writer) -> None:
        self.descriptor = descriptor
        self.process = process
        self.buffer = b""
        self.closed = False

    def read(self, limit: int = _READ_BYTES) -> None:
        """Read what is there, `limit` bytes or a little more; never blocks. A busy writer must not hold up the tool."""
        left = limit
        while left > 0 and not self.closed:
            try:
                data = os.read(self.descriptor, _READ_BYTES)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self.closed = True
                self.flush()
                return
            self.feed(data)
            left -= len(data)
            if len(data) < _READ_BYTES:
                return

    def feed(self, data: bytes) -> None:
        """Lines end at `\\n`; a line without an end is cut at 256 KB, the size of a log event."""
        lines = (self.buffer + data if self.buffer else data).split(b"\n")
        self.buffer = lines.pop()
        for line in lines:
            self.process.on_line(line.decode("utf-8", "replace") + "\n", None)
        if len(self.buffer) > MAX_LOG_EVENT_BYTES:
            self.flush()

    def flush(self) -> None:
        """Give out a line that has no end yet."""
        if self.buffer:
            line, self.buffer = self.buffer, b""
            self.process.on_line(line.decode("utf-8", "replace"), None)


class FramedOutput(Output):
    """The log descriptor: 4 bytes type, 4 bytes length, 8 bytes microseconds since the epoch, then the record."""

    def feed(self, data: bytes) -> None:
        buffer = self.buffer + data
        start = 0
        while len(buffer) - start >= 2:
            if buffer[start : start + 2] != b"\xa5\x5a":  # not a frame: somebody else wrote to the descriptor
                self.buffer = b""
                super().feed(buffer[start:])
                return
            if len(buffer) - start < _FRAME_HEADER_BYTES:
                break
            end = start + _FRAME_HEADER_BYTES + int.from_bytes(buffer[start + 4 : start + 8], "big")
            if len(buffer) < end:
                break
            time = int.from_bytes(buffer[start + 8 : start + 16], "big") / 1e6
            self.process.on_line(buffer[start + _FRAME_HEADER_BYTES : end].decode("utf-8", "replace"), time)
            start = end
        self.buffer = buffer[start:]

    def flush(self) -> None:
        """A frame is given out when it is whole; the rest of a broken one when its writer is gone."""
        if self.closed:
            super().flush()
