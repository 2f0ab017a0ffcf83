"""The HTTP server takes what clients send, in any pieces, and refuses invalid HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local_lambda.http.head import MAX_HEAD_BYTES
from support.http_site import Site

GET = b"GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """The server under test."""
    site = Site()
    yield site
    site.close()


def test_request_is_taken_apart(site: Site) -> None:
    """Method, path as it was written, query, and body."""
    answer = site.wire().request("POST", "/a%20b?Qualifier=1&x=?", b"body").answer()
    assert (answer.status, answer.body) == (200, b"POST /a%20b Qualifier=1&x=? 4 body")
    assert answer.headers == {"content-length": str(len(answer.body))}


def test_request_byte_by_byte_is_put_together(site: Site) -> None:
    """However the network cuts it."""
    wire = site.wire()
    for byte in b"POST /path?query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody":
        wire.send(bytes([byte]))
    assert wire.answer().body == b"POST /path query 4 body"


def test_requests_on_one_connection_are_answered_in_order(site: Site) -> None:
    """All sent at once; the first waits, and the others wait for it."""
    wire = site.wire().send(GET % b"wait" + GET % b"one" + GET % b"two")
    site.release()
    assert [wire.answer().body for _ in range(3)] == [b"waited", b"GET /one  0 ", b"GET /two  0 "]


def test_request_to_close_is_answered_and_closed(site: Site) -> None:
    """By HTTP/1.0, or with `Connection: close`."""
    for head in (b"GET /x HTTP/1.0\r\n\r\n", b"GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"):
        wire = site.wire().send(head)
        answer = wire.answer()
        assert (answer.body, answer.headers["connection"]) == (b"GET /x  0 ", "close")
        assert wire.closed()


def test_request_that_expects_to_be_told_is_told_to_continue(site: Site) -> None:
    """curl waits a second for that with large bodies."""
    wire = site.wire().request("POST", "/x", None, Expect="100-continue", Content_Length="4")
    assert wire.answer().status == 100
    assert wire.send(b"body").answer().body == b"POST /x  4 body"


def test_request_by_head_is_answered_without_a_body(site: Site) -> None:
    """The next answer on the connection begins where a client looks for it."""
    wire = site.wire().send(b"HEAD /x HTTP/1.1\r\nHost: localhost\r\n\r\n" + GET % b"y")
    head = wire._until(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert wire.answer().body == b"GET /y  0 "


def test_request_by_head_is_told_the_length_an_application_gives(site: Site) -> None:
    """The length of a body that is not even read."""
    head = site.wire().send(b"HEAD /long HTTP/1.1\r\nHost: localhost\r\n\r\n")._until(b"\r\n\r\n")
    assert head.lower().count(b"content-length:") == 1
    assert head.endswith(b"\r\nContent-Length: 123456789")


@pytest.mark.parametrize("special", [b"", b"Connection: keep-alive\r\n"])
def test_headers_are_all_there_as_received(site: Site, special: bytes) -> None:
    """In order, names as they were written, whichever parser read them."""
    wire = site.wire().send(
        b"GET /headers HTTP/1.1\r\nHost: localhost\r\nX-A:1\r\n%bx-a:  two words \r\n\r\n" % special
    )
    between = [("Connection", "keep-alive")] if special else []
    assert eval(wire.answer().body) == [("Host", "localhost"), ("X-A", "1"), *between, ("x-a", "two words")]


@pytest.mark.parametrize("chunked", [False, True])
def test_request_with_a_body_over_the_limit_keeps_its_size_only(site: Site, chunked: bool) -> None:
    """Clients cannot fill memory; the connection continues."""
    body = b"x" * 200_000
    wire = site.wire()
    if chunked:
        wire.send(b"POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        wire.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
    else:
        wire.request("POST", "/x", body)
    answer = wire.answer()
    assert answer.body.startswith(b"POST /x  200000 ")
    assert len(answer.body) < 200_000
    assert wire.request("GET", "/y").answer().body == b"GET /y  0 "


@pytest.mark.parametrize(
    "garbage",
    [
        b"garbage\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nNo colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: no host\r\n\r\n",
    ],
    ids=["words", "tls", "version", "length", "both", "chunk", "header", "host"],
)
def test_garbage_is_400_and_the_end_of_the_connection(site: Site, garbage: bytes) -> None:
    """The server itself keeps running."""
    wire = site.wire().send(garbage)
    assert wire.answer().status == 400
    assert wire.closed()
    assert site.wire().request("GET", "/x").answer().status == 200


def test_garbage_behind_a_request_does_not_take_its_answer(site: Site) -> None:
    """The waiting request gets its response or the connection ends; a 400 is never mistaken for its response."""
    wire = site.wire().send(GET % b"wait" + b"garbage\r\n\r\n")
    site.release()
    try:
        answers = [wire.answer()]
    except (EOFError, ConnectionResetError):
        answers = []
    assert [answer.status for answer in answers] in ([], [200])


def test_headers_over_the_limit_are_431(site: Site) -> None:
    """Many, or one that never ends."""
    for lines in (b"X: %s\r\n" % (b"x" * MAX_HEAD_BYTES), b"X: %s\r\n" % (b"x" * 1000) * 70):
        wire = site.wire().send(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + lines + b"\r\n")
        assert wire.answer().status == 431
        assert wire.closed()


def test_headers_below_the_limit_are_taken(site: Site) -> None:
    """The cause that awslambdaric reports of an exception may be long."""
    assert site.wire().request("GET", "/x", X="x" * (MAX_HEAD_BYTES - 100)).answer().status == 200


def test_client_that_hangs_up_while_it_waits_is_noticed(site: Site) -> None:
    """A response to it is silently discarded."""
    site.disconnected.clear()
    wire = site.wire().send(GET % b"wait")
    with site.changed:
        assert site.changed.wait_for(lambda: site.waiting, 60)
    wire.hang_up()
    site.release()
    assert site.disconnected.wait(60)


def test_client_that_only_stops_sending_gets_its_answer(site: Site) -> None:
    """As `nc -N` does."""
    wire = site.wire().send(GET % b"wait")
    wire.hang_up(only_sending=True)
    site.release()
    assert wire.answer().body == b"waited"


def test_client_that_says_nothing_is_no_request(site: Site) -> None:
    """Port scanners and health checks."""
    wire = site.wire()
    wire.hang_up(only_sending=True)
    assert wire.closed()


def test_answer_twice_is_an_error_of_ours(site: Site) -> None:
    """It is never written to the connection."""
    wire = site.wire().send(GET % b"wait")
    with site.changed:
        assert site.changed.wait_for(lambda: site.waiting, 60)
    exchange = site.waiting.pop()
    site.call(lambda: exchange.respond(200, b"first"))

    def again() -> None:
        with pytest.raises(RuntimeError, match="the exchange is over"):
            exchange.respond(200, b"second")

    site.call(again)
    assert wire.answer().body == b"first"
    assert wire.request("GET", "/x").answer().body == b"GET /x  0 "
