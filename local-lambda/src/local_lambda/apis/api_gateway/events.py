"""Turns an HTTP request into the event of a Lambda proxy integration. Nothing is sent here.

Formats: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html (1.0) and
http-api-develop-integrations-lambda.html (2.0). What the pages leave open follows captured events; the tests have them.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from local_lambda.apis.api_gateway.request import REST_STAGE, Request, lists

_TEXT = re.compile(r"text/|application/(json|javascript|xml)\b|[^;]*\+(json|xml)\b").match

_NOT_IN_REST_EVENTS = frozenset(
    """
    connection content-length content-md5 expect max-forwards proxy-authenticate server te trailer transfer-encoding
    upgrade www-authenticate
    """.split()
)
"""Request headers that a function behind a REST API does not get. `Content-Length` was captured; the others are in
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html.
"""

_SPELLED = {"authorization": "Authorization", "user-agent": "User-Agent"}
"""Headers that a REST API respells; all others stay as the client wrote them."""

_IDENTITY = dict.fromkeys(
    """
    accessKey accountId caller cognitoAuthenticationProvider cognitoAuthenticationType cognitoIdentityId
    cognitoIdentityPoolId principalOrgId user userArn
    """.split()
)
"""The caller's identity in an API with an authorizer; null here."""


def event_of(request: Request, payload_format: str | None = None) -> dict[str, Any]:
    """The event of a request, in the payload format of its route, or in another one of its API."""
    if (payload_format or request.route.payload_format) == "2.0":
        return _format_2_0(request)
    return _rest_api_event(request) if request.route.rest else _http_api_event(request)


def _rest_api_event(request: Request) -> dict[str, Any]:
    """Payload format 1.0. A body that is not UTF-8 is Base64, as in a REST API with binary media types.

    Neither path is decoded. Only the one in the request context keeps repeated slashes at the beginning.
    """
    headers = [(_SPELLED.get(name.lower(), name), value) for name, value in request.headers()]
    kept = [(name, value) for name, value in headers if name.lower() not in _NOT_IN_REST_EVENTS]
    context = {
        "deploymentId": "local",
        "path": f"/{REST_STAGE}{request.path}",
        "resourceId": "local",
        "userAgent": request.user_agent or None,
    }
    return _format_1_0(request, "/" + request.path.lstrip("/"), kept, context, text=True)


def _http_api_event(request: Request) -> dict[str, Any]:
    """Payload format 1.0 of an HTTP API: only `path` keeps its percent-encoding."""
    context = {
        "path": unquote(request.path),
        "resourceId": str(request.route),
        "userAgent": request.user_agent,
    }
    event = _format_1_0(request, request.path, request.headers(), context, text=_is_text(request))
    return {"version": "1.0"} | event


def _format_1_0(
    request: Request, path: str, headers: list[tuple[str, str]], context: dict[str, Any], text: bool
) -> dict[str, Any]:
    body, encoded = request.body(text)
    identity = _IDENTITY | {"sourceIp": request.exchange.client, "userAgent": context.pop("userAgent")}
    return {
        "resource": request.route.template,
        "path": path,
        "httpMethod": request.method,
        "headers": dict(headers),
        "multiValueHeaders": lists(headers),
        "queryStringParameters": dict(request.query) or None,
        "multiValueQueryStringParameters": lists(request.query) or None,
        "pathParameters": dict(request.variables) or None,
        "stageVariables": None,
        "requestContext": {
            **request.context(),
            "extendedRequestId": request.ids.extended,
            "httpMethod": request.method,
            "identity": identity,
            "protocol": "HTTP/1.1",
            "requestTime": request.time_text(),
            "requestTimeEpoch": int(request.received * 1000),
            "resourcePath": request.route.template,
            **context,
        },
        "body": body,
        "isBase64Encoded": encoded,
    }


def _format_2_0(request: Request) -> dict[str, Any]:
    """Payload format 2.0: paths are decoded, and parts missing from the request are missing from the event.

    A function URL, which has this format too, leaves paths as they were sent (`function_url/application.py`).
    """
    path = unquote(request.path)
    headers = [(name.lower(), value) for name, value in request.headers()]
    cookies = [each for name, value in headers if name == "cookie" for each in value.split("; ")]
    body, encoded = request.body(_is_text(request))
    event = {
        "version": "2.0",
        "routeKey": str(request.route),
        "rawPath": path,
        "rawQueryString": request.query_string,
        "cookies": cookies,
        "headers": {name: ",".join(values) for name, values in lists(headers).items() if name != "cookie"},
        "queryStringParameters": {name: ",".join(values) for name, values in lists(request.query).items()},
        "requestContext": {
            **request.context(),
            "http": {
                "method": request.method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": request.exchange.client,
                "userAgent": request.user_agent,
            },
            "routeKey": str(request.route),
            "time": request.time_text(),
            "timeEpoch": int(request.received * 1000),
        },
        "pathParameters": dict(request.variables),
        "body": body,
    }
    return {name: value for name, value in event.items() if value or value == ""} | {"isBase64Encoded": encoded}


def _is_text(request: Request) -> bool:
    """Whether an HTTP API passes the body as text, by its `Content-Type`."""
    return bool(_TEXT(request.header(b"content-type").lower()))
