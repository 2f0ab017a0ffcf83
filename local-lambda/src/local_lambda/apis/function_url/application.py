"""The application of one function URL: a request becomes an event, and what the function returns the response.

Formats: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html. Event and response are those of payload
format 2.0, which HTTP APIs have as well. A URL has other paths, ids, content types and errors than an HTTP API, as
captured in TestLambdaURL and TestLambdaPermissions of
https://github.com/localstack/localstack/blob/main/tests/aws/services/lambda_/test_lambda.snapshot.json and, for paths,
https://github.com/middleapi/standard-server/pull/93. On AWS a URL has its own host name; here it has its own port.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from email.utils import formatdate
from functools import partial
from hashlib import sha256
from time import time
from typing import Any

from local_lambda.apis.api_gateway.events import event_of
from local_lambda.apis.api_gateway.malformed import Malformed
from local_lambda.apis.api_gateway.request import Request
from local_lambda.apis.api_gateway.responses import read_response
from local_lambda.apis.api_gateway.routes import Match, Route
from local_lambda.apis.cors import Pairs, allows, is_preflight, preflight_headers, response_headers, without_cors
from local_lambda.apis.errors import answering_errors
from local_lambda.apis.function_url.streamed import StreamedResponse
from local_lambda.apis.invocations import error_body
from local_lambda.environment.documents import encode
from local_lambda.environment.invocation import Invocation, InvocationResponse, OnResponse
from local_lambda.errors import ApiError
from local_lambda.events.identifiers import new_uuid
from local_lambda.functions.config import ApiRoute, FunctionUrl
from local_lambda.http.head import Head
from local_lambda.http.server import JSON, Application, Exchange
from local_lambda.limits import MAX_EVENT_BYTES
from local_lambda.service.pool import EnvironmentPool
from local_lambda.xray.header import new_tracing

Notice = Callable[[str], None]
CONTENT_TYPE = "application/json"
"""The content type of a response that names none."""
CHALLENGE = "www-authenticate"
"""The header of a response that a URL renames, as a REST API does; an HTTP API passes it on. Source:
https://zenn.dev/praha/articles/d6b3e263e38786."""
FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)
_SIGNED = re.compile(
    rb"AWS4-HMAC-SHA256 Credential=([^/,\s]{1,128})/\d{8}/[a-z0-9-]+/lambda/aws4_request\b.*Signature="
).match
_PRESIGNED = re.compile(rb"(?:^|&)X-Amz-Credential=([^&%]+)%2F\d{8}%2F[a-z0-9-]+%2Flambda%2Faws4_request(?:&|$)").search


def url_id(arn: str) -> str:
    """The id of a function's URL: on AWS it is random, here it stays the same."""
    return sha256(arn.encode()).hexdigest()[:32]


class FunctionUrlApplication:
    """The application of one URL, whose settings are `url`.

    It invokes `arn`, a function or an alias, in the pool that `choose` returns for each request. `notice` gets the
    reason for an error response that does not give the caller one.
    """

    def __init__(self, arn: str, choose: Callable[[], EnvironmentPool], url: FunctionUrl, notice: Notice) -> None:
        self.change(url)
        self._arn = arn
        self._choose = choose
        self._notice = notice
        self._route = self._route_to(choose())
        self.serve: Application = answering_errors(self._serve, _refuse)

    def change(self, url: FunctionUrl) -> None:
        """Serve with these settings from now on; `changed` is when that was (seconds since the epoch)."""
        self.url, self.changed = url, time()

    def lets_in(self, head: Head) -> bool:
        """Whether a request of another site's page is served: the CORS settings say so."""
        cors = self.url.cors
        return cors is not None and allows(cors, head.header(b"origin").decode("latin-1"))

    def _serve(self, exchange: Exchange) -> None:
        if exchange.incomplete:
            raise ApiError(400, "InvalidRequestContentException", "the request body ended too early")
        cors = self.url.cors
        if cors is not None and is_preflight(exchange.head):
            exchange.respond(200, headers=preflight_headers(cors, exchange.head))
            return
        pool = self._choose()
        if pool is not self._route.pool:
            self._route = self._route_to(pool)
        _Call(exchange, self._arn, self._route, self.url, self._notice).invoke()

    def _route_to(self, pool: EnvironmentPool) -> Route:
        return Route(ApiRoute("ANY", "$default", "2.0", False, url_id(self._arn)), pool)


class _Call:
    """One request."""

    def __init__(self, exchange: Exchange, arn: str, route: Route, url: FunctionUrl, notice: Notice) -> None:
        self._exchange = exchange
        self._arn = arn
        self._route = route
        self._url = url
        self._notice = notice

    def invoke(self) -> None:
        """Invoke the function with the request's event. Raises ApiError."""
        exchange, pool = self._exchange, self._route.pool
        identity = None
        if self._url.auth_type == "AWS_IAM":
            identity = _identity(exchange, pool.function.account_id)
        incoming = exchange.header(b"x-amzn-trace-id").decode("latin-1") or None
        tracing = new_tracing(incoming, pool.function.tracing_active)
        path = exchange.path.decode("latin-1")
        event = event_of(Request(exchange, Match(self._route, path, {}), tracing.header))
        context = event["requestContext"]
        event["rawPath"] = context["http"]["path"] = path  # not decoded, other than in an HTTP API
        request_id = context["requestId"] = new_uuid()
        context["accountId"] = "anonymous"
        if identity is not None:
            context |= {"accountId": identity["accountId"], "authentication": None, "authorizer": {"iam": identity}}
        payload = b"" if exchange.body_size > MAX_EVENT_BYTES else encode(event)
        if not 0 < len(payload) <= MAX_EVENT_BYTES:
            raise ApiError(413, "RequestEntityTooLargeException", "Request Entity Too Large")
        complete = self._buffered
        invocation = Invocation(payload, self._arn, tracing, request_id=request_id)
        if self._url.invoke_mode == "RESPONSE_STREAM":
            response = StreamedResponse(exchange, self._headers, self._failed)
            invocation.sink, complete = response, response.complete
        invocation.on_response = partial(self._complete, complete)
        pool.invoke(invocation, lambda error: _refuse(exchange, error))

    def _complete(self, complete: OnResponse, invocation: Invocation, answer: InvocationResponse) -> None:
        if invocation.refusal is not None:
            _refuse(self._exchange, invocation.refusal)
        else:
            complete(invocation, answer)

    def _buffered(self, invocation: Invocation, answer: InvocationResponse) -> None:
        if answer.failed:
            self._failed("the function failed")
            return
        try:
            response = read_response(answer.payload, self._route, CONTENT_TYPE)
        except Malformed as error:
            self._failed(f"the function's response is malformed: {error}")
        else:
            self._exchange.respond(response.status, response.body, self._headers(invocation, response.headers))

    def _headers(self, invocation: Invocation, headers: Pairs) -> Pairs:
        """The function's headers, and those that the service adds."""
        if self._url.cors is not None:
            headers = [*without_cors(headers), *response_headers(self._url.cors, self._exchange.head)]
        if not any(name.lower() == "date" for name, _ in headers):
            headers = [*headers, ("Date", formatdate(usegmt=True))]
        return [
            *((f"x-amzn-Remapped-{name}" if name.lower() == CHALLENGE else name, value) for name, value in headers),
            ("x-amzn-RequestId", invocation.request_id),
            ("X-Amzn-Trace-Id", invocation.tracing.header.partition(";Lineage")[0]),
        ]

    def _failed(self, why: str) -> None:
        self._notice(f"the URL of {self._route.pool.function.name}: status 502, {why}")
        headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", "InternalServerErrorException")]
        if self._url.cors is not None:
            headers += response_headers(self._url.cors, self._exchange.head)
        self._exchange.respond(502, b"Internal Server Error", headers)


def _identity(exchange: Exchange, account: str) -> dict[str, Any]:
    """The caller, as a signed request names it. Raises ApiError for a request without a signature (Version 4).

    Signatures are not checked: there are no secrets here that they could be made with.
    """
    signed = _SIGNED(exchange.header(b"authorization")) or _PRESIGNED(exchange.query)
    if signed is None:
        raise ApiError(403, "AccessDeniedException", FORBIDDEN)
    return {
        "accessKey": signed[1].decode("latin-1"),
        "accountId": account,
        "callerId": "local-lambda",
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": f"arn:aws:iam::{account}:user/local-lambda",
        "userId": "local-lambda",
    }


def _refuse(exchange: Exchange, error: ApiError) -> None:
    if error.error_type in ("AccessDeniedException", "RequestEntityTooLargeException"):
        body = encode({"Message": error.message})
    else:
        body = error_body(error)
    headers = [("x-amzn-ErrorType", error.error_type), ("x-amzn-RequestId", new_uuid())]
    exchange.respond(error.status, body, headers, JSON)
