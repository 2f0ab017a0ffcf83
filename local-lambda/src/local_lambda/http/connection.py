"""One client connection: bytes to requests, requests to the application one at a time, responses to bytes.

A connection is closed as soon as nothing can follow: the client has ended its side and has its response, either side
said `Connection: close`, or what came is not a request. Who may ask, and how many may connect, is in `server.py`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from local_lambda.http.exchange import Exchange
from local_lambda.http.head import Head
from local_lambda.http.headers import Block, Pairs, render
from local_lambda.http.parser import BadRequest, RequestParser
from local_lambda.http.responses import CLOSE, CONTINUE, END, KEEP, beginning, fields, forbidden, refusal

if TYPE_CHECKING:
    from local_lambda.http.server import Server

AHEAD_BYTES = 65_536
"""So much of later requests is received while one is being answered; the rest waits with the client."""
PATIENCE_SECONDS = 30.0
"""How long a head may take, and a connection without a request. A body may take longer, but not pause for that long."""
LINGER_SECONDS = 1.0
LINGER_BYTES = 1_048_576
"""A client that still sends gets so long to read why nothing more is taken; a reset would take that from it."""
_JOIN_BYTES = 16_384
_LARGE_BYTES = 131_072


class Connection(asyncio.Protocol):
    """One client connection."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._app = server.app
        self._limit = server.body_limit
        self._parser = RequestParser()
        self.transport: asyncio.Transport | None = None
        self._busy: Exchange | None = None
        self._receiving = False
        """The body of the busy exchange is still arriving."""
        self._body: bytearray | None = None
        self._advancing = False
        self._ended = False
        """The client will send nothing more."""
        self._leaving = False
        """We will send nothing more."""
        self._reading = True
        self._writable = True
        self._discarded = 0
        self._progress = 0
        self._timer: asyncio.TimerHandle | None = None

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        if self._server.admit(self, self.transport.get_extra_info("socket").fileno()):
            self._be_patient()
        else:  # at once, or there would be no descriptor left to tell the next one
            self.transport.write(refusal(503, "too many connections for the descriptors that are left: try again"))
            self.abandon()

    def data_received(self, data: bytes) -> None:
        if self._leaving:
            self._discarded += len(data)
            if self._discarded > LINGER_BYTES and self.transport is not None:
                self.transport.abort()
            return
        self._parser.feed(data)
        self._advance()

    def eof_received(self) -> bool:
        """The client hung up, or will at least send nothing more: it may still read a response."""
        self._ended = True
        if self._leaving:
            return False
        exchange = self._busy
        if exchange is None or self._receiving:
            self._advance()
        elif exchange.on_disconnect is not None:
            exchange.on_disconnect()
        return self._busy is not None or self._parser.waiting > 0

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.forget(self)
        self.transport = None
        self._stop_timer()
        exchange = self._busy
        if exchange is None:
            return
        if self._receiving:
            self._break_off(exchange)
        elif exchange.on_disconnect is not None and not exchange.responded:
            exchange.on_disconnect()

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        exchange = self._busy
        if exchange is not None and exchange.on_drain is not None:
            exchange.on_drain()
        self._advance()

    # --- requests

    def resume(self) -> None:
        """The reader of the body takes more, or no more."""
        self._advance()

    def _advance(self) -> None:
        """Give to the application what is there and may be given."""
        if self._advancing:
            return
        self._advancing = True
        try:
            while self.transport is not None and not self._leaving and self._step():
                pass
        except BadRequest as error:
            self._refuse(error)
        except Exception:
            self.abandon()
            raise
        finally:
            self._advancing = False
        if not self._reading or self._parser.waiting > AHEAD_BYTES:
            self._regulate()

    def _step(self) -> bool:
        """One step; False when something has to happen first."""
        exchange = self._busy
        if exchange is None:
            if not self._writable:
                return False
            head = self._parser.head()
            if head is not None:
                self._begin(head)
                return True
            if self._ended:
                self._leave()
            elif self._parser.waiting:
                self._be_patient()
            return False
        if not self._receiving or exchange.held:
            return False
        data = self._parser.body()
        if data is not None:
            self._receive(exchange, data)
        if self._parser.complete:
            self._receiving = False
            self._hand_over(exchange)
            return True
        if data is not None:
            return True
        if self._ended:
            self._break_off(exchange)
            return True
        self._progress = exchange.body_size
        self._be_patient()
        return False

    def _begin(self, head: Head) -> None:
        if self._timer is not None:
            self._stop_timer()
        server = self._server
        exchange = self._busy = Exchange(self, head)
        self._receiving = head.length != 0
        if not head.admitted:
            reason = server.access.refusal(head)
            if reason is not None:
                body, headers = forbidden(reason)
                exchange.respond(403, body, headers)
                return
            head.admitted = True
        if not self._receiving:
            self._app(exchange)
            return
        if head.expects and self.transport is not None:
            self.transport.write(CONTINUE)
        if server.on_head is not None:
            server.on_head(exchange)

    def _receive(self, exchange: Exchange, data: bytes) -> None:
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
        if self._timer is not None:
            self._stop_timer()
        if not exchange.incomplete:
            exchange.trailers = self._parser.trailers
        body, self._body = self._body, None
        if exchange.reader is not None:
            exchange.reader.ended(exchange.trailers, not exchange.incomplete)
            return
        if body is not None:
            # A copy of a large body costs as much as receiving it did.
            exchange.body = cast(bytes, body) if len(body) > _LARGE_BYTES else bytes(body)
        self._app(exchange)

    def _break_off(self, exchange: Exchange) -> None:
        self._receiving = False
        exchange.incomplete = True
        exchange.keep_alive = False
        self._hand_over(exchange)

    def _refuse(self, error: BadRequest) -> None:
        """What came is not a request: say why, and hang up."""
        exchange = self._busy if self._receiving else None
        if self.transport is not None:
            self.transport.write(refusal(error.status, str(error)))
        self._linger()
        if exchange is not None and not exchange.responded:
            self._break_off(exchange)

    def _regulate(self) -> None:
        """Receive no more than can be used."""
        transport, exchange = self.transport, self._busy
        if transport is None or self._ended or transport.is_closing():
            return
        held = exchange is not None and (exchange.held or not self._receiving)
        full = self._parser.waiting > AHEAD_BYTES and (held or not self._writable)
        wanted = self._leaving or not (full or (exchange is not None and exchange.held))
        if wanted != self._reading:
            self._reading = wanted
            if wanted:
                transport.resume_reading()
            else:
                transport.pause_reading()

    # --- responses

    def respond(self, exchange: Exchange, status: int, body: bytes, headers: Pairs, block: Block) -> None:
        """Send a whole response."""
        head, lines = beginning(status), fields(headers, block)
        exchange.responded = True
        transport = self.transport
        if transport is not None and not self._leaving:
            end = self._end_of_head(exchange)
            if status in (204, 304) or (exchange.method == b"HEAD" and b"content-length:" in lines.lower()):
                transport.write(b"%b%b%b" % (head, lines, end))
            elif exchange.method == b"HEAD":
                transport.write(b"%b%bContent-Length: %d\r\n%b" % (head, lines, len(body), end))
            elif len(body) <= _JOIN_BYTES:
                transport.write(b"%b%bContent-Length: %d\r\n%b%b" % (head, lines, len(body), end, body))
            else:
                transport.write(b"%b%bContent-Length: %d\r\n%b" % (head, lines, len(body), end))
                transport.write(body)
        self._answered(exchange)

    def begin(self, exchange: Exchange, status: int, headers: Pairs, block: Block) -> None:
        """Send the head of a response whose body is to come."""
        head, lines = beginning(status), fields(headers, block)
        exchange.responded = True
        if exchange.head.old:
            exchange.keep_alive = False
        else:
            lines += b"Transfer-Encoding: chunked\r\n"
        if self.transport is not None and not self._leaving:
            self.transport.write(b"%b%b%b" % (head, lines, self._end_of_head(exchange)))

    def write(self, exchange: Exchange, data: bytes) -> bool:
        """Send a piece of a body."""
        if self.transport is not None and self._busy is exchange and data and exchange.method != b"HEAD":
            if exchange.head.old:
                self.transport.write(data)
            else:
                self.transport.write(b"%x\r\n%b\r\n" % (len(data), data))
        return self._writable

    def end(self, exchange: Exchange, trailers: Pairs) -> None:
        """Send the end of a body."""
        if self.transport is not None and not exchange.head.old and exchange.method != b"HEAD":
            self.transport.write(b"0\r\n%b\r\n" % render(trailers))
        self._answered(exchange)

    def abandon(self) -> None:
        """Close without, or in the middle of, a response."""
        self._leaving = True
        if self.transport is not None:
            self.transport.close()

    def _end_of_head(self, exchange: Exchange) -> bytes:
        if not exchange.keep_alive or self._receiving:
            return CLOSE
        return KEEP if exchange.head.old else END

    def _answered(self, exchange: Exchange) -> None:
        if self._busy is not exchange:
            return
        self._busy = None
        if self._leaving:
            return
        if not exchange.keep_alive or self._receiving:
            self._leave()
        elif self._parser.waiting or self._ended or not self._reading:
            self._advance()

    # --- the end

    def _leave(self) -> None:
        """Close; in a while, if the client still sends."""
        if self._ended or not (self._receiving or self._parser.waiting):
            self.abandon()
        else:
            self._linger()

    def _linger(self) -> None:
        self._leaving = True
        self._receiving = False
        self._parser.discard()
        self._stop_timer()
        transport = self.transport
        if transport is None:
            return
        if self._ended or not transport.can_write_eof():
            transport.close()
            return
        transport.write_eof()
        self._timer = asyncio.get_running_loop().call_later(LINGER_SECONDS, transport.abort)
        self._regulate()

    def _be_patient(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self._out_of_patience)

    def _out_of_patience(self) -> None:
        self._timer = None
        exchange = self._busy
        if exchange is None:
            if self._parser.waiting and self._writable:
                self._refuse(BadRequest(408, f"no complete request in {PATIENCE_SECONDS:.0f} seconds"))
            else:
                self.abandon()
        elif self._receiving and not exchange.held:
            if exchange.body_size > self._progress:
                self._progress = exchange.body_size
                self._be_patient()
            else:
                self._break_off(exchange)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def address(self, end: str) -> tuple[str, str]:
        """Host and port of one `end`: `peername` or `sockname`."""
        found = self.transport.get_extra_info(end) if self.transport is not None else None
        return (str(found[0]), str(found[1])) if found else ("", "")
