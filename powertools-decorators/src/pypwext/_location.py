"""Where a log row comes from: the line of the caller, not of this library or of a decorator's wrapper."""

from __future__ import annotations

import logging
import os
import sys
from types import FrameType, TracebackType
from typing import Any, Optional, Tuple

Location = Tuple[str, int, str]  # file, line, function

# Carries the location from our logging methods through those of Powertools to the record.
RECORD_KEY = "_pypwext_location"

_POWERTOOLS = "aws_lambda_powertools"

# What lies between code that sends a request and the transport: the client, and what the X-Ray SDK wraps around it.
_CARRIERS = frozenset({"requests", "urllib3", "aws_xray_sdk", "wrapt"})

_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def _is_ours(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_HERE)


def find_caller(stacklevel: int = 1) -> Location:
    """Return the stacklevel-th frame above this package and Powertools: 1 is the code that called them."""
    frame: Optional[FrameType] = sys._getframe(1)
    while frame is not None and (_is_ours(frame) or _get_package(frame) == _POWERTOOLS):
        frame = frame.f_back
    while stacklevel > 1 and frame is not None and frame.f_back is not None:
        frame = frame.f_back
        stacklevel -= 1
    return _describe(frame)


def _describe(frame: Optional[FrameType]) -> Location:
    if frame is None:
        return "(unknown file)", 0, "(unknown function)"
    return frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name


def find_requester() -> Location:
    """Return the line that sent a request: the first one above this package and the libraries that carry requests."""
    frame: Optional[FrameType] = sys._getframe(1)
    while frame is not None and (_is_ours(frame) or _get_package(frame) in _CARRIERS):
        frame = frame.f_back
    return _describe(frame)


def _get_package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def find_creator() -> str:
    """Return the name of the module that creates a logger: the first one above this package and Powertools."""
    frame: Optional[FrameType] = sys._getframe(1)
    while frame is not None and (_is_ours(frame) or _get_package(frame) == _POWERTOOLS):
        frame = frame.f_back
    return str(frame.f_globals.get("__name__", "unknown")) if frame is not None else "unknown"


def find_raiser(error: BaseException) -> Optional[Location]:
    """Return the line of the decorated function that an exception came through; None when it never got there."""
    traceback: Optional[TracebackType] = error.__traceback__
    while traceback is not None and _is_ours(traceback.tb_frame):
        traceback = traceback.tb_next
    if traceback is None:
        return None
    code = traceback.tb_frame.f_code
    return code.co_filename, traceback.tb_lineno, code.co_name


class Relocate(logging.Filter):
    """Moves the location from the record's extra fields to where formatters look for it. Lets every record pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        location: Any = record.__dict__.pop(RECORD_KEY, None)
        if location is not None:
            record.pathname, record.lineno, record.funcName = location
            record.filename = record.pathname.rpartition(os.sep)[2]
            record.module = record.filename.partition(".")[0]
        return True
