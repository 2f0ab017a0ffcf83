"""A response of a function URL with the invoke mode `RESPONSE_STREAM`: bytes leave when they come.

Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html. A runtime that sets status
and headers sends them as JSON before the body, with eight zero bytes in between; its content type says so.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from local_lambda.apis.api_gateway.malformed import Malformed
from local_lambda.apis.api_gateway.response_headers import Pairs, http_api_headers
from local_lambda.apis.api_gateway.responses import WITHOUT_BODY, status_of
from local_lambda.environment.invocation import Invocation, InvocationResponse
from local_lambda.http.server import Exchange

PRELUDE = "application/vnd.awslambda.http-integration-response"
_END_OF_PRELUDE = bytes(8)
MAX_PRELUDE_BYTES = 65_536
"""How long status and headers may be. AWS documents no number."""


class StreamedResponse:
    """The response to one request; see `environment.invocation.ResponseSink`.

    `add` adds the service's headers, and `failed` gets the reason why there cannot be a response.
    """

    def __init__(
        self, exchange: Exchange, add: Callable[[Invocation, Pairs], Pairs], failed: Callable[[str], None]
    ) -> None:
        self._exchange = exchange
        self._add = add
        self._failed = failed
        self._content_type = ""
        self._prelude: bytearray | None = None
        self._without_body = False

    def begin(self, invocation: Invocation, content_type: str, resume: Callable[[], None]) -> None:
        self._invocation = invocation
        self._content_type = content_type
        self._exchange.on_drain = resume
        if content_type.partition(";")[0].strip() == PRELUDE:
            self._prelude = bytearray()

    def write(self, data: bytes) -> bool:
        if self._prelude is not None:
            self._prelude += data
            return self._read_prelude(self._prelude)
        if not self._exchange.responded:
            self._begin(200, [("Content-Type", self._content_type)])
        return self._send(data)

    def complete(self, invocation: Invocation, answer: InvocationResponse) -> None:
        """The invocation is over."""
        exchange = self._exchange
        if not invocation.streamed and not answer.failed:
            exchange.respond(200, answer.payload, self._add(invocation, [("Content-Type", "application/json")]))
        elif not exchange.responded:
            if answer.failed or self._prelude is not None:
                self._failed("the function failed" if answer.failed else "the response has no end of its prelude")
            else:
                exchange.respond(200, b"", self._add(invocation, [("Content-Type", self._content_type)]))
        elif answer.failed:
            exchange.abandon()  # the client notices that the response has no end
        elif exchange.writing:
            exchange.end()

    def _read_prelude(self, received: bytearray) -> bool:
        end = received.find(_END_OF_PRELUDE)
        if end < 0 and len(received) <= MAX_PRELUDE_BYTES:
            return True
        self._prelude = None
        try:
            if end < 0:
                raise Malformed(f"no end of its prelude within {MAX_PRELUDE_BYTES} bytes")
            status, headers = _head(bytes(received[:end]))
        except Malformed as error:
            self._failed(f"the response is malformed: {error}")
            return True
        self._begin(status, headers)
        return self._send(bytes(received[end + len(_END_OF_PRELUDE) :]))

    def _begin(self, status: int, headers: Pairs) -> None:
        headers = self._add(self._invocation, headers)
        if status in WITHOUT_BODY:
            self._exchange.respond(status, b"", headers)
        else:
            self._exchange.begin(status, headers)

    def _send(self, data: bytes) -> bool:
        return self._exchange.write(data) if self._exchange.writing else True


def _head(prelude: bytes) -> tuple[int, Pairs]:
    """Status and headers. Raises Malformed."""
    try:
        document = json.loads(prelude)
    except (ValueError, RecursionError):
        raise Malformed("its prelude is not JSON") from None
    if not isinstance(document, dict):
        raise Malformed("its prelude is not a JSON object")
    headers = http_api_headers(document)
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/octet-stream"))
    status = document.get("statusCode")
    return 200 if status is None else status_of(status), headers
