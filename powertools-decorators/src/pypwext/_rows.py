"""What a log row is made of: its message, its keywords, and the formatter that loggers of one service share."""

from __future__ import annotations

import functools
import json
import logging
import sys
from enum import IntEnum
from typing import Any, Callable, Dict, Mapping, Optional, Tuple, Type

from aws_lambda_powertools.logging.formatter import BasePowertoolsFormatter, LambdaPowertoolsFormatter

from ._location import Location
from .base import Arguments, Classification, InfoClassification, LogEntryType, LogType, Message, Operation
from .encoders import RowSerializer

Fields = Dict[str, Any]

# The keywords next to the message, at the top of the row. Those with a number are shown by name.
KEYWORDS: Dict[str, Optional[Type[IntEnum]]] = {
    Classification: InfoClassification,
    LogType: LogEntryType,
    Operation: None,
}


def build_message(msg: object, args: Tuple[object, ...]) -> Tuple[Fields, Fields]:
    """Return the message of a row and the keywords that were found in it. The caller's dict is left as it is."""
    if isinstance(msg, Mapping):
        message = dict(msg)
        keywords = {name: message.pop(name) for name in KEYWORDS if name in message}
    else:
        message, keywords = _interpolate(msg, args), {}
    if message.get(Message, 0) in ("", None):
        del message[Message]
    return message, keywords


def _interpolate(msg: object, args: Tuple[object, ...]) -> Fields:
    if not args:
        return {Message: msg}
    # A single mapping fills in "%(name)s", as in the standard library.
    values = args[0] if len(args) == 1 and isinstance(args[0], Mapping) and args[0] else args
    try:
        return {Message: str(msg) % values}
    except (TypeError, ValueError, KeyError):
        return {Message: msg, Arguments: list(args)}  # a wrong template costs the sentence, not the values


def name_of(keyword: str, value: Any) -> Any:
    """Return what a row shows for the value of a keyword: `PII` for the member, its number or its name."""
    names = KEYWORDS[keyword]
    if isinstance(value, IntEnum):
        return value.name
    if names is not None and isinstance(value, int):
        return next((member.name for member in names if member.value == value), value)
    return value


def write_record(
    standard: logging.Logger, level: int, location: Location, message: Fields, exc_info: Any, extra: Fields
) -> None:
    """Hand a record to the handlers of a logger of the standard library, as its own methods do."""
    if isinstance(exc_info, BaseException):
        exc_info = (type(exc_info), exc_info, exc_info.__traceback__)
    elif exc_info and not isinstance(exc_info, tuple):
        exc_info = sys.exc_info()
    file, line, function = location
    standard.handle(
        standard.makeRecord(standard.name, level, file, line, message, (), exc_info or None, function, extra)
    )


def share_formatter(
    logger: Any,
    handler: Optional[logging.Handler],
    stream: Any,
    formatter: Optional[BasePowertoolsFormatter],
    hook: Optional[Callable[[Any], Any]],
) -> None:
    """Give a new logger's own handler a formatter, and its formatter our serializer.

    Powertools sets up the first logger of a service and leaves later ones alone: their handler is never attached, and
    appending a key to them fails because that handler has no formatter.
    """
    standard: logging.Logger = logger._logger
    shared = _find_formatter(standard) or (_find_formatter(standard.parent) if logger.child else None)
    if handler is None and stream is not None and stream not in [getattr(h, "stream", None) for h in standard.handlers]:
        handler = logging.StreamHandler(stream)
    if handler is not None and handler not in standard.handlers:
        handler.setFormatter(formatter or shared or LambdaPowertoolsFormatter(service=logger.service))
        standard.addHandler(handler)
    own = handler.formatter if handler is not None else shared
    if isinstance(own, LambdaPowertoolsFormatter):
        _install_serializer(own, hook)


def _find_formatter(standard: Optional[logging.Logger]) -> Optional[BasePowertoolsFormatter]:
    formatters = (handler.formatter for handler in (standard.handlers if standard else ()))
    return next((found for found in formatters if isinstance(found, BasePowertoolsFormatter)), None)


def _install_serializer(formatter: LambdaPowertoolsFormatter, hook: Optional[Callable[[Any], Any]]) -> None:
    serializer: Any = formatter.json_serializer
    if not isinstance(serializer, RowSerializer):
        # A partial of json.dumps is Powertools' default; anything else was chosen by the user, who keeps it.
        if not (isinstance(serializer, functools.partial) and serializer.func is json.dumps):
            return
        chosen = formatter.json_default
        serializer = RowSerializer(indent=formatter.json_indent)
        formatter.json_serializer = serializer
        formatter.json_default = serializer.encoder
        hooks = [hook, chosen if chosen is not str else None]
    else:
        hooks = [hook]
    for each in hooks:
        if each is not None:
            serializer.add_hook(each)
