"""From the body of a request to a validated model."""

from __future__ import annotations

import base64
from http import HTTPStatus
from typing import Any, Dict, List, Type

from ._errors import PyPwExtHTTPError


def parse(app: Any, model: Type[Any], envelope: Any = None) -> Any:
    """Return the request as model, see `PyPwExtService.parse`."""
    try:
        from pydantic import TypeAdapter, ValidationError
    except ImportError as error:
        message = "Parsing needs pydantic: pip install 'pypwext-decorators[models]'"
        raise PyPwExtHTTPError(message, code=HTTPStatus.INTERNAL_SERVER_ERROR) from error

    try:
        event = getattr(app, "current_event", app)
        event = getattr(event, "raw_event", event)
        if envelope is not None:
            from aws_lambda_powertools.utilities.parser import parse as parse_event

            return parse_event(event=event, model=model, envelope=envelope)
        adapter: TypeAdapter[Any] = TypeAdapter(model)
        body = _get_body(event)
        return adapter.validate_json(body) if isinstance(body, (str, bytes)) else adapter.validate_python(body)
    except ValidationError as error:
        details = _describe(error)
        message = "; ".join(f"{entry['loc'] or 'body'}: {entry['msg']}" for entry in details)
        raise PyPwExtHTTPError(message, code=HTTPStatus.BAD_REQUEST, details={"errors": details}) from error
    except Exception as error:
        message = f"The request could not be read: {type(error).__name__}"
        raise PyPwExtHTTPError(message, code=HTTPStatus.INTERNAL_SERVER_ERROR) from error


def _get_body(event: Any) -> Any:
    body = event.get("body")
    return base64.b64decode(body) if body and event.get("isBase64Encoded") else body


def _describe(error: Any) -> List[Dict[str, Any]]:
    # Without the values that were sent: the caller knows them, and readers of the log should not.
    return [
        {"loc": ".".join(str(part) for part in entry["loc"]), "msg": entry["msg"], "type": entry["type"]}
        for entry in error.errors()
    ]
