"""What the transports of a subscription have in common: they send one batch at a time to an extension's listener.

A transport does not buffer, retry or limit time. Its caller does, and calls `reset` after a delivery it has given up.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import Protocol

from local_lambda.telemetry.request import Destination


class DeliveryFailed(Exception):
    """A batch did not arrive, or its arrival was not acknowledged."""


class NobodyListens(DeliveryFailed):
    """There is no listener to deliver to."""


class Transport(Protocol):
    """A way to a listener. `acknowledges` states whether a delivery ends with the listener's response."""

    acknowledges: bool

    def frame(self, records: Sequence[bytes]) -> bytes:
        """The records as one batch."""
        ...

    async def deliver(self, batch: bytes) -> None:
        """Deliver a batch. Raises DeliveryFailed."""
        ...

    def reset(self) -> None:
        """Abort the connection; the next batch opens a new one."""
        ...


def not_there(destination: Destination, error: OSError) -> NobodyListens:
    """The error for a refused connection."""
    reason = errno.errorcode.get(error.errno or 0, str(error))
    return NobodyListens(
        f"connection refused: nothing is listening on {destination.host}:{destination.port} ({reason})"
    )
