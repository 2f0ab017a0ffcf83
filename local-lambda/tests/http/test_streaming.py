"""Bodies in both directions piece by piece, with trailers, and at the pace of the slower side."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from local_lambda.http.exchange import Exchange
from local_lambda.http.headers import Pairs
from support.http_site import Site

POST = b"POST /%b HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
PATIENCE_SECONDS = 60


class Log:
    """Writes down what it is given of a body, and responds at its end."""

    def __init__(self) -> None:
        self.events: list[object] = []
        self.exchange: Exchange | None = None
        self.changed = threading.Condition()

    def on_head(self, exchange: Exchange) -> None:
        """Take the bodies of `/stream`."""
        if exchange.path == b"/stream":
            self.exchange = exchange
            exchange.read(self)

    def received(self, data: bytes) -> None:
        """A piece."""
        self._add(data)
        if data == b"hold":
            assert self.exchange is not None
            self.exchange.hold(True)

    def ended(self, trailers: Pairs, complete: bool) -> None:
        """The end."""
        assert self.exchange is not None
        self._add((list(trailers), complete))
        self.exchange.respond(200, b"%d" % self.exchange.body_size)

    def _add(self, event: object) -> None:
        with self.changed:
            self.events.append(event)
            self.changed.notify_all()

    def wait_for(self, *events: object) -> None:
        """Return when exactly these have come."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.events == list(events), PATIENCE_SECONDS), self.events


def test_request_body_is_handed_over_while_it_arrives() -> None:
    """Before its end, with trailers after it, and without a limit; the connection keeps serving."""
    log = Log()
    with Site(on_head=log.on_head) as site:
        wire = site.wire().send(POST % b"stream" + CHUNKED + b"3\r\none\r\n")
        log.wait_for(b"one")
        wire.send(b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n")
        log.wait_for(b"one", b"hello", ([("X-Sum", "1")], True))
        assert wire.answer().body == b"8"
        assert wire.request("POST", "/stream", b"x" * 5000).answer().body == b"5000"
        assert wire.request("POST", "/collected", b"body").answer().body == b"POST /collected  4 body"


def test_request_body_that_breaks_off_is_told() -> None:
    """With what there was of it; who only stopped sending is still answered."""
    log = Log()
    with Site(on_head=log.on_head) as site:
        wire = site.wire().send(POST % b"stream" + b"Content-Length: 10\r\n\r\none")
        log.wait_for(b"one")
        wire.hang_up(only_sending=True)
        log.wait_for(b"one", ([], False))
        assert wire.answer().body == b"3"
        assert wire.closed()


def test_request_body_that_is_malformed_is_told() -> None:
    """The client gets 400."""
    log = Log()
    with Site(on_head=log.on_head) as site:
        wire = site.wire().send(POST % b"stream" + CHUNKED + b"3\r\none\r\nx\r\n")
        log.wait_for(b"one", ([], False))
        assert wire.answer().status == 400
        assert wire.closed()


def test_request_body_that_is_held_stops_the_client() -> None:
    """Nothing more is received, so the client cannot send without end; then it all comes."""
    log, size = Log(), 60_000_000
    with Site(on_head=log.on_head) as site:
        wire = site.wire().send(POST % b"stream" + b"Content-Length: %d\r\n\r\nhold" % (size + 4))
        log.wait_for(b"hold")
        sender = threading.Thread(target=wire.send, args=(b"x" * size,))
        sender.start()
        exchange = log.exchange
        assert exchange is not None
        assert site.ask(lambda: exchange.body_size) == 4
        assert sender.is_alive()
        assert log.events == [b"hold"]
        site.call(lambda: exchange.hold(False))
        sender.join(PATIENCE_SECONDS)
        assert wire.answer().body == b"%d" % (size + 4)


def test_response_before_the_end_of_the_request_ends_the_connection() -> None:
    """The rest of the body is not taken for a request."""

    def on_head(exchange: Exchange) -> None:
        exchange.read(Log())
        exchange.respond(413, b"no")

    with Site(on_head=on_head) as site:
        wire = site.wire().send(POST % b"x" + b"Content-Length: 100\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        response = wire.answer()
        assert (response.status, response.headers["connection"]) == (413, "close")
        assert wire.closed()


def serve(act: Callable[[Exchange], None]) -> Site:
    """A site whose application is this alone."""
    return Site(app=act)


def in_pieces(exchange: Exchange) -> None:
    """Three pieces, one of them empty, and a trailer."""
    exchange.begin(200, [("Trailer", "X-End")])
    for piece in (b"one", b"", b"and two"):
        exchange.write(piece)
    exchange.end([("X-End", "1")])


def test_response_in_pieces_is_chunked() -> None:
    """It has trailers; the next one on the connection begins after it."""
    with serve(in_pieces) as site:
        request = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
        received = site.wire().send(request + b"\r\n" + request + b"Connection: close\r\n\r\n").rest()
        chunks = b"3\r\none\r\n7\r\nand two\r\n0\r\nX-End: 1\r\n\r\n"
        start = b"HTTP/1.1 200 OK\r\nTrailer: X-End\r\nTransfer-Encoding: chunked\r\n"
        assert received == start + b"\r\n" + chunks + start + b"Connection: close\r\n\r\n" + chunks


def test_response_in_pieces_to_an_old_client_ends_with_the_connection() -> None:
    """HTTP/1.0 knows no chunks; and HEAD no body."""
    with serve(in_pieces) as site:
        received = site.wire().send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").rest()
        assert received == b"HTTP/1.1 200 OK\r\nTrailer: X-End\r\nConnection: close\r\n\r\noneand two"
        head = site.wire().send(b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").rest()
        assert head.endswith(b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n")


def test_response_in_pieces_has_a_beginning_and_an_end() -> None:
    """Anything out of order is a bug, and is never sent."""

    def act(exchange: Exchange) -> None:
        for step in (lambda: exchange.write(b"x"), exchange.end):
            with pytest.raises(RuntimeError, match="begun"):
                step()
        exchange.begin(200)
        for again in (lambda: exchange.begin(200), lambda: exchange.respond(200)):
            with pytest.raises(RuntimeError, match="over"):
                again()
        exchange.write(b"one")
        exchange.end()
        for step in (lambda: exchange.write(b"x"), exchange.end):
            with pytest.raises(RuntimeError, match="ended"):
                step()

    with serve(act) as site:
        received = site.wire().send(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").rest()
        assert received.endswith(b"\r\n\r\n3\r\none\r\n0\r\n\r\n")


def test_response_that_is_abandoned_has_no_end() -> None:
    """So the client can tell that it is not whole."""

    def act(exchange: Exchange) -> None:
        exchange.begin(200)
        exchange.write(b"half")
        exchange.abandon()

    with serve(act) as site:
        received = site.wire().send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").rest()
        assert received.endswith(b"4\r\nhalf\r\n")


def test_response_waits_for_a_slow_client() -> None:
    """`write` says when it is too much, and `on_drain` when there is room again."""
    full, size, piece = threading.Event(), 30_000_000, b"x" * 100_000

    def act(exchange: Exchange) -> None:
        left = size // len(piece)

        def more() -> None:
            nonlocal left
            while left:
                left -= 1
                if not exchange.write(piece):
                    full.set()
                    return
            exchange.on_drain = None
            exchange.end()

        exchange.begin(200)
        exchange.on_drain = more
        more()

    with serve(act) as site:
        wire = site.wire().send(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert full.wait(PATIENCE_SECONDS)
        received = wire.rest()
        assert received.count(b"x") == size
        assert received.endswith(b"\r\n0\r\n\r\n")
