"""The requests of one connection, one at a time: from the parser to the application, in whole or piece by piece.

Nothing is written and nothing is closed here: what a connection has to do for that is in `connection.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from local_lambda.http.exchange import Exchange
from local_lambda.http.head import Head
from local_lambda.http.parser import BadRequest, RequestParser
from local_lambda.http.responses import CONTINUE, forbidden

if TYPE_CHECKING:
    from local_lambda.http.connection import Connection
    from local_lambda.http.server import Server

_LARGE_BYTES = 131_072


class Turns:
    """Whose turn it is: `busy` is the request that is being received or answered."""

    def __init__(self, connection: Connection, server: Server) -> None:
        self._connection = connection
        self._server = server
        self._app = server.app
        self._limit = server.body_limit
        self.parser = RequestParser()
        self.busy: Exchange | None = None
        self.receiving = False
        """The body of the busy request is still arriving."""
        self._body: bytearray | None = None
        self._advancing = False

    @property
    def held(self) -> bool:
        """Whether the reader of a body wants no more for now."""
        return self.busy is not None and self.busy.held

    def advance(self) -> None:
        """Give to the application what is there and may be given. One answered at once is not a call deeper."""
        if self._advancing:
            return
        connection = self._connection
        self._advancing = True
        try:
            while connection.open and (self._next() if self.busy is None else self._receive(self.busy)):
                pass
        except BadRequest as error:
            exchange = self.busy if self.receiving else None
            connection.refuse(error)
            if exchange is not None and not exchange.responded:
                self.break_off(exchange)
        except Exception:
            connection.abandon()
            raise
        finally:
            self._advancing = False
        connection.regulate()

    def answered(self, exchange: Exchange) -> bool:
        """The response is written: whether that was the busy request, so that the next has its turn."""
        if self.busy is not exchange:
            return False
        self.busy = None
        return True

    def _next(self) -> bool:
        """Begin with the next request; False when it is not there, or its turn has not come."""
        connection = self._connection
        if not connection.writable:
            return False
        head = self.parser.head()
        if head is None:
            connection.wait_for_request()
            return False
        self._begin(head)
        return True

    def _begin(self, head: Head) -> None:
        connection, server = self._connection, self._server
        connection.stop_timer()
        exchange = self.busy = Exchange(connection, head)
        self.receiving = head.length != 0
        if not head.admitted:
            reason = server.access.refusal(head)
            if reason is not None:
                body, headers = forbidden(reason)
                exchange.respond(403, body, headers)
                return
            head.admitted = True
        if not self.receiving:
            self._app(exchange)
            return
        if head.expects:
            connection.send(CONTINUE)
        if server.on_head is not None:
            server.on_head(exchange)

    def _receive(self, exchange: Exchange) -> bool:
        """Take the next piece of the body; False when there is none, or it is not wanted yet."""
        if not self.receiving or exchange.held:
            return False
        data = self.parser.body()
        if data is not None:
            self._take(exchange, data)
        if self.parser.complete:
            self.receiving = False
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
        """The body is complete, or all there will be of it."""
        self._connection.stop_timer()
        if not exchange.incomplete:
            exchange.trailers = self.parser.trailers
        body, self._body = self._body, None
        if exchange.reader is not None:
            exchange.reader.ended(exchange.trailers, not exchange.incomplete)
            return
        if body is not None:
            # A copy of a large body costs as much as receiving it did.
            exchange.body = cast(bytes, body) if len(body) > _LARGE_BYTES else bytes(body)
        self._app(exchange)

    def break_off(self, exchange: Exchange) -> None:
        """No more of the body will come: tell the application."""
        self.receiving = False
        exchange.incomplete = True
        exchange.keep_alive = False
        self._hand_over(exchange)
