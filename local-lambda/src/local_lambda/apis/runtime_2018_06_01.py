"""Runtime API, version 2018-06-01: the runtime's requests to its environment, on the port it shares with extensions.

Specification: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. Error types and texts are those of AWS's
own supervisor. Only the runtime of a function with SnapStart may ask for `restore/next`.
"""

from __future__ import annotations

import base64
from functools import partial
from typing import NamedTuple

from local_lambda.apis import extensions_2020_01_01, logs_2020_08_15, telemetry_2022_07_01
from local_lambda.apis.errors import answering_errors, json_error
from local_lambda.apis.router import Router, Routes
from local_lambda.environment.documents import decode, encode
from local_lambda.environment.environment import ExecutionEnvironment
from local_lambda.environment.failures import TRUNCATED, response_too_large
from local_lambda.environment.invocation import Invocation
from local_lambda.environment.response_stream import ResponseStream
from local_lambda.errors import ApiError
from local_lambda.functions.config import SNAP_START
from local_lambda.http.headers import JSON, TEXT
from local_lambda.http.server import Application, Exchange, Pairs
from local_lambda.limits import MAX_PAYLOAD_BYTES, MAX_STREAMED_BYTES

PREFIX = b"/2018-06-01/runtime/"
_STATUS_OK = b'{"status":"OK"}\n'

_RESPONSE = b"/response"
_RESPONSE_MODE = b"lambda-runtime-function-response-mode"
_INVALID_MODE = encode(
    {
        "errorType": "Runtime.InvalidResponseModeHeader",
        "errorMessage": "The only value of Lambda-Runtime-Function-Response-Mode is streaming",
    }
)


class RuntimeApi(NamedTuple):
    """The applications behind one environment's `AWS_LAMBDA_RUNTIME_API`, which runtime and extensions share.

    `on_head` takes the bodies of streamed responses while they arrive; `app` gets every other request.
    """

    app: Application
    on_head: Application


def routes(environment: ExecutionEnvironment) -> Routes:
    """The verbs of one environment."""
    runtime = _Runtime(environment)
    return {
        ("GET", "/2018-06-01/runtime/invocation/next"): runtime.next,
        ("POST", "/2018-06-01/runtime/invocation/{AwsRequestId}/response"): runtime.response,
        ("POST", "/2018-06-01/runtime/invocation/{AwsRequestId}/error"): runtime.error,
        ("POST", "/2018-06-01/runtime/init/error"): runtime.init_failed,
        ("GET", "/2018-06-01/runtime/restore/next"): runtime.restore_next,
        ("POST", "/2018-06-01/runtime/restore/error"): runtime.restore_failed,
        ("GET", "/2018-06-01/ping"): _ping,
    }


def runtime_api(environment: ExecutionEnvironment) -> RuntimeApi:
    """The APIs of one environment."""
    table = {
        **routes(environment),
        **extensions_2020_01_01.routes(environment),
        **telemetry_2022_07_01.routes(environment),
        **logs_2020_08_15.routes(environment),
    }
    app = answering_errors(Router(table, _unknown).serve, json_error)
    return RuntimeApi(app, answering_errors(partial(_take_stream, environment), json_error))


def _take_stream(environment: ExecutionEnvironment, exchange: Exchange) -> None:
    """Take the body of a streamed response; any other body is left to the server."""
    path = exchange.path
    if (
        exchange.header(_RESPONSE_MODE) == b"streaming"
        and exchange.method == b"POST"
        and path.startswith(PREFIX + b"invocation/")
        and path.endswith(_RESPONSE)
    ):
        request_id = path[len(PREFIX) + len(b"invocation/") : -len(_RESPONSE)].decode("latin-1")
        exchange.read(_StreamedBody(exchange, _begin_stream(environment, exchange, request_id)))


def _unknown(exchange: Exchange) -> ApiError:
    api = "Extensions" if exchange.path.startswith(extensions_2020_01_01.PREFIX) else "Runtime"
    return ApiError(404, "NotFound", f"No such path in the {api} API: {exchange.path.decode('latin-1')}")


def _ping(exchange: Exchange) -> None:
    exchange.respond(200, b"pong", block=TEXT)


class _Runtime:
    """The verbs of one environment's runtime: methods, because calling a `partial` costs three times as much."""

    def __init__(self, environment: ExecutionEnvironment) -> None:
        self._environment = environment
        self._runtime = environment.runtime

    def next(self, exchange: Exchange) -> None:
        def deliver(invocation: Invocation) -> None:
            exchange.on_disconnect = None
            headers = [
                ("Lambda-Runtime-Aws-Request-Id", invocation.request_id),
                ("Lambda-Runtime-Deadline-Ms", str(invocation.deadline_ms)),
                ("Lambda-Runtime-Invoked-Function-Arn", invocation.function_arn),
                ("Lambda-Runtime-Trace-Id", invocation.tracing.header),
                ("Lambda-Runtime-Invocation-Id", invocation.invocation_id),
            ]
            if invocation.client_context is not None:
                headers.append(("Lambda-Runtime-Client-Context", invocation.client_context))
            if invocation.tenant_id is not None:
                headers.append(("Lambda-Runtime-Aws-Tenant-Id", invocation.tenant_id))
            exchange.respond(200, invocation.payload, headers, JSON)

        def gone() -> None:
            self._runtime.next_cancelled(deliver)
            exchange.abandon()

        exchange.on_disconnect = gone
        self._runtime.next(deliver)

    def response(self, exchange: Exchange, request: bytes) -> None:
        request_id = request.decode("latin-1")
        _check_body(self._environment, exchange, request_id)
        if exchange.header(_RESPONSE_MODE):  # its body came with its head, as a stream of one piece
            stream = _begin_stream(self._environment, exchange, request_id)
            stream.write(exchange.body)
            stream.end()
            exchange.respond(202, _STATUS_OK, block=JSON)
            return
        self._runtime.respond(request_id, exchange.body, exchange.began, _invocation_id(exchange))
        exchange.respond(202, _STATUS_OK, block=JSON)

    def error(self, exchange: Exchange, request: bytes) -> None:
        request_id = request.decode("latin-1")
        _check_body(self._environment, exchange, request_id)
        cause = exchange.header(b"lambda-runtime-function-xray-error-cause").decode("utf-8", "replace")
        body, invocation_id = _error_body(exchange), _invocation_id(exchange)
        self._runtime.fail(request_id, body, exchange.began, invocation_id, cause or None)
        exchange.respond(202, _STATUS_OK, block=JSON)

    def init_failed(self, exchange: Exchange) -> None:
        self._runtime.fail_init(*_init_error(exchange))
        exchange.respond(202, _STATUS_OK, block=JSON)

    def restore_next(self, exchange: Exchange) -> None:
        self._check_snap_start()
        self._runtime.restore_next()
        exchange.respond(200)

    def restore_failed(self, exchange: Exchange) -> None:
        self._check_snap_start()
        self._runtime.fail_restore(*_init_error(exchange))
        exchange.respond(202, _STATUS_OK, block=JSON)

    def _check_snap_start(self) -> None:
        if self._environment.function.initialization_type != SNAP_START:
            raise ApiError(403, "InvalidStateTransition", "SnapStart is not in use: there is nothing to restore")


def _check_body(environment: ExecutionEnvironment, exchange: Exchange, request_id: str) -> None:
    """Report an unusable body to the function's caller, and raise the ApiError that reports it to the runtime."""
    if exchange.incomplete:
        environment.runtime.refuse_response(request_id, TRUNCATED, exchange.began)
        raise ApiError(400, "TruncatedHTTPRequest", "HTTP request detected as truncated")
    if exchange.body_size > MAX_PAYLOAD_BYTES:
        environment.runtime.refuse_response(request_id, response_too_large(MAX_PAYLOAD_BYTES), exchange.began)
        raise _too_large(MAX_PAYLOAD_BYTES)
    if exchange.header(_RESPONSE_MODE, b"streaming") != b"streaming":
        environment.runtime.refuse_response(request_id, _INVALID_MODE, exchange.began)
        raise ApiError(400, "InvalidFunctionResponseMode", "Invalid function response mode")


def _too_large(limit: int) -> ApiError:
    return ApiError(413, "RequestEntityTooLarge", f"Exceeded maximum allowed payload size ({limit} bytes).")


def _begin_stream(environment: ExecutionEnvironment, exchange: Exchange, request_id: str) -> ResponseStream:
    content_type = exchange.header(b"content-type", b"application/octet-stream").decode("latin-1")
    return environment.runtime.stream(request_id, content_type, exchange.began, _invocation_id(exchange), exchange.hold)


class _StreamedBody:
    """The body of a streamed response, as it arrives; see `http.exchange.BodyReader`."""

    def __init__(self, exchange: Exchange, stream: ResponseStream) -> None:
        self._exchange = exchange
        self._stream = stream

    def received(self, data: bytes) -> None:
        if not self._stream.write(data):
            json_error(self._exchange, _too_large(MAX_STREAMED_BYTES))

    def ended(self, trailers: Pairs, complete: bool) -> None:
        if not complete:
            self._stream.fail(TRUNCATED)
        elif error := _error_in(trailers):
            self._stream.fail(error)
        else:
            self._stream.end()
        if self._exchange.responded:
            return
        if complete:
            self._exchange.respond(202, _STATUS_OK, block=JSON)
        else:
            json_error(self._exchange, ApiError(400, "TruncatedHTTPRequest", "HTTP request detected as truncated"))


def _error_in(trailers: Pairs) -> bytes | None:
    """The error object with which a runtime ends a streamed response; None if there is none.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming.
    """
    named = {name.lower(): value for name, value in trailers}
    kind = named.get("lambda-runtime-function-error-type")
    if kind is None:
        return None
    try:
        body = base64.b64decode(named.get("lambda-runtime-function-error-body", ""), validate=True)
    except ValueError:
        body = b""
    return body or encode({"errorType": kind, "errorMessage": ""})


def _invocation_id(exchange: Exchange) -> str | None:
    return exchange.header(b"lambda-runtime-invocation-id").decode("latin-1") or None


def _error_body(exchange: Exchange) -> bytes:
    """The error object for the caller, without the `errorCause` that some have (it is for X-Ray)."""
    if not exchange.header(b"content-type").startswith(b"application/vnd.aws.lambda.error.cause+json"):
        return exchange.body
    try:
        document = decode(exchange.body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        return b'"Invalid error body"'
    document.pop("errorCause", None)
    return encode(document)


def _init_error(exchange: Exchange) -> tuple[bytes, str]:
    """Body and error type. The type is in a header, or (before awslambdaric 2.2) only in the body."""
    kind = exchange.header(b"lambda-runtime-function-error-type").decode("latin-1")
    if not kind:
        try:
            document = decode(exchange.body)
        except ValueError:
            document = None
        found = document.get("errorType") if isinstance(document, dict) else None
        kind = str(found) if found is not None else "Runtime.Unknown"
    return exchange.body, kind
