"""Passes the requests of one connection from the parser to the application, one at a time, whole or in pieces.

This module writes nothing and closes nothing; `connection.py` does that.
"""

from __future__ import annotations

from typing import Protocol, cast

from local_lambda.http.access import Access
from local_lambda.http.exchange import Application, Carrier, Exchange
from local_lambda.http.head import CHUNKED, Head
from local_lambda.http.parser import BadRequest, RequestParser
from local_lambda.http.responses import CONTINUE, forbidden

_LARGE_BYTES = 131_072


class Rules(Protocol):
    """What holds for all connections of a server."""

    app: Application
    on_head: Application | None
    body_limit: int
    access: Access


class Line(Carrier, Protocol):
    """What the turns need of their connection."""

    @property
    def open(self) -> bool:
        """Whether anything can still be sent."""

    @property
    def ended(self) -> bool:
        """The client will send nothing more."""

    @property
    def reading(self) -> bool:
        """Whether anything is received."""

    @property
    def timer(self) -> object | None:
        """What limits the wait for the client."""

    def stop_timer(self) -> None:
        """The client has done what it was waited for."""

    def regulate(self) -> None:
        """Receive no more than can be used."""

    def wait_for_request(self) -> None:
        """There is no complete head."""

    def wait_for_body(self, progress: int) -> None:
        """So many bytes of a body are there, and more are to come."""

    def refuse(self, error: BadRequest) -> None:
        """What was received is not a request."""


class Turns:
    """Decides which request is next; `busy` is the one being received or in progress."""

    def __init__(self, connection: Line, rules: Rules) -> None:
        self._connection = connection
        self._rules = rules
        self._app = rules.app
        self._limit = rules.body_limit
        self.parser = RequestParser()
        self.busy: Exchange | None = None
        self.advancing = False
        """Whether requests are being passed to the application, so that the next response is not the last."""
        self._body: bytearray | None = None

    def receive(self, data: bytes) -> None:
        """Take received bytes, and pass on every request that is complete and has its turn."""
        if self.busy is None and not self.advancing and self._connection.writable:
            whole = self.parser.whole(data)
            if whole is not None:
                head, body = whole
                if self._pass_on(head, body):
                    return
        self.parser.feed(data)
        self.advance()

    def _pass_on(self, head: Head, body: bytes) -> bool:
        """Pass on a request that arrived whole; False if it needs more than that, such as a refusal."""
        connection, rules = self._connection, self._rules
        if not head.admitted:
            if rules.access.refusal(head) is not None:
                return False
            head.admitted = True
        if body and (head.expects or len(body) > self._limit):
            return False
        if connection.timer is not None:
            connection.stop_timer()
        exchange = self.busy = Exchange(connection, head)
        if body:
            exchange.body, exchange.body_size = body, len(body)
        self.advancing = True
        try:
            self._app(exchange)
        except Exception:
            connection.abandon()
            raise
        finally:
            self.advancing = False
        if not connection.reading:
            connection.regulate()
        return True

    def advance(self) -> None:
        """Pass on every request that is complete and has its turn. An immediate response does not deepen the stack."""
        if self.advancing:
            return
        connection = self._connection
        self.advancing = True
        try:
            while connection.open and (self._next() if self.busy is None else self._receive(self.busy)):
                pass
        except BadRequest as error:
            exchange = self.busy
            connection.refuse(error)
            if exchange is not None and exchange.receiving and not exchange.responded:
                self.break_off(exchange)
        except Exception:
            connection.abandon()
            raise
        finally:
            self.advancing = False
        if not self.parser.empty or not connection.reading:
            connection.regulate()

    def _next(self) -> bool:
        """Begin the next request; False if it has not arrived, or its turn has not come."""
        connection = self._connection
        if not connection.writable:
            return False
        head = self.parser.head()
        if head is None:
            if connection.ended or not self.parser.empty:
                connection.wait_for_request()
            return False
        self._begin(head)
        return True

    def _begin(self, head: Head) -> None:
        connection, rules = self._connection, self._rules
        if connection.timer is not None:
            connection.stop_timer()
        exchange = self.busy = Exchange(connection, head)
        exchange.receiving = head.length != 0
        if not head.admitted:
            reason = rules.access.refusal(head)
            if reason is not None:
                body, headers = forbidden(reason)
                exchange.respond(403, body, headers)
                return
            head.admitted = True
        if not exchange.receiving:
            self._app(exchange)
            return
        if head.expects:
            connection.send(CONTINUE)
        if rules.on_head is not None:
            rules.on_head(exchange)

    def _receive(self, exchange: Exchange) -> bool:
        """Take the next piece of the body; False if there is none, or the reader does not want it yet."""
        if not exchange.receiving or exchange.held:
            return False
        data = self.parser.body()
        if data is not None:
            self._take(exchange, data)
        if self.parser.complete:
            exchange.receiving = False
            self._hand_over(exchange)
        elif data is None:
            if not self._connection.ended:
                self._connection.wait_for_body(exchange.body_size)
                return False
            self.break_off(exchange)
        return True

    def _take(self, exchange: Exchange, data: bytes) -> None:
        exchange.body_size += len(data)
        if exchange.reader is not None:
            exchange.reader.received(data)
        elif exchange.body_size > self._limit:
            self._body = None
            exchange.body = b""
        elif self._body is not None:
            self._body += data
        elif exchange.body:
            self._body = bytearray(exchange.body)
            self._body += data
        else:
            exchange.body = data

    def _hand_over(self, exchange: Exchange) -> None:
        """Pass on the request: its body is complete, or no more of it will come."""
        if self._connection.timer is not None:
            self._connection.stop_timer()
        if not exchange.incomplete and exchange.head.length == CHUNKED:
            exchange.trailers = self.parser.trailers
        body, self._body = self._body, None
        if exchange.reader is not None:
            exchange.reader.ended(exchange.trailers, not exchange.incomplete)
            return
        if body is not None:
            # Copying a large body costs as much as receiving it.
            exchange.body = cast(bytes, body) if len(body) > _LARGE_BYTES else bytes(body)
        self._app(exchange)

    def break_off(self, exchange: Exchange) -> None:
        """Notify the application that no more of the body will come."""
        exchange.receiving = False
        exchange.incomplete = True
        exchange.keep_alive = False
        self._hand_over(exchange)
