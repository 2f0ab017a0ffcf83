"""Runtime API, version 2018-06-01: what the runtime asks its environment, on the port it shares with the extensions.

Specification: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. Error types and texts are those of AWS's
own supervisor. SnapStart (`restore/…`) and response streaming are refused, not accepted and dropped.
"""

from __future__ import annotations

import json

from local_lambda.apis import extensions_2020_01_01, logs_2020_08_15, telemetry_2022_07_01
from local_lambda.apis.errors import answering_errors, json_error
from local_lambda.environment.documents import encode
from local_lambda.environment.environment import ExecutionEnvironment
from local_lambda.environment.failures import RESPONSE_TOO_LARGE
from local_lambda.environment.invocation import Invocation
from local_lambda.errors import ApiError
from local_lambda.http.server import JSON, Application, Exchange
from local_lambda.limits import MAX_PAYLOAD_BYTES

PREFIX = b"/2018-06-01/runtime/"
_NEXT = PREFIX + b"invocation/next"
_INVOCATION = PREFIX + b"invocation/"
_STATUS_OK = b'{"status":"OK"}\n'

_STREAMING = encode(
    {
        "errorType": "Runtime.InvalidResponseModeHeader",
        "errorMessage": "Response streaming is not supported here: the function must answer with one payload",
    }
)
_TRUNCATED = encode(
    {"errorType": "Runtime.TruncatedResponse", "errorMessage": "The runtime hung up before its response was complete"}
)


def runtime_api(environment: ExecutionEnvironment) -> Application:
    """The application behind `AWS_LAMBDA_RUNTIME_API` of one environment."""

    def app(exchange: Exchange) -> None:
        path = exchange.path
        if path == _NEXT:
            if exchange.method != b"GET":
                raise _not_allowed(exchange)
            _next(environment, exchange)
        elif path.startswith(_INVOCATION):
            _answer(environment, exchange, path)
        elif path.startswith(extensions_2020_01_01.PREFIX):
            extensions_2020_01_01.handle(environment, exchange)
        elif path.rstrip(b"/") == telemetry_2022_07_01.PATH:
            telemetry_2022_07_01.handle(environment, exchange)
        elif path.rstrip(b"/") == logs_2020_08_15.PATH:
            logs_2020_08_15.handle(environment, exchange)
        elif path == PREFIX + b"init/error":
            if exchange.method != b"POST":
                raise _not_allowed(exchange)
            environment.runtime.fail_init(*_init_error(exchange))
            exchange.respond(202, _STATUS_OK, JSON)
        elif path == b"/2018-06-01/ping":
            exchange.respond(200, b"pong", b"Content-Type: text/plain\r\n")
        elif path.startswith(PREFIX + b"restore/"):
            raise ApiError(403, "InvalidStateTransition", "SnapStart is not in use: there is nothing to restore")
        else:
            raise ApiError(404, "NotFound", f"No such path in the Runtime API: {path.decode('latin-1')}")

    return answering_errors(app, json_error)


def _next(environment: ExecutionEnvironment, exchange: Exchange) -> None:
    def deliver(invocation: Invocation) -> None:
        exchange.on_disconnect = None
        headers = (
            f"Content-Type: application/json\r\n"
            f"Lambda-Runtime-Aws-Request-Id: {invocation.request_id}\r\n"
            f"Lambda-Runtime-Deadline-Ms: {invocation.deadline_ms}\r\n"
            f"Lambda-Runtime-Invoked-Function-Arn: {invocation.function_arn}\r\n"
            f"Lambda-Runtime-Trace-Id: {invocation.tracing.header}\r\n"
            f"Lambda-Runtime-Invocation-Id: {invocation.invocation_id}\r\n"
        )
        if invocation.client_context is not None:
            headers += f"Lambda-Runtime-Client-Context: {invocation.client_context}\r\n"
        exchange.respond(200, invocation.payload, headers.encode("utf-8"))

    exchange.on_disconnect = lambda: environment.runtime.next_cancelled(deliver)
    environment.runtime.next(deliver)


def _answer(environment: ExecutionEnvironment, exchange: Exchange, path: bytes) -> None:
    request, _, verb = path[len(_INVOCATION) :].partition(b"/")
    if verb not in (b"response", b"error"):
        raise ApiError(404, "NotFound", f"No such path in the Runtime API: {path.decode('latin-1')}")
    if exchange.method != b"POST":
        raise _not_allowed(exchange)
    request_id = request.decode("latin-1")
    if exchange.incomplete:
        environment.runtime.refuse_response(request_id, _TRUNCATED, exchange.began)
        raise ApiError(400, "TruncatedHTTPRequest", "HTTP request detected as truncated")
    if exchange.body_size > MAX_PAYLOAD_BYTES:
        environment.runtime.refuse_response(request_id, RESPONSE_TOO_LARGE, exchange.began)
        raise ApiError(
            413, "RequestEntityTooLarge", f"Exceeded maximum allowed payload size ({MAX_PAYLOAD_BYTES} bytes)."
        )
    if exchange.header(b"lambda-runtime-function-response-mode"):
        environment.runtime.refuse_response(request_id, _STREAMING, exchange.began)
        raise ApiError(400, "InvalidFunctionResponseMode", "Invalid function response mode")
    invocation_id = exchange.header(b"lambda-runtime-invocation-id").decode("latin-1") or None
    if verb == b"response":
        environment.runtime.respond(request_id, exchange.body, exchange.began, invocation_id)
    else:
        cause = exchange.header(b"lambda-runtime-function-xray-error-cause").decode("utf-8", "replace")
        environment.runtime.fail(request_id, _error_body(exchange), exchange.began, invocation_id, cause or None)
    exchange.respond(202, _STATUS_OK, JSON)


def _error_body(exchange: Exchange) -> bytes:
    """The error object for the caller; of the kind with an `errorCause` (for X-Ray), without that."""
    if not exchange.header(b"content-type").startswith(b"application/vnd.aws.lambda.error.cause+json"):
        return exchange.body
    try:
        document = json.loads(exchange.body)
        document.pop("errorCause", None)
    except (ValueError, AttributeError, TypeError):
        return b'"Invalid error body"'
    return encode(document)


def _init_error(exchange: Exchange) -> tuple[bytes, str]:
    """Body and error type: the type is in a header, or (before awslambdaric 2.2) only in the body."""
    kind = exchange.header(b"lambda-runtime-function-error-type").decode("latin-1")
    if not kind:
        try:
            kind = str(json.loads(exchange.body)["errorType"])
        except (ValueError, KeyError, TypeError):
            kind = "Runtime.Unknown"
    return exchange.body, kind


def _not_allowed(exchange: Exchange) -> ApiError:
    return ApiError(405, "MethodNotAllowed", f"{exchange.method.decode('latin-1')} is not allowed on this path")
