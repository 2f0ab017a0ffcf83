"""How much time the current invocation has left, so that waiting and retrying end before Lambda ends the function.

The Lambda context knows, but only the handler is given it. Every decorator of this package looks for it among the
arguments it passes on; code without such a decorator on its handler opens a block with `invocation(context)`.
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import Any, Dict, Optional, Tuple, Type

_context: ContextVar[Any] = ContextVar("pypwext_lambda_context", default=None)


class invocation:
    """A block during which `remaining_seconds` asks the given Lambda context; None changes nothing."""

    __slots__ = ("_lambda_context", "_token")

    def __init__(self, lambda_context: Any) -> None:
        self._lambda_context = lambda_context
        self._token: Optional[Token[Any]] = None

    def __enter__(self) -> invocation:
        if self._lambda_context is not None:
            self._token = _context.set(self._lambda_context)
        return self

    def __exit__(self, *exc_info: Tuple[Type[BaseException], BaseException, Any]) -> None:
        if self._token is not None:
            _context.reset(self._token)
            self._token = None


def track(args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> invocation:
    """Return a block for the Lambda context among a handler's arguments, or one that changes nothing."""
    # A handler gets (event, context), a handler that is a method (self, event, context).
    for candidate in (kwargs.get("context"), *args[1:3]):
        if candidate is not None and _get_clock(candidate) is not None:
            return invocation(candidate)
    return _NO_INVOCATION


_NO_INVOCATION = invocation(None)  # has no state, so all calls can share it


def _get_clock(candidate: Any) -> Any:
    try:
        clock = candidate.get_remaining_time_in_millis
    except Exception:  # any object may sit where a handler has its context
        return None
    return clock if callable(clock) else None


def remaining_seconds() -> Optional[float]:
    """Return the seconds until Lambda stops the current invocation; None outside of an invocation."""
    clock = _get_clock(_context.get())
    if clock is None:
        return None
    millis = clock()
    return millis / 1000 if isinstance(millis, (int, float)) else None
