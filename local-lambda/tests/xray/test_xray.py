"""The trace header, and the UDP port that takes segment documents."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import Callable
from typing import Any

import pytest

from local_lambda.events.platform import Tracing
from local_lambda.xray.header import new_tracing, next_attempt
from local_lambda.xray.receiver import SegmentReceiver, parse_datagram

ROOT = "1-5759e988-bd862e3fe1be46a994272793"
PARENT = "53995c3f42cd8ad8"
HEADER = b'{"format":"json","version":1}\n'


def test_new_tracing_without_a_header_makes_a_whole_one() -> None:
    """A function gets a complete header with `Sampled=0` even if it is not traced."""
    for active, sampled in ((False, "0"), (True, "1")):
        tracing = new_tracing(None, active)
        form = rf"Root=1-[0-9a-f]{{8}}-[0-9a-f]{{24}};Parent=[0-9a-f]{{16}};Sampled={sampled};Lineage=1:[0-9a-f]{{8}}:0"
        assert re.fullmatch(form, tracing.header)
        assert tracing.header.startswith(f"Root={tracing.trace_id};Parent={tracing.parent_id};")
        assert tracing.sampled is active
        assert tracing.upstream is None
        assert int(tracing.trace_id[2:10], 16) == int(tracing.received)


def test_new_tracing_twice_shares_no_id() -> None:
    """Trace, service segment, function segment and Invocation subsegment have different ids."""
    first, second = new_tracing(None, True), new_tracing(None, True)
    ids = [(t.trace_id[11:], t.parent_id, t.span_id, t.service_id) for t in (first, second)]
    assert len({*ids[0], *ids[1]}) == 8


@pytest.mark.parametrize(
    ("decision", "active", "sampled"),
    [
        (";Sampled=1", False, True),
        (";Sampled=1", True, True),
        (";Sampled=0", False, False),
        (";Sampled=0", True, False),
        (";Sampled=?", False, False),
        (";Sampled=?", True, True),
        (";Sampled=yes", True, True),
        ("", False, False),
        ("", True, True),
    ],
)
def test_new_tracing_with_a_header_follows_its_decision(decision: str, active: bool, sampled: bool) -> None:
    """The caller decides; the tracing mode matters only where the caller left it open."""
    tracing = new_tracing(f"Root={ROOT};Parent={PARENT}{decision}", active)
    assert tracing.sampled is sampled
    assert tracing.header == f"Root={ROOT};Parent={tracing.parent_id};Sampled={sampled:d}"
    assert tracing.trace_id == ROOT
    assert tracing.upstream == PARENT != tracing.parent_id


@pytest.mark.parametrize(
    ("incoming", "upstream", "rest"),
    [
        (f"Root={ROOT};Parent={PARENT};Sampled=1;Lineage=1:0a0b0c0d:2", PARENT, ";Lineage=1:0a0b0c0d:2"),
        (f"Self=1-67891234-12456789abcdef012345678;Root={ROOT};CalledFrom=app", None, ";CalledFrom=app"),
        (f" Root={ROOT} ; Parent={PARENT} ;; Sampled=1 ", PARENT, ""),
        (f"Root={ROOT};Parent=42", None, ""),
    ],
)
def test_new_tracing_with_more_fields_passes_them_on(incoming: str, upstream: str | None, rest: str) -> None:
    """Unknown fields are passed on; `Self` belongs to the load balancer that wrote it."""
    tracing = new_tracing(incoming, True)
    assert tracing.header == f"Root={ROOT};Parent={tracing.parent_id};Sampled=1{rest}"
    assert tracing.upstream == upstream


@pytest.mark.parametrize(
    "incoming",
    ["", "nonsense", f"Parent={PARENT};Sampled=1", "Root=1-2-3;Sampled=1", f"Root={ROOT};X=\r\ny", f"Root={ROOT};X=é"],
)
def test_new_tracing_with_a_malformed_header_starts_anew(incoming: str) -> None:
    """An invalid header is ignored as a whole, including its decision."""
    tracing = new_tracing(incoming, False)
    assert tracing.trace_id != ROOT
    assert not tracing.sampled
    assert "Lineage" in tracing.header


def test_next_attempt_when_retried_stays_in_the_trace() -> None:
    """A retry is below the same service segment, with its own segments."""
    first = new_tracing(None, True, queued=True)
    second = next_attempt(first)
    assert (first.attempt, second.attempt, next_attempt(second).attempt) == (1, 2, 3)
    assert second.header == first.header.replace(first.parent_id, second.parent_id)
    assert (second.trace_id, second.service_id, second.received) == (first.trace_id, first.service_id, first.received)
    assert len({first.parent_id, first.span_id, second.parent_id, second.span_id}) == 4


def test_tracing_on_the_wire_when_sampled_shows_no_private_field() -> None:
    """The Telemetry API's `tracing` object has three members."""
    tracing: Tracing = new_tracing(None, True)
    assert tracing.wire() == {"spanId": tracing.span_id, "type": "X-Amzn-Trace-Id", "value": tracing.header}


@pytest.mark.parametrize(
    "header",
    [b'{"format":"json","version":1}', b'{"format": "json", "version": 1}', b'{"version":1,"format":"JSON","x":[]}'],
)
def test_parse_datagram_with_a_good_header_gives_the_document(header: bytes) -> None:
    """Spaces, order and case of the header do not matter, as in the daemon."""
    assert parse_datagram(header + b'\n{"id":"\xc3\xa9"}') == {"id": "é"}


BAD = [
    (b"", "no line feed after the header"),
    (b'{"format":"json","version":1}', "no line feed after the header"),
    (b"nonsense\n{}", "the header is not JSON"),
    (b'"json"\n{}', "the header is not a JSON object"),
    (b'{"format":"xml","version":1}\n{}', "the header is not format json, version 1"),
    (b'{"format":"json","version":2}\n{}', "the header is not format json, version 1"),
    (b'{"format":"json"}\n{}', "the header is not format json, version 1"),
    (HEADER, "the document is not JSON"),
    (HEADER + b"{", "the document is not JSON"),
    (HEADER + b'{"name":"\xff"}', "the document is not JSON"),
    (HEADER + b"[" * 60000, "the document is not JSON"),
    (HEADER + b"[]", "the document is not a JSON object"),
]


@pytest.mark.parametrize(("datagram", "reason"), BAD)
def test_parse_datagram_with_anything_else_says_why(datagram: bytes, reason: str) -> None:
    """What the daemon would log and drop is a ValueError with one line."""
    with pytest.raises(ValueError, match=f"^{reason}$"):
        parse_datagram(datagram)


def receiving(use: Callable[[SegmentReceiver, socket.socket, list[Any], list[str]], Any]) -> None:
    """Run the coroutine function `use` with an open receiver, a socket connected to it, its documents, its faults."""

    async def main() -> None:
        documents: list[Any] = []
        faults: list[str] = []
        loop = asyncio.get_running_loop()
        receiver = SegmentReceiver.open(loop, documents.append, faults.append)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(receiver.address)
            await use(receiver, sender, documents, faults)
        receiver.close()

    asyncio.run(main())


def test_receiver_when_documents_arrive_hands_them_over_in_order() -> None:
    """Each datagram is one document; what is not a document is reported and costs nothing else."""

    async def main() -> None:
        done = asyncio.Event()
        documents: list[Any] = []
        faults: list[str] = []

        def on_document(document: dict[str, Any]) -> None:
            documents.append(document)
            if document.get("last"):
                done.set()

        receiver = SegmentReceiver.open(asyncio.get_running_loop(), on_document, faults.append)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(receiver.address)
            for datagram in (HEADER + b'{"id":1}', b"nonsense", HEADER + b'{"last":true}'):
                sender.send(datagram)
            await asyncio.wait_for(done.wait(), 5)
        receiver.close()
        assert documents == [{"id": 1}, {"last": True}]
        assert faults == ["no line feed after the header"]

    asyncio.run(main())


def test_drain_when_documents_wait_takes_them_without_the_loop() -> None:
    """At the end of an invocation everything it sent is there, though the loop has not turned since."""

    async def use(receiver: SegmentReceiver, sender: socket.socket, documents: list[Any], faults: list[str]) -> None:
        for number in range(100):
            sender.send(HEADER + json.dumps({"number": number}).encode())
        receiver.drain()
        assert [document["number"] for document in documents] == list(range(100))
        receiver.drain()
        assert (len(documents), faults) == (100, [])

    receiving(use)


def test_receiver_when_a_datagram_is_as_big_as_can_be_takes_it_whole() -> None:
    """UDP ends at 65,507 bytes, and so does the daemon's buffer."""

    async def use(receiver: SegmentReceiver, sender: socket.socket, documents: list[Any], faults: list[str]) -> None:
        name = "x" * (65507 - len(HEADER) - len('{"name":""}'))
        sender.send(HEADER + b'{"name":"%s"}' % name.encode())
        receiver.drain()
        assert documents == [{"name": name}]

    receiving(use)


def test_close_when_something_waits_takes_it_first() -> None:
    """Nothing that was sent before the end is lost; afterwards close and drain do nothing."""

    async def use(receiver: SegmentReceiver, sender: socket.socket, documents: list[Any], faults: list[str]) -> None:
        sender.send(HEADER + b"{}")
        receiver.close()
        assert documents == [{}]
        receiver.close()
        receiver.drain()

    receiving(use)


def test_open_with_a_foreign_host_raises() -> None:
    """An address of another machine cannot be listened on (192.0.2.0/24 is reserved)."""

    async def main() -> None:
        with pytest.raises(OSError):
            SegmentReceiver.open(asyncio.get_running_loop(), print, print, "192.0.2.1")

    asyncio.run(main())
