"""What a Lambda proxy integration makes of an HTTP request: the function's event. Nothing is sent here.

Formats: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html (1.0) and
http-api-develop-integrations-lambda.html (2.0).
"""

from __future__ import annotations

import base64
import re
import time
from typing import Any
from urllib.parse import parse_qsl

from local_lambda.apis.api_gateway.request import Request
from local_lambda.apis.api_gateway.routes import Route
from local_lambda.events.identifiers import new_uuid
from local_lambda.http.server import Exchange

API_ID = "local"
REST_STAGE, HTTP_STAGE = "Prod", "$default"
_TEXT = re.compile(r"text/|application/(json|javascript|xml)\b|[^;]*\+(json|xml)\b").match


def rest_api_event(request: Request, route: Route, trace_header: str) -> dict[str, Any]:
    """Payload format 1.0. A body that is not UTF-8 is Base64, as for a REST API that has binary media types."""
    exchange, now = request.exchange, time.time()
    headers = [*exchange.headers(), *_forwarded(exchange, trace_header)]
    query = parse_qsl(exchange.query.decode("latin-1"), keep_blank_values=True)
    body, encoded = _body(exchange.body, text=True)
    stage = REST_STAGE if route.rest else HTTP_STAGE
    identity = {"sourceIp": exchange.client, "userAgent": exchange.header(b"user-agent").decode("latin-1")}
    event: dict[str, Any] = {} if route.rest else {"version": "1.0"}
    return event | {
        "resource": route.template,
        "path": request.path,
        "httpMethod": request.method,
        "headers": dict(headers),
        "multiValueHeaders": _lists(headers),
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": _lists(query) or None,
        "pathParameters": dict(request.variables) or None,
        "stageVariables": None,
        "requestContext": {
            **_context(request, route, stage),
            "extendedRequestId": base64.b64encode(new_uuid().encode()[:11]).decode(),
            "httpMethod": request.method,
            "identity": identity,
            "path": f"/{stage}{request.path}" if route.rest else request.path,
            "protocol": "HTTP/1.1",
            "requestTime": _clock(now),
            "requestTimeEpoch": int(now * 1000),
            "resourceId": API_ID,
            "resourcePath": route.template,
        },
        "body": body,
        "isBase64Encoded": encoded,
    }


def http_api_event(request: Request, route: Route, trace_header: str) -> dict[str, Any]:
    """Payload format 2.0. What is absent from the request is absent from the event."""
    exchange, now = request.exchange, time.time()
    headers = [(name.lower(), value) for name, value in (*exchange.headers(), *_forwarded(exchange, trace_header))]
    cookies = [each for name, value in headers if name == "cookie" for each in value.split("; ")]
    query = parse_qsl(exchange.query.decode("latin-1"), keep_blank_values=True)
    content_type = exchange.header(b"content-type").decode("latin-1").lower()
    body, encoded = _body(exchange.body, text=bool(_TEXT(content_type)))
    event = {
        "version": "2.0",
        "routeKey": str(route),
        "rawPath": request.path,
        "rawQueryString": exchange.query.decode("latin-1"),
        "cookies": cookies,
        "headers": {name: ",".join(values) for name, values in _lists(headers).items() if name != "cookie"},
        "queryStringParameters": {name: ",".join(values) for name, values in _lists(query).items()},
        "requestContext": {
            **_context(request, route, HTTP_STAGE),
            "http": {
                "method": request.method,
                "path": request.path,
                "protocol": "HTTP/1.1",
                "sourceIp": exchange.client,
                "userAgent": exchange.header(b"user-agent").decode("latin-1"),
            },
            "routeKey": str(route),
            "time": _clock(now),
            "timeEpoch": int(now * 1000),
        },
        "pathParameters": dict(request.variables),
        "body": body,
    }
    return {name: value for name, value in event.items() if value or value == ""} | {"isBase64Encoded": encoded}


def _context(request: Request, route: Route, stage: str) -> dict[str, Any]:
    """What the request contexts of both formats have."""
    host = request.exchange.header(b"host").decode("latin-1")
    return {
        "accountId": route.pool.function.account_id,
        "apiId": API_ID,
        "domainName": host,
        "domainPrefix": host.partition(".")[0],
        "requestId": new_uuid(),
        "stage": stage,
    }


def _forwarded(exchange: Exchange, trace_header: str) -> list[tuple[str, str]]:
    """The headers that API Gateway adds."""
    root = trace_header.partition(";")[0]
    return [
        ("X-Amzn-Trace-Id", root),
        ("X-Forwarded-For", exchange.client),
        ("X-Forwarded-Port", exchange.port),
        ("X-Forwarded-Proto", "http"),
    ]


def _body(body: bytes, text: bool) -> tuple[str | None, bool]:
    """The body as an event has it, and whether that is Base64."""
    if not body:
        return None, False
    if text:
        try:
            return body.decode("utf-8"), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode(), True


def _lists(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _clock(seconds: float) -> str:
    return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(seconds))
