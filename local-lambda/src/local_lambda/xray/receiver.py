"""The two ends of X-Ray that touch a wire: the trace header of an invocation, and the socket SDKs send segments to.

Source: https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader and
https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-daemon. What becomes of the
documents, and those that Lambda itself writes, are `sinks/trace.py`'s; nothing here knows an environment.
"""

from __future__ import annotations

import json
import os
import re
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from local_lambda.events.identifiers import random_hex
from local_lambda.events.platform import Tracing
from local_lambda.http.sockets import listen_udp

if TYPE_CHECKING:
    import asyncio

Document = dict[str, Any]

_ROOT = re.compile(r"1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24}").fullmatch
_ID = re.compile(r"[0-9a-fA-F]{16}").fullmatch
_OWN_FIELDS = frozenset({"Root", "Parent", "Sampled", "Self"})
"""Those we write anew, and the one that is a load balancer's business and goes no further; all others are passed on."""
_LINEAGE = f";Lineage=1:{os.urandom(4).hex()}:0"


def new_tracing(incoming: str | None, active: bool, *, queued: bool = False) -> Tracing:
    """The X-Ray context of a new invocation; it continues the trace of `incoming`, its caller's `X-Amzn-Trace-Id`.

    `active` is the function's tracing mode. The caller's `Sampled` decides. Where it leaves the decision open, an
    active function is always sampled (Lambda samples one request a second and 5 % of the rest) and another one never.
    Without a usable header there still is a trace id, as in Lambda. `queued` marks an asynchronous invocation.
    """
    received = time.time()
    random = random_hex(72)
    parent_id = random[:16]
    fields = _parse(incoming) if incoming else None
    if fields is None:
        trace_id = f"1-{int(received):08x}-{random[48:]}"
        sampled, upstream, rest = active, None, _LINEAGE
    else:
        trace_id = fields["Root"]
        decision = fields.get("Sampled")
        sampled = active if decision not in ("0", "1") else decision == "1"
        upstream = fields.get("Parent")
        if upstream is not None and not _ID(upstream):
            upstream = None
        rest = "".join([f";{name}={value}" for name, value in fields.items() if name not in _OWN_FIELDS])
    return Tracing(
        f"Root={trace_id};Parent={parent_id};Sampled={'1' if sampled else '0'}{rest}",
        trace_id,
        parent_id,
        random[16:32],
        random[32:48],
        upstream,
        sampled,
        received,
        1 if queued else None,
    )


def next_attempt(tracing: Tracing) -> Tracing:
    """The context of the next attempt at a `queued` invocation: same service segment, new function segment."""
    random = random_hex(32)
    parent_id = random[:16]
    header = tracing.header.replace(f"Parent={tracing.parent_id}", f"Parent={parent_id}", 1)
    attempt = (tracing.attempt or 1) + 1
    return tracing._replace(header=header, parent_id=parent_id, span_id=random[16:], attempt=attempt)


def _parse(header: str) -> dict[str, str] | None:
    """The fields of a trace header, or None when it is malformed."""
    if not (header.isascii() and header.isprintable()):
        return None
    fields = {}
    for field in header.split(";"):
        name, equals, value = field.strip().partition("=")
        if equals:
            fields[name] = value
    return fields if _ROOT(fields.get("Root", "")) else None


class SegmentReceiver:
    """The daemon's UDP port: each segment document that arrives goes to `on_document`.

    Of a datagram that is none, `on_bad` is told why. As with the daemon a sender gets no answer, good or bad.
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
        """Listen on a free port of `host`; `address` tells which. OSError when `host` is not of this machine."""
        return cls(loop, listen_udp(host), on_document, on_bad)

    def drain(self) -> None:
        """Take what waits on the socket now: on loopback a document is there as soon as its `sendto` has returned."""
        self._take(self._DATAGRAMS_AT_MOST)

    def close(self) -> None:
        """Take what waits and give the port back. A second call does nothing."""
        if self._socket.fileno() >= 0:
            self.drain()
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    def _take(self, most: int) -> None:
        for _ in range(most):
            try:
                datagram = self._socket.recv(self._DATAGRAM_BYTES)
            except OSError:  # nothing more there, or closed
                return
            try:
                document = parse_datagram(datagram)
            except ValueError as error:
                self._on_bad(str(error))
            else:
                self._on_document(document)


def parse_datagram(datagram: bytes) -> Document:
    """The document in a datagram: `{"format":"json","version":1}`, a line feed, the document. ValueError otherwise."""
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
