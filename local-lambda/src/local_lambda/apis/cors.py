"""Cross-origin resource sharing, as function URLs and HTTP APIs have it: preflight requests and response headers.

Rules: https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html#urls-cors and
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html. The service answers preflight requests
without the function, and replaces what the function says about CORS.
"""

from __future__ import annotations

from local_lambda.functions.config import Cors
from local_lambda.http.head import Head

Pairs = list[tuple[str, str]]


def is_preflight(head: Head) -> bool:
    """Whether a browser asks with this request whether it may send another one."""
    return bool(head.method == b"OPTIONS" and head.header(b"origin") and head.header(b"access-control-request-method"))


def preflight_headers(cors: Cors, head: Head) -> Pairs:
    """The headers of the response to a preflight request; none if the page may not send its request."""
    method = head.header(b"access-control-request-method").decode("latin-1")
    headers = response_headers(cors, head)
    if not headers or not ({method, "*"} & set(cors.methods)):
        return []
    headers.append(("Access-Control-Allow-Methods", ",".join(cors.methods)))
    if cors.headers:
        headers.append(("Access-Control-Allow-Headers", ",".join(cors.headers)))
    if cors.max_age is not None:
        headers.append(("Access-Control-Max-Age", str(cors.max_age)))
    return headers


def response_headers(cors: Cors, head: Head) -> Pairs:
    """The headers of a response; none if the page that asked may not read it."""
    origin = head.header(b"origin").decode("latin-1")
    if not origin or not allows(cors, origin):
        return []
    anyone = "*" in cors.origins and not cors.credentials
    headers = [("Access-Control-Allow-Origin", "*" if anyone else origin)]
    if not anyone:
        headers.append(("Vary", "Origin"))
    if cors.credentials:
        headers.append(("Access-Control-Allow-Credentials", "true"))
    if cors.exposed:
        headers.append(("Access-Control-Expose-Headers", ",".join(cors.exposed)))
    return headers


def allows(cors: Cors, origin: str) -> bool:
    """Whether pages of `origin` may read responses."""
    return any(_matches(pattern.lower(), origin.lower()) for pattern in cors.origins)


def without_cors(headers: Pairs) -> Pairs:
    """What is left of a function's headers when the service has CORS settings."""
    return [(name, value) for name, value in headers if not name.lower().startswith("access-control-")]


def _matches(pattern: str, origin: str) -> bool:
    """`*` at the end of a pattern, or in place of a subdomain, stands for any text."""
    before, star, after = pattern.partition("*")
    if not star:
        return pattern == origin
    return origin.startswith(before) and origin.endswith(after) and len(origin) >= len(before) + len(after)
