"""Invoke API, version 2015-03-31: what SDKs, the AWS CLI and curl call.

Specification: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html. Error bodies, the case of their message
key and the `x-amzn-ErrorType` header are such that botocore raises its typed exceptions.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from json import JSONDecoder
from urllib.parse import parse_qs, unquote

import msgspec

from local_lambda.apis.errors import answering_errors
from local_lambda.environment.invocation import Answer, Invocation, encode
from local_lambda.errors import ApiError
from local_lambda.events.identifiers import new_uuid
from local_lambda.functions.config import REGION, FunctionConfig
from local_lambda.http.server import JSON, Application, Exchange
from local_lambda.limits import MAX_ASYNC_EVENT_BYTES, MAX_CLIENT_CONTEXT_BYTES, MAX_EVENT_BYTES
from local_lambda.service.pool import EnvironmentPool
from local_lambda.xray.receiver import new_tracing

PREFIX = b"/2015-03-31/functions/"
_STREAMING_PREFIX = b"/2021-11-15/functions/"
_SUFFIX = b"/invocations"
GENERIC_NAME = "function"
"""The name `aws-lambda-rie` answers to, whatever the function is called."""

_CAPITAL_MESSAGE = ("ResourceNotFoundException", "ServiceException", "InvalidRuntimeException")


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


_check = msgspec.json.Decoder(type=msgspec.Raw).decode
"""Reads a document without making objects of it: twelve times as fast as `json` for a large one."""
_STRICT = JSONDecoder(parse_constant=_refuse_constant)


class FunctionDirectory:
    """The functions of a region that can be invoked, and how a `FunctionName` finds one.

    `generic` says whether the only function there is may also be called by the name `function`.
    """

    def __init__(self, pools: Mapping[str, EnvironmentPool], region: str = REGION, generic: bool = True) -> None:
        self._pools = pools
        self._region = region
        self._generic = generic
        self._resolved: dict[tuple[bytes, bytes], tuple[EnvironmentPool, str]] = {}

    def resolve(self, name: bytes, query: bytes) -> tuple[EnvironmentPool, str]:
        """The pool and the ARN as invoked for a name, `name:qualifier`, partial ARN or full ARN.

        Raises ApiError: ResourceNotFoundException (404), or InvalidParameterValueException (400) when name and query
        give two different qualifiers.
        """
        found = self._resolved.get((name, query))
        if found is None:
            found = self._resolve(unquote(name.decode("latin-1")), parse_qs(query.decode("latin-1")))
            if len(self._resolved) < 1000:
                self._resolved[name, query] = found
        return found

    def _resolve(self, text: str, query: Mapping[str, list[str]]) -> tuple[EnvironmentPool, str]:
        base = text.partition("function:")[2] if "function:" in text else text
        name, _, suffix = base.partition(":")
        asked = query.get("Qualifier", [""])[0]
        if suffix and asked and suffix != asked:
            raise ApiError(
                400,
                "InvalidParameterValueException",
                "The derived qualifier from the function name does not match the specified qualifier.",
            )
        qualifier = suffix or asked
        pool = self._pools.get(name)
        if pool is None and self._generic and name == GENERIC_NAME and len(self._pools) == 1:
            (pool,) = self._pools.values()
        if pool is None or qualifier not in ("", "$LATEST", pool.function.version):
            function = pool.function if pool else FunctionConfig(name, "", region=self._region)
            arn = f"arn:aws:lambda:{function.region}:{function.account_id}:function:{name}:{qualifier or '$LATEST'}"
            hint = "" if pool or not self._generic else f" (the functions here: {', '.join(self._pools)})"
            raise ApiError(404, "ResourceNotFoundException", f"Function not found: {arn}{hint}")
        return pool, f"{pool.function.arn}:{qualifier}" if qualifier else pool.function.arn


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

    def answered(invocation: Invocation, answer: Answer) -> None:
        lines = _headers(invocation) + version
        if answer.failed:
            lines += b"X-Amz-Function-Error: Unhandled\r\n"
        if answer.log_tail is not None:
            lines += b"X-Amz-Log-Result: %b\r\n" % base64.b64encode(answer.log_tail)
        exchange.respond(200, answer.payload, lines)

    def throttled() -> None:
        reserved = pool.function.reserved_concurrency is not None
        reason = (
            "ReservedFunctionConcurrentInvocationLimitExceeded" if reserved else "ConcurrentInvocationLimitExceeded"
        )
        body = encode({"Reason": reason, "Type": "User", "message": "Rate Exceeded."})
        exchange.respond(429, body, _error_headers("TooManyRequestsException") + b"Retry-After: 1\r\n")

    version = pool.executed_version
    invocation = Invocation(
        payload,
        arn,
        tracing,
        answered,
        client_context=client_context(context) if context else None,
        tail=exchange.header(b"x-amz-log-type") == b"Tail",
    )
    pool.invoke(invocation, throttled)


def _headers(invocation: Invocation) -> bytes:
    return (
        f"x-amzn-RequestId: {invocation.request_id}\r\nx-amzn-Remapped-Content-Length: 0\r\n"
        f"X-Amzn-Trace-Id: {invocation.tracing.header}\r\n"
    ).encode("latin-1")


def _payload(exchange: Exchange, kind: bytes) -> bytes:
    """The event, checked to be a JSON document of legal size; an empty body is `{}`."""
    limit = MAX_ASYNC_EVENT_BYTES if kind == b"Event" else MAX_EVENT_BYTES
    if exchange.body_size > limit:
        raise ApiError(
            413,
            "RequestTooLargeException",
            f"{exchange.body_size} byte payload is too large for the {kind.decode()} invocation type "
            f"(limit {limit} bytes)",
        )
    if exchange.incomplete:
        raise invalid_content("the request body ended too early")
    check_json(exchange.body)
    return exchange.body or b"{}"


def check_json(payload: bytes) -> None:
    """Raises ApiError InvalidRequestContentException (400) when a payload is neither empty nor JSON."""
    try:
        if payload:
            _check(payload)
            if not payload.isascii():
                payload.decode("utf-8")
    except (ValueError, RecursionError):
        try:  # the standard library has better words for what is wrong, and the last word
            _STRICT.decode(payload.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise invalid_content(str(error)) from None


def invalid_content(reason: str) -> ApiError:
    """The service's answer to a payload that is not JSON."""
    return ApiError(
        400,
        "InvalidRequestContentException",
        f"Could not parse request body into json: Could not parse payload into json: {reason}",
    )


def client_context(encoded: bytes) -> str:
    """The JSON text in an `X-Amz-Client-Context` header, on one line."""
    if len(encoded) > MAX_CLIENT_CONTEXT_BYTES:
        raise ApiError(
            400,
            "InvalidRequestContentException",
            f"Client context must be no more than {MAX_CLIENT_CONTEXT_BYTES} bytes when base64-encoded.",
        )
    try:
        return json.dumps(json.loads(base64.b64decode(encoded, validate=True)))
    except (binascii.Error, ValueError):
        raise ApiError(
            400, "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object."
        ) from None


def api_error(exchange: Exchange, error: ApiError) -> None:
    """An error as the Invoke API writes it; botocore takes the exception's name from the header."""
    exchange.respond(error.status, error_body(error), _error_headers(error.error_type))


def error_body(error: ApiError) -> bytes:
    """The error object of this API."""
    key = "Message" if error.error_type in _CAPITAL_MESSAGE else "message"
    return encode({"Type": "User" if error.status < 500 else "Service", key: error.message})


def _error_headers(error_type: str) -> bytes:
    return JSON + f"x-amzn-ErrorType: {error_type}\r\nx-amzn-RequestId: {new_uuid()}\r\n".encode("latin-1")
