"""One client connection: it passes received bytes to `turns.py`, and decides when and how the connection ends.

It closes the connection as soon as nothing can follow: the client has ended its side and has its response, either side
sent `Connection: close`, or the input is not a request. It limits clients that stall or send faster than it serves.
"""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from local_lambda.http.exchange import Exchange
from local_lambda.http.parser import BadRequest
from local_lambda.http.responses import refusal
from local_lambda.http.turns import Rules, Turns

AHEAD_BYTES = 65_536
"""How much of later requests is received while one is in progress; the rest waits with the client."""
PATIENCE_SECONDS = 30.0
"""How long a head may take, or a connection stay without a request. A body may take longer, but not pause that long."""
LINGER_SECONDS = 1.0
LINGER_BYTES = 1_048_576
"""How long a client that is still sending may read why it was refused; a reset would discard that response."""


class Registry(Rules, Protocol):
    """What a connection needs of its server."""

    def admit(self, connection: Connection, descriptor: int) -> bool:
        """Count a new connection; False when there are too many, or too few descriptors for anything else."""

    def serves(self, transport: asyncio.BaseTransport) -> bool:
        """Whether a new connection comes from a process that is served here."""

    def forget(self, connection: Connection) -> None:
        """A connection has ended."""


class Connection(asyncio.Protocol):
    """One client connection."""

    def __init__(self, server: Registry) -> None:
        self._server = server
        self._turns = Turns(self, server)
        self._parser = self._turns.parser
        self.transport: asyncio.Transport | None = None
        self.open = False
        """Whether data can still be sent."""
        self.writable = True
        """Whether the client keeps up with the data sent to it."""
        self.ended = False
        """Whether the client has ended its side."""
        self.reading = True
        self._discarded = 0
        self._progress = 0
        self.timer: asyncio.TimerHandle | None = None

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.open = True
        if self._server.admit(self, self.transport.get_extra_info("socket").fileno()):
            if self._server.serves(transport):
                self._be_patient()
            else:
                self.refuse(BadRequest(403, "only processes of this execution environment are served here"))
        else:  # at once, or no descriptor would be left to turn the next one away
            self.send(refusal(503, "too many connections for the descriptors that are left: try again"))
            self.abandon()

    def data_received(self, data: bytes) -> None:
        if self.open:
            self._turns.receive(data)
            return
        self._discarded += len(data)
        if self._discarded > LINGER_BYTES and self.transport is not None:
            self.transport.abort()

    def eof_received(self) -> bool:
        """The client hung up, or only ended its side: it may still read a response."""
        self.ended = True
        if not self.open:
            return False
        exchange = self._turns.busy
        if exchange is None or exchange.receiving:
            self._turns.advance()
        elif exchange.on_disconnect is not None:
            exchange.on_disconnect()
        return self._turns.busy is not None or not self._parser.empty

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.forget(self)
        self.transport = None
        self.open = False
        self.writable = True
        self.stop_timer()
        self._parser.discard()
        exchange = self._turns.busy
        if exchange is not None and exchange.on_drain is not None:
            exchange.on_drain()  # what is still written goes nowhere, so its writer need not wait
        if exchange is not None and exchange.receiving:
            self._turns.break_off(exchange)
        elif exchange is not None and exchange.on_disconnect is not None and not exchange.responded:
            exchange.on_disconnect()

    def pause_writing(self) -> None:
        self.writable = False

    def resume_writing(self) -> None:
        self.writable = True
        exchange = self._turns.busy
        if exchange is not None and exchange.on_drain is not None:
            exchange.on_drain()
        self._turns.advance()

    # --- for exchanges

    def resume(self) -> None:
        """The reader of a body has paused or resumed."""
        self._turns.advance()
        self.regulate()

    def send(self, data: bytes) -> None:
        """Send bytes, if data can still be sent."""
        if self.open and self.transport is not None:
            self.transport.write(data)

    def answered(self, exchange: Exchange) -> None:
        """The response is written: serve the next request, or close if this was the last."""
        turns = self._turns
        if turns.busy is not exchange:
            return
        turns.busy = None
        if not self.open:
            return
        if exchange.receiving or not exchange.keep_alive:
            if self.ended or not (exchange.receiving or self._parser.waiting):
                self.abandon()
            else:
                self._linger()
        elif not turns.advancing and (self.ended or not self._parser.empty or not self.reading):
            turns.advance()

    # --- how much is received, and how long the connection waits for it

    def regulate(self) -> None:
        """Receive no more than can be used."""
        transport, exchange = self.transport, self._turns.busy
        if transport is None or self.ended or transport.is_closing():
            return
        held = exchange is not None and exchange.held
        stuck = not self.writable or (exchange is not None and not exchange.receiving)
        wanted = not self.open or not (held or (stuck and self._parser.waiting > AHEAD_BYTES))
        if wanted != self.reading:
            self.reading = wanted
            if wanted:
                transport.resume_reading()
            else:
                transport.pause_reading()

    def wait_for_request(self) -> None:
        """Wait for a complete head; if the client has ended its side, none will come."""
        if self.ended:
            self.abandon()
        else:
            self._be_patient()

    def wait_for_body(self, progress: int) -> None:
        """Wait for more of a body, of which `progress` bytes have arrived."""
        self._progress = progress
        self._be_patient()

    def _be_patient(self) -> None:
        if self.timer is None:
            self.timer = asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self._out_of_patience)

    def _out_of_patience(self) -> None:
        self.timer = None
        exchange = self._turns.busy
        if exchange is None:
            if self._parser.waiting and self.writable:
                self.refuse(BadRequest(408, f"no complete request in {PATIENCE_SECONDS:.0f} seconds"))
            else:
                self.abandon()
        elif exchange.receiving and not exchange.held:
            if exchange.body_size > self._progress:
                self.wait_for_body(exchange.body_size)
            else:
                self._turns.break_off(exchange)

    def stop_timer(self) -> None:
        """Stop the timer: the awaited data has arrived."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    # --- the end

    def refuse(self, error: BadRequest) -> None:
        """Respond with the reason why the input is not a request, and hang up."""
        self.send(refusal(error.status, str(error)))
        self._linger()

    def abandon(self) -> None:
        """Close without a response, or in the middle of one."""
        self.open = False
        if self.transport is not None:
            self.transport.close()

    def _linger(self) -> None:
        """Close after a while, so that a client that is still sending can read its response."""
        self.open = False
        self._parser.discard()
        self.stop_timer()
        transport = self.transport
        if transport is None:
            return
        if self.ended or not transport.can_write_eof():
            transport.close()
            return
        transport.write_eof()
        self.timer = asyncio.get_running_loop().call_later(LINGER_SECONDS, transport.abort)
        self.regulate()

    def address(self, end: str) -> tuple[str, str]:
        """Host and port of one `end`: `peername` or `sockname`."""
        found = self.transport.get_extra_info(end) if self.transport is not None else None
        return (str(found[0]), str(found[1])) if found else ("", "")
