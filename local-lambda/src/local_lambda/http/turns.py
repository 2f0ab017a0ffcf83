"""The requests of one connection, one at a time: from the parser to the application, in whole or piece by piece.

Nothing is written and nothing is closed here: what a connection has to do for that is in `connection.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from local_lambda.http.exchange import Exchange
from local_lambda.http.head import CHUNKED, Head
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
        self.advancing = False
        """Requests are being given to the application: the one that is answered next is not the last."""
        self._body: bytearray | None = None

    def advance(self) -> None:
        """Give to the application what is there and may be given. One answered at once is not a call deeper."""
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
        """Begin with the next request; False when it is not there, or its turn has not come."""
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
        connection, server = self._connection, self._server
        if connection.timer is not None:
            connection.stop_timer()
        exchange = self.busy = Exchange(connection, head)
        exchange.receiving = head.length != 0
        if not head.admitted:
            reason = server.access.refusal(head)
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
        if server.on_head is not None:
            server.on_head(exchange)

    def _receive(self, exchange: Exchange) -> bool:
        """Take the next piece of the body; False when there is none, or it is not wanted yet."""
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
        """The body is complete, or all there will be of it."""
        if self._connection.timer is not None:
            self._connection.stop_timer()
        if not exchange.incomplete and exchange.head.length == CHUNKED:
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
        exchange.receiving = False
        exchange.incomplete = True
        exchange.keep_alive = False
        self._hand_over(exchange)
