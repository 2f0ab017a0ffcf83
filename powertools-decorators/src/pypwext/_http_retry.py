"""Retries and timeouts that respect how much time the invocation has left."""

from __future__ import annotations

from typing import Any, Collection, Optional

from urllib3.exceptions import MaxRetryError, ResponseError
from urllib3.util import Retry, Timeout

from . import deadline

# What the function keeps for itself: time to log, to respond, to let Lambda collect the response.
RESERVED_SECONDS = 0.5

# A timeout must be positive. This one fails immediately, as it should when the time is up.
SHORTEST_SECONDS = 0.001


class PyPwExtRetry(Retry):
    """Retries what can be repeated without harm: 11 times, waiting 0, 2, 4, 8 ... 120 seconds between two attempts.

    (urllib3 1 and 2 count alike; the first retry follows immediately.) Within an invocation there is no retry whose
    waiting would last longer than the invocation: the last response or error is returned while there is still time to
    handle it.

    A response with an error status is returned when the retries are used up. POST and PATCH are not retried unless
    allowed_methods names them.
    """

    def __init__(
        self,
        total: Any = 11,
        backoff_factor: float = 1,
        status_forcelist: Optional[Collection[int]] = (429, 500, 502, 503, 504),
        allowed_methods: Optional[Collection[str]] = ("HEAD", "GET", "PUT", "DELETE", "OPTIONS", "TRACE"),
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("raise_on_status", False)
        super().__init__(
            total=total,
            backoff_factor=backoff_factor,
            status_forcelist=status_forcelist,
            allowed_methods=allowed_methods,
            **kwargs,
        )

    def increment(
        self,
        method: Optional[str] = None,
        url: Optional[str] = None,
        response: Any = None,
        error: Optional[Exception] = None,
        _pool: Any = None,
        _stacktrace: Any = None,
    ) -> PyPwExtRetry:
        """Return the state for the next attempt.

        Raises:
            MaxRetryError: there is no attempt left, or no time for the waiting before it.
        """
        following: PyPwExtRetry = super().increment(method, url, response, error, _pool, _stacktrace)
        remaining = deadline.remaining_seconds()
        if remaining is not None and following.get_wait(response) > remaining - RESERVED_SECONDS:
            raise MaxRetryError(_pool, url or "", error or ResponseError("no time left in this invocation"))
        return following

    def get_wait(self, response: Any) -> float:
        """Return the seconds that `sleep` will wait before the next attempt."""
        wanted = self.get_retry_after(response) if self.respect_retry_after_header and response else None
        return float(wanted or self.get_backoff_time())


class DeadlineTimeout(Timeout):
    """A timeout that shrinks with the time the invocation has left. urllib3 clones it for each attempt."""

    def clone(self) -> Timeout:
        remaining = deadline.remaining_seconds()
        if remaining is None:
            return super().clone()
        left = max(remaining - RESERVED_SECONDS, SHORTEST_SECONDS)
        return Timeout(connect=_shorter(self._connect, left), read=_shorter(self._read, left), total=self.total)


def _shorter(seconds: Any, left: float) -> float:
    return min(seconds, left) if isinstance(seconds, (int, float)) else left


def make_timeout(timeout: Any) -> Any:
    """Return what requests accepts as timeout (seconds, or a pair of connect and read), with the deadline watched."""
    if isinstance(timeout, Timeout):
        return timeout
    connect, read = timeout if isinstance(timeout, tuple) else (timeout, timeout)
    return DeadlineTimeout(connect=connect, read=read)
