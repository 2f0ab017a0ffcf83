"""What the Runtime API refuses, in its exact words, and what the caller gets then."""

from __future__ import annotations

import pytest

from support.puppet_runtime import PATH, Puppet
from support.wire import Response

LIMIT = 6_291_556
TRANSITION = "State transition from {} to {} failed for runtime. Error: State transition is not allowed"


def check(answer: Response, status: int, error_type: str, message: str) -> None:
    """The response is this error object, with its members in this order."""
    assert answer.status == status
    assert list(answer.json.items()) == [("errorMessage", message), ("errorType", error_type)]
    assert answer.headers["content-type"] == "application/json"


def refused(answer: Response, state: str, target: str) -> None:
    check(answer, 403, "InvalidStateTransition", TRANSITION.format(state, target))


def identifier(asked: Response) -> str:
    return asked.headers["lambda-runtime-aws-request-id"]


@pytest.mark.parametrize("verb", ["response", "error"])
def test_answer_to_another_request_is_400_and_changes_nothing(runtime: Puppet, verb: str) -> None:
    """Before the first next, and while another invocation runs; the right id is accepted afterwards."""
    reply = runtime.begin({})
    check(runtime.post(f"invocation/unknown/{verb}", b"1"), 400, "InvalidRequestID", "Invalid request ID")
    asked = runtime.next()
    check(runtime.post(f"invocation/unknown/{verb}", b"1"), 400, "InvalidRequestID", "Invalid request ID")
    assert not reply.done()
    assert runtime.respond(identifier(asked), b"2").status == 202
    assert reply.result().body == b"2"


def test_answer_of_another_attempt_is_400_and_changes_nothing(runtime: Puppet) -> None:
    """The echoed invocation id tells attempts with the same request id apart."""
    reply = runtime.begin({})
    asked = runtime.next()
    other = {"Lambda_Runtime_Invocation_Id": "00000000-0000-4000-8000-000000000000"}
    check(runtime.respond(identifier(asked), b"1", **other), 400, "InvalidRequestID", "Invalid request ID")
    own = {"Lambda_Runtime_Invocation_Id": asked.headers["lambda-runtime-invocation-id"]}
    assert runtime.respond(identifier(asked), b"2", **own).status == 202
    assert reply.result().body == b"2"


def test_second_answer_is_403_and_changes_nothing(runtime: Puppet) -> None:
    """A response or an error after either of them; the caller has the first."""
    for first in ("response", "error"):
        reply = runtime.begin({})
        path = f"invocation/{identifier(runtime.next())}"
        assert runtime.post(f"{path}/{first}", b"1").status == 202
        refused(runtime.post(f"{path}/response", b"2"), "RuntimeResponseSentState", "InvocationResponse")
        refused(runtime.post(f"{path}/error", b"3"), "RuntimeResponseSentState", "InvocationErrorResponse")
        assert reply.result().body == b"1"


def test_answer_while_ready_is_403(runtime: Puppet) -> None:
    """The invocation is over, so even its id is no longer good; the next one is served."""
    reply = runtime.begin({"n": 1})
    asked = runtime.next()
    runtime.respond(identifier(asked), b"1")
    waiting = runtime.ready()
    runtime.tool.wait_for(f"END RequestId: {reply.result().request_id}")
    refused(runtime.respond(identifier(asked), b"2"), "Ready", "InvocationResponse")
    refused(runtime.post(f"invocation/{identifier(asked)}/error", b"3"), "Ready", "InvocationErrorResponse")
    reply = runtime.begin({"n": 2})
    assert runtime.respond(identifier(waiting.answer()), b"4").status == 202
    assert reply.result().body == b"4"


def test_init_error_after_the_first_next_is_403(runtime: Puppet) -> None:
    """While it runs, and while it is ready."""
    reply = runtime.begin({})
    asked = runtime.next()
    refused(runtime.post("init/error", b"{}"), "Running", "InitError")
    runtime.respond(identifier(asked))
    assert reply.result().status == 200
    runtime.ready()
    runtime.tool.wait_for(f"END RequestId: {identifier(asked)}")
    refused(runtime.post("init/error", b"{}"), "Ready", "InitError")


def test_any_request_after_an_init_error_is_403(runtime: Puppet) -> None:
    """The runtime is expected to end."""
    reply = runtime.begin({})
    assert runtime.post("init/error", b'{"errorType":"E"}').status == 202
    refused(runtime.next(), "InitError", "Ready")
    refused(runtime.post("init/error", b"{}"), "InitError", "InitError")
    runtime.die()
    assert reply.result().body == b'{"errorType":"E"}'


@pytest.mark.parametrize("verb", ["response", "error"])
def test_answer_over_the_limit_is_413_and_the_runtime_goes_on(runtime: Puppet, verb: str) -> None:
    """The caller gets a message; a payload exactly at the limit is accepted."""
    too_large = b"x" * (LIMIT + 1)
    reply = runtime.begin({})
    path = f"invocation/{identifier(runtime.next())}/{verb}"
    message = f"Exceeded maximum allowed payload size ({LIMIT} bytes)."
    check(runtime.post(path, too_large), 413, "RequestEntityTooLarge", message)
    assert reply.result().body == (
        b'{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).",'
        b'"errorType":"Function.ResponseSizeTooLarge"}'
    )
    assert reply.result().headers["X-Amz-Function-Error"] == "Unhandled"
    waiting = runtime.ready()
    reply = runtime.begin({})
    assert runtime.respond(identifier(waiting.answer()), too_large[:-1]).status == 202
    assert len(reply.result().body) == LIMIT


def test_response_in_another_mode_is_refused(runtime: Puppet) -> None:
    """Runtime and caller are both told; nothing is accepted and dropped."""
    reply = runtime.begin({})
    answer = runtime.respond(identifier(runtime.next()), b"1", Lambda_Runtime_Function_Response_Mode="buffered")
    check(answer, 400, "InvalidFunctionResponseMode", "Invalid function response mode")
    assert reply.result().json["errorType"] == "Runtime.InvalidResponseModeHeader"
    assert reply.result().headers["X-Amz-Function-Error"] == "Unhandled"
    waiting = runtime.ready()
    reply = runtime.begin({})
    runtime.respond(identifier(waiting.answer()), b"2")
    assert reply.result().body == b"2"


HALVES = {
    "length": b"Content-Length: 100\r\n\r\nonly this",
    "chunk": b"Transfer-Encoding: chunked\r\n\r\n64\r\nonly this",
    "last_chunk": b"Transfer-Encoding: chunked\r\n\r\n4\r\nthis\r\n",
}


@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES)
def test_response_that_is_cut_off_is_an_error(runtime: Puppet, half: bytes) -> None:
    """A runtime that still listens gets 400; the caller gets an error, not half of a payload."""
    reply = runtime.begin({})
    wire = runtime.wire()
    wire.send(
        f"POST {PATH}invocation/{identifier(runtime.next())}/response HTTP/1.1\r\nHost: localhost\r\n".encode() + half
    )
    wire.hang_up(only_sending=True)
    check(wire.answer(), 400, "TruncatedHTTPRequest", "HTTP request detected as truncated")
    assert reply.result().json["errorType"] == "Runtime.TruncatedResponse"
    assert reply.result().headers["X-Amz-Function-Error"] == "Unhandled"


def test_response_when_the_connection_is_lost_is_an_error(runtime: Puppet) -> None:
    """Only the caller is left to get a message."""
    reply = runtime.begin({})
    wire = runtime.wire()
    path = f"{PATH}invocation/{identifier(runtime.next())}/response"
    wire.send(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf".encode()).hang_up()
    assert reply.result().json["errorType"] == "Runtime.TruncatedResponse"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", f"{PATH}invocation/next", 405),
        ("GET", f"{PATH}invocation/some-id/response", 405),
        ("GET", f"{PATH}init/error", 405),
        ("GET", f"{PATH}restore/next", 403),
        ("POST", f"{PATH}restore/error", 403),
        ("POST", f"{PATH}invocation/some-id/other", 404),
        ("GET", f"{PATH}invocation", 404),
        ("GET", "/2018-06-02/runtime/invocation/next", 404),
        ("GET", "/", 404),
    ],
)
def test_request_that_is_none_of_the_api_is_refused(runtime: Puppet, method: str, path: str, status: int) -> None:
    """Wrong method, wrong path, or SnapStart, which is not in use; the runtime keeps running."""
    reply = runtime.begin({})
    answer = runtime.wire().request(method, path, b"{}" if method == "POST" else None).answer()
    assert answer.status == status
    assert list(answer.json) == ["errorMessage", "errorType"]
    runtime.respond(identifier(runtime.next()))
    assert reply.result().status == 200
