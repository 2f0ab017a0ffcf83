"""One invocation, its response, and the error bodies the platform itself writes.

Bodies and wording: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html and recorded answers of the service.
Bodies made here put `errorType` first, as the service does; those of the Python runtime put `errorMessage` first.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from local_lambda.events.identifiers import new_uuid, random_hex
from local_lambda.events.platform import Tracing
from local_lambda.limits import MAX_PAYLOAD_BYTES
from local_lambda.xray.header import next_attempt

if TYPE_CHECKING:
    from local_lambda.environment.extensions import Extension


class InvocationResponse(NamedTuple):
    """What the caller gets. `failed` becomes `X-Amz-Function-Error: Unhandled`; `log_tail` is set when asked for."""

    payload: bytes
    failed: bool
    log_tail: bytes | None = None


OnResponse = Callable[["Invocation", InvocationResponse], object]


class Invocation:
    """One event on its way through an environment. Times are `perf_counter` seconds, 0 before they are known."""

    response: InvocationResponse | None = None
    failed = False
    error_cause: str | None = None
    """The exception as the runtime describes it for X-Ray (JSON text)."""
    cold_init: float | None = None
    """Milliseconds of the init that this invocation's environment began with."""
    deadline_ms = 0
    started = 0.0
    started_at = 0.0
    """Seconds since the epoch."""
    response_began = 0.0
    responded = 0.0
    done = 0.0
    produced_bytes = 0

    def __init__(
        self,
        payload: bytes,
        function_arn: str,
        tracing: Tracing,
        on_response: OnResponse,
        *,
        request_id: str | None = None,
        client_context: str | None = None,
        tail: bool = False,
    ) -> None:
        self.payload = payload
        self.function_arn = function_arn
        self.tracing = tracing
        self.on_response = on_response
        self.request_id = request_id or new_uuid()
        self.invocation_id = self.request_id[:24] + random_hex(12)
        """Differs between the attempts at one request."""
        self.client_context = client_context
        self.tail = tail
        self.waiting_since = perf_counter()

    def again(self) -> Invocation:
        """The next attempt at an asynchronous invocation: same request id, everything else new."""
        return Invocation(
            self.payload,
            self.function_arn,
            next_attempt(self.tracing),
            self.on_response,
            request_id=self.request_id,
            client_context=self.client_context,
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an environment's work ended badly: `status` and `error_type` for the events, `body` for the caller.

    `body` is None when the platform has to write it for the request (see `body_for`).
    """

    status: str
    error_type: str | None
    reason: str
    body: bytes | None = None

    def body_for(self, request_id: str) -> bytes:
        """The error object the caller gets."""
        if self.body is not None:
            return self.body
        error_type = self.error_type or "Sandbox.Timedout"
        return encode({"errorType": error_type, "errorMessage": f"RequestId: {request_id} Error: {self.reason}"})


def encode(document: object) -> bytes:
    """JSON as the service writes it: no blanks, non-ASCII characters as they are, but a lone surrogate escaped."""
    return _encode(document).encode("utf-8", "backslashreplace")


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def timed_out(seconds: float) -> Failure:
    """The function's timeout passed."""
    return Failure("timeout", None, f"Task timed out after {seconds:.2f} seconds")


def exited(exit_code: int) -> Failure:
    """The runtime's process ended; `exit_code` is negative for a signal."""
    if exit_code == 0:
        return Failure("error", "Runtime.ExitError", "Runtime exited without providing a reason")
    return Failure("error", "Runtime.ExitError", f"Runtime exited with error: {_exit_text(exit_code)}")


def extension_ended(extension: Extension, exit_code: int) -> Failure:
    """An extension's process ended; unless it said why before, that is a crash."""
    kind = {"InitError": "Extension.InitError", "ExitError": "Extension.ExitError"}.get(extension.machine.state)
    return Failure("error", kind or "Extension.Crash", _exit_text(exit_code))


def launch_failed(program: str, reason: str, error_type: str = "Runtime.InvalidEntrypoint") -> Failure:
    """A program could not be started at all."""
    return Failure("error", error_type, f"cannot start {program}: {reason}")


def _exit_text(exit_code: int) -> str:
    if exit_code >= 0:
        return f"exit status {exit_code}"
    return f"signal: {(signal.strsignal(-exit_code) or f'signal {-exit_code}').lower()}"


RESPONSE_TOO_LARGE = encode(
    {
        "errorMessage": f"Response payload size exceeded maximum allowed payload size ({MAX_PAYLOAD_BYTES} bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    }
)
