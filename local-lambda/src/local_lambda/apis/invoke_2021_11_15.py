"""InvokeWithResponseStream, version 2021-11-15: the response goes to the caller while the function is still writing it.

Specification: https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html. The response is an event
stream: a `PayloadChunk` for each piece, and `InvokeComplete` with the error, if there is one, and the log tail. A
function that does not stream has one chunk.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

from local_lambda.apis.event_stream import message
from local_lambda.apis.invocations import api_error, common_headers, invocation_type, new_invocation, payload_of
from local_lambda.environment.documents import decode, encode
from local_lambda.environment.invocation import Invocation, InvocationResponse
from local_lambda.errors import ApiError
from local_lambda.events.identifiers import new_uuid
from local_lambda.http.server import Exchange
from local_lambda.service.pool import EnvironmentPool

INVOCATIONS = "/2021-11-15/functions/{FunctionName}/response-streaming-invocations"
_CONTENT_TYPE = "application/vnd.amazon.eventstream"


def invoke_with_response_stream(pool: EnvironmentPool, arn: str, exchange: Exchange) -> None:
    """Invoke a function, and pass on its response as it comes. Raises ApiError."""
    kind = invocation_type(exchange, b"RequestResponse", b"DryRun")
    payload = payload_of(exchange)
    if kind == b"DryRun":
        exchange.respond(204, headers=[("x-amzn-RequestId", new_uuid())])
        return
    response = _EventStream(exchange, pool.function.version)
    invocation = new_invocation(exchange, pool, arn, payload, response.complete)
    invocation.sink = response
    pool.invoke(invocation, response.refuse)


class _EventStream:
    """The response of one request; see `environment.invocation.ResponseSink`."""

    def __init__(self, exchange: Exchange, version: str) -> None:
        self._exchange = exchange
        self._version = version

    def begin(self, invocation: Invocation, content_type: str, resume: Callable[[], None]) -> None:
        headers = common_headers(invocation)
        headers.append(("X-Amz-Executed-Version", self._version))
        headers.append(("X-Amzn-Remapped-Content-Type", content_type))
        headers.append(("Content-Type", _CONTENT_TYPE))
        self._exchange.on_drain = resume
        self._exchange.begin(200, headers)

    def write(self, data: bytes) -> bool:
        return self._exchange.write(message("PayloadChunk", "application/octet-stream", data))

    def complete(self, invocation: Invocation, answer: InvocationResponse) -> None:
        """The invocation is over."""
        if invocation.refusal is not None:
            self.refuse(invocation.refusal)
            return
        if not invocation.streamed:
            self.begin(invocation, "application/json", lambda: None)
            if not answer.failed:
                self.write(answer.payload)
        complete = {}
        if answer.failed:
            complete = {
                "ErrorCode": _error_code(answer.payload),
                "ErrorDetails": answer.payload.decode("utf-8", "replace"),
            }
        if answer.log_tail is not None:
            complete["LogResult"] = base64.b64encode(answer.log_tail).decode()
        self._exchange.write(message("InvokeComplete", "application/json", encode(complete)))
        self._exchange.end()

    def refuse(self, error: ApiError) -> None:
        """There is no environment for the invocation."""
        api_error(self._exchange, error)


def _error_code(payload: bytes) -> str:
    """The type in an error object."""
    try:
        document = decode(payload)
    except ValueError:
        document = None
    found = document.get("errorType") if isinstance(document, dict) else None
    return found if isinstance(found, str) else "Unhandled"
