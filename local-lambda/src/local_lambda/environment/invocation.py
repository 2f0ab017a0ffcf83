"""One invocation as it passes through an environment, and what its caller gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from local_lambda.errors import ApiError
from local_lambda.events.identifiers import new_uuid, random_hex
from local_lambda.events.platform import Tracing
from local_lambda.xray.header import next_attempt


class InvocationResponse(NamedTuple):
    """What the caller gets. `failed` becomes `X-Amz-Function-Error: Unhandled`; `log_tail` is set if requested."""

    payload: bytes
    failed: bool
    log_tail: bytes | None = None


OnResponse = Callable[["Invocation", InvocationResponse], object]
"""Called once, at the end. After a streamed response the payload is empty, or the error that ended it."""


class ResponseSink(Protocol):
    """A caller that takes a streamed response in pieces."""

    def begin(self, invocation: Invocation, content_type: str, resume: Callable[[], None]) -> None:
        """The runtime begins a response. `resume` is to be called after `write` has returned False."""

    def write(self, data: bytes) -> bool:
        """Take a piece. False means wait: the caller reads more slowly than the runtime writes."""


def _not_awaited(invocation: Invocation, response: InvocationResponse) -> None:
    """Used when the pool passes on the response, or when no response is wanted."""


class Invocation:
    """One event as it passes through an environment. Times are `perf_counter` seconds, 0 until they are known."""

    response: InvocationResponse | None = None
    failed = False
    error_cause: str | None = None
    """The exception as the runtime describes it for X-Ray (JSON text)."""
    cold_init: float | None = None
    """Milliseconds of the init with which this invocation's environment began."""
    restore: float | None = None
    """Milliseconds of the restore with which this invocation's environment began."""
    refusal: ApiError | None = None
    """The error of the API that its caller gets instead of a response."""
    deadline_ms = 0
    started = 0.0
    started_at = 0.0
    """Seconds since the epoch."""
    clock_offset = 0.0
    """Added to `perf_counter` seconds, it gives seconds since the epoch."""
    response_began = 0.0
    responded = 0.0
    done = 0.0
    done_at = 0.0
    """When the runtime had finished it, in seconds since the epoch."""
    ended = 0.0
    ended_at = 0.0
    """When it was over for runtime and extensions, in seconds since the epoch."""
    produced_bytes = 0
    streamed = False
    """Whether the runtime has begun a streamed response."""
    sink: ResponseSink | None = None
    """The caller, if it takes a streamed response in pieces."""
    durable_name: str | None = None
    """The name that the caller gives the durable execution which it starts."""
    durable_arn: str | None = None
    """The durable execution that it has started."""
    replay = False
    """Whether it is part of a durable execution."""
    waiting_since = 0.0
    """When it was queued for an environment."""

    def __init__(
        self,
        payload: bytes,
        function_arn: str,
        tracing: Tracing,
        on_response: OnResponse = _not_awaited,
        *,
        request_id: str | None = None,
        client_context: str | None = None,
        tail: bool = False,
        tenant_id: str | None = None,
    ) -> None:
        self.payload = payload
        self.function_arn = function_arn
        self.tracing = tracing
        self.on_response = on_response
        self.request_id = request_id or new_uuid()
        self.invocation_id = self.request_id[:24] + random_hex(12)
        """Different for each attempt at one request."""
        self.client_context = client_context
        self.tail = tail
        self.tenant_id = tenant_id

    def again(self) -> Invocation:
        """The next attempt at an asynchronous invocation, with the same request id and everything else new."""
        return Invocation(
            self.payload,
            self.function_arn,
            next_attempt(self.tracing),
            self.on_response,
            request_id=self.request_id,
            client_context=self.client_context,
            tenant_id=self.tenant_id,
        )
