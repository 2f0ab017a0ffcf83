"""A connection that sends exactly the bytes a test wants, and reads HTTP responses one at a time."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import Any

from support.tool import DEADLINE_SECONDS


@dataclass(frozen=True)
class Response:
    """One HTTP response; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed as JSON."""
        return json.loads(self.body)


class Wire:
    """One TCP connection to `host:port`."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), DEADLINE_SECONDS)
        self._buffer = b""

    def send(self, data: bytes) -> Wire:
        """Send bytes as they are."""
        self.socket.sendall(data)
        return self

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Wire:
        """Send a request; `Content_Type="x"` is that header."""
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        return self.send("\r\n".join([*lines, "", ""]).encode() + (body or b""))

    def answer(self) -> Response:
        """The next response; an interim one (100) counts as a response without a body."""
        head = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status, _ = head[0].split(" ", 2)
        assert version == "HTTP/1.1"
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
        length = int(headers.get("content-length", "0"))
        while len(self._buffer) < length:
            self._more()
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return Response(int(status), headers, body)

    def closed(self) -> bool:
        """Wait for the end of the connection; return whether nothing came before it."""
        try:
            return not self._buffer and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def rest(self) -> bytes:
        """Everything until the connection ends."""
        pieces = [self._buffer]
        while data := self.socket.recv(65536):
            pieces.append(data)
        return b"".join(pieces)

    def hang_up(self, only_sending: bool = False) -> None:
        """Close the connection, or only its sending side."""
        if only_sending:
            self.socket.shutdown(socket.SHUT_WR)
        else:
            self.socket.close()

    def _until(self, end: bytes) -> bytes:
        while end not in self._buffer:
            self._more()
        head, _, self._buffer = self._buffer.partition(end)
        return head

    def _more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError(f"the connection has ended after {self._buffer!r}")
        self._buffer += data
