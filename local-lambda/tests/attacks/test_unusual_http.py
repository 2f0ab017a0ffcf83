"""Requests that are valid but look unlike any client's: each gets, byte for byte, the response to the usual form."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from random import Random

import pytest

from attacks.conftest import Rounds
from attacks.connections import connect, read_to_end
from conftest import MakeProject
from support.tool import Tool

BODY = b'{"name": "J\xc3\xbcrgen", "list": [1, 2.5, null, true], "text": "a\\u0000b"}'
INVOKE = b"POST /2015-03-31/functions/Echo/invocations HTTP/1.1\r\n"
HOST = b"Host: 127.0.0.1\r\n"
TYPE = b"Content-Type: application/json\r\n"
CLOSE = b"Connection: close\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)


def chunked(sizes: Iterator[int], extension: bytes = b"", trailer: bytes = b"") -> bytes:
    """The body in chunks of these sizes."""
    chunks, rest = b"", BODY
    while rest:
        size = min(next(sizes), len(rest))
        chunks += b"%x%b\r\n%b\r\n" % (size, extension, rest[:size])
        rest = rest[size:]
    return chunks + b"0" + extension + b"\r\n" + trailer + b"\r\n"


def always(size: int) -> Iterator[int]:
    """The same size for ever."""
    while True:
        yield size


CHUNKS = b"Transfer-Encoding: chunked\r\n"
USUAL = INVOKE + HOST + TYPE + CLOSE + LENGTH + b"\r\n" + BODY
FORMS = {
    "names in lower case": INVOKE + (HOST + TYPE + CLOSE + LENGTH).lower() + b"\r\n" + BODY,
    "names in upper case": INVOKE
    + b"HOST: 127.0.0.1\r\nCONNECTION: close\r\nCONTENT-LENGTH: %d\r\n\r\n" % len(BODY)
    + BODY,
    "no space behind the colon": INVOKE + (HOST + TYPE + CLOSE + LENGTH).replace(b": ", b":") + b"\r\n" + BODY,
    "tabs and spaces around values": INVOKE
    + (HOST + CLOSE + LENGTH).replace(b": ", b": \t ").replace(b"\r\n", b" \t\r\n")
    + b"\r\n"
    + BODY,
    "empty lines before": b"\r\n\r\n" + USUAL,
    "address in the request line": USUAL.replace(b"POST /", b"POST http://127.0.0.1/", 1),
    "question mark without query": USUAL.replace(b"/invocations HTTP", b"/invocations? HTTP", 1),
    "escaped name": USUAL.replace(b"/Echo/", b"/%45ch%6f/", 1),
    "one chunk": INVOKE + HOST + CLOSE + CHUNKS + b"\r\n" + chunked(always(1000)),
    "chunks of one byte": INVOKE + HOST + CLOSE + CHUNKS + b"\r\n" + chunked(always(1)),
    "chunks with extensions": INVOKE + HOST + CLOSE + CHUNKS + b"\r\n" + chunked(always(7), b";a=b;c"),
    "chunks with a trailer": INVOKE + HOST + CLOSE + CHUNKS + b"\r\n" + chunked(always(7), trailer=b"x-sum: 1\r\n"),
    "coding in capitals": INVOKE + HOST + CLOSE + CHUNKS.replace(b"chunked", b"Chunked") + b"\r\n" + chunked(always(9)),
    "length with zeros before": USUAL.replace(b"Content-Length: ", b"Content-Length: 000"),
    "a hundred headers": USUAL.replace(TYPE, b"".join(b"x-%d: %d\r\n" % (n, n) for n in range(100))),
    "a header of 60 KB": USUAL.replace(TYPE, b"x: " + b"a" * 60_000 + b"\r\n"),
    "an empty header": USUAL.replace(TYPE, b"x-empty:\r\nx-spaces:    \r\n"),
    "a header of other bytes": USUAL.replace(TYPE, b"x-name: J\xfcrgen \xc3\xbc\r\n"),
    "a header of every sign": USUAL.replace(TYPE, b"!#$%&'*+-.^_`|~09azAZ: 1\r\n"),
    "upgrade to h2c": USUAL.replace(CLOSE, b"Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\n"),
    "upgrade alone": USUAL.replace(TYPE, b"Upgrade: h2c\r\n"),
    "an upgrade of TLS": USUAL.replace(TYPE, b"Upgrade: TLS/1.0, HTTP/1.1\r\n"),
    "connection of several words": USUAL.replace(CLOSE, b"Connection: x-one, close\r\nX-One: 1\r\n"),
    "connection twice": USUAL.replace(CLOSE, b"Connection: x-one\r\nConnection: Close\r\n"),
    "keep-alive": USUAL.replace(TYPE, b"Keep-Alive: timeout=5\r\n"),
    "HTTP 1.0": USUAL.replace(b"HTTP/1.1", b"HTTP/1.0").replace(CLOSE, b""),
    "more bytes behind it": USUAL + b"GET / HTTP/1.1\r\n\r\n",
    "other bytes behind it": USUAL + b"\x00\xff\x00 no HTTP",
}


def unlike(answer: bytes) -> bytes:
    """The response without what differs each time: the ids, the trace and the date."""
    answer = re.sub(rb"[0-9a-f]{8}-[0-9a-f-]{27}", b"[UUID]", answer)
    answer = re.sub(rb"\r\n(x-amz-apigw-id|Apigw-Requestid|Date): [^\r]*", rb"\r\n\1: [ONCE]", answer)
    return re.sub(
        rb"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0;Lineage=[0-9a-f:]+", b"[TRACE]", answer
    )


def ask(tool: Tool, pieces: list[bytes]) -> bytes:
    """What comes back for the bytes, sent piece by piece, until the tool closes."""
    with connect(tool.host, tool.port, seconds=5) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            connection.sendall(piece)
        return unlike(read_to_end(connection))


@pytest.fixture(scope="module")
def usual(tool: Tool) -> bytes:
    """The response to the usual form."""
    answer = ask(tool, [USUAL])
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nConnection: close\r\n" in answer
    return answer


@pytest.mark.parametrize("form", FORMS)
def test_answer_when_the_form_is_unusual(tool: Tool, usual: bytes, form: str) -> None:
    """The same bytes as for the usual form."""
    assert ask(tool, [FORMS[form]]) == usual


def test_answer_when_a_request_comes_in_pieces(tool: Tool, usual: bytes, rounds: Rounds, chance: Random) -> None:
    """Wherever it is cut."""
    for _ in range(rounds(60)):
        data = chance.choice([form for form in FORMS.values() if len(form) < 9_000])
        cuts = sorted(chance.randrange(len(data)) for _ in range(chance.choice((1, 2, 5, 20))))
        pieces = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
        assert ask(tool, pieces) == usual, pieces


def test_answer_when_a_request_comes_byte_by_byte(tool: Tool, usual: bytes) -> None:
    """Each in a separate packet."""
    assert ask(tool, [bytes([byte]) for byte in USUAL]) == usual


def test_answer_when_the_client_expects_a_hundred(tool: Tool, usual: bytes) -> None:
    """An interim answer, then the usual one."""
    assert ask(tool, [USUAL.replace(TYPE, b"Expect: 100-continue\r\n")]) == b"HTTP/1.1 100 Continue\r\n\r\n" + usual


def test_answers_when_a_malformed_request_follows(tool: Tool, usual: bytes) -> None:
    """The good one is answered, then comes the refusal, then the end."""
    answer = ask(tool, [USUAL.replace(CLOSE, b"") + b"\x00\xff no HTTP\r\n\r\n"])
    first = usual.replace(CLOSE, b"")
    assert answer.startswith(first)
    assert re.fullmatch(rb"(HTTP/1\.1 400 .*)?", answer[len(first) :], re.DOTALL)


def test_answers_when_requests_are_pipelined_in_pieces(
    tool: Tool, usual: bytes, rounds: Rounds, chance: Random
) -> None:
    """As many as were asked, in order."""
    open_end = usual.replace(CLOSE, b"")
    for _ in range(rounds(20)):
        count = chance.randrange(1, 20)
        data = USUAL.replace(CLOSE, b"") * count + USUAL
        cuts = sorted(chance.randrange(len(data)) for _ in range(chance.randrange(6)))
        pieces = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
        assert ask(tool, pieces) == open_end * count + usual


@pytest.mark.parametrize("kind", ["Api", "HttpApi"])
def test_event_when_the_form_is_unusual(make_project: MakeProject, kind: str) -> None:
    """A route's function sees the same request, whichever way it was written down."""
    route = {"Type": kind, "Properties": {"Path": "/items/{item}", "Method": "post"}}
    code = """
import json

def handler(event, context):
    names = ("path", "rawPath", "pathParameters", "rawQueryString", "queryStringParameters", "body", "isBase64Encoded")
    return {"statusCode": 200, "body": json.dumps([event.get(name) for name in names])}
"""
    project = make_project({"app.py": code}, Hello={"Handler": "app.handler", "Events": {"Route": route}})
    with project.serving("--max-environments", "1") as tool:
        start = b"POST /items/caf%C3%A9?a=1&b=%20 HTTP/1.1\r\n"
        usual = ask(tool, [start + HOST + TYPE + CLOSE + LENGTH + b"\r\n" + BODY])
        assert usual.startswith(b"HTTP/1.1 200 ")
        for data in (
            start + HOST + TYPE + CLOSE + CHUNKS + b"\r\n" + chunked(always(3)),
            start + (HOST + TYPE + CLOSE + LENGTH).lower() + b"\r\n" + BODY,
            start + HOST + TYPE + CLOSE.replace(b"close", b"Close") + LENGTH.replace(b": ", b": 00") + b"\r\n" + BODY,
        ):
            assert ask(tool, [data]) == usual, data
