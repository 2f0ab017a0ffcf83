"""Every error this package raises on purpose, in one small tree.

It has two branches: errors that end a command (`CommandError`: one line for the reader, one exit status) and errors
that one of Lambda's HTTP APIs responds with (`ApiError`: HTTP status, error type and message in the service's wording).
"""

from __future__ import annotations

import errno

__all__ = [
    "ApiError",
    "CommandError",
    "InvalidStateTransition",
    "LocalLambdaError",
    "StartError",
    "Throttled",
    "Unavailable",
    "UsageError",
    "reason_of",
]


class LocalLambdaError(Exception):
    """Root of the tree."""


class CommandError(LocalLambdaError):
    """Ends a command: `str(error)` is the one line that the reader gets, `exit_status` the process's exit status."""

    exit_status = 1


class UsageError(CommandError):
    """Wrong arguments, template or event. Exit status 2."""

    exit_status = 2


class StartError(CommandError):
    """The execution environment could not start: port in use, interpreter or dependency missing. Exit status 3."""

    exit_status = 3


class ApiError(LocalLambdaError):
    """An error response of one of Lambda's APIs.

    `status` is the HTTP status, `error_type` the error's name in the response, `message` its text.
    """

    def __init__(self, status: int, error_type: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type
        self.message = message


class Throttled(ApiError):
    """The caller is over a limit (HTTP 429); `reason` names it, as `TooManyRequestsException` does.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(429, "TooManyRequestsException", "Rate Exceeded.")
        self.reason = reason


class Unavailable(ApiError):
    """There cannot be an environment for the caller now (HTTP 503); SDKs try again, as for every 5xx.

    Not Throttled: the caller is over no limit of the service. Not ServiceException (500), the service's own fault.
    Source: https://docs.aws.amazon.com/lambda/latest/api/CommonErrors.html.
    """

    def __init__(self, message: str) -> None:
        super().__init__(503, "ServiceUnavailable", message)


class InvalidStateTransition(ApiError):
    """A request that the state table does not allow (HTTP 403); it changed nothing."""

    def __init__(self, what: str, state: str, target: str, error_type: str = "InvalidStateTransition") -> None:
        super().__init__(
            403,
            error_type,
            f"State transition from {state} to {target} failed for {what}. Error: State transition is not allowed",
        )


def reason_of(error: OSError) -> str:
    """What the system refused, in one line, with what to do about it if that is known."""
    reason = error.strerror or str(error) or type(error).__name__
    where = f": {error.filename}" if error.filename is not None else ""
    advice = _ADVICE.get(error.errno or 0)
    return f"{reason}{where}" + (f" ({advice})" if advice else "")


_ADVICE = {
    errno.EMFILE: "raise the limit of open files, for example with `ulimit -n 4096`",
    errno.ENFILE: "too many files are open on this machine",
    errno.EAGAIN: "the limit of processes is reached, see `ulimit -u`",
    errno.ENOSPC: "free some space or inodes, or set TMPDIR to a folder on another file system",
    errno.EROFS: "set TMPDIR to a folder that can be written to",
}
