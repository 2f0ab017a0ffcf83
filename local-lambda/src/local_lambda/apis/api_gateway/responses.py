"""Turns what a function returns into the HTTP response of a Lambda proxy integration. Nothing is sent here.

Formats: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html (1.0) and
http-api-develop-integrations-lambda.html (2.0). What the pages leave open follows captured responses; the tests have
them.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from local_lambda.apis.api_gateway.malformed import Malformed, shown
from local_lambda.apis.api_gateway.response_headers import http_api_headers, rest_api_headers
from local_lambda.apis.api_gateway.routes import Route

WITHOUT_BODY = (204, 304)
"""Statuses whose responses have no body: a client would read a body as the next response."""

_REST_KEYS = ("isBase64Encoded", "statusCode", "headers", "multiValueHeaders", "body")


class Response(NamedTuple):
    """The response to the caller of a route."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def read_response(payload: bytes, route: Route, content_type: str = "text/plain; charset=utf-8") -> Response:
    """The response for what a function returned. Raises Malformed with the reason.

    `content_type` is for a response that names none; a REST API has another.
    """
    try:
        returned = json.loads(payload)
    except (ValueError, RecursionError):
        if route.payload_format == "2.0":
            return _inferred(payload)
        raise Malformed("it is not JSON") from None
    if route.rest:
        return _rest_api(returned)
    if route.payload_format == "2.0" and not (isinstance(returned, dict) and "statusCode" in returned):
        return _inferred(payload, returned)
    return _http_api(returned, content_type)


def _inferred(payload: bytes, returned: object = None) -> Response:
    """In format 2.0, a result without a status code is the body of a successful response; a string loses its quotes."""
    if isinstance(returned, dict) and "errorMessage" in returned:
        raise Malformed("an errorMessage without a statusCode is treated as a function error")
    body = returned.encode("utf-8", "surrogatepass") if isinstance(returned, str) else payload
    return Response(200, [("Content-Type", "application/json")], body)


def _rest_api(returned: object) -> Response:
    if not isinstance(returned, dict):
        raise Malformed("it is not a JSON object")
    unknown = [key for key in returned if key not in _REST_KEYS]
    if unknown:
        raise Malformed(f"{shown(unknown[0])} is not one of {', '.join(_REST_KEYS)}")
    status = returned.get("statusCode")
    return _response(
        200 if status is None else status_of(status), rest_api_headers(returned), returned, "application/json"
    )


def _http_api(returned: object, content_type: str) -> Response:
    if not isinstance(returned, dict):
        raise Malformed("it is not a JSON object")
    if returned.get("statusCode") is None:
        raise Malformed("statusCode is missing")
    status = status_of(returned["statusCode"])
    return _response(status, http_api_headers(returned), returned, content_type)


def _response(status: int, headers: list[tuple[str, str]], returned: Mapping[str, Any], content_type: str) -> Response:
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", content_type))
    body = _body(returned)
    return Response(status, headers, b"" if status in WITHOUT_BODY else body)


def status_of(status: object) -> int:
    """A status as a function returns it. Raises Malformed."""
    if isinstance(status, bool) or not re.fullmatch("[2-5][0-9][0-9]", str(status)):
        raise Malformed(f"statusCode is {shown(status)}, not a number from 200 to 599")
    return int(str(status))


def _body(returned: Mapping[str, Any]) -> bytes:
    body = returned.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise Malformed("body is not a string; encode it with json.dumps")
    if not returned.get("isBase64Encoded"):
        return body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("body is not Base64, as isBase64Encoded says") from None
