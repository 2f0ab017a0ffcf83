"""Errors that know their HTTP status, and a handler that collects them while the work continues.

    errors = PyPwExtErrorHandler()

    @errors.collect
    def reserve(item): ...          # raises PyPwExtErrorWithReturn: None is returned, the error is kept

    @errors.collect(root=True)
    def handler(event, context): ...    # all errors of this invocation meet here

Only errors derived from `PyPwExtError` are collected.
"""

from __future__ import annotations

from ._collecting import ErrorCollector, PyPwExtErrorHandler, StdErrorCollector, get_current_collector
from ._errors import (
    ErrorAction,
    PyPwExtError,
    PyPwExtErrorWithReturn,
    PyPwExtHTTPError,
    PyPwExtInternalError,
    StdPyPwExtError,
)
from ._public import publish

__all__ = [
    "ErrorAction",
    "ErrorCollector",
    "PyPwExtError",
    "PyPwExtErrorHandler",
    "PyPwExtErrorWithReturn",
    "PyPwExtHTTPError",
    "PyPwExtInternalError",
    "StdErrorCollector",
    "StdPyPwExtError",
    "get_current_collector",
]

publish(globals(), __all__)
