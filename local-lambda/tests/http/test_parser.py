"""The parser alone, without a connection: what is read, what is refused, and how much of it is kept meanwhile."""

from __future__ import annotations

from random import Random

import pytest

from local_lambda.http.head import CHUNKED, MAX_HEAD_BYTES, BadRequest, Head
from local_lambda.http.parser import RequestParser

HOST = b"Host: localhost\r\n"
CHUNKS = b"POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


def read(*pieces: bytes) -> list[tuple[Head, bytes, list[tuple[str, str]]]]:
    """Every complete request in the bytes: head, body and trailers."""
    parser, found = RequestParser(), []
    head: Head | None = None
    body = b""
    for piece in pieces:
        parser.feed(piece)
        while True:
            if head is None:
                head = parser.head()
                if head is None:
                    break
            while not parser.complete and (data := parser.body()) is not None:
                body += data
            if not parser.complete:
                break
            found.append((head, body, list(parser.trailers)))
            head, body = None, b""
    return found


def refusal(*pieces: bytes) -> int:
    """The status with which the bytes are refused."""
    with pytest.raises(BadRequest) as raised:
        read(*pieces)
    return raised.value.status


def test_request_is_taken_apart() -> None:
    """Method, path and query as they were written, headers in order, the body."""
    ((head, body, trailers),) = read(
        b"PUT /a%20b?c=%26 HTTP/1.1\r\nHOST:localhost\r\nContent-Length: 02\r\nA:\t1 \r\n\r\nhi"
    )
    assert (head.method, head.path, head.query, head.host) == (b"PUT", b"/a%20b", b"c=%26", b"localhost")
    assert head.headers() == [("HOST", "localhost"), ("Content-Length", "02"), ("A", "1")]
    assert (head.header(b"a"), head.header(b"b", b"none")) == (b"1", b"none")
    assert (body, trailers, head.keep_alive) == (b"hi", [], True)


def test_body_in_chunks_is_put_together() -> None:
    """Extensions are ignored, trailers are kept."""
    ((head, body, trailers),) = read(CHUNKS + b"2;a=b\r\nhi\r\n00b ; c\r\n, you two!!\r\n0\r\nX-Sum: 1\r\nY:\r\n\r\n")
    assert (head.length, body, trailers) == (CHUNKED, b"hi, you two!!", [("X-Sum", "1"), ("Y", "")])


@pytest.mark.parametrize("seed", range(20))
def test_requests_are_the_same_however_they_are_cut(seed: int) -> None:
    """Three requests, with and without bodies, in pieces of any size."""
    data = (
        b"\r\nGET /one HTTP/1.1\r\n" + HOST + b"\r\n"
        b"POST /two HTTP/1.1\r\n"
        + HOST
        + b"Content-Length: 11\r\n\r\nhello\r\n\r\n-o"
        + CHUNKS
        + b"3;x\r\nabc\r\n1\r\n\r\r\n"
        b"0\r\nz: 1\r\n\r\nGET /one HTTP/1.1\r\n" + HOST + b"\r\n"
    )
    chance = Random(seed)
    cuts = sorted(chance.randrange(len(data)) for _ in range(chance.choice((1, 3, 10, 100))))
    pieces = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True) if start < end]
    found = [(head.path, body, trailers) for head, body, trailers in read(*pieces)]
    assert found == [
        (b"/one", b"", []),
        (b"/two", b"hello\r\n\r\n-o", []),
        (b"/x", b"abc\r", [("z", "1")]),
        (b"/one", b"", []),
    ]


@pytest.mark.parametrize(
    ("line", "keeps"),
    [
        (b"HTTP/1.1\r\n", True),
        (b"HTTP/1.1\r\nConnection: close\r\n", False),
        (b"HTTP/1.1\r\nConnection: x, CLOSE\r\n", False),
        (b"HTTP/1.1\r\nConnection: x\r\nConnection: close\r\n", False),
        (b"HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n", True),
        (b"HTTP/1.0\r\n", False),
        (b"HTTP/1.0\r\nConnection: keep-alive\r\n", True),
    ],
)
def test_connection_is_kept_as_the_head_says(line: bytes, keeps: bool) -> None:
    """By its version, and by every header `Connection`; an upgrade is not made."""
    ((head, _, _),) = read(b"GET / " + line + HOST + b"\r\n")
    assert head.keep_alive is keeps


def test_target_may_be_a_url() -> None:
    """Its host is the one that counts."""
    ((head, _, _),) = read(b"GET http://127.0.0.1:80/a?b HTTP/1.1\r\n" + HOST + b"\r\n")
    assert (head.host, head.path, head.query) == (b"127.0.0.1:80", b"/a", b"b")
    ((head, _, _),) = read(b"GET http://127.0.0.1?b HTTP/1.1\r\n" + HOST + b"\r\n")
    assert (head.path, head.query) == (b"/", b"b")


BAD = {
    "no version": b"GET /\r\n" + HOST + b"\r\n",
    "other version": b"GET / HTTP/1.2\r\n" + HOST + b"\r\n",
    "HTTP 2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "two spaces": b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n",
    "tab": b"GET\t/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
    "host as target": b"CONNECT localhost:80 HTTP/1.1\r\n" + HOST + b"\r\n",
    "space before a colon": b"GET / HTTP/1.1\r\n" + HOST + b"A : 1\r\n\r\n",
    "space before a name": b"GET / HTTP/1.1\r\n A: 1\r\n" + HOST + b"\r\n",
    "folded line": b"GET / HTTP/1.1\r\n" + HOST + b"A: 1\r\n 2\r\n\r\n",
    "no name": b"GET / HTTP/1.1\r\n" + HOST + b": 1\r\n\r\n",
    "no colon": b"GET / HTTP/1.1\r\n" + HOST + b"A\r\n\r\n",
    "NUL in a value": b"GET / HTTP/1.1\r\n" + HOST + b"A: \0\r\n\r\n",
    "NUL in a target": b"GET /\0 HTTP/1.1\r\n" + HOST + b"\r\n",
    "bare line feed": b"GET / HTTP/1.1\nHost: localhost\n\n",
    "line feed in a value": b"GET / HTTP/1.1\r\n" + HOST + b"A: 1\nB: 2\r\n\r\n",
    "carriage return in a value": b"GET / HTTP/1.1\r\n" + HOST + b"A: 1\rB: 2\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\ncontent-length: 1\r\n\r\n",
    "list of lengths": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1, 1\r\n\r\n",
    "length with a sign": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: +1\r\n\r\n",
    "length in hexadecimal": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 0x1\r\n\r\n",
    "no length": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length:\r\n\r\n",
    "enormous length": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 9999999999999999\r\n\r\n",
    "length and chunks": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "chunks twice": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked, chunked\r\n\r\n",
    "chunks in two lines": CHUNKS.replace(HOST, HOST + b"Transfer-Encoding: chunked\r\n"),
    "chunks not last": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked, identity\r\n\r\n",
    "other coding": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: xchunked\r\n\r\n",
    "chunks in HTTP 1.0": CHUNKS.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "chunk without size": CHUNKS + b"\r\n",
    "chunk size with a sign": CHUNKS + b"-1\r\n",
    "chunk size with 0x": CHUNKS + b"0x1\r\n",
    "chunk size too long": CHUNKS + b"1" * 16 + b"\r\n",
    "space behind a chunk size": CHUNKS + b"1 \r\n",
    "bare line feed behind a chunk size": CHUNKS + b"1\n1\r\n",
    "NUL in a chunk extension": CHUNKS + b"1;\0\r\n",
    "chunk longer than it says": CHUNKS + b"1\r\n12\r\n",
    "trailer without a colon": CHUNKS + b"0\r\nabc\r\n",
    "folded trailer": CHUNKS + b"0\r\na: b\r\n c\r\n",
    "words": b"hello\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01",
    "no end of a method": b"x" * 33,
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_request_is_refused_when_it_could_mean_two_things(data: bytes) -> None:
    """At once, however it is cut; another reader of the same bytes might see other requests in them."""
    assert refusal(data) == 400
    assert refusal(*(data[at : at + 1] for at in range(len(data)))) == 400


@pytest.mark.parametrize(
    ("status", "line"), [(501, b"Transfer-Encoding: gzip, chunked\r\n"), (417, b"Expect: the-unexpected\r\n")]
)
def test_request_that_asks_for_more_than_there_is_is_refused(status: int, line: bytes) -> None:
    """With the status that says so."""
    assert refusal(b"POST / HTTP/1.1\r\n" + HOST + line + b"\r\n") == status


@pytest.mark.parametrize(
    ("start", "status"),
    [
        (b"GET /", 414),
        (b"GET /?a=", 414),
        (b"GET / HTTP/1.1\r\n", 431),
        (b"GET / HTTP/1.1\r\nx: ", 431),
        (CHUNKS + b"1;", 400),
        (CHUNKS + b"0\r\nx: ", 431),
    ],
    ids=["target", "query", "header name", "header value", "chunk extension", "trailer"],
)
def test_part_without_end_is_refused_at_the_limit(start: bytes, status: int) -> None:
    """It does not have to end for that, and nothing more of it is kept."""
    parser = RequestParser()
    parser.feed(start)
    taken = 0
    with pytest.raises(BadRequest) as raised:
        if parser.head() is not None:
            parser.body()
        while True:
            parser.feed(b"a" * 1000)
            taken += 1000
            if parser.complete:
                parser.head()
            else:
                parser.body()
    assert raised.value.status == status
    assert taken <= MAX_HEAD_BYTES + 1000


def test_trailers_without_end_are_refused_at_the_limit() -> None:
    """Many short ones as well."""
    assert refusal(CHUNKS + b"0\r\n", b"a: 12345\r\n" * (MAX_HEAD_BYTES // 10 + 1)) == 431


def test_head_at_the_limit_is_read() -> None:
    """64 KB."""
    start = b"GET / HTTP/1.1\r\n" + HOST + b"x: "
    value = b"a" * (MAX_HEAD_BYTES - len(start) - 4)
    ((head, _, _),) = read(start + value + b"\r\n\r\n")
    assert head.header(b"x") == value
    assert refusal(start + value + b"a\r\n\r\n") == 431


def test_known_head_is_the_same_object() -> None:
    """A client sends one again and again."""
    request = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"
    (first, *_), (second, *_) = read(request, request)
    assert first is second
