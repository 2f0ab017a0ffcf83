"""Extensions API, version 2020-01-01: what extensions, external and internal, ask their environment.

Specification: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html.
"""

from __future__ import annotations

from local_lambda.environment.documents import encode
from local_lambda.environment.environment import ExecutionEnvironment
from local_lambda.errors import ApiError
from local_lambda.http.server import JSON, Exchange

PREFIX = b"/2020-01-01/extension/"
_STATUS_OK = b'{"status":"OK"}\n'


def handle(environment: ExecutionEnvironment, exchange: Exchange) -> None:
    """Answer a request below `PREFIX`. Raises ApiError."""
    verb = exchange.path[len(PREFIX) :]
    method = b"GET" if verb == b"event/next" else b"POST"
    if verb not in (b"register", b"event/next", b"init/error", b"exit/error"):
        raise ApiError(404, "NotFound", f"No such path in the Extensions API: {exchange.path.decode('latin-1')}")
    if exchange.method != method:
        raise ApiError(405, "MethodNotAllowed", f"{exchange.method.decode('latin-1')} is not allowed on this path")
    if verb == b"register":
        _register(environment, exchange)
    elif verb == b"event/next":
        _next(environment, exchange)
    else:
        identifier = identifier_of(exchange)
        kind = exchange.header(b"lambda-extension-function-error-type").decode("latin-1")
        environment.extensions.fail(identifier, verb.decode(), kind)
        exchange.respond(202, _STATUS_OK, JSON)


def identifier_of(exchange: Exchange) -> str | None:
    """The extension identifier header; None when it is absent."""
    return exchange.header(b"lambda-extension-identifier").decode("latin-1") or None


def _register(environment: ExecutionEnvironment, exchange: Exchange) -> None:
    name = exchange.header(b"lambda-extension-name").decode("utf-8", "replace")
    extension = environment.extensions.register(name, exchange.body)
    function = environment.function
    answer = {"functionName": function.name, "functionVersion": function.version, "handler": function.handler}
    features = exchange.header(b"lambda-extension-accept-feature").decode("latin-1").split(",")
    if "accountId" in (feature.strip() for feature in features):
        answer["accountId"] = function.account_id
    header = f"Lambda-Extension-Identifier: {extension.identifier}\r\n".encode()
    exchange.respond(200, encode(answer), header + JSON)


def _next(environment: ExecutionEnvironment, exchange: Exchange) -> None:
    def deliver(event: bytes, event_id: str | None) -> None:
        exchange.on_disconnect = None
        header = b"" if event_id is None else f"Lambda-Extension-Event-Identifier: {event_id}\r\n".encode()
        exchange.respond(200, event, header + JSON)

    exchange.on_disconnect = lambda: environment.extensions.next_cancelled(deliver)
    environment.extensions.next(identifier_of(exchange), deliver)
