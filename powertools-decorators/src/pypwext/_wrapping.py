"""What all decorators of this package have in common: they work bare or with arguments, on functions and coroutines."""

from __future__ import annotations

import functools
import inspect
from typing import Any, Callable, Coroutine, Optional

# A decorated function carries the names of the parameters that a decorator below fills in (see _http_method).
INJECTED = "__pypwext_injected__"


def is_async(func: Callable[..., Any]) -> bool:
    """Return whether calling func makes a coroutine; partial objects and objects with `async def __call__` included."""
    while isinstance(func, functools.partial):
        func = func.func
    return inspect.iscoroutinefunction(func) or inspect.iscoroutinefunction(type(func).__call__)


def get_name(func: Callable[..., Any]) -> str:
    """Return the name of func for messages."""
    while isinstance(func, functools.partial):
        func = func.func
    return getattr(func, "__name__", type(func).__name__)


def takes_self(func: Callable[..., Any]) -> bool:
    """Return whether func is the function of a method: the first argument of its calls is then no argument to it."""
    try:
        first = next(iter(inspect.signature(func).parameters), "")
    except (TypeError, ValueError):  # some builtins have no signature
        return False
    return first in ("self", "cls")


def run_or_return(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Return the result of coroutine; where an event loop runs already, the coroutine, for the caller to await."""
    import asyncio  # takes 20 ms, so only for coroutine functions

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        return coroutine
    return asyncio.run(coroutine)


def apply(decorator: Callable[[Callable[..., Any]], Any], func: Optional[Callable[..., Any]]) -> Any:
    """Return the decorated func; without func (`@decorate(...)`), the decorator to be applied."""
    return decorator if func is None else decorator(func)
