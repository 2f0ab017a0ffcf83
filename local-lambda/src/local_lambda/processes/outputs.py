"""The pipes that processes write to. Output is cut into lines or, on the log descriptor, into records.

The log descriptor belongs to the runtime interface client, which writes frames to it:
https://github.com/aws/aws-lambda-python-runtime-interface-client. This module does not know what a process is for.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

from local_lambda.limits import MAX_LOG_EVENT_BYTES

_READ_BYTES = 65_536
_FRAME_HEADER_BYTES = 16
_FRAME_MARK = b"\xa5\x5a"
MAX_RECORD_BYTES = 8 * 1024 * 1024
"""More than the largest event, which functions like to log."""

OnLine = Callable[[str, float | None], None]
"""Gets a line as written and, for framed log records, the time (seconds since the epoch) the writer gave it."""


class Writer(Protocol):
    """The process that an output belongs to."""

    on_line: OnLine


class Output:
    """The read end of one pipe. Subclasses cut the data into lines."""

    def __init__(self, descriptor: int, process: Writer) -> None:
        self.descriptor = descriptor
        self.process = process
        self.buffer = b""
        self.closed = False

    def read(self, limit: int = _READ_BYTES) -> None:
        """Read what has arrived, up to `limit` bytes or slightly more, so that a busy writer cannot stall the tool."""
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
        """Cut lines at `\\n`; a line without an end is cut at 256 KB, the size of a log event."""
        lines = (self.buffer + data if self.buffer else data).split(b"\n")
        self.buffer = lines.pop()
        for line in lines:
            self.process.on_line(line.decode("utf-8", "replace") + "\n", None)
        if len(self.buffer) > MAX_LOG_EVENT_BYTES:
            self.flush()

    def flush(self) -> None:
        """Pass on a line that has no end yet."""
        if self.buffer:
            line, self.buffer = self.buffer, b""
            self.process.on_line(line.decode("utf-8", "replace"), None)


class FramedOutput(Output):
    """The log descriptor: 4 bytes type, 4 bytes length, 8 bytes microseconds since the epoch, then the record.

    A record counts as one line, even if it contains several. A record of more than `MAX_RECORD_BYTES` is cut into
    pieces of that size as it arrives, because the length in a header cannot be trusted.
    """

    def __init__(self, descriptor: int, process: Writer) -> None:
        super().__init__(descriptor, process)
        self._chunks: list[bytes] = []
        self._collected = 0
        self._missing = 0
        self._claimed = 0
        self._time = 0.0

    def feed(self, data: bytes) -> None:
        if self.buffer:
            data, self.buffer = self.buffer + data, b""
        start = 0
        while start < len(data):
            if self._missing:
                start = self._collect(data, start)
            elif data[start : start + 2] != _FRAME_MARK[: len(data) - start]:  # another program wrote to the descriptor
                super().feed(data[start:])
                return
            elif len(data) - start < _FRAME_HEADER_BYTES:
                self.buffer = data[start:]
                return
            else:
                self._missing = self._claimed = int.from_bytes(data[start + 4 : start + 8], "big")
                self._time = int.from_bytes(data[start + 8 : start + 16], "big") / 1e6
                start += _FRAME_HEADER_BYTES
                if not self._missing:
                    self._give_record()

    def _collect(self, data: bytes, start: int) -> int:
        """Take the part of the record that is in `data`; return where it ends."""
        chunk = data[start : start + min(self._missing, MAX_RECORD_BYTES - self._collected)]
        self._chunks.append(chunk)
        self._collected += len(chunk)
        self._missing -= len(chunk)
        if not self._missing or self._collected == MAX_RECORD_BYTES:
            self._give_record()
        return start + len(chunk)

    def _give_record(self) -> None:
        record, self._chunks, self._collected = b"".join(self._chunks), [], 0
        self.process.on_line(record.decode("utf-8", "replace"), self._time)

    def flush(self) -> None:
        """Pass on the rest of a broken frame once its writer has ended; other frames are passed on when complete."""
        if not self.closed:
            return
        if self._missing:
            if self._collected:
                self._give_record()
            came = self._claimed - self._missing
            self._missing = 0
            self.process.on_line(f"[a log record of {self._claimed} bytes ended after {came}]\n", self._time)
        super().flush()
