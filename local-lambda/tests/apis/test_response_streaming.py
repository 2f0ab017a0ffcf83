"""Response streaming: what a runtime sends in pieces, and what callers of both Invoke APIs get of it, and when."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer

from support.puppet_runtime import PATH, Puppet
from support.tool import DEADLINE_SECONDS
from support.wire import Wire

Event = tuple[str, bytes]


class Caller:
    """InvokeWithResponseStream, whose events can be waited for one at a time."""

    def __init__(self, runtime: Puppet, **headers: str) -> None:
        self._connection = HTTPConnection(runtime.tool.host, runtime.tool.port, timeout=DEADLINE_SECONDS)
        named = {header.replace("_", "-"): value for header, value in headers.items()}
        path = "/2021-11-15/functions/function/response-streaming-invocations"
        self._connection.request("POST", path, b"{}", named)
        self._parser = EventStreamBuffer()
        self._events = self._read()
        self._response: HTTPResponse | None = None

    @property
    def response(self) -> HTTPResponse:
        """The head of the response, which comes with its first piece."""
        if self._response is None:
            self._response = self._connection.getresponse()
        return self._response

    def _read(self) -> Iterator[Event]:
        while data := self.response.read1(65536):
            self._parser.add_data(data)
            for message in self._parser:
                yield message.headers[":event-type"], message.payload

    def event(self) -> Event:
        """The next event."""
        return next(self._events)

    def rest(self) -> list[Event]:
        """All other events."""
        return list(self._events)

    def hang_up(self) -> None:
        """Leave without reading on."""
        self._connection.close()
        self._response = None


class Response:
    """A streamed response of the runtime."""

    def __init__(self, wire: Wire, request_id: str) -> None:
        self.wire = wire
        head = [
            f"POST {PATH}invocation/{request_id}/response HTTP/1.1",
            "Host: localhost",
            "Content-Type: text/x-pieces",
            "Lambda-Runtime-Function-Response-Mode: streaming",
            "Transfer-Encoding: chunked",
        ]
        wire.send("\r\n".join([*head, "", ""]).encode())

    def write(self, data: bytes) -> None:
        """One chunk."""
        self.wire.send(b"%x\r\n%b\r\n" % (len(data), data))

    def end(self, **trailers: str) -> Any:
        """The end of the response, and what the Runtime API answers."""
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in trailers.items())
        return self.wire.send(f"0\r\n{lines}\r\n".encode()).answer()


@pytest.fixture
def ready(runtime: Puppet) -> Iterator[Puppet]:
    """A runtime that has served an invocation."""
    reply = runtime.begin({})
    runtime.respond(runtime.next().headers["lambda-runtime-aws-request-id"])
    reply.result(DEADLINE_SECONDS)
    yield runtime


def begin(runtime: Puppet, **headers: str) -> tuple[Caller, Response]:
    """A caller, and the beginning of the response it waits for."""
    waiting = runtime.ready()
    caller = Caller(runtime, **headers)
    request_id = waiting.answer().headers["lambda-runtime-aws-request-id"]
    return caller, Response(runtime.wire(), request_id)


def test_pieces_arrive_while_the_runtime_still_writes(ready: Puppet) -> None:
    """Each piece is there before the next one is written; the end has neither error nor log."""
    caller, response = begin(ready)
    for text in (b"one", b"two", b"three"):
        response.write(text)
        assert caller.event() == ("PayloadChunk", text)
    accepted = response.end()
    assert (accepted.status, accepted.json) == (202, {"status": "OK"})
    assert caller.rest() == [("InvokeComplete", b"{}")]
    headers = caller.response.headers
    assert caller.response.status == 200
    assert headers["Content-Type"] == "application/vnd.amazon.eventstream"
    assert headers["X-Amzn-Remapped-Content-Type"] == "text/x-pieces"
    assert headers["X-Amz-Executed-Version"] == "$LATEST"


def test_log_tail_comes_with_the_end(ready: Puppet) -> None:
    """`LogType: Tail`, after the report."""
    caller, response = begin(ready, X_Amz_Log_Type="Tail")
    response.write(b"x")
    response.end()
    waiting = ready.ready()
    (piece, (kind, text)) = caller.rest()
    assert piece == ("PayloadChunk", b"x")
    log = base64.b64decode(json.loads(text)["LogResult"]).decode()
    assert (kind, "REPORT RequestId: " in log) == ("InvokeComplete", True)
    waiting.hang_up()


def test_error_in_the_trailers_ends_the_response(ready: Puppet) -> None:
    """The caller has the pieces, and the error's type and object."""
    caller, response = begin(ready)
    response.write(b"half")
    error = {"errorType": "Oops", "errorMessage": "no more", "trace": []}
    body = base64.b64encode(json.dumps(error).encode()).decode()
    accepted = response.end(Lambda_Runtime_Function_Error_Type="Oops", Lambda_Runtime_Function_Error_Body=body)
    assert accepted.status == 202
    assert caller.event() == ("PayloadChunk", b"half")
    kind, text = caller.event()
    complete = json.loads(text)
    assert (kind, complete["ErrorCode"], json.loads(complete["ErrorDetails"])) == ("InvokeComplete", "Oops", error)


def test_error_that_is_not_base64_keeps_its_type(ready: Puppet) -> None:
    """What a runtime sends wrongly does not hide that it failed."""
    caller, response = begin(ready)
    response.end(Lambda_Runtime_Function_Error_Type="Oops", Lambda_Runtime_Function_Error_Body="?")
    ((_, text),) = caller.rest()
    assert json.loads(text)["ErrorCode"] == "Oops"


def test_runtime_that_hangs_up_midway_ends_the_response(ready: Puppet) -> None:
    """The caller is told; the runtime, which lives, serves the next invocation."""
    caller, response = begin(ready)
    response.write(b"half")
    assert caller.event() == ("PayloadChunk", b"half")
    response.wire.hang_up()
    ((_, text),) = caller.rest()
    assert json.loads(text)["ErrorCode"] == "Runtime.TruncatedResponse"
    caller, response = begin(ready)
    response.end()
    assert caller.rest() == [("InvokeComplete", b"{}")]


def test_runtime_that_dies_midway_ends_the_response(ready: Puppet) -> None:
    """The caller keeps what it has, and the log says how the runtime ended."""
    caller, response = begin(ready)
    response.write(b"half")
    assert caller.event() == ("PayloadChunk", b"half")
    ready.kill()
    ((_, text),) = caller.rest()
    assert json.loads(text)["ErrorCode"] == "Runtime.TruncatedResponse"


def test_invoke_of_a_streaming_function_has_the_whole_response(ready: Puppet) -> None:
    """A caller that takes no pieces gets them together."""
    waiting = ready.ready()
    reply = ready.begin({})
    response = Response(ready.wire(), waiting.answer().headers["lambda-runtime-aws-request-id"])
    response.write(b"one ")
    response.write(b"two")
    response.end()
    assert (reply.result().body, reply.result().headers["X-Amz-Function-Error"]) == (b"one two", None)


def test_invoke_of_a_streaming_function_has_the_limit_of_invoke(ready: Puppet) -> None:
    """6 MB, although the runtime streams: both are told."""
    waiting = ready.ready()
    reply = ready.begin({})
    response = Response(ready.wire(), waiting.answer().headers["lambda-runtime-aws-request-id"])
    for _ in range(7):
        response.write(bytes(1_000_000))
    assert response.wire.answer().status == 413
    error = reply.result().json
    assert (error["errorType"], "(6291556 bytes)" in error["errorMessage"]) == ("Function.ResponseSizeTooLarge", True)


def test_streaming_call_of_a_function_that_does_not_stream_has_one_piece(ready: Puppet) -> None:
    """The whole payload, then the end; an error is only in the end."""
    waiting = ready.ready()
    caller = Caller(ready)
    ready.respond(waiting.answer().headers["lambda-runtime-aws-request-id"], b'{"a":1}')
    assert caller.rest() == [("PayloadChunk", b'{"a":1}'), ("InvokeComplete", b"{}")]
    waiting = ready.ready()
    caller = Caller(ready)
    request_id = waiting.answer().headers["lambda-runtime-aws-request-id"]
    error = b'{"errorMessage":"no","errorType":"ValueError"}'
    ready.post(f"invocation/{request_id}/error", error)
    ((kind, text),) = caller.rest()
    assert kind == "InvokeComplete"
    assert json.loads(text) == {"ErrorCode": "ValueError", "ErrorDetails": error.decode()}


def test_response_that_comes_with_its_head_is_a_stream_of_one_piece(ready: Puppet) -> None:
    """The mode with a body of known length."""
    waiting = ready.ready()
    caller = Caller(ready)
    request_id = waiting.answer().headers["lambda-runtime-aws-request-id"]
    assert ready.respond(request_id, b"all", Lambda_Runtime_Function_Response_Mode="streaming").status == 202
    assert caller.rest() == [("PayloadChunk", b"all"), ("InvokeComplete", b"{}")]


def test_next_before_the_end_of_the_response_is_refused(ready: Puppet) -> None:
    """The state says what the runtime is doing."""
    caller, response = begin(ready)
    response.write(b"x")
    caller.event()
    refused = ready.wire().request("GET", f"{PATH}invocation/next").answer()
    assert (refused.status, refused.json["errorType"]) == (403, "InvalidStateTransition")
    assert "from InvocationResponse to Ready" in refused.json["errorMessage"]
    response.end()
    caller.rest()


def test_stream_for_another_request_is_refused_before_its_body_ends(ready: Puppet) -> None:
    """400, and the invocation goes on."""
    waiting = ready.ready()
    caller = Caller(ready)
    request_id = waiting.answer().headers["lambda-runtime-aws-request-id"]
    wrong = Response(ready.wire(), "00000000-0000-4000-8000-000000000000")
    assert wrong.wire.answer().json["errorType"] == "InvalidRequestID"
    right = Response(ready.wire(), request_id)
    right.end()
    assert caller.rest() == [("InvokeComplete", b"{}")]


def test_caller_that_leaves_does_not_stop_the_runtime(ready: Puppet) -> None:
    """The function writes to its end, however much that is."""
    caller, response = begin(ready)
    response.write(b"x")
    caller.event()
    caller.hang_up()
    for _ in range(5):
        response.write(bytes(1_000_000))
    assert response.end().status == 202


def test_dry_run_and_asynchronous_calls(ready: Puppet) -> None:
    """A dry run invokes nothing; a stream cannot be asynchronous."""
    assert Caller(ready, X_Amz_Invocation_Type="DryRun").response.status == 204
    refused = Caller(ready, X_Amz_Invocation_Type="Event").response
    assert (refused.status, refused.headers["x-amzn-ErrorType"]) == (400, "InvalidParameterValueException")
    assert b"[RequestResponse, DryRun]" in refused.read()
