"""`start` serves the routes of a template: events and responses of API Gateway's Lambda proxy integration."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local_lambda.apis.api_gateway import Route, api_gateway
from local_lambda.environment.invocation import Invocation, InvocationResponse
from local_lambda.functions.config import FunctionConfig
from local_lambda.http.server import Exchange, Head
from support.tool import DEADLINE_SECONDS, Gate, Project, Reply, Tool, run

CODE = """
import json

def echo(event, context):
    return {"statusCode": 200, "body": json.dumps(event)}

def respond(event, context):
    return json.loads(event["body"])

def crash(event, context):
    raise ValueError("no")

def wait(event, context):
    path = json.loads(event["body"])["gate"]
    with open(path) as gate:
        print("waiting at", path, flush=True)
        return {"statusCode": 200, "body": gate.readline()}
"""


def route(kind: str, path: str | None = None, method: str | None = None, **properties: str) -> dict[str, Any]:
    """An event source of a function."""
    given = {"Path": path, "Method": method, **properties}
    return {"Type": kind, "Properties": {name: value for name, value in given.items() if value is not None}}


@pytest.fixture(scope="module")
def api(make_project: Callable[..., Project]) -> Iterator[Tool]:
    """A REST API beside an HTTP API."""
    echo = {
        "Fixed": route("Api", "/orders/fixed", "get"),
        "One": route("Api", "/orders/{id}", "any"),
        "Greedy": route("Api", "/files/{path+}", "get"),
        "Http": route("HttpApi", "/http/{id}", "ANY"),
        "Old": route("HttpApi", "/old", "post", PayloadFormatVersion="1.0"),
    }
    respond = {"Rest": route("Api", "/respond", "post"), "Http": route("HttpApi", "/http-respond", "post")}
    crash = {"Rest": route("Api", "/crash", "get"), "Http": route("HttpApi", "/http-crash", "get")}
    project = make_project(
        {"app.py": CODE},
        Echo={"Handler": "app.echo", "Events": echo, "Tracing": "Active"},
        Respond={"Handler": "app.respond", "Events": respond},
        Crash={"Handler": "app.crash", "Events": crash},
    )
    with project.serving() as tool:
        yield tool


def send(tool: Tool, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
    """A request of a route; `Content_Type` is that header."""
    return tool.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})


def respond(tool: Tool, path: str, answer: object) -> Reply:
    """A request that the function answers with `answer`."""
    return send(tool, "POST", path, json.dumps(answer).encode(), Content_Type="application/json")


def test_start_names_the_routes(api: Tool) -> None:
    """Whoever starts it sees what can be called."""
    api.wait_for(r"route ANY /orders/\{id\} of Echo")


def test_rest_event_has_all_of_the_request(api: Tool) -> None:
    """Format 1.0: last value and list of each header and query parameter, the decoded path, its variables."""
    query = "a=1&a=2&b=%C3%A4"
    reply = send(api, "PUT", f"/orders/A%20B?{query}", b'{"x": 1}', X_Own="yes", Content_Type="application/json")
    event = reply.json
    assert reply.status == 200
    assert (event["httpMethod"], event["path"], event["resource"]) == ("PUT", "/orders/A B", "/orders/{id}")
    assert event["pathParameters"] == {"id": "A B"}
    assert event["queryStringParameters"] == {"a": "2", "b": "ä"}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": ["ä"]}
    assert (event["headers"]["X-Own"], event["multiValueHeaders"]["X-Own"]) == ("yes", ["yes"])
    assert (event["headers"]["X-Forwarded-For"], event["headers"]["X-Forwarded-Port"]) == ("127.0.0.1", str(api.port))
    assert (event["body"], event["isBase64Encoded"]) == ('{"x": 1}', False)
    context = event["requestContext"]
    assert (context["stage"], context["path"], context["resourcePath"]) == ("Prod", "/Prod/orders/A B", "/orders/{id}")
    assert context["identity"]["sourceIp"] == "127.0.0.1"
    assert reply.headers["X-Amzn-Trace-Id"].startswith(event["headers"]["X-Amzn-Trace-Id"] + ";")
    assert "version" not in event


def test_rest_event_says_null_when_the_request_has_nothing(api: Tool) -> None:
    """No body, no query, no variables."""
    event = send(api, "GET", "/orders/fixed").json
    names = ("body", "queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables")
    assert [event[name] for name in names] == [None] * 5


def test_http_event_has_all_of_the_request(api: Tool) -> None:
    """Format 2.0: header names in lower case, repeated values joined by commas, cookies apart."""
    reply = send(api, "POST", "/http/7?a=1&a=2", b"{}", X_Own="yes", Cookie="k=v; l=w", Content_Type="application/json")
    event = reply.json
    assert (event["version"], event["routeKey"], event["rawPath"]) == ("2.0", "ANY /http/{id}", "/http/7")
    assert (event["rawQueryString"], event["queryStringParameters"]) == ("a=1&a=2", {"a": "1,2"})
    assert (event["headers"]["x-own"], event["cookies"]) == ("yes", ["k=v", "l=w"])
    assert "cookie" not in event["headers"]
    assert event["pathParameters"] == {"id": "7"}
    assert (event["body"], event["isBase64Encoded"]) == ("{}", False)
    http = event["requestContext"]["http"]
    assert (http["method"], http["path"], http["sourceIp"]) == ("POST", "/http/7", "127.0.0.1")
    assert event["requestContext"]["stage"] == "$default"


def test_http_event_leaves_out_what_the_request_has_not(api: Tool) -> None:
    """Format 2.0 has no nulls."""
    event = send(api, "GET", "/http/7").json
    assert not {"body", "cookies", "queryStringParameters"} & set(event)
    assert event["rawQueryString"] == ""


@pytest.mark.parametrize(
    ("path", "content_type"), [("/orders/1", "image/png"), ("/http/1", "image/png"), ("/http/1", "application/json")]
)
def test_body_is_base64_when_it_is_no_text(api: Tool, path: str, content_type: str) -> None:
    """Bytes that are not UTF-8 come through whole."""
    event = send(api, "POST", path, b"\xff\x00", Content_Type=content_type).json
    assert (event["body"], event["isBase64Encoded"]) == ("/wA=", True)


def test_http_route_has_the_older_format_when_the_template_says_so(api: Tool) -> None:
    """Format 1.0 of an HTTP API names its version."""
    event = send(api, "POST", "/old", b"x", Content_Type="text/plain").json
    assert (event["version"], event["path"], event["requestContext"]["stage"]) == ("1.0", "/old", "$default")


@pytest.mark.parametrize(
    ("method", "path", "resource"),
    [
        ("GET", "/orders/fixed", "/orders/fixed"),
        ("POST", "/orders/fixed", "/orders/{id}"),
        ("GET", "/files/a/b", "/files/{path+}"),
    ],
)
def test_route_is_the_most_exact_one(api: Tool, method: str, path: str, resource: str) -> None:
    """Whole paths before variables before greedy variables."""
    assert send(api, method, path).json["resource"] == resource


def test_response_has_status_headers_and_body(api: Tool) -> None:
    """`multiValueHeaders` win over `headers`."""
    answer = {
        "statusCode": "418",
        "headers": {"X-One": "a", "X-Many": "lost", "Content-Length": "7"},
        "multiValueHeaders": {"X-Many": ["b", "c"]},
        "body": "short and stout ä",
    }
    reply = respond(api, "/respond", answer)
    assert (reply.status, reply.body.decode()) == (418, "short and stout ä")
    assert (reply.headers["X-One"], reply.headers.get_all("X-Many")) == ("a", ["b", "c"])
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["x-amzn-RequestId"]


def test_response_is_bytes_when_base64(api: Tool) -> None:
    """Images and the like."""
    assert respond(api, "/respond", {"statusCode": 200, "body": "/wA=", "isBase64Encoded": True}).body == b"\xff\x00"


def test_http_response_sets_cookies(api: Tool) -> None:
    """A header line for each."""
    reply = respond(api, "/http-respond", {"statusCode": 204, "cookies": ["a=1", "b=2"]})
    assert (reply.status, reply.headers.get_all("Set-Cookie")) == (204, ["a=1", "b=2"])


@pytest.mark.parametrize("answer", [{"any": "thing"}, ["list"], "text", 7])
def test_http_response_is_the_answer_when_it_names_no_status(api: Tool, answer: object) -> None:
    """Format 2.0 takes any JSON for a good answer."""
    reply = respond(api, "/http-respond", answer)
    assert (reply.status, reply.headers["Content-Type"], reply.json) == (200, "application/json", answer)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"body": "x"}, "statusCode is null"),
        ({"statusCode": 42}, "statusCode is 42"),
        ("text", "not a JSON object"),
        ({"statusCode": 200, "body": {}}, "body is not a string; encode it with json.dumps"),
        ({"statusCode": 200, "body": "ä", "isBase64Encoded": True}, "not Base64"),
        ({"statusCode": 200, "headers": ["X"]}, "have to be objects"),
        ({"statusCode": 200, "headers": {"X": "a\r\nX-Evil: b"}}, "no header that can be sent"),
    ],
)
def test_answer_that_is_no_response_is_502(api: Tool, answer: object, reason: str) -> None:
    """The caller is told nothing, whoever runs the tool everything."""
    since = len(api.lines)
    reply = respond(api, "/respond", answer)
    assert (reply.status, reply.json) == (502, {"message": "Internal server error"})
    api.wait_for(f"POST /respond: status 502, .*{reason}", since)


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [("/crash", 502, "Internal server error"), ("/http-crash", 500, "Internal Server Error")],
)
def test_function_error_is_no_business_of_the_caller(api: Tool, path: str, status: int, message: str) -> None:
    """Neither the exception nor the stack trace gets out."""
    reply = send(api, "GET", path)
    assert (reply.status, reply.json) == (status, {"message": message})


def test_unknown_route_is_404_and_named(api: Tool) -> None:
    """The caller hears what API Gateway says; the tool names the routes there are."""
    since = len(api.lines)
    reply = send(api, "GET", "/nowhere")
    assert (reply.status, reply.json) == (404, {"message": "Not Found"})
    api.wait_for(r"GET /nowhere is no route; the routes here: .*POST /respond", since)


def test_unknown_route_of_a_rest_api_is_403(make_project: Callable[..., Project]) -> None:
    """API Gateway's famous words."""
    project = make_project({"app.py": CODE}, Echo={"Handler": "app.echo", "Events": {"A": route("Api", "/a", "get")}})
    with project.serving() as tool:
        reply = send(tool, "GET", "/b")
        assert (reply.status, reply.json) == (403, {"message": "Missing Authentication Token"})


def test_request_that_is_too_large_is_413(api: Tool) -> None:
    """The event is larger than the body, and a function takes 6 MB."""
    reply = send(api, "POST", "/orders/1", b"\xff" * 5_000_000, Content_Type="image/png")
    assert (reply.status, reply.json) == (413, {"message": "Request Too Long"})


def test_invoke_api_is_there_beside_the_routes(api: Tool) -> None:
    """Paths that begin with a version are the Invoke API's."""
    reply = api.invoke("Echo", {"direct": True})
    assert json.loads(reply.json["body"]) == {"direct": True}


def test_route_is_500_when_the_function_is_at_its_limit(
    make_project: Callable[..., Project], make_gate: Callable[[], Gate], callers: Any
) -> None:
    """API Gateway treats throttling as an internal error."""
    wait = {"Handler": "app.wait", "ReservedConcurrentExecutions": 1, "Events": {"A": route("Api", "/wait", "post")}}
    project, gate = make_project({"app.py": CODE}, Wait=wait), make_gate()
    with project.serving() as tool:
        first = callers.submit(send, tool, "POST", "/wait", json.dumps(gate.event).encode())
        gate.reached(tool)
        reply = send(tool, "POST", "/wait", b"{}")
        assert (reply.status, reply.json) == (500, {"message": "Internal server error"})
        gate.open("done")
        assert first.result().body == b"done\n"


def test_start_is_2_when_two_functions_have_one_route(make_project: Callable[..., Project]) -> None:
    """CloudFormation would refuse that, too."""
    events = {"A": route("Api", "/a", "get")}
    project = make_project(
        {"app.py": CODE}, One={"Handler": "app.echo", "Events": events}, Two={"Handler": "app.echo", "Events": events}
    )
    outcome = run("start", "-t", project.template, "--python", project.python, "--port", "0")
    assert outcome.status == 2
    assert "One and Two have the same route, GET /a; change one of them" in outcome.errors


@pytest.mark.parametrize(
    ("rest", "status", "message"), [(True, 504, "Endpoint request timed out"), (False, 503, "Service Unavailable")]
)
def test_caller_is_told_when_the_function_takes_too_long(
    monkeypatch: pytest.MonkeyPatch, rest: bool, status: int, message: str
) -> None:
    """API Gateway does not wait as long as a function may take; a late answer goes nowhere."""

    class Slow:
        """A pool that keeps an invocation."""

        function = FunctionConfig("slow", "app.handler")

        def invoke(self, invocation: Invocation, on_throttled: object) -> None:
            """Answers only when it is too late."""
            self.invocation = invocation

    class Caller(Exchange):
        """A request without a connection."""

        def __init__(self) -> None:
            self._head = Head(b"GET", b"/slow", b"", b"", b"", 0)
            self.method, self.path, self.query = b"GET", b"/slow", b""
            self.answers: list[tuple[int, bytes]] = []

        def respond(self, status: int, body: bytes = b"", headers: bytes = b"") -> None:
            """Keeps the answer."""
            self.answers.append((status, body))
            answered.set()

        client = port = ""

    async def call() -> list[tuple[int, bytes]]:
        api_gateway([route_of_slow], notices.append, lambda exchange: None)(caller)
        await asyncio.wait_for(answered.wait(), DEADLINE_SECONDS)
        pool.invocation.on_response(pool.invocation, InvocationResponse(b'{"statusCode": 200}', failed=False))
        return caller.answers

    monkeypatch.setattr("local_lambda.apis.api_gateway.TIMEOUT_SECONDS", {"1.0": 0.0, "2.0": 0.0})
    pool, caller, notices, answered = Slow(), Caller(), list[str](), asyncio.Event()
    pattern, version = re.compile("/slow"), "1.0" if rest else "2.0"
    route_of_slow = Route("GET", "/slow", version, rest, pool, pattern)  # type: ignore[arg-type]
    assert asyncio.run(call()) == [(status, b'{"message":"%b"}' % message.encode())]
    assert [notice.partition(",")[0] for notice in notices] == [f"GET /slow: status {status}"]
