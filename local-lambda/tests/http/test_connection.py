"""Connections end when they should: nothing is kept for clients that leave, stall, or send without end."""

from __future__ import annotations

import resource
import socket
import struct
from collections.abc import Iterator

import pytest

from local_lambda.http.exchange import Exchange
from support.http_site import Site
from support.wire import Wire

GET = b"GET /%b HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /%b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n"
OFTEN = 100


@pytest.fixture
def site() -> Iterator[Site]:
    """The server under test."""
    with Site() as site:
        yield site


def leave_while_waiting(wire: Wire) -> None:
    """A request that is never answered; the client closes."""
    wire.send(GET % b"never").hang_up()


def leave_rudely(wire: Wire) -> None:
    """The same, with a reset."""
    wire.send(GET % b"never")
    wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.hang_up()


def leave_in_the_body(wire: Wire) -> None:
    """Half a body."""
    wire.send(POST % b"x" + b"half").hang_up()


def close_half_in_the_body(wire: Wire) -> None:
    """Half a body, then nothing more, but an open ear."""
    wire.send(POST % b"x" + b"half").hang_up(only_sending=True)
    assert wire.answer().body.endswith(b"incomplete")


def close_half(wire: Wire) -> None:
    """A request, then nothing more, but an open ear."""
    wire.send(GET % b"x").hang_up(only_sending=True)
    assert wire.answer().status == 200


def leave_in_the_head(wire: Wire) -> None:
    """Half a head."""
    wire.send(b"GET / HT").hang_up()


def leave_pipelined(wire: Wire) -> None:
    """Several requests, the first of which is never answered."""
    wire.send(GET % b"never" + (GET % b"x") * 10).hang_up()


def leave_without_reading(wire: Wire) -> None:
    """More answers than fit anywhere."""
    wire.send((GET % (b"x" * 500)) * 2000).hang_up()


@pytest.mark.parametrize(
    "leave",
    [
        leave_while_waiting,
        leave_rudely,
        leave_in_the_body,
        close_half_in_the_body,
        close_half,
        leave_in_the_head,
        leave_pipelined,
        leave_without_reading,
    ],
    ids=lambda leave: leave.__name__,
)
def test_connection_ends_when_its_client_leaves(leave: object) -> None:
    """However it leaves, and however often."""

    def app(exchange: Exchange) -> None:
        if exchange.path == b"/never":
            exchange.on_disconnect = exchange.abandon
        else:
            exchange.respond(200, b"incomplete" if exchange.incomplete else exchange.path)

    with Site(app) as site:
        for _ in range(OFTEN):
            leave(site.wire())  # type: ignore[operator]
        assert site.wait_until_empty()


def test_answer_to_a_client_that_has_closed_its_side_ends_the_connection(site: Site) -> None:
    """Whole, and also when it comes late."""
    wire = site.wire().send(GET % b"wait")
    wire.hang_up(only_sending=True)
    site.release()
    assert wire.rest().endswith(b"\r\n\r\nwaited")
    assert site.wait_until_empty()


def test_requests_before_the_client_closed_its_side_are_all_answered(site: Site) -> None:
    """They were asked."""
    wire = site.wire().send(GET % b"wait" + GET % b"one" + GET % b"two" + b"GET /half HT")
    wire.hang_up(only_sending=True)
    site.release()
    assert [wire.answer().body for _ in range(3)] == [b"waited", b"GET /one  0 ", b"GET /two  0 "]
    assert wire.closed()


@pytest.mark.parametrize("count", [164, 1000])
def test_answers_when_quick_requests_follow_a_slow_one(site: Site, count: int) -> None:
    """All of them, in order: one at a time, not each one call deeper."""
    wire = site.wire().send(GET % b"wait" + b"".join(GET % b"%d" % number for number in range(count)))
    site.release()
    assert wire.answer().body == b"waited"
    assert [wire.answer().body for _ in range(count)] == [b"GET /%d  0 " % number for number in range(count)]


def test_client_that_sends_ahead_is_stopped(site: Site) -> None:
    """While its first request waits only so much is taken; the rest stays with it until then."""
    wire, piece, sent = site.wire().send(GET % b"wait"), (GET % b"x") * 1000, 0
    wire.socket.settimeout(0.5)
    with pytest.raises(TimeoutError):
        while sent < 100_000_000:
            sent += wire.socket.send(piece)
    wire.socket.settimeout(60)
    site.release()
    assert wire.answer().body == b"waited"
    assert [wire.answer().body for _ in range(1000)] == [b"GET /x  0 "] * 1000


def test_close_with_further_bytes_behind_it_is_answered(site: Site) -> None:
    """What follows is not looked at."""
    request = b"GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    for rest in (GET % b"y", b"\0\xff", b"x" * 100_000):
        received = site.wire().send(request + rest).rest()
        assert received.startswith(b"HTTP/1.1 200 OK\r\n")
        assert received.endswith(b"\r\n\r\nGET /x  0 ")


def test_malformed_request_behind_a_good_one_is_refused_after_the_answer(site: Site) -> None:
    """Also when the response takes a while."""
    for path in (b"x", b"wait"):
        wire = site.wire().send(GET % path + b"\0\xff\r\n\r\n")
        if path == b"wait":
            site.release()
        assert wire.answer().status == 200
        assert wire.answer().status == 400
        assert wire.closed()


@pytest.mark.parametrize("upgrade", [b"h2c", b"websocket", b"TLS/1.0"])
def test_upgrade_is_ignored(site: Site, upgrade: bytes) -> None:
    """The request is answered as if it did not ask for that; this is what HTTP clients of Java send first."""
    lines = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: %b\r\nHTTP2-Settings: AAMAAABk\r\n" % upgrade
    wire = site.wire().send(b"GET /x HTTP/1.1\r\nHost: localhost\r\n%b\r\n" % lines)
    assert wire.answer().body == b"GET /x  0 "
    assert wire.send(GET % b"y").answer().body == b"GET /y  0 "


def test_unknown_expectation_is_417(site: Site) -> None:
    """The only one there is is 100-continue."""
    wire = site.wire().request("POST", "/x", b"1", Expect="applause")
    assert wire.answer().status == 417


def test_refusal_reaches_a_client_that_still_sends(site: Site) -> None:
    """The connection ends in order, not with a reset that discards the response."""
    wire = site.wire().send(b"GET / HTTP/1.1\r\nx: " + b"a" * 200_000)
    assert wire.answer().status == 431
    assert wire.closed()


def test_client_that_is_slow_with_a_head_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """408, and the end. The first head may be late as well."""
    monkeypatch.setattr("local_lambda.http.connection.PATIENCE_SECONDS", 0.01)
    with Site() as site:
        wire = site.wire().send(b"GET / HTTP/1.1\r\n")
        assert wire.answer().status == 408
        assert wire.closed()
        assert site.wire().closed()
        wire = site.wire().send(GET % b"x")
        wire.answer()
        wire.send(b"G")
        assert wire.answer().status == 408


def test_client_that_waits_for_its_next_request_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that has served is kept, and so is one that waits for a response."""
    monkeypatch.setattr("local_lambda.http.connection.PATIENCE_SECONDS", 0.01)
    with Site() as site:
        kept, waiting = site.wire().send(GET % b"x"), site.wire().send(GET % b"wait")
        kept.answer()
        assert site.wire().closed()  # the time is up
        assert kept.send(GET % b"y").answer().body == b"GET /y  0 "
        site.release()
        assert waiting.answer().body == b"waited"


def test_client_that_stalls_in_a_body_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that has broken off."""
    monkeypatch.setattr("local_lambda.http.connection.PATIENCE_SECONDS", 0.01)
    with Site() as site:
        wire = site.wire().send(POST % b"x" + b"half")
        assert wire.answer().body == b"POST /x  4 half incomplete"
        assert wire.closed()


def test_connections_over_the_limit_are_503(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those there are served on; when one ends there is room again."""
    monkeypatch.setattr("local_lambda.http.server.connection_limits", lambda: (2, 100_000))
    with Site() as site:
        first, second = site.wire().send(GET % b"x"), site.wire().send(GET % b"x")
        assert [first.answer().status, second.answer().status] == [200, 200]
        refused = site.wire()
        assert refused.answer().status == 503
        assert refused.closed()
        assert first.send(GET % b"y").answer().status == 200
        for wire in (first, second, refused):
            wire.hang_up()
        assert site.wait_until_empty()
        assert site.wire().send(GET % b"x").answer().status == 200


def test_connection_is_503_when_few_descriptors_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before there is none: what serves the others needs some."""
    with Site() as site:
        in_use = site.wire().socket.fileno()
        monkeypatch.setattr(resource, "getrlimit", lambda kind: (in_use + 8, in_use + 8))
        with Site() as full:
            wire = full.wire()
            assert wire.answer().status == 503
            assert wire.closed()


@pytest.mark.parametrize("status", [299, 599])
def test_status_without_a_name_is_sent(status: int) -> None:
    """A function may answer with any."""
    with Site(lambda exchange: exchange.respond(status, b"body")) as site:
        answer = site.wire().send(GET % b"x").answer()
        assert (answer.status, answer.body) == (status, b"body")


@pytest.mark.parametrize("status", [204, 304])
def test_status_that_has_no_body_gets_none(status: int) -> None:
    """The next answer on the connection stands where a client looks for it."""
    with Site(lambda exchange: exchange.respond(status, b"body")) as site:
        received = site.wire().send(GET % b"x" + (GET % b"x").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert b"body" not in received.rest()


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\rb", "a\0b"])
def test_response_with_a_header_that_would_be_two_is_an_error_of_ours(value: str) -> None:
    """Nothing of it is sent; another can be."""

    def app(exchange: Exchange) -> None:
        with pytest.raises(ValueError, match="line end"):
            exchange.respond(200, b"bad", [("a", value)])
        exchange.respond(500, b"good")

    with Site(app) as site:
        answer = site.wire().send(GET % b"x").answer()
        assert (answer.status, answer.headers, answer.body) == (500, {"content-length": "4"}, b"good")
