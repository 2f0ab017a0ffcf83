"""API Gateway's Lambda proxy integration: turns a route's HTTP request into an event, and what the function returns
into the response.

An `Api` event of a template is a route of a REST API (payload format 1.0), an `HttpApi` event one of an HTTP API (2.0
unless the template says 1.0). Specification: https://docs.aws.amazon.com/apigateway/latest/developerguide/
set-up-lambda-proxy-integrations.html and http-api-develop-integrations-lambda.html. Stages and models are not
supported. `events.py` and `responses.py` define events and responses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from time import perf_counter
from types import MappingProxyType

from local_lambda.apis.api_gateway.authorizers import LambdaAuthorizer
from local_lambda.apis.api_gateway.call import Call
from local_lambda.apis.api_gateway.cors import ApiCors
from local_lambda.apis.api_gateway.refusals import Refusal, refuse
from local_lambda.apis.api_gateway.routes import Routes
from local_lambda.apis.errors import answering_errors
from local_lambda.environment.documents import encode
from local_lambda.errors import ApiError
from local_lambda.http.server import JSON, Application, Exchange


def api_gateway(
    routes: Routes,
    say: Callable[[str, bool], None],
    otherwise: Application,
    cors: ApiCors | None = None,
    authorizers: Mapping[tuple[str, str | None], LambdaAuthorizer] = MappingProxyType({}),
) -> Application:
    """The application of an Invoke port whose functions have routes; `otherwise` gets paths that begin with a version.

    `say` gets a line for each request, and one with the reason for an error response that does not give the caller
    the reason; True marks the latter.
    """

    def notice(text: str) -> None:
        say(text, True)

    def app(exchange: Exchange) -> None:
        if re.match(rb"/20\d\d-\d\d-\d\d/", exchange.path):
            otherwise(exchange)
            return
        if exchange.incomplete:
            raise ApiError(400, "BadRequestException", "Bad Request")
        method, path = exchange.method.decode(), exchange.path.decode("latin-1")
        exchange.on_status = partial(_log_access, exchange, say)
        preflight = cors.preflight(exchange.head) if cors is not None else None
        if preflight is not None:
            exchange.respond(preflight[0], headers=preflight[1])
            return
        match = routes.find(method, path)
        if match is not None:
            route = match.route
            added = cors.added(route, exchange.head) if cors is not None else None
            Call(exchange, match, notice, added, authorizers.get((route.api, route.authorizer))).invoke()
            return
        notice(f"{method} {path} is not a route; the routes are: {routes}")
        reachable, _ = routes.reachable(path)
        refuse(exchange, Refusal.NO_ROUTE, rest=bool(reachable) and all(route.rest for route in reachable))

    return answering_errors(app, _internal_error)


def _log_access(exchange: Exchange, say: Callable[[str, bool], None], status: int) -> None:
    """One line: method, path as it was sent, status, and the milliseconds since the request began to arrive."""
    milliseconds = (perf_counter() - exchange.began) * 1000
    say(f"{exchange.method.decode()} {exchange.path.decode('latin-1')} {status} {milliseconds:.0f} ms", False)


def _internal_error(exchange: Exchange, error: ApiError) -> None:
    exchange.respond(error.status, encode({"message": error.message}), block=JSON)
