"""Events of HTTP requests: API Gateway's REST and HTTP APIs, function URLs and Application Load Balancers.

Shapes: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html,
http-api-develop-integrations-lambda.html, https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html and
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import urlencode

from local_lambda.samples.origin import Origin, new_hex, new_id

Event = dict[str, Any]
CLIENT, AGENT = "127.0.0.1", "curl/8.5.0"


class Sample(NamedTuple):
    """One request. `query` and `headers` are pairs in order; a name may occur several times."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: str | None = None

    def all_headers(self, host: str) -> tuple[tuple[str, str], ...]:
        """The headers that a client and a front end send, and after them the request's own; names in lower case."""
        usual = {
            "accept": "*/*",
            "host": host,
            "user-agent": AGENT,
            "x-amzn-trace-id": f"Root=1-{new_hex(8)}-{new_hex(24)}",
            "x-forwarded-for": CLIENT,
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        }
        if self.body is not None:
            usual["content-type"] = "application/json"
        own = tuple((name.lower(), value) for name, value in self.headers)
        named = {name for name, _ in own}
        return (*((name, value) for name, value in usual.items() if name not in named), *own)


def _last(pairs: tuple[tuple[str, str], ...]) -> dict[str, str] | None:
    return dict(pairs) or None


def _all(pairs: tuple[tuple[str, str], ...]) -> dict[str, list[str]] | None:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found or None


def _joined(pairs: tuple[tuple[str, str], ...]) -> dict[str, str]:
    return {name: ",".join(values) for name, values in (_all(pairs) or {}).items()}


def rest_api(origin: Origin, request: Sample) -> Event:
    """A REST API with the route `/{proxy+}`: payload format 1.0."""
    api = new_hex(10)
    host = f"{api}.execute-api.{origin.region}.amazonaws.com"
    headers = request.all_headers(host)
    proxy = request.path.strip("/")
    return {
        "resource": "/{proxy+}" if proxy else "/",
        "path": request.path,
        "httpMethod": request.method,
        "headers": _last(headers),
        "multiValueHeaders": _all(headers),
        "queryStringParameters": _last(request.query),
        "multiValueQueryStringParameters": _all(request.query),
        "pathParameters": {"proxy": proxy} if proxy else None,
        "stageVariables": None,
        "requestContext": {
            "accountId": origin.account,
            "apiId": api,
            "domainName": host,
            "domainPrefix": api,
            "extendedRequestId": new_hex(15),
            "httpMethod": request.method,
            "identity": {
                "accessKey": None,
                "accountId": None,
                "caller": None,
                "cognitoAuthenticationProvider": None,
                "cognitoAuthenticationType": None,
                "cognitoIdentityId": None,
                "cognitoIdentityPoolId": None,
                "principalOrgId": None,
                "sourceIp": CLIENT,
                "user": None,
                "userAgent": AGENT,
                "userArn": None,
            },
            "path": f"/Prod{request.path}",
            "protocol": "HTTP/1.1",
            "requestId": new_id(),
            "requestTime": origin.clock(),
            "requestTimeEpoch": origin.milliseconds,
            "resourceId": new_hex(6),
            "resourcePath": "/{proxy+}" if proxy else "/",
            "stage": "Prod",
        },
        "body": request.body,
        "isBase64Encoded": False,
    }


def http_api(origin: Origin, request: Sample) -> Event:
    """An HTTP API with the route `$default`: payload format 2.0."""
    api = new_hex(10)
    event = _format_2(origin, request, f"{api}.execute-api.{origin.region}.amazonaws.com", api)
    if request.path.strip("/"):
        event["pathParameters"] = {"proxy": request.path.strip("/")}
    return event


def function_url(origin: Origin, request: Sample) -> Event:
    """A function URL with the authentication type NONE: payload format 2.0."""
    url = new_hex(32)
    event = _format_2(origin, request, f"{url}.lambda-url.{origin.region}.on.aws", url)
    event["requestContext"]["accountId"] = "anonymous"
    return event


def _format_2(origin: Origin, request: Sample, host: str, api: str) -> Event:
    headers = request.all_headers(host)
    cookies = [part.strip() for name, value in headers if name == "cookie" for part in value.split(";")]
    event: Event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": request.path,
        "rawQueryString": urlencode(request.query),
        "headers": _joined(tuple(pair for pair in headers if pair[0] != "cookie")),
        "requestContext": {
            "accountId": origin.account,
            "apiId": api,
            "domainName": host,
            "domainPrefix": api,
            "http": {
                "method": request.method,
                "path": request.path,
                "protocol": "HTTP/1.1",
                "sourceIp": CLIENT,
                "userAgent": AGENT,
            },
            "requestId": new_id(),
            "routeKey": "$default",
            "stage": "$default",
            "time": origin.clock(),
            "timeEpoch": origin.milliseconds,
        },
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = cookies
    if request.query:
        event["queryStringParameters"] = _joined(request.query)
    if request.body is not None:
        event["body"] = request.body
    return event


def alb(origin: Origin, request: Sample) -> Event:
    """An Application Load Balancer whose target group has no multi-value headers."""
    group = origin.arn("elasticloadbalancing", f"targetgroup/local/{new_hex(16)}")
    return {
        "requestContext": {"elb": {"targetGroupArn": group}},
        "httpMethod": request.method,
        "path": request.path,
        "queryStringParameters": dict(request.query),
        "headers": _last(request.all_headers(f"local-1234567890.{origin.region}.elb.amazonaws.com")),
        "body": request.body or "",
        "isBase64Encoded": False,
    }
