"""The error types. Their public home is `pypwext.errors`, with the collectors and the decorator."""

from __future__ import annotations

from enum import IntEnum
from http import HTTPStatus
from typing import Any, Callable, Dict, Optional, Union

from .base import Classification, InfoClassification, Message
from .encoders import dumps

Code = Union[HTTPStatus, int]


class ErrorAction(IntEnum):
    """What the code that meets an error should do with it.

    Under a collector INDECISIVE is treated as CONTINUE: the error is collected and not raised.
    """

    INDECISIVE = 0
    RAISE = 1
    CONTINUE = 2


def to_status(code: Code) -> Code:
    """Return code as HTTPStatus when it is a registered one, else as the plain number it is (such as 599)."""
    try:
        return HTTPStatus(code)
    except ValueError:
        return int(code)


class PyPwExtError(Exception):
    """The base of all errors that can be collected, logged and answered.

    Raise one of the subclasses, or derive from this and override the properties.
    """

    @property
    def code(self) -> Code:
        """The HTTP status that says what went wrong."""
        return HTTPStatus.INTERNAL_SERVER_ERROR

    @property
    def action(self) -> ErrorAction:
        """What the code that meets the error should do."""
        return ErrorAction.RAISE

    @property
    def message(self) -> str:
        """What went wrong, for people."""
        return super().__str__()

    @property
    def classification(self) -> InfoClassification:
        """How sensitive message and details are."""
        return InfoClassification.NA

    @property
    def details(self) -> Optional[Dict[str, Any]]:
        """What helps to understand this one error, such as the order it is about."""
        return None

    def dict(self) -> Dict[str, Any]:
        """Return the error as the dict that is logged and answered; details are left out when there are none."""
        rendered: Dict[str, Any] = {
            "code": int(self.code),
            "action": self.action.name,
            Message: self.message,
            Classification: self.classification.name,
        }
        if self.details:
            rendered["details"] = self.details
        return rendered

    def json(self, default: Optional[Callable[[Any], Any]] = None) -> str:
        """Return `dict()` as JSON text; default is asked first for values JSON does not know."""
        return dumps(self.dict(), default)

    def __str__(self) -> str:
        return self.message

    def __repr__(self) -> str:
        code = self.code.name if isinstance(self.code, HTTPStatus) else self.code
        return (
            f"{type(self).__name__}(code={code}, action={self.action.name}, message={self.message!r}, "
            f"classification={self.classification.name}, details={self.details!r})"
        )


class StdPyPwExtError(PyPwExtError):
    """The error for everyday use: the properties of `PyPwExtError`, given when it is raised."""

    def __init__(
        self,
        message: str,
        code: Code = HTTPStatus.BAD_REQUEST,
        action: ErrorAction = ErrorAction.RAISE,
        classification: InfoClassification = InfoClassification.NA,
        details: Optional[Dict[str, Any]] = None,
    ) -> None:
        super().__init__(message)
        self._message = message
        self._code = to_status(code)
        self._action = action
        self._classification = classification
        self._details = details

    @property
    def code(self) -> Code:
        return self._code

    @property
    def action(self) -> ErrorAction:
        return self._action

    @property
    def message(self) -> str:
        return self._message

    @property
    def classification(self) -> InfoClassification:
        return self._classification

    @property
    def details(self) -> Optional[Dict[str, Any]]:
        return self._details


class PyPwExtHTTPError(StdPyPwExtError):
    """A call over HTTP or to a Lambda function failed.

    `response_body` is the text that came back, `response` the whole response. Each is None without a response.
    Neither is part of `dict()`, because what another service says is not always fit for one's own caller.
    """

    def __init__(
        self,
        message: str,
        code: Code = HTTPStatus.BAD_REQUEST,
        action: ErrorAction = ErrorAction.RAISE,
        classification: InfoClassification = InfoClassification.NA,
        details: Optional[Dict[str, Any]] = None,
        response_body: Optional[str] = None,
        response: Any = None,
    ) -> None:
        super().__init__(message, code, action, classification, details)
        self.response_body = response_body
        self.response = response


class PyPwExtInternalError(StdPyPwExtError):
    """The service itself is at fault: a missing setting, a template that names an unknown argument."""

    def __init__(
        self,
        message: str,
        code: Code = HTTPStatus.INTERNAL_SERVER_ERROR,
        action: ErrorAction = ErrorAction.RAISE,
        classification: InfoClassification = InfoClassification.NA,
        details: Optional[Dict[str, Any]] = None,
    ) -> None:
        super().__init__(message, code, action, classification, details)


class PyPwExtErrorWithReturn(StdPyPwExtError):
    """Something went wrong, and yet there is a value: under a collector the function returns `return_value`.

    The value is not part of `dict()`.
    """

    def __init__(
        self,
        message: str,
        return_value: Any = None,
        code: Code = HTTPStatus.BAD_REQUEST,
        action: ErrorAction = ErrorAction.CONTINUE,
        classification: InfoClassification = InfoClassification.NA,
        details: Optional[Dict[str, Any]] = None,
    ) -> None:
        super().__init__(message, code, action, classification, details)
        self._return_value = return_value

    @property
    def return_value(self) -> Any:
        """What the function returns in place of its result."""
        return self._return_value
