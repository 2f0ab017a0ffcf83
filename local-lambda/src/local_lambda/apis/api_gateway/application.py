"""API Gateway's Lambda proxy integration: the HTTP request of a route becomes an event, the answer a response.

An `Api` event of a template is a route of a REST API (payload format 1.0), an `HttpApi` event one of an HTTP API (2.0
unless the template says 1.0). Specification: https://docs.aws.amazon.com/apigateway/latest/developerguide/
set-up-lambda-proxy-integrations.html and http-api-develop-integrations-lambda.html. Stages, authorizers, models and
CORS are not here; what events and responses look like is in `events.py` and `responses.py`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote

from local_lambda.apis.api_gateway.events import http_api_event, rest_api_event
from local_lambda.apis.api_gateway.request import Request
from local_lambda.apis.api_gateway.responses import Malformed, Response, read_response
from local_lambda.apis.api_gateway.routes import Route
from local_lambda.apis.errors import answering_errors
from local_lambda.environment.documents import encode
from local_lambda.environment.invocation import Invocation, InvocationResponse
from local_lambda.errors import ApiError, Throttled
from local_lambda.events.identifiers import new_uuid
from local_lambda.http.server import JSON, Application, Exchange
from local_lambda.limits import MAX_EVENT_BYTES
from local_lambda.xray.header import new_tracing

TIMEOUT_SECONDS = {"1.0": 29.0, "2.0": 30.0}
"""How long API Gateway waits for the function; the invocation goes on after that."""


def api_gateway(routes: list[Route], notice: Callable[[str], None], otherwise: Application) -> Application:
    """The application of an Invoke port whose functions have routes; `otherwise` gets what begins with a version.

    `notice` is told, in one line, why the caller of a route gets an error that says nothing.
    """
    known = ", ".join(map(str, routes))
    rest = all(route.rest for route in routes)

    def app(exchange: Exchange) -> None:
        if re.match(rb"/20\d\d-\d\d-\d\d/", exchange.path):
            otherwise(exchange)
            return
        if exchange.incomplete:
            raise ApiError(400, "BadRequestException", "Bad Request")
        method, path = exchange.method.decode(), unquote(exchange.path.decode("latin-1"))
        for route in routes:
            found = route.pattern.fullmatch(path)
            if found and route.method in (method, "ANY"):
                _Call(route, Request(exchange, method, path, found.groupdict()), notice).invoke()
                return
        notice(f"{method} {path} is no route; the routes here: {known}")
        status, message = (403, "Missing Authentication Token") if rest else (404, "Not Found")
        exchange.respond(status, encode({"message": message}), JSON)

    return answering_errors(app, _internal_error)


def _internal_error(exchange: Exchange, error: ApiError) -> None:
    exchange.respond(error.status, encode({"message": error.message}), JSON)


class _Call:
    """One request on its way to a function and back."""

    def __init__(self, route: Route, request: Request, notice: Callable[[str], None]) -> None:
        self._route = route
        self._request = request
        self._notice = notice
        self._timer: asyncio.TimerHandle | None = None

    def invoke(self) -> None:
        """Make the event and send it to the function."""
        route, request = self._route, self._request
        function = route.pool.function
        incoming = request.exchange.header(b"x-amzn-trace-id")
        tracing = new_tracing(incoming.decode("latin-1") if incoming else None, function.tracing_active)
        make = http_api_event if route.payload_format == "2.0" else rest_api_event
        event = b"" if request.exchange.body_size > MAX_EVENT_BYTES else encode(make(request, route, tracing.header))
        if not 0 < len(event) <= MAX_EVENT_BYTES:
            reason = f"the event would be larger than the {MAX_EVENT_BYTES} bytes that a function takes"
            self._error(413, reason, "Request Too Long" if route.rest else "Request Entity Too Large")
            return
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(TIMEOUT_SECONDS[route.payload_format], self._timed_out)
        route.pool.invoke(Invocation(event, function.arn, tracing, self._answered), self._refused)

    def _answered(self, invocation: Invocation, answer: InvocationResponse) -> None:
        if self._over():
            return
        if answer.failed:
            self._fail("the function failed")
            return
        try:
            response = read_response(answer.payload, self._route)
        except Malformed as error:
            self._fail(f"the function's answer is no response: {error}")
            return
        self._respond(response, invocation)

    def _respond(self, response: Response, invocation: Invocation) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in self._headers(response, invocation))
        self._request.exchange.respond(response.status, response.body, lines.encode("utf-8", "replace"))

    def _headers(self, response: Response, invocation: Invocation) -> Iterator[tuple[str, str]]:
        yield from response.headers
        yield "x-amzn-RequestId" if self._route.rest else "apigw-requestid", new_uuid()
        if self._route.rest:
            yield "X-Amzn-Trace-Id", invocation.tracing.header

    def _refused(self, error: ApiError) -> None:
        if not self._over():
            limit = isinstance(error, Throttled)
            reason = "the function is at its limit of environments" if limit else error.message
            self._error(500, reason, "Internal server error")

    def _timed_out(self) -> None:
        self._timer = None
        seconds = TIMEOUT_SECONDS[self._route.payload_format]
        reason = f"no answer in {seconds:.0f} seconds, as long as API Gateway waits"
        if self._route.rest:
            self._error(504, reason, "Endpoint request timed out")
        else:
            self._error(503, reason, "Service Unavailable")

    def _fail(self, reason: str) -> None:
        if self._route.rest:
            self._error(502, reason, "Internal server error")
        else:
            self._error(500, reason, "Internal Server Error")

    def _error(self, status: int, reason: str, message: str) -> None:
        self._notice(f"{self._route}: status {status}, {reason}")
        self._request.exchange.respond(status, encode({"message": message}), JSON)

    def _over(self) -> bool:
        """Whether the caller has been told already that it took too long."""
        if self._timer is None:
            return True
        self._timer.cancel()
        return False
