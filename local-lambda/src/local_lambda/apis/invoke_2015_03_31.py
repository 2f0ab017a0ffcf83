"""Invoke API, version 2015-03-31: what SDKs, the AWS CLI and curl call.

Specification: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html. Error bodies, the case of their message
key and the `x-amzn-ErrorType` header are such that botocore raises its typed exceptions.
"""

from __future__ import annotations

import base64

from local_lambda.apis.errors import answering_errors
from local_lambda.environment.documents import encode
from local_lambda.environment.invocation import Invocation, InvocationResponse
from local_lambda.errors import ApiError, Throttled
from local_lambda.events.identifiers import new_uuid
from local_lambda.http.server import JSON, Application, Exchange
from local_lambda.service.directory import FunctionDirectory
from local_lambda.service.payload import check_json, check_size, client_context, invalid_content
from local_lambda.service.pool import EnvironmentPool
from local_lambda.xray.header import new_tracing

PREFIX = b"/2015-03-31/functions/"
_STREAMING_PREFIX = b"/2021-11-15/functions/"
_SUFFIX = b"/invocations"

_CAPITAL_MESSAGE = ("ResourceNotFoundException", "ServiceException", "InvalidRuntimeException")


def invoke_api(directory: FunctionDirectory) -> Application:
    """The application of a tool's Invoke port."""

    def app(exchange: Exchange) -> None:
        path = exchange.path
        if not (path.startswith(PREFIX) and path.endswith(_SUFFIX)):
            if path.startswith(_STREAMING_PREFIX):
                raise ApiError(
                    400, "InvalidParameterValueException", "Response streaming is not supported here: use Invoke"
                )
            known = "POST /2015-03-31/functions/<name>/invocations"
            raise ApiError(404, "ResourceNotFoundException", f"No such path: {path.decode('latin-1')}; try {known}")
        if exchange.method != b"POST":
            raise ApiError(405, "MethodNotAllowedException", "Use POST to invoke a function")
        pool, arn = directory.resolve(path[len(PREFIX) : -len(_SUFFIX)], exchange.query)
        _invoke(pool, arn, exchange)

    return answering_errors(app, api_error)


def _invoke(pool: EnvironmentPool, arn: str, exchange: Exchange) -> None:
    kind = exchange.header(b"x-amz-invocation-type", b"RequestResponse")
    if kind not in (b"RequestResponse", b"Event", b"DryRun"):
        raise ApiError(
            400,
            "InvalidParameterValueException",
            f"1 validation error detected: Value '{kind.decode('latin-1')}' at 'invocationType' failed to satisfy "
            "constraint: Member must satisfy enum value set: [Event, RequestResponse, DryRun]",
        )
    payload = _payload(exchange, kind)
    incoming = exchange.header(b"x-amzn-trace-id")
    queued = kind == b"Event"
    active = pool.function.tracing_active
    tracing = new_tracing(incoming.decode("latin-1") if incoming else None, active, queued=queued)
    if kind == b"DryRun":
        exchange.respond(204, headers=b"x-amzn-RequestId: %s\r\n" % new_uuid().encode())
        return
    if queued:
        invocation = Invocation(payload, arn, tracing, lambda invocation, answer: None)
        pool.queue(invocation)
        exchange.respond(202, headers=_headers(invocation))
        return
    context = exchange.header(b"x-amz-client-context")

    def answered(invocation: Invocation, answer: InvocationResponse) -> None:
        lines = _headers(invocation) + version
        if answer.failed:
            lines += b"X-Amz-Function-Error: Unhandled\r\n"
        if answer.log_tail is not None:
            lines += b"X-Amz-Log-Result: %b\r\n" % base64.b64encode(answer.log_tail)
        exchange.respond(200, answer.payload, lines)

    def refused(error: ApiError) -> None:
        api_error(exchange, error)

    version = pool.executed_version
    invocation = Invocation(
        payload,
        arn,
        tracing,
        answered,
        client_context=client_context(context) if context else None,
        tail=exchange.header(b"x-amz-log-type") == b"Tail",
    )
    pool.invoke(invocation, refused)


def _headers(invocation: Invocation) -> bytes:
    return (
        f"x-amzn-RequestId: {invocation.request_id}\r\nx-amzn-Remapped-Content-Length: 0\r\n"
        f"X-Amzn-Trace-Id: {invocation.tracing.header}\r\n"
    ).encode("latin-1")


def _payload(exchange: Exchange, kind: bytes) -> bytes:
    """The event, checked to be a JSON document of legal size; an empty body is `{}`."""
    check_size(exchange.body_size, asynchronous=kind == b"Event")
    if exchange.incomplete:
        raise invalid_content("the request body ended too early")
    check_json(exchange.body)
    return exchange.body or b"{}"


def api_error(exchange: Exchange, error: ApiError) -> None:
    """An error as the Invoke API writes it; botocore takes the exception's name from the header."""
    headers = _error_headers(error.error_type)
    if isinstance(error, Throttled):
        headers += b"Retry-After: 1\r\n"
    exchange.respond(error.status, error_body(error), headers)


def error_body(error: ApiError) -> bytes:
    """The error object of this API."""
    key = "Message" if error.error_type in _CAPITAL_MESSAGE else "message"
    reason = {"Reason": error.reason} if isinstance(error, Throttled) else {}
    return encode({**reason, "Type": "User" if error.status < 500 else "Service", key: error.message})


def _error_headers(error_type: str) -> bytes:
    return JSON + f"x-amzn-ErrorType: {error_type}\r\nx-amzn-RequestId: {new_uuid()}\r\n".encode("latin-1")
