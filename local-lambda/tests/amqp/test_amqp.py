"""Functions behind queues: what a request and its response contain, and the outcome of each kind of bad message."""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import aio_pika
import pytest

from conftest import MakeProject
from support.broker import RabbitMQ
from support.requester import Requester
from support.tool import Tool

FUNCTION = """
import os, time
def handler(event, context):
    how = event.get("how")
    if how == "raise":
        raise ValueError("no")
    if how == "exit":
        os._exit(3)
    if how == "sleep":
        time.sleep(60)
    if how == "large":
        return "x" * 6_291_600
    if how == "seen":
        return {"trace": os.environ["_X_AMZN_TRACE_ID"], "uri": os.environ.get("AMQP_URI"),
                "custom": context.client_context.custom}
    print("worked on", event)
    return event
"""
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


@pytest.fixture(scope="module")
def tool(make_project: MakeProject, broker: RabbitMQ) -> Iterator[Tool]:
    """A worker with one environment for each function."""
    function = {"Handler": "app.handler", "Timeout": 1}
    project = make_project(
        {"app.py": FUNCTION, "broken.py": "1 / 0"}, Echo=function, Broken={**function, "Handler": "broken.handler"}
    )
    with project.serving("--max-environments", "1", variables={"AMQP_URI": broker.uri}) as tool:
        yield tool


@pytest.fixture
def requester(tool: Tool, broker: RabbitMQ) -> Iterator[Requester]:
    """A requester with a queue for responses. The test leaves nothing in a function's queue."""
    with Requester(broker.uri) as requester:
        yield requester
        assert requester.answers.empty()
        assert requester.depth("Echo") == 0


def test_answer_when_function_succeeds(requester: Requester) -> None:
    """The response is the payload, persistent, with the request's correlation id and the Invoke API's headers."""
    requester.send("Echo", {"n": 1}, correlation_id="mine")
    answer = requester.answer()
    assert answer.body == b'{"n": 1}'
    assert (answer.correlation_id, answer.content_type) == ("mine", "application/json")
    assert answer.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    assert sorted(answer.headers) == ["X-Amz-Executed-Version", "X-Amzn-Trace-Id", "x-amzn-RequestId"]
    assert answer.headers["X-Amz-Executed-Version"] == "$LATEST"
    assert uuid.UUID(str(answer.headers["x-amzn-RequestId"]))


def test_answer_when_body_is_empty(requester: Requester) -> None:
    """As in the Invoke API, no body is the event `{}`."""
    assert requester.call("Echo", body=b"")[0] == {}


def test_headers_when_log_tail_is_asked_for(requester: Requester) -> None:
    """`X-Amz-Log-Type: Tail` brings the end of the log, with the response's request id in it."""
    payload, headers = requester.call("Echo", {"n": 2}, headers={"X-Amz-Log-Type": "Tail"})
    tail = base64.b64decode(headers["X-Amz-Log-Result"]).decode()
    assert payload == {"n": 2}
    assert "worked on {'n': 2}" in tail
    assert f"REPORT RequestId: {headers['x-amzn-RequestId']}" in tail


def test_headers_when_they_are_for_the_function(requester: Requester) -> None:
    """Trace header and client context reach the function; the broker's URI does not."""
    context = base64.b64encode(b'{"custom": {"k": "v"}}').decode()
    sent = {"X-Amzn-Trace-Id": TRACE, "X-Amz-Client-Context": context}
    payload, headers = requester.call("Echo", {"how": "seen"}, headers=sent)
    root = TRACE.partition(";")[0]
    assert payload["trace"].startswith(root)
    assert headers["X-Amzn-Trace-Id"].startswith(root)
    assert (payload["custom"], payload["uri"]) == ({"k": "v"}, None)


@pytest.mark.parametrize(
    ("function", "how", "error_type", "message"),
    [
        ("Echo", "raise", "ValueError", "no"),
        ("Echo", "exit", "Runtime.ExitError", "exit status 3"),
        ("Echo", "sleep", "Sandbox.Timedout", "Task timed out after 1.00 seconds"),
        ("Echo", "large", "Function.ResponseSizeTooLarge", "Response payload size exceeded"),
        ("Broken", "", "ZeroDivisionError", "division by zero"),
    ],
)
def test_answer_when_function_fails(
    requester: Requester, function: str, how: str, error_type: str, message: str
) -> None:
    """Exceptions, crashes, timeouts, init failures and large answers are error objects, marked in a header."""
    payload, headers = requester.call(function, {"how": how})
    assert headers["X-Amz-Function-Error"] == "Unhandled"
    assert re.fullmatch(error_type, payload["errorType"])
    assert message in payload["errorMessage"]


@pytest.mark.parametrize(
    ("body", "error_type", "message"),
    [
        (b"{not json", "InvalidRequestContentException", "Could not parse request body into json"),
        (b'"\xff"', "InvalidRequestContentException", "Could not parse request body into json"),
        (b'"%s"' % (b"x" * 6_291_456), "RequestTooLargeException", "6291458 byte payload is too large"),
    ],
    ids=["no JSON", "no UTF-8", "too large"],
)
def test_answer_when_body_is_no_event(requester: Requester, body: bytes, error_type: str, message: str) -> None:
    """What is not JSON, or too large, is answered with the Invoke API's error, and acknowledged."""
    payload, headers = requester.call("Echo", body=body)
    assert (headers["x-amzn-ErrorType"], payload["Type"]) == (error_type, "User")
    assert message in payload["message"]
    assert "X-Amz-Function-Error" not in headers


def test_answer_when_client_context_is_malformed(requester: Requester) -> None:
    """A header that cannot be read is refused like a body that cannot."""
    payload, headers = requester.call("Echo", {}, headers={"X-Amz-Client-Context": "no base64"})
    assert headers["x-amzn-ErrorType"] == "InvalidRequestContentException"
    assert "Client context must be" in payload["message"]


def test_answer_when_reply_to_is_direct(requester: Requester, broker: RabbitMQ) -> None:
    """The broker's direct replies need no queue."""

    async def direct() -> bytes:
        channel = await requester.connection.channel()
        queue = await channel.get_queue("amq.rabbitmq.reply-to", ensure=False)
        await queue.consume(requester.answers.put, no_ack=True)
        request = aio_pika.Message(b'{"n": 3}', reply_to="amq.rabbitmq.reply-to")
        await channel.default_exchange.publish(request, "Echo")
        return (await requester.answers.get()).body

    assert requester.run(direct()) == b'{"n": 3}'


def test_request_when_nobody_waits_for_it(requester: Requester, tool: Tool) -> None:
    """Without `reply_to` it is asynchronous: it runs, and is acknowledged."""
    since = len(tool.lines)
    requester.send("Echo", {"alone": 1}, reply_to=None)
    tool.wait_for("worked on {'alone': 1}", since)
    assert requester.call("Echo", {"n": 4})[0] == {"n": 4}


def test_request_when_reply_queue_is_gone(requester: Requester, tool: Tool) -> None:
    """A response that cannot be routed is named and dropped; the request is complete."""
    since = len(tool.lines)
    requester.send("Echo", {}, reply_to="nowhere")
    tool.wait_for("a response is dropped: its queue nowhere is gone", since)
    assert requester.call("Echo", {"n": 5})[0] == {"n": 5}


@pytest.mark.parametrize("room", [False, True])
def test_answer_when_reply_queue_is_full(requester: Requester, tool: Tool, room: bool) -> None:
    """If the broker refuses, the response is offered three more times, and dropped if there is still no room."""
    name = f"full-{room}"

    async def fill() -> None:
        arguments = {"x-max-length": 1, "x-overflow": "reject-publish"}
        await requester.channel.declare_queue(name, exclusive=True, arguments=arguments)
        await requester.channel.default_exchange.publish(aio_pika.Message(b"first"), name)

    requester.run(fill())
    since = len(tool.lines)
    requester.send("Echo", {"n": 6}, reply_to=name)
    tool.wait_for("REPORT RequestId", since)
    if room:
        assert requester.take(name).body == b"first"
        assert requester.take(name).body == b'{"n": 6}'
    else:
        tool.wait_for(f"a response is dropped: its queue {name} rejects messages", since)
    assert requester.call("Echo", {"n": 7})[0] == {"n": 7}


def test_request_when_it_has_expired(requester: Requester, tool: Tool) -> None:
    """The broker drops what expired before it was delivered: it never runs."""
    since = len(tool.lines)
    requester.send("Echo", {"how": "sleep"})
    requester.send("Echo", {"late": True}, expiration=0.1)
    requester.send("Echo", {"after": True})
    assert b"timed out" in requester.answer().body
    assert requester.answer().body == b'{"after": true}'
    assert not [line for line in tool.lines[since:] if "'late'" in line]


def test_dead_letters_when_attempts_are_over(make_project: MakeProject, broker: RabbitMQ) -> None:
    """A message that fails three times, or is not an event, goes to the queue's dead letters, if it has any."""
    with Requester(broker.uri) as requester:

        async def declare() -> None:
            await requester.channel.declare_queue("dead", durable=True)
            arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
            await requester.channel.declare_queue("Mortal", durable=True, arguments=arguments)

        requester.run(declare())
        project = make_project({"app.py": FUNCTION}, Mortal={"Handler": "app.handler"})
        with project.serving("--amqp", broker.uri) as tool:
            requester.send("Mortal", {"how": "raise"}, reply_to=None)
            assert requester.take("dead").body == b'{"how": "raise"}'
            found = tool.wait_for(r"(\S+) failed every time and is a dead letter; the last error: .*ValueError")
            assert tool.text.count(f"START RequestId: {found[1]}") == 3
            requester.send("Mortal", body=b"{not json", reply_to=None)
            assert requester.take("dead").body == b"{not json"
            requester.send("Mortal", body=b'"%s"' % (b"x" * 1_048_576), reply_to=None)
            assert len(requester.take("dead").body) == 1_048_578


def test_exec_when_variable_names_the_broker(broker: RabbitMQ, function_python: Path, tmp_path: Path) -> None:
    """`exec` serves the queue of its function; the runtime does not see AMQP_URI."""
    from support.tool import serving

    (tmp_path / "app.py").write_text(FUNCTION)
    variables = {"AMQP_URI": broker.uri, "AWS_LAMBDA_FUNCTION_NAME": "Executed"}
    command = ("exec", "--", function_python, "-m", "awslambdaric", "app.handler")
    context = base64.b64encode(b'{"custom": {}}').decode()
    with serving(*command, cwd=tmp_path, variables=variables) as tool, Requester(broker.uri) as requester:
        payload, _ = requester.call("Executed", {"how": "seen"}, headers={"X-Amz-Client-Context": context})
        assert payload["uri"] is None
        assert f"serving Executed from {broker.uri.replace('guest:guest@', '')}" in tool.text
