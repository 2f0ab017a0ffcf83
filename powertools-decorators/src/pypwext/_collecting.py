"""Collecting errors instead of stopping at the first. The public home of all this is `pypwext.errors`."""

from __future__ import annotations

import functools
import threading
from contextvars import ContextVar, Token
from typing import Any, Callable, Dict, List, Optional, Protocol, TypeVar, Union, overload, runtime_checkable

from . import deadline
from ._errors import ErrorAction, PyPwExtError
from ._reported import report
from ._wrapping import apply, get_name, is_async
from .encoders import dumps

F = TypeVar("F", bound=Callable[..., Any])
Matcher = Callable[[PyPwExtError], bool]


@runtime_checkable
class ErrorCollector(Protocol):
    """Keeps errors until they are asked for. Derive from this and write `errors`, `add` and `clear`."""

    @property
    def errors(self) -> List[PyPwExtError]:
        """The errors, in the order they came."""
        ...

    def add(self, err: PyPwExtError) -> ErrorCollector:
        """Keep err; an error that is kept already is not added again."""
        ...

    def clear(self) -> ErrorCollector:
        """Forget all errors."""
        ...

    def has_errors(self) -> bool:
        """Return whether there is any error."""
        return bool(self.errors)

    def has_errors_matcher(self, matcher: Matcher) -> bool:
        """Return whether matcher returns True for any error."""
        return any(matcher(error) for error in self.errors)

    def get_errors_matcher(self, matcher: Matcher) -> List[PyPwExtError]:
        """Return the errors for which matcher returns True."""
        return [error for error in self.errors if matcher(error)]

    def get_highest(self) -> Optional[PyPwExtError]:
        """Return the error with the highest code, the first one of several; None when there is no error."""
        return max(self.errors, key=lambda error: int(error.code), default=None)

    def dict(self) -> Union[Dict[str, Any], List[Dict[str, Any]]]:
        """Return the dict of a single error, else a list of them."""
        rendered = [error.dict() for error in self.errors]
        return rendered[0] if len(rendered) == 1 else rendered

    def json(self, default: Optional[Callable[[Any], Any]] = None) -> str:
        """Return `dict()` as JSON text; default is asked first for values JSON does not know."""
        return dumps(self.dict(), default)


class StdErrorCollector(ErrorCollector):
    """Keeps errors in memory. Threads may share one."""

    def __init__(self) -> None:
        self._errors: List[PyPwExtError] = []
        self._lock = threading.Lock()

    @property
    def errors(self) -> List[PyPwExtError]:
        return self._errors

    def add(self, err: PyPwExtError) -> StdErrorCollector:
        with self._lock:
            # By identity: an error that passes several collecting functions is one error, two equal ones are two.
            if not any(known is err for known in self._errors):
                self._errors.append(err)
        return self

    def clear(self) -> StdErrorCollector:
        with self._lock:
            self._errors = []
        return self


_current: ContextVar[Optional[ErrorCollector]] = ContextVar("pypwext_collector", default=None)


def get_current_collector() -> Optional[ErrorCollector]:
    """Return the collector that a `collect(root=True)` further up the call stack has installed, else None.

    Tasks of asyncio see the collector of the code that created them. A new thread does not: run its function with
    `contextvars.copy_context().run(...)`, and it adds to the same collector.
    """
    return _current.get()


class installed_collector:
    """A block that sees the current collector; without one, and with root, a new one that goes away with the block."""

    __slots__ = ("_root", "_token")

    def __init__(self, root: bool = True) -> None:
        self._root = root
        self._token: Optional[Token[Optional[ErrorCollector]]] = None

    def __enter__(self) -> Optional[ErrorCollector]:
        if self._root and _current.get() is None:
            self._token = _current.set(StdErrorCollector())
        return _current.get()

    def __exit__(self, *exc_info: object) -> None:
        if self._token is not None:
            _current.reset(self._token)


class PyPwExtErrorHandler:
    """Decorates functions whose errors are collected. With a logger, each error is logged where it is caught."""

    def __init__(self, logger: Any = None) -> None:
        self.logger = logger

    def collector(self, safe: bool = True) -> Optional[ErrorCollector]:
        """Return the current collector; without one, an empty one to throw away, or None when safe is False."""
        current = get_current_collector()
        return StdErrorCollector() if current is None and safe else current

    @overload
    def collect(self, _func: F) -> F: ...

    @overload
    def collect(self, _func: None = None, root: bool = False, stack_info: bool = True) -> Callable[[F], F]: ...

    def collect(self, _func: Optional[F] = None, root: bool = False, stack_info: bool = True) -> Any:
        """Collect each `PyPwExtError` that the decorated function raises; anything else passes.

        An error with action CONTINUE or INDECISIVE is swallowed: the function returns None, or the error's return
        value. One with RAISE is collected and raised. Without a collector every error is raised.

        Args:
            root: Install a collector for the duration of the call. Below another root that one is shared.
            stack_info: Passed to the logger.
        """

        def decorator(func: Callable[..., Any]) -> Callable[..., Any]:
            if is_async(func):

                @functools.wraps(func)
                async def async_wrapper(*args: Any, **kwargs: Any) -> Any:
                    with deadline.track(args, kwargs), installed_collector(root):
                        try:
                            return await func(*args, **kwargs)
                        except PyPwExtError as error:
                            if self._collect(error, func, stack_info):
                                return getattr(error, "return_value", None)
                            raise

                return async_wrapper

            @functools.wraps(func)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                with deadline.track(args, kwargs), installed_collector(root):
                    try:
                        return func(*args, **kwargs)
                    except PyPwExtError as error:
                        if self._collect(error, func, stack_info):
                            return getattr(error, "return_value", None)
                        raise

            return wrapper

        return apply(decorator, _func)

    def _collect(self, error: PyPwExtError, func: Callable[..., Any], stack_info: bool) -> bool:
        """Log and collect error, and return whether the function may continue."""
        if self.logger is not None:
            report(self.logger, f"{get_name(func)} raised an error", error, stack_info=stack_info)
        collector = get_current_collector()
        if collector is None:
            return False
        collector.add(error)
        return error.action != ErrorAction.RAISE
