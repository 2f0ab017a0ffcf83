"""Who logs what went wrong: the default logger, and a mark that keeps one exception from being reported twice."""

from __future__ import annotations

import contextlib
import logging
from typing import Any, Optional

from ._location import RECORD_KEY, find_raiser

_MARK = "_pypwext_reported"

_default_logger: Any = None


def set_default_logger(logger: Any) -> None:
    """Make logger the one that parts without their own logger write to."""
    global _default_logger
    _default_logger = logger


def get_default_logger() -> Any:
    """Return the logger made with `default_logger=True`; without one, the standard library's logger `pypwext`.

    On Lambda the standard logger writes to the log of the function, so an error is never lost.
    """
    return _default_logger if _default_logger is not None else logging.getLogger("pypwext")


def mark_reported(error: BaseException) -> None:
    """Remember that there is a log row for error."""
    with contextlib.suppress(AttributeError):  # a class with __slots__: a second row does less harm than a crash
        setattr(error, _MARK, True)


def is_reported(error: BaseException) -> bool:
    """Return whether there is a log row for error."""
    return getattr(error, _MARK, False) is True


def report(
    logger: Optional[Any], message: Any, error: BaseException, level: int = logging.ERROR, **options: Any
) -> None:
    """Log error, unless it has a row already.

    Args:
        logger: Any logger; None is the default one.
        options: Of the logger's method `log`; `exc_info=None` leaves the traceback out.
    """
    if is_reported(error):
        return
    mark_reported(error)
    target = logger if logger is not None else get_default_logger()
    if hasattr(target, "write_row"):  # our own: it reports where the error was raised, others report their caller
        options["extra"] = {RECORD_KEY: find_raiser(error)}
    target.log(level, message, **{"exc_info": error, **options})
