"""The server-sent events of the page. Format: https://html.spec.whatwg.org/multipage/server-sent-events.html.

The page samples: changes are sent a few times a second, and of more lines than a message takes only the latest. A
client has no queue. What it gets next is made when it can take it, from what the journal keeps.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from time import perf_counter
from typing import Any

from local_lambda.http.exchange import Exchange
from local_lambda.ui.journal import Journal

PAUSE_SECONDS = 0.1
"""The shortest time between two messages."""
SHARE = 20
"""Making messages takes at most one part in so many of the tool's time."""
MAX_CLIENTS = 8
LINES = 100
"""Lines in one message."""
FIRST_LINES = 300
"""Lines in a client's first message."""

MakeSnapshot = Callable[[], dict[str, Any]]


class Client:
    """One page: the response it reads, and how far it is."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.line = 0
        self.trace = 0
        self.behind = False
        """Whether it has not yet taken what was written."""


class PageStream:
    """All pages that are open. `snapshot` makes the state that they get."""

    def __init__(self, journal: Journal, snapshot: MakeSnapshot) -> None:
        self.clients: list[Client] = []
        self._journal = journal
        self._snapshot = snapshot
        self._timer: asyncio.TimerHandle | None = None
        self._cost = 0.0
        journal.on_change = self._changed

    @property
    def full(self) -> bool:
        """Whether there are as many pages as may be."""
        self._look_for_gone()
        return len(self.clients) >= MAX_CLIENTS

    def open(self, exchange: Exchange, headers: list[tuple[str, str]]) -> None:
        """Begin to send to a page."""
        exchange.begin(200, [("Content-Type", "text/event-stream"), *headers])
        client = Client(exchange)
        exchange.on_drain = lambda: self._drained(client)
        exchange.on_disconnect = exchange.abandon
        self.clients.append(client)
        self._journal.seen()  # without a page nothing looked at what has changed
        self._send(client, _message("snapshot", self._snapshot()), FIRST_LINES)

    def close(self) -> None:
        """Tell all pages that the tool ends."""
        if self._timer is not None:
            self._timer.cancel()
        self._publish()
        for client in self.clients:
            if client.exchange.connected:
                client.exchange.write(_message("end", {}))
                client.exchange.end()
        self.clients.clear()
        self._journal.on_change = None

    def _changed(self) -> None:
        if self.clients and self._timer is None:
            pause = max(PAUSE_SECONDS, self._cost * SHARE)
            self._timer = asyncio.get_running_loop().call_later(pause, self._publish)

    def _publish(self) -> None:
        self._timer = None
        began = perf_counter()
        self._journal.seen()
        self._look_for_gone()
        if self.clients:
            state = _message("snapshot", self._snapshot())
            for client in self.clients:
                if not client.behind:
                    self._send(client, state, LINES)
        self._cost = perf_counter() - began

    def _send(self, client: Client, state: bytes, most: int) -> None:
        journal = self._journal
        lines, skipped, client.line = journal.lines_after(client.line, most)
        parts = [state]
        if lines:
            parts.append(_message("lines", {"lines": lines, "skipped": skipped}))
        if traces := list(journal.traces_after(client.trace)):
            parts.append(_message("traces", traces))
        client.trace = journal.traced
        client.behind = not client.exchange.write(b"".join(parts))

    def _drained(self, client: Client) -> None:
        """The client has taken everything, or is gone."""
        client.behind = False
        self._changed()

    def _look_for_gone(self) -> None:
        self.clients = [client for client in self.clients if client.exchange.connected]


def _message(event: str, data: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (event.encode(), json.dumps(data, separators=(",", ":")).encode())
