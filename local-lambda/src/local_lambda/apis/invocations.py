"""What the requests of both Invoke APIs share: their checks, their invocation and their errors."""

from __future__ import annotations

import re

from local_lambda.environment.documents import encode
from local_lambda.environment.invocation import Invocation, OnResponse
from local_lambda.errors import ApiError, Throttled
from local_lambda.events.identifiers import new_uuid
from local_lambda.http.server import JSON, Exchange
from local_lambda.service.payload import check_json, check_size, client_context, invalid_content
from local_lambda.service.pool import EnvironmentPool
from local_lambda.xray.header import new_tracing

TENANT_ID = r"[a-zA-Z0-9\._:\/=+\-@ ]{1,256}"
is_tenant_id = re.compile(TENANT_ID).fullmatch
EXECUTION_NAME = "[a-zA-Z0-9-_]{1,64}"
_EXECUTION_NAME = re.compile(EXECUTION_NAME).fullmatch
_CAPITAL_MESSAGE = (
    "ResourceNotFoundException",
    "ServiceException",
    "ServiceUnavailable",
    "InvalidRuntimeException",
)


def invocation_type(exchange: Exchange, *allowed: bytes) -> bytes:
    """The kind of invocation. Raises ApiError for one that this API does not have."""
    return _one_of(exchange.header(b"x-amz-invocation-type", b"RequestResponse"), "invocationType", allowed)


def _one_of(value: bytes, member: str, allowed: tuple[bytes, ...]) -> bytes:
    """The value of a header that has an enumeration. Raises ApiError."""
    if value not in allowed:
        values = ", ".join(each.decode() for each in allowed)
        raise ApiError(
            400,
            "InvalidParameterValueException",
            f"1 validation error detected: Value '{value.decode('latin-1')}' at '{member}' failed to satisfy "
            f"constraint: Member must satisfy enum value set: [{values}]",
        )
    return value


def payload_of(exchange: Exchange, *, asynchronous: bool = False) -> bytes:
    """The event, after a check that it is JSON of a permitted size; an empty body becomes `{}`. Raises ApiError."""
    check_size(exchange.body_size, asynchronous=asynchronous)
    if exchange.incomplete:
        raise invalid_content("the request body ended too early")
    check_json(exchange.body)
    return exchange.body or b"{}"


def new_invocation(
    exchange: Exchange, pool: EnvironmentPool, arn: str, payload: bytes, answered: OnResponse | None = None
) -> Invocation:
    """The invocation that a request asks for; without `answered` it is asynchronous. Raises ApiError."""
    incoming = exchange.header(b"x-amzn-trace-id").decode("latin-1") or None
    log_type = _one_of(exchange.header(b"x-amz-log-type", b"None"), "logType", (b"None", b"Tail"))
    tenant = exchange.header(b"x-amz-tenant-id").decode("latin-1") or None
    if tenant is not None and not is_tenant_id(tenant):
        raise ApiError(
            400,
            "InvalidParameterValueException",
            f"1 validation error detected: Value '{tenant}' at 'tenantId' failed to satisfy constraint: Member must "
            f"satisfy regular expression pattern: {TENANT_ID}",
        )
    name = _execution_name(exchange, pool)
    if answered is None:
        tracing = new_tracing(incoming, pool.function.tracing_active, queued=True)
        invocation = Invocation(payload, arn, tracing, tenant_id=tenant)
        invocation.durable_name = name
        return invocation
    context = exchange.header(b"x-amz-client-context")
    invocation = Invocation(
        payload,
        arn,
        new_tracing(incoming, pool.function.tracing_active),
        answered,
        client_context=client_context(context) if context else None,
        tail=log_type == b"Tail",
        tenant_id=tenant,
    )
    invocation.durable_name = name
    return invocation


def _execution_name(exchange: Exchange, pool: EnvironmentPool) -> str | None:
    """The name of the durable execution to start. Raises ApiError for a wrong one, and where there are none."""
    name = exchange.header(b"x-amz-durable-execution-name").decode("latin-1") or None
    if name is None:
        return None
    if not _EXECUTION_NAME(name):
        raise ApiError(
            400,
            "InvalidParameterValueException",
            f"1 validation error detected: Value '{name}' at 'durableExecutionName' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {EXECUTION_NAME}",
        )
    if pool.function.durable is None or pool.durable is None:
        text = "has no DurableConfig" if pool.function.durable is None else "is durable with start --aws only"
        raise ApiError(
            400, "InvalidParameterValueException", f"There is no durable execution to name: {pool.function.name} {text}"
        )
    return name


def common_headers(invocation: Invocation) -> list[tuple[str, str]]:
    """The headers of every response that an invocation has."""
    headers = [
        ("x-amzn-RequestId", invocation.request_id),
        ("x-amzn-Remapped-Content-Length", "0"),
        ("X-Amzn-Trace-Id", invocation.tracing.header),
    ]
    if invocation.durable_arn is not None:
        headers.append(("X-Amz-Durable-Execution-Arn", invocation.durable_arn))
    return headers


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
