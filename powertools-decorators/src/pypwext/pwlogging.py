"""The logger: Powertools' own, with a fixed vocabulary, and a decorator that logs calls.

    logger = PyPwExtLogger(service="orders")

    @logger.method(operation="create-order", type=LogEntryType.AUDIT)
    def create(order): ...

Classification, type and operation belong to one row. They travel on the record, never on the formatter that all rows of
a service share, so nothing leaks into later rows, other threads or other tasks.
"""

from __future__ import annotations

import functools
import logging
import sys
from typing import Any, Callable, Dict, Mapping, Optional, Tuple, TypeVar, Union, cast, overload

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from . import deadline
from ._levels import VERBOSE, parse_level
from ._location import RECORD_KEY, Location, Relocate, find_caller, find_creator
from ._method_logging import Options, decorate
from ._reported import get_default_logger, set_default_logger
from ._rows import KEYWORDS, build_message, name_of, share_formatter, write_record
from ._wrapping import apply
from .base import Classification, InfoClassification, LogEntryType, LogType, Operation
from .utils import get_log_level

__all__ = ["VERBOSE", "LogEntryType", "LogType", "PyPwExtLogger", "get_default_logger"]

F = TypeVar("F", bound=Callable[..., Any])
Level = Union[str, int, None]

# The methods of Powertools by level: they know about its log buffer, which a plain log() does not.
_WRITERS: Dict[int, Callable[..., None]] = {
    logging.DEBUG: Logger.debug,
    logging.INFO: Logger.info,
    logging.WARNING: Logger.warning,
    logging.ERROR: Logger.error,
    logging.CRITICAL: Logger.critical,
}


class PyPwExtLogger(Logger):
    """A Powertools `Logger` that writes rows with classification, type and operation.

    Args:
        service: As for `Logger`, and so are level, child, sampling_rate, stream, logger_formatter and logger_handler.
            Rows go to standard output unless stream or logger_handler says otherwise. Loggers of the same service share
            one destination; a later one that brings its own handler or stream adds it.
        custom_encoder: Asked first for values JSON does not know; returns None for what is not its business.
        skip_std_type: Leave `type` out of rows whose type is STD.
        skip_info_na: Leave `classification` out of rows whose classification is NA.
        default_logger: Make this the logger that the other parts of this package use when they are given none.
        kwargs: Options of `Logger` and its formatter; any other becomes a field of every row.
    """

    def __init__(
        self,
        service: Optional[str] = None,
        level: Level = None,
        child: bool = False,
        sampling_rate: Optional[float] = None,
        stream: Any = None,
        logger_formatter: Any = None,
        logger_handler: Optional[logging.Handler] = None,
        custom_encoder: Optional[Callable[[Any], Any]] = None,
        skip_std_type: bool = True,
        skip_info_na: bool = True,
        default_logger: bool = False,
        **kwargs: Any,
    ) -> None:
        self.skip_std_type = skip_std_type
        self.skip_info_na = skip_info_na
        super().__init__(
            service=service,
            level=level,
            child=child,
            sampling_rate=sampling_rate,
            stream=sys.stdout if stream is None else stream,  # early versions of Powertools took standard error
            logger_formatter=logger_formatter,
            logger_handler=logger_handler,
            **kwargs,
        )
        share_formatter(self, logger_handler, stream, logger_formatter, custom_encoder)
        if level is not None and self._is_second:
            # Powertools takes the level of the first logger of a service only, and may sample it.
            self._logger.setLevel(self._determine_log_level(level))
        if not any(isinstance(known, Relocate) for known in self._logger.filters):
            self._logger.addFilter(Relocate())
        if default_logger:
            set_default_logger(self)

    def _get_logger(self) -> logging.Logger:
        # Powertools names a child after the file that calls its constructor, which would be this one.
        name: str = self.service
        standard = logging.getLogger(f"{name}.{find_creator()}" if self.child else name)
        self._is_second = bool(getattr(standard, "init", False))  # what Powertools leaves on a logger it has set up
        return standard

    def _determine_log_level(self, level: Level) -> Union[str, int]:
        # Powertools turns a number into its name and later asks for the number of that name: so it needs one.
        number = parse_level(level)
        if number is not None and not isinstance(logging.getLevelName(logging.getLevelName(number)), int):
            logging.addLevelName(number, f"LEVEL {number}")
        return super()._determine_log_level(level if number is None else number)

    def debug(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Write a row. Keywords are `exc_info`, `stack_info`, `stacklevel`, `extra`; any other becomes a field of the
        row.
        """
        self._log(logging.DEBUG, msg, args, **kwargs)

    def info(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Write a row, see `debug`."""
        self._log(logging.INFO, msg, args, **kwargs)

    def warning(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Write a row, see `debug`."""
        self._log(logging.WARNING, msg, args, **kwargs)

    warn = warning

    def error(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Write a row, see `debug`."""
        self._log(logging.ERROR, msg, args, **kwargs)

    def critical(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Write a row, see `debug`."""
        self._log(logging.CRITICAL, msg, args, **kwargs)

    def verbose(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Write a row one level below DEBUG, see `debug`."""
        self._log(VERBOSE, msg, args, **kwargs)

    def exception(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Write an ERROR row with the exception that is being handled, see `debug`."""
        kwargs.setdefault("exc_info", True)
        self._log(logging.ERROR, msg, args, **kwargs)

    def log(self, level: Union[str, int], msg: object, *args: object, **kwargs: Any) -> None:
        """Write a row at the level given by number or name, see `debug`."""
        self._log(get_log_level(level), msg, args, **kwargs)

    def _log(
        self,
        level: int,
        msg: object,
        args: Tuple[object, ...],
        exc_info: Any = None,
        stack_info: bool = False,
        stacklevel: int = 2,
        extra: Optional[Mapping[str, object]] = None,
        **fields: object,
    ) -> None:
        if not self.accepts(level):
            return
        if exc_info is True and sys.exc_info()[0] is None:
            exc_info = None  # exception() where there is none: some formatters fail over an empty one
        message, keywords = build_message(msg, args)
        fields = {**(extra or {}), **fields}
        keywords = {**{name: fields.pop(name) for name in KEYWORDS if name in fields}, **keywords}
        known: Any = fields.pop(RECORD_KEY, None)
        location = known or find_caller(stacklevel - 1)  # 2 is the caller of info(), as for Powertools
        self.write_row(level, message, keywords, fields, location, exc_info, stack_info)

    def accepts(self, level: int) -> bool:
        """Return whether a row of that level goes anywhere: to the handlers, or to Powertools' buffer."""
        return self._logger.isEnabledFor(level) or getattr(self, "_buffer_config", None) is not None

    def write_row(
        self,
        level: int,
        message: Dict[str, Any],
        keywords: Mapping[str, Any],
        fields: Optional[Mapping[str, object]] = None,
        location: Optional[Location] = None,
        exc_info: Any = None,
        stack_info: bool = False,
    ) -> None:
        """Write a row of the given parts; without a location it is that of the caller outside this package."""
        extra = {**(fields or {}), **self._show(keywords)}
        location = location or find_caller()
        if getattr(self, "_buffer_config", None) is None and not stack_info:
            # Straight to the handlers: looking for the caller is half of what the way through logging costs.
            write_record(self._logger, level, location, message, exc_info, extra)
            return
        extra[RECORD_KEY] = location
        writer = _WRITERS.get(level)
        if writer is not None:
            writer(self, message, exc_info=exc_info, stack_info=stack_info, extra=extra)
        else:
            self._logger.log(level, message, exc_info=exc_info, stack_info=stack_info, extra=extra)

    def _show(self, keywords: Mapping[str, Any]) -> Dict[str, Any]:
        shown: Dict[str, Any] = {}
        classification = name_of(Classification, keywords.get(Classification, InfoClassification.NA))
        if not (self.skip_info_na and classification == InfoClassification.NA.name):
            shown[Classification] = classification
        entry_type = name_of(LogType, keywords.get(LogType, LogEntryType.STD))
        if not (self.skip_std_type and entry_type == LogEntryType.STD.name):
            shown[LogType] = entry_type
        if keywords.get(Operation):
            shown[Operation] = keywords[Operation]
        return shown

    def serialize(self, log: Dict[str, Any]) -> str:
        """Return log as the JSON text a row would have."""
        text: str = cast(LambdaPowertoolsFormatter, self.registered_formatter).serialize(log)
        return text

    def inject_lambda_context(self, lambda_handler: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Do what `Logger` does, and let retries know how much time the invocation has left."""
        decorated: Any = super().inject_lambda_context(lambda_handler, *args, **kwargs)
        if lambda_handler is None:
            return decorated  # Powertools comes back to this method with the handler

        @functools.wraps(lambda_handler)
        def wrapper(event: Any, context: Any, *args: Any, **kwargs: Any) -> Any:
            with deadline.invocation(context):
                return decorated(event, context, *args, **kwargs)

        return wrapper

    @overload
    def method(self, _func: F) -> F: ...

    @overload
    def method(
        self,
        _func: None = None,
        level: Level = None,
        out_level: Level = None,
        classification: InfoClassification = InfoClassification.NA,
        type: LogEntryType = LogEntryType.STD,
        operation: Optional[str] = None,
        out_classification: InfoClassification = InfoClassification.NA,
        out_type: LogEntryType = LogEntryType.STD,
        out_operation: Optional[str] = None,
        eq_keywords: bool = True,
        stack_info: bool = True,
        log_exception: bool = True,
    ) -> Callable[[F], F]: ...

    def method(
        self,
        _func: Optional[F] = None,
        level: Level = None,
        out_level: Level = None,
        classification: InfoClassification = InfoClassification.NA,
        type: LogEntryType = LogEntryType.STD,
        operation: Optional[str] = None,
        out_classification: InfoClassification = InfoClassification.NA,
        out_type: LogEntryType = LogEntryType.STD,
        out_operation: Optional[str] = None,
        eq_keywords: bool = True,
        stack_info: bool = True,
        log_exception: bool = True,
    ) -> Any:
        """Log the calls of a function or coroutine function.

        Args:
            level: Of the row at the beginning, which holds the arguments. Default: `LOG_LEVEL` when INFO or lower,
                else DEBUG.
            out_level: Of the row at the end, which holds the return value. Default: the same with INFO in place of
                DEBUG.
            classification: Of the row at the beginning and the one of an exception; type and operation likewise.
            out_classification: Of the row at the end, when eq_keywords is False; out_type and out_operation likewise.
            eq_keywords: The row at the end has the keywords of the one at the beginning.
            stack_info: Passed to the logger with the row of an exception.
            log_exception: Write a row at ERROR for an exception. It is raised in any case.
        """
        keywords = {Classification: classification, LogType: type, Operation: operation}
        out_keywords = {Classification: out_classification, LogType: out_type, Operation: out_operation}
        options = Options(
            level, out_level, keywords, keywords if eq_keywords else out_keywords, stack_info, log_exception
        )
        return apply(lambda func: decorate(self, options, func), _func)
