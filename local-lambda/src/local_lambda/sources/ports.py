"""What pollers need from the endpoint around them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, Protocol

from local_lambda.environment.invocation import InvocationResponse

Document = dict[str, Any]
Matches = Callable[[Document], bool]
Positions = dict[str, str | None]
"""For each shard the iterator after the last record that is done; None if all are, and no more can come."""


class SourceFault(Exception):
    """A service refused a call; `code` is the name of its error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Client(Protocol):
    """Calls an operation of a service in one region. Raises SourceFault."""

    async def __call__(self, service: str, operation: str, document: Mapping[str, Any]) -> Document:
        """The document of the response."""


class Surroundings(NamedTuple):
    """`invoke` takes a function's ARN, an event, and the seconds to wait for an environment at most.

    It raises Throttled if none became free, and another ApiError if the function cannot be invoked. `activity` waits
    until a service may have changed something, for the given seconds at most. `limit` gives the number of environments
    that a function may have now.
    """

    region: str
    account: str
    client: Client
    invoke: Callable[[str, bytes, float], Awaitable[InvocationResponse]]
    activity: Callable[[float], Awaitable[None]]
    say: Callable[[str, bool], None]
    limit: Callable[[str], int]
