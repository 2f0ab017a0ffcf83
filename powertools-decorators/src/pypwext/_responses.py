"""From a service's answer and the errors of an invocation to status and body. Knows nothing of Lambda or gateways."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from http import HTTPStatus
from typing import Any, Dict, Iterable, List, Optional, Union

from ._conversions import convert
from ._errors import Code, PyPwExtError, to_status
from .base import Error, Return


class ResponseType(IntEnum):
    """Who gets the response."""

    API_GATEWAY_REST = 1
    API_GATEWAY_HTTP = 2
    ALB = 3


class PyPwExtResponse:
    """What a service answers; `PyPwExtService.response` and `.handler` turn it into a response.

    Args:
        status_code: Stays as it is unless it is a 2xx and there are errors.
        content_type: Of the body; a `Content-Type` among headers wins.
        body: str and bytes are sent as they are, any other value as JSON.
        headers: Further headers; a list gives a header several times.
        error: One error or several that belong to this response, in addition to those a collector has.
        kwargs: Become keys of the body. A body that has no keys (a list, say) becomes the key `return` next to them.
    """

    def __init__(
        self,
        status_code: Code = HTTPStatus.OK,
        content_type: Optional[str] = "application/json",
        body: Any = None,
        headers: Optional[Mapping[str, Any]] = None,
        error: Union[PyPwExtError, Iterable[PyPwExtError], None] = None,
        **kwargs: Any,
    ) -> None:
        self._status_code = to_status(status_code)
        self._content_type = content_type
        self._body = {**_to_object(body), **kwargs} if kwargs else body
        self._headers = headers
        self._error = [error] if isinstance(error, PyPwExtError) else list(error or [])

    @property
    def status_code(self) -> Code:
        """The status: an `HTTPStatus`, or a number when it is not a registered one."""
        return self._status_code

    @property
    def content_type(self) -> Optional[str]:
        """The type of the body."""
        return self._content_type

    @property
    def body(self) -> Any:
        """The body, before it is encoded."""
        return self._body

    @property
    def headers(self) -> Optional[Mapping[str, Any]]:
        """The further headers."""
        return self._headers

    @property
    def error(self) -> List[PyPwExtError]:
        """The errors that belong to this response."""
        return self._error

    def dict(self) -> Dict[str, Any]:
        """Return the response as a dict, its errors merged into the body."""
        return {
            "status_code": int(self._status_code),
            "content_type": self._content_type,
            "body": merge_errors(self._body, self._error),
            "headers": self._headers,
        }


def _to_object(body: Any) -> Dict[str, Any]:
    """Return body as something that keys can be added to."""
    if body is None:
        return {}
    if not isinstance(body, (str, bytes, Mapping, list, tuple, int, float)):
        body = convert(body)  # a model or a dataclass
    return dict(body) if isinstance(body, Mapping) else {Return: body}


def merge_errors(body: Any, errors: List[PyPwExtError]) -> Any:
    """Return body with the key `error`: an object for one error, a list for several; body itself without errors.

    Text and bytes make way for the errors, because they have no place for them. An `error` the service has put into the
    body comes first.
    """
    if not errors:
        return body
    merged = {} if isinstance(body, (str, bytes)) else _to_object(body)
    # What to do about an error is a matter between this function and its own code, so the action stays here.
    shown: List[Any] = [{key: value for key, value in error.dict().items() if key != "action"} for error in errors]
    own = merged.get(Error)
    if own is not None:
        shown = [*(own if isinstance(own, list) else [own]), *shown]
    merged[Error] = shown[0] if len(shown) == 1 else shown
    return merged


def choose_status(own: Code, errors: List[PyPwExtError], code_from_error: bool) -> int:
    """Return the status of a response: the highest of the errors' codes, unless own is already an error."""
    if not errors or not code_from_error or not HTTPStatus.OK <= own < HTTPStatus.MULTIPLE_CHOICES:
        return int(own)
    return max(int(error.code) for error in errors)
