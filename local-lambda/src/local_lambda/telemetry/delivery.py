"""What the transports of a subscription have in common: one batch at a time to the listener of an extension.

No buffering, no retry and no time limit in any of them: whoever delivers decides about those, and calls `reset` after a
delivery it has given up.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import Protocol

from local_lambda.telemetry.request import Destination


class DeliveryFailed(Exception):
    """A batch did not arrive, or nobody said that it did."""


class NobodyListens(DeliveryFailed):
    """There is no listener to deliver to."""


class Transport(Protocol):
    """A way to a listener. `acknowledges` says whether a delivery ends with the listener's answer."""

    acknowledges: bool

    def frame(self, records: Sequence[bytes]) -> bytes:
        """The records as one batch."""
        ...

    async def deliver(self, batch: bytes) -> None:
        """Hand over a batch. Raises DeliveryFailed."""
        ...

    def reset(self) -> None:
        """Cut the connection; the next batch gets a new one."""
        ...


def not_there(destination: Destination, error: OSError) -> NobodyListens:
    """The error for a connection that the kernel refused."""
    reason = errno.errorcode.get(error.errno or 0, str(error))
    return NobodyListens(
        f"connection refused: nothing is listening on {destination.host}:{destination.port} ({reason})"
    )
