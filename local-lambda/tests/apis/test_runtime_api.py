"""The Runtime API byte by byte: what a runtime asks, and what becomes of the invocation."""

from __future__ import annotations

import base64
import json
import re
import time

import pytest

from support.puppet_runtime import PATH, Puppet

OK = b'{"status":"OK"}\n'
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


def test_next_has_every_header(runtime: Puppet) -> None:
    """Id, deadline, ARN, trace, invocation id and content type; the event's bytes are the caller's."""
    before = time.time() * 1000
    reply = runtime.begin()
    asked = runtime.next()
    assert (asked.status, asked.body) == (200, b"null")
    headers = asked.headers
    identifier = headers.pop("lambda-runtime-aws-request-id")
    assert re.fullmatch(UUID, identifier)
    assert re.fullmatch(UUID, headers.pop("lambda-runtime-invocation-id"))
    assert before + 59_999 <= int(headers.pop("lambda-runtime-deadline-ms")) <= time.time() * 1000 + 60_000
    trace = headers.pop("lambda-runtime-trace-id")
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0;Lineage=.+", trace)
    assert headers == {
        "content-type": "application/json",
        "content-length": "4",
        "lambda-runtime-invoked-function-arn": "arn:aws:lambda:eu-west-1:123456789012:function:puppet",
    }
    assert runtime.respond(identifier).status == 202
    assert reply.result().request_id == identifier
    assert reply.result().headers["X-Amzn-Trace-Id"] == trace


def test_next_with_a_client_context_has_its_json(runtime: Puppet) -> None:
    """Decoded, on one line, and plain ASCII whatever is in it."""
    context = {"custom": {"näme": "välue\r\nInjected: yes"}}
    encoded = base64.b64encode(json.dumps(context, ensure_ascii=False).encode()).decode()
    reply = runtime.begin({}, X_Amz_Client_Context=encoded)
    headers = runtime.next().headers
    assert json.loads(headers["lambda-runtime-client-context"]) == context
    assert "injected" not in headers
    assert headers["lambda-runtime-client-context"].isascii()
    runtime.respond(headers["lambda-runtime-aws-request-id"])
    assert reply.result().status == 200


def test_response_is_accepted_with_a_status_object(runtime: Puppet) -> None:
    """202 and JSON, which some runtimes parse; the caller gets the bytes unchanged, whatever they are."""
    for body in (b"{}", b"", b'  {"a":\t1}\n', b"\xff\x00 no JSON", b"x" * 200_000):
        reply = runtime.begin({})
        identifier = runtime.next().headers["lambda-runtime-aws-request-id"]
        accepted = runtime.respond(identifier, body)
        assert (accepted.status, accepted.body) == (202, OK)
        assert accepted.headers["content-type"] == "application/json"
        assert (reply.result().body, reply.result().headers["X-Amz-Function-Error"]) == (body, None)


def test_response_reaches_the_caller_before_the_runtime_is_done(runtime: Puppet) -> None:
    """END comes with the runtime's following next, not with its response."""
    reply = runtime.begin({})
    identifier = runtime.next().headers["lambda-runtime-aws-request-id"]
    runtime.respond(identifier, b"1")
    assert reply.result().body == b"1"
    assert f"END RequestId: {identifier}" not in runtime.tool.text
    runtime.ready()
    runtime.tool.wait_for(f"END RequestId: {identifier}")


def test_error_is_passed_on_byte_for_byte(runtime: Puppet) -> None:
    """As the function's error, and with 202 for the runtime."""
    body = b'{"errorType": "E",  "errorMessage": "m", "stackTrace": [], "more": "\xc3\xa4"}'
    reply = runtime.begin({})
    identifier = runtime.next().headers["lambda-runtime-aws-request-id"]
    accepted = runtime.post(f"invocation/{identifier}/error", body, Lambda_Runtime_Function_Error_Type="Function.E")
    assert (accepted.status, accepted.body) == (202, OK)
    assert (reply.result().status, reply.result().body) == (200, body)
    assert reply.result().headers["X-Amz-Function-Error"] == "Unhandled"


@pytest.mark.parametrize(
    ("body", "passed_on"),
    [
        (
            b'{"errorMessage":"m","errorType":"E","errorCause":{"exceptions":[]}}',
            b'{"errorMessage":"m","errorType":"E"}',
        ),
        (b"no JSON", b'"Invalid error body"'),
        (b"[]", b'"Invalid error body"'),
    ],
)
def test_error_with_a_cause_is_passed_on_without_it(runtime: Puppet, body: bytes, passed_on: bytes) -> None:
    """The content type with `error.cause` carries what is meant for X-Ray only."""
    reply = runtime.begin({})
    identifier = runtime.next().headers["lambda-runtime-aws-request-id"]
    kind = "application/vnd.aws.lambda.error.cause+json"
    assert runtime.post(f"invocation/{identifier}/error", body, Content_Type=kind).status == 202
    assert reply.result().body == passed_on


def test_next_again_while_running_gets_the_same_invocation(runtime: Puppet) -> None:
    """A runtime that lost its event asks again, and its first response still counts."""
    reply = runtime.begin({"n": 1})
    first, second = runtime.next(), runtime.next()
    assert (first.body, first.headers) == (second.body, second.headers)
    assert runtime.respond(first.headers["lambda-runtime-aws-request-id"], b"done").status == 202
    assert reply.result().body == b"done"


def test_next_again_while_ready_takes_over(runtime: Puppet) -> None:
    """The connection that asked last gets the invocation; the one before may be gone."""
    reply = runtime.begin({"n": 1})
    runtime.respond(runtime.next().headers["lambda-runtime-aws-request-id"])
    assert reply.result().status == 200
    runtime.ready().hang_up()
    waiting = runtime.ready()
    reply = runtime.begin({"n": 2})
    asked = waiting.answer()
    assert asked.json == {"n": 2}
    runtime.respond(asked.headers["lambda-runtime-aws-request-id"], b"2")
    assert reply.result().body == b"2"


def test_response_in_chunks_is_put_together(runtime: Puppet) -> None:
    """`Transfer-Encoding: chunked`, cut anywhere."""
    reply = runtime.begin({})
    identifier = runtime.next().headers["lambda-runtime-aws-request-id"]
    wire = runtime.wire()
    wire.send(f"POST {PATH}invocation/{identifier}/response HTTP/1.1\r\nHost: localhost\r\n".encode())
    wire.send(b"Transfer-Encoding: chunked\r\n\r\n5\r\nhe").send(b"llo\r\n1").send(b"\r\n!\r\n0\r\n\r\n")
    assert wire.answer().status == 202
    assert reply.result().body == b"hello!"


def test_requests_on_one_connection_are_answered_in_order(runtime: Puppet) -> None:
    """A runtime may send its response and the following next at once; the first is answered at once."""
    reply = runtime.begin({"n": 1})
    wire = runtime.wire().request("GET", f"{PATH}invocation/next")
    identifier = wire.answer().headers["lambda-runtime-aws-request-id"]
    wire.send(
        f"POST {PATH}invocation/{identifier}/response HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n1"
        f"GET {PATH}invocation/next HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    )
    assert wire.answer().status == 202
    assert reply.result().body == b"1"
    reply = runtime.begin({"n": 2})
    asked = wire.answer()
    assert asked.json == {"n": 2}
    runtime.respond(asked.headers["lambda-runtime-aws-request-id"])
    assert reply.result().status == 200


def test_init_error_is_the_answer_once_the_runtime_has_ended(runtime: Puppet) -> None:
    """It is accepted with 202; the caller gets its body when the process is gone, not before."""
    reply = runtime.begin({})
    body = b'{"errorMessage":"no  database","errorType":"Runtime.Custom"}'
    accepted = runtime.post("init/error", body, Lambda_Runtime_Function_Error_Type="Runtime.Header")
    assert (accepted.status, accepted.body) == (202, OK)
    assert not reply.done()
    runtime.die()
    assert reply.result().body == body
    assert reply.result().headers["X-Amz-Function-Error"] == "Unhandled"
    assert runtime.tool.log_of(reply.result().request_id)[-1].endswith("Status: error\tError Type: Runtime.Header")


@pytest.mark.parametrize(
    ("body", "error_type"),
    [(b'{"errorType":"Runtime.Body"}', "Runtime.Body"), (b"no JSON", "Runtime.Unknown"), (b"", "Runtime.Unknown")],
)
def test_init_error_without_a_header_has_its_type_in_the_body(runtime: Puppet, body: bytes, error_type: str) -> None:
    """As sent by clients before awslambdaric 2.2."""
    reply = runtime.begin({})
    assert runtime.post("init/error", body).status == 202
    runtime.die()
    assert reply.result().body == body
    assert runtime.tool.log_of(reply.result().request_id)[-1].endswith(f"Error Type: {error_type}")


def test_invocation_when_the_runtime_dies_is_answered(runtime: Puppet) -> None:
    """At once, not at the timeout."""
    reply = runtime.begin({})
    identifier = runtime.next().headers["lambda-runtime-aws-request-id"]
    runtime.die()
    assert reply.result().json == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {identifier} Error: Runtime exited with error: signal: killed",
    }


def test_ping_is_answered(runtime: Puppet) -> None:
    """As by AWS's own emulator, in any state."""
    reply = runtime.begin({})
    answer = runtime.wire().request("GET", "/2018-06-01/ping").answer()
    assert (answer.status, answer.body) == (200, b"pong")
    runtime.respond(runtime.next().headers["lambda-runtime-aws-request-id"])
    assert reply.result().status == 200
