"""An HTTP server in a thread of the test, and a small application."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

import uvloop

from attacks.counting import settles
from local_lambda.http.access import LOOPBACK, Access
from local_lambda.http.exchange import Application, Exchange
from local_lambda.http.server import Server
from local_lambda.http.sockets import listen
from support.wire import Wire

LIMIT = 1000
Value = TypeVar("Value")


class Site:
    """A server in a thread. It responds with the request; `release` responds to `/wait`."""

    def __init__(
        self, app: Application | None = None, on_head: Application | None = None, access: Access = LOOPBACK
    ) -> None:
        self.waiting: list[Exchange] = []
        self.changed = threading.Condition()
        self.disconnected = threading.Event()
        self.server = Server(app or self.app, listen("127.0.0.1", 0), LIMIT, access, on_head)
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.server.start(), self._loop).result(60)

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def app(self, exchange: Exchange) -> None:
        """The application."""
        if exchange.path == b"/long":
            exchange.respond(200, headers=[("Content-Length", "123456789")])
            return
        if exchange.path == b"/headers":
            exchange.respond(200, repr(exchange.headers()).encode())
            return
        if exchange.path == b"/wait":
            exchange.on_disconnect = self.disconnected.set
            with self.changed:
                self.waiting.append(exchange)
                self.changed.notify_all()
            return
        facts = [exchange.method, exchange.path, exchange.query, b"%d" % exchange.body_size, exchange.body]
        exchange.respond(200, b" ".join(facts) + (b" incomplete" if exchange.incomplete else b""))

    def call(self, action: Callable[[], object]) -> None:
        """Run something in the server's thread."""

        async def run() -> None:
            action()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(60)

    def ask(self, question: Callable[[], Value]) -> Value:
        """The result of a function that is called in the server's thread."""
        found: list[Value] = []
        self.call(lambda: found.append(question()))
        return found[0]

    def wait_until_empty(self) -> bool:
        """Return when the server has no connection."""
        return settles(lambda: len(self.server.connections), 0, 60) == 0

    def release(self) -> None:
        """Respond to the request for `/wait` when it has arrived."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.waiting, 60)
        self.call(lambda: self.waiting.pop(0).respond(200, b"waited"))

    def wire(self) -> Wire:
        """A new connection."""
        return Wire(self.server.address)

    def close(self) -> None:
        """End the server and its thread."""
        self.call(self.server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()
