"""`PyPwExtLogger.method`: a row when a call begins, one when it ends, one when it fails."""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass
from typing import Any, Callable, Dict, Tuple, Union

from . import deadline
from ._arguments import Arguments as CallArguments
from ._levels import get_row_level
from ._location import find_raiser
from ._reported import mark_reported
from ._wrapping import get_name, is_async
from .base import Arguments, Message, Return

Keywords = Dict[str, Any]


@dataclass(frozen=True)
class Options:
    """How the rows of one decorated function look. Keywords are those of entry and exception row, and of the exit
    row.
    """

    level: Union[str, int, None]
    out_level: Union[str, int, None]
    keywords: Keywords
    out_keywords: Keywords
    stack_info: bool
    log_exception: bool


def decorate(logger: Any, options: Options, func: Callable[..., Any]) -> Callable[..., Any]:
    """Return func with its calls logged."""
    call = _Call(logger, options, func)

    if is_async(func):

        @functools.wraps(func)
        async def async_wrapper(*args: Any, **kwargs: Any) -> Any:
            with deadline.track(args, kwargs):
                call.log_entry(args, kwargs)
                try:
                    value = await func(*args, **kwargs)
                except Exception as error:
                    call.log_exception(error, args, kwargs)
                    raise
                call.log_exit(value)
                return value

        return async_wrapper

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with deadline.track(args, kwargs):
            call.log_entry(args, kwargs)
            try:
                value = func(*args, **kwargs)
            except Exception as error:
                call.log_exception(error, args, kwargs)
                raise
            call.log_exit(value)
            return value

    return wrapper


class _Call:
    """Writes the rows of one decorated function."""

    def __init__(self, logger: Any, options: Options, func: Callable[..., Any]) -> None:
        self._logger = logger
        self._options = options
        self._name = get_name(func)
        self._arguments = CallArguments(func)

    def log_entry(self, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> None:
        level = get_row_level(self._options.level, logging.DEBUG)
        if self._logger.accepts(level):  # naming the arguments costs more than all the rest
            message = {Message: f"Entering {self._name}", Arguments: self._arguments.name(args, kwargs)}
            self._logger.write_row(level, message, self._options.keywords)

    def log_exit(self, value: Any) -> None:
        level = get_row_level(self._options.out_level, logging.INFO)
        if self._logger.accepts(level):
            message = {Message: f"Exiting {self._name}", Return: value}
            self._logger.write_row(level, message, self._options.out_keywords)

    def log_exception(self, error: Exception, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> None:
        """Write the row of a failed call. Must be called while error is handled."""
        if not self._options.log_exception:
            return
        mark_reported(error)
        self._logger.write_row(
            logging.ERROR,
            {Message: f"Exception in {self._name}", Arguments: self._arguments.name(args, kwargs)},
            self._options.keywords,
            location=find_raiser(error),
            exc_info=True,
            stack_info=self._options.stack_info,
        )
