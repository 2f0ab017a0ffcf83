"""Why an environment's work failed, and the error bodies that the platform itself writes.

Bodies and wording: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html and recorded responses of the service.
Bodies made here put `errorType` first, as the service does; the Python runtime puts `errorMessage` first.
"""

from __future__ import annotations

import signal

import msgspec

from local_lambda.environment.documents import encode
from local_lambda.environment.states import EXIT_ERROR, INIT_ERROR
from local_lambda.errors import ApiError


class Failure(msgspec.Struct, frozen=True):
    """Why an environment's work failed: `status` and `error_type` for the events, `body` for the caller.

    `body` is None if the platform has to write it for the request (see `body_for`).
    """

    status: str
    error_type: str | None
    reason: str
    body: bytes | None = None
    body_type: str | None = None
    """The error type in the body, if it is not that of the events."""
    refusal: ApiError | None = None
    """The error of the API that the caller gets, if the function has not run at all."""

    @property
    def shutdown_reason(self) -> str:
        """The reason that extensions get when this failure resets the environment."""
        return "timeout" if self.status == "timeout" else "failure"

    def body_for(self, request_id: str) -> bytes:
        """The error object the caller gets."""
        if self.body is not None:
            return self.body
        error_type = self.body_type or self.error_type or "Sandbox.Timedout"
        return encode({"errorType": error_type, "errorMessage": f"RequestId: {request_id} Error: {self.reason}"})


def timed_out(seconds: float) -> Failure:
    """The function ran into its timeout."""
    return Failure("timeout", None, f"Task timed out after {seconds:.2f} seconds")


def init_timed_out(seconds: float) -> Failure:
    """The Init phase took too long."""
    return Failure("timeout", None, f"Init timed out after {seconds:.2f} seconds")


def restore_timed_out(seconds: float) -> Failure:
    """The hooks for after a restore took too long."""
    return Failure("timeout", None, f"Restore timed out after {seconds:.2f} seconds")


def restore_failed(why: Failure) -> Failure:
    """An environment could not be restored; the caller gets an error of the API instead of one of the function."""
    if why.status == "timeout":
        refusal = ApiError(
            408, "SnapStartTimeoutException", "Lambda couldn't restore the snapshot within the timeout limit."
        )
    else:
        kind = why.error_type or "Runtime.Unknown"
        refusal = ApiError(
            400, "SnapStartException", f"Lambda couldn't restore the snapshot: {kind}. See the function's log."
        )
    return Failure(why.status, why.error_type, why.reason, why.body, why.body_type, refusal)


def exited(exit_code: int) -> Failure:
    """The runtime's process ended; `exit_code` is negative for a signal."""
    if exit_code == 0:
        return Failure("error", "Runtime.ExitError", "Runtime exited without providing a reason")
    return Failure("error", "Runtime.ExitError", f"Runtime exited with error: {_exit_text(exit_code)}")


OUT_OF_MEMORY = Failure(
    "error", "Runtime.OutOfMemory", "Runtime exited with error: signal: killed", None, "Runtime.ExitError"
)
"""The runtime was killed because the environment had used up its memory."""


def extension_ended(state: str, exit_code: int) -> Failure:
    """The process of an extension in `state` ended; if it did not report why before, that is a crash."""
    kind = {INIT_ERROR: "Extension.InitError", EXIT_ERROR: "Extension.ExitError"}.get(state)
    return Failure("error", kind or "Extension.Crash", _exit_text(exit_code) if exit_code else "exit code 0")


def launch_failed(program: str, reason: str, error_type: str = "Runtime.InvalidEntrypoint") -> Failure:
    """A program could not be started at all."""
    return Failure("error", error_type, f"cannot start {program}: {reason}")


def extension_launch_failed(name: str, reason: str) -> Failure:
    """An external extension could not be started. The wording is AWS's: there, a Go library starts it."""
    return Failure("error", "Extension.LaunchError", f"fork/exec /opt/extensions/{name}: {reason.lower()}")


SHUT_DOWN = Failure("failure", "Sandbox.Failure", "The environment was shut down")
"""The environment ends in the middle of an invocation."""


def _exit_text(exit_code: int) -> str:
    if exit_code >= 0:
        return f"exit status {exit_code}"
    return f"signal: {(signal.strsignal(-exit_code) or f'signal {-exit_code}').lower()}"


TRUNCATED = encode(
    {"errorType": "Runtime.TruncatedResponse", "errorMessage": "The runtime hung up before its response was complete"}
)


def response_too_large(limit: int) -> bytes:
    """The error of a response that is larger than `limit` bytes."""
    message = f"Response payload size exceeded maximum allowed payload size ({limit} bytes)."
    return encode({"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"})
