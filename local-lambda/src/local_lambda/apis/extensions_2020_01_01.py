"""Extensions API, version 2020-01-01: the requests of external and internal extensions to their environment.

Specification: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html.
"""

from __future__ import annotations

from functools import partial

from local_lambda.apis.router import Routes
from local_lambda.environment.documents import encode
from local_lambda.environment.environment import ExecutionEnvironment
from local_lambda.http.server import JSON, Exchange

PREFIX = b"/2020-01-01/extension/"
_STATUS_OK = b'{"status":"OK"}\n'


def routes(environment: ExecutionEnvironment) -> Routes:
    """The verbs of one environment."""
    return {
        ("POST", "/2020-01-01/extension/register"): partial(_register, environment),
        ("GET", "/2020-01-01/extension/event/next"): partial(_next, environment),
        ("POST", "/2020-01-01/extension/init/error"): partial(_failed, environment, "init/error"),
        ("POST", "/2020-01-01/extension/exit/error"): partial(_failed, environment, "exit/error"),
    }


def _failed(environment: ExecutionEnvironment, verb: str, exchange: Exchange) -> None:
    kind = exchange.header(b"lambda-extension-function-error-type").decode("latin-1")
    environment.extensions.fail(identifier_of(exchange), verb, kind)
    exchange.respond(202, _STATUS_OK, block=JSON)


def identifier_of(exchange: Exchange) -> str | None:
    """The extension identifier header; None if it is absent."""
    return exchange.header(b"lambda-extension-identifier").decode("latin-1") or None


def _register(environment: ExecutionEnvironment, exchange: Exchange) -> None:
    name = exchange.header(b"lambda-extension-name").decode("utf-8", "replace")
    extension = environment.extensions.register(name, exchange.body)
    function = environment.function
    answer = {"functionName": function.name, "functionVersion": function.version, "handler": function.handler}
    features = exchange.header(b"lambda-extension-accept-feature").decode("latin-1").split(",")
    if "accountId" in (feature.strip() for feature in features):
        answer["accountId"] = function.account_id
    exchange.respond(200, encode(answer), [("Lambda-Extension-Identifier", extension.identifier)], JSON)


def _next(environment: ExecutionEnvironment, exchange: Exchange) -> None:
    def deliver(event: bytes, event_id: str | None) -> None:
        exchange.on_disconnect = None
        headers = [] if event_id is None else [("Lambda-Extension-Event-Identifier", event_id)]
        exchange.respond(200, event, headers, JSON)

    def gone() -> None:
        environment.extensions.next_cancelled(deliver)
        exchange.abandon()

    exchange.on_disconnect = gone
    environment.extensions.next(identifier_of(exchange), deliver)
