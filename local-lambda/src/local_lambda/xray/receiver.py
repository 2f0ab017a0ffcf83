"""The X-Ray daemon's UDP port, to which SDKs send segment documents.

Source: https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-daemon. `collecting.py` puts
the documents together with those that Lambda itself writes; this module knows nothing about environments.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from local_lambda.http.sockets import listen_udp

if TYPE_CHECKING:
    import asyncio

Document = dict[str, Any]


class SegmentReceiver:
    """The daemon's UDP port: each segment document that arrives goes to `on_document`.

    For an invalid datagram, `on_bad` gets the reason. The sender never gets a response, as with the daemon.
    `receiving` is a non-blocking UDP socket; `close` closes it.
    """

    _DATAGRAM_BYTES = 65536
    _DATAGRAMS_AT_ONCE = 256
    _DATAGRAMS_AT_MOST = 65536

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        receiving: socket.socket,
        on_document: Callable[[Document], object],
        on_bad: Callable[[str], object],
    ) -> None:
        self._loop = loop
        self._socket = receiving
        self._on_document = on_document
        self._on_bad = on_bad
        self.address: tuple[str, int] = receiving.getsockname()
        loop.add_reader(receiving.fileno(), self._take, self._DATAGRAMS_AT_ONCE)

    @classmethod
    def open(
        cls,
        loop: asyncio.AbstractEventLoop,
        on_document: Callable[[Document], object],
        on_bad: Callable[[str], object],
        host: str = "127.0.0.1",
    ) -> SegmentReceiver:
        """Listen on a free port of `host`; `address` has the port. Raises OSError if `host` is not an address here."""
        return cls(loop, listen_udp(host), on_document, on_bad)

    def drain(self) -> None:
        """Read everything that waits on the socket. On loopback a document is there once its `sendto` has returned."""
        self._take(self._DATAGRAMS_AT_MOST)

    def close(self) -> None:
        """Read everything that waits and close the port. A second call does nothing."""
        if self._socket.fileno() >= 0:
            self.drain()
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    def _take(self, most: int) -> None:
        for _ in range(most):
            try:
                datagram = self._socket.recv(self._DATAGRAM_BYTES)
            except OSError:  # nothing left to read, or closed
                return
            try:
                document = parse_datagram(datagram)
            except ValueError as error:
                self._on_bad(str(error))
            else:
                self._on_document(document)


def parse_datagram(datagram: bytes) -> Document:
    """The document in a datagram: `{"format":"json","version":1}`, a line feed, the document. Raises ValueError."""
    header, separator, body = datagram.partition(b"\n")
    if not separator:
        raise ValueError("no line feed after the header")
    if header != b'{"format":"json","version":1}':
        fields = _json_object(header, "header")
        if str(fields.get("format")).lower() != "json" or fields.get("version") != 1:
            raise ValueError("the header is not format json, version 1")
    return _json_object(body, "document")


def _json_object(text: bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"the {what} is not JSON") from None
    if not isinstance(value, dict):
        raise ValueError(f"the {what} is not a JSON object")
    return value
