"""Invoke API, version 2015-03-31, which SDKs, the AWS CLI and curl call.

Specification: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html. Error bodies, the case of their message
key and the `x-amzn-ErrorType` header make botocore raise its typed exceptions.
"""

from __future__ import annotations

import base64

from local_lambda.apis.errors import answering_errors
from local_lambda.apis.router import Router
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
INVOCATIONS = "/2015-03-31/functions/{FunctionName}/invocations"
_STREAMING_PREFIX = b"/2021-11-15/functions/"

_CAPITAL_MESSAGE = (
    "ResourceNotFoundException",
    "ServiceException",
    "ServiceUnavailable",
    "InvalidRuntimeException",
)


def invoke_api(directory: FunctionDirectory) -> Application:
    """The application of a tool's Invoke port."""

    def invoke(exchange: Exchange, name: bytes) -> None:
        pool, arn = directory.resolve(name, exchange.query)
        _invoke(pool, arn, exchange)

    router = Router({("POST", INVOCATIONS): invoke}, _unknown, "MethodNotAllowedException")
    return answering_errors(router.serve, api_error)


def _unknown(exchange: Exchange) -> ApiError:
    if exchange.path.startswith(_STREAMING_PREFIX):
        return ApiError(400, "InvalidParameterValueException", "Response streaming is not supported here: use Invoke")
    known = "POST /2015-03-31/functions/<name>/invocations"
    path = exchange.path.decode("latin-1")
    return ApiError(404, "ResourceNotFoundException", f"No such path: {path}; try {known}")


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
        exchange.respond(204, headers=[("x-amzn-RequestId", new_uuid())])
        return
    if queued:
        invocation = Invocation(payload, arn, tracing)
        pool.queue(invocation)
        exchange.respond(202, headers=_headers(invocation))
        return
    context = exchange.header(b"x-amz-client-context")

    def answered(invocation: Invocation, answer: InvocationResponse) -> None:
        headers = _headers(invocation)
        headers.append(("X-Amz-Executed-Version", version))
        if answer.failed:
            headers.append(("X-Amz-Function-Error", "Unhandled"))
        if answer.log_tail is not None:
            headers.append(("X-Amz-Log-Result", base64.b64encode(answer.log_tail).decode()))
        exchange.respond(200, answer.payload, headers, JSON)

    def refused(error: ApiError) -> None:
        api_error(exchange, error)

    version = pool.function.version
    invocation = Invocation(
        payload,
        arn,
        tracing,
        answered,
        client_context=client_context(context) if context else None,
        tail=exchange.header(b"x-amz-log-type") == b"Tail",
    )
    pool.invoke(invocation, refused)


def _headers(invocation: Invocation) -> list[tuple[str, str]]:
    return [
        ("x-amzn-RequestId", invocation.request_id),
        ("x-amzn-Remapped-Content-Length", "0"),
        ("X-Amzn-Trace-Id", invocation.tracing.header),
    ]


def _payload(exchange: Exchange, kind: bytes) -> bytes:
    """The event, after a check that it is JSON of a permitted size; an empty body becomes `{}`."""
    check_size(exchange.body_size, asynchronous=kind == b"Event")
    if exchange.incomplete:
        raise invalid_content("the request body ended too early")
    check_json(exchange.body)
    return exchange.body or b"{}"


def api_error(exchange: Exchange, error: ApiError) -> None:
    """An error as the Invoke API writes it; botocore takes the exception's name from the header."""
    headers = [("x-amzn-ErrorType", error.error_type), ("x-amzn-RequestId", new_uuid())]
    if isinstance(error, Throttled):
        headers.append(("Retry-After", "1"))
    exchange.respond(error.status, error_body(error), headers, JSON)


def error_body(error: ApiError) -> bytes:
    """The error object of this API."""
    key = "Message" if error.error_type in _CAPITAL_MESSAGE else "message"
    reason = {"Reason": error.reason} if isinstance(error, Throttled) else {}
    return encode({**reason, "Type": "User" if error.status < 500 else "Service", key: error.message})
