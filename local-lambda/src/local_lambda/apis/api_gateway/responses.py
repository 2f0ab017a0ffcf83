"""What a Lambda proxy integration makes of a function's answer. Nothing is sent here.

Formats: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html (1.0) and
http-api-develop-integrations-lambda.html (2.0).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from local_lambda.apis.api_gateway.routes import Route

_UNSAFE = re.compile(r"[\r\n\0]").search
_OURS = ("connection", "content-length", "transfer-encoding")
"""Headers of a response that only the server itself can know."""


class Malformed(Exception):
    """An answer of which no HTTP response can be made."""


class Response(NamedTuple):
    """What the caller of a route gets."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def read_response(payload: bytes, route: Route) -> Response:
    """The response in a function's answer. Raises Malformed, with the reason."""
    try:
        answer = json.loads(payload)
    except (ValueError, RecursionError):
        raise Malformed("it is not JSON") from None
    if route.payload_format == "2.0" and not (isinstance(answer, dict) and "statusCode" in answer):
        return Response(200, [("Content-Type", "application/json")], payload)
    if not isinstance(answer, dict):
        raise Malformed("it is not a JSON object")
    status = answer.get("statusCode")
    if isinstance(status, bool) or not re.fullmatch(r"[1-5]\d\d", str(status)):
        raise Malformed(f"statusCode is {json.dumps(status)}, not a number from 100 to 599")
    headers = _headers(answer)
    if not any(name.lower() == "content-type" for name, _ in headers):
        default = "application/json" if route.rest else "text/plain; charset=utf-8"
        headers.append(("Content-Type", default))
    return Response(int(str(status)), headers, _response_body(answer))


def _headers(answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    """`headers`, `multiValueHeaders` (which win) and `cookies`."""
    single, several, cookies = (answer.get(name) or {} for name in ("headers", "multiValueHeaders", "cookies"))
    if not isinstance(single, dict) or not isinstance(several, dict) or not isinstance(cookies or [], list):
        raise Malformed("headers and multiValueHeaders have to be objects, cookies a list")
    repeated = {name.lower() for name in several}
    pairs = [(name, value) for name, value in single.items() if name.lower() not in repeated]
    for name, values in several.items():
        pairs += [(name, value) for value in (values if isinstance(values, list) else [values])]
    pairs += [("Set-Cookie", value) for value in cookies]
    texts = [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in pairs]
    for name, value in texts:
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or _UNSAFE(value):
            raise Malformed(f"{json.dumps(name)} is no header that can be sent")
    return [(name, value) for name, value in texts if name.lower() not in _OURS]


def _response_body(answer: Mapping[str, Any]) -> bytes:
    body = answer.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise Malformed("body is not a string; encode it with json.dumps")
    if not answer.get("isBase64Encoded"):
        return body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("body is not Base64, as isBase64Encoded says") from None
