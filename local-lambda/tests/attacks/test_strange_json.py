"""JSON that is valid but strange (deeply nested, numbers of 5,000 digits, half a surrogate pair) gets a response."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from attacks.conftest import VICTIMS
from attacks.connections import connect, invocation, read_answers, request
from attacks.mortal import mortal, started
from attacks.test_mutated_http import signed
from conftest import MakeProject
from support.tool import Tool, serving

DIGITS = b"9" * 5_000
STRANGE = {
    "nested lists": b"[" * 100_000 + b"]" * 100_000,
    "nested objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "nested lists without an end": b"[" * 100_000,
    "number": DIGITS,
    "number in an object": b'{"events": [%b], "types": [%b], "Timeout": %b, "FunctionName": %b}' % ((DIGITS,) * 4),
    "exponent": b'{"events": [1e99999], "types": [1e99999], "Timeout": 1e99999, "FunctionName": 1e99999}',
    "half a surrogate pair": rb'{"events": ["\ud800"], "types": ["\ud800"], "FunctionName": "\ud800", "Timeout": 3}',
    "half a surrogate pair as a name": rb'{"\ud800": 1}',
    "wrong types": b'{"events": {"a": 1}, "types": 7, "Timeout": [], "FunctionName": null}',
    "same name twice": b'{"events": [], "events": 1, "types": [], "types": 2}',
    "not a number": b'{"events": NaN, "types": Infinity, "Timeout": NaN}',
    "a string": b'"INVOKE"',
    "null": b"null",
    "no JSON": b"\xff\xfe\x00",
}
ANSWER_SECONDS = 5.0


def unharmed(tool: Tool, since: int) -> bool:
    """Whether the tool has not shown a bug."""
    return not any(line.startswith(("Traceback", "local-lambda: ")) for line in tool.lines[since:])


@pytest.mark.parametrize("strange", STRANGE)
def test_invocation_when_the_event_is_strange(tool: Tool, strange: str) -> None:
    """It is refused, or the function gets it; the next invocation is served."""
    since = len(tool.lines)
    assert tool.invoke("Echo", payload=STRANGE[strange]).status in (200, 400)
    assert tool.invoke("Echo", 1).json == 1
    assert unharmed(tool, since)


CONTEXTS = {
    "nested lists": b"[" * 1_300 + b"]" * 1_300,
    "nested objects": b'{"a":' * 400 + b"1" + b"}" * 400,
    "nested lists without an end": b"[" * 2_600,
    "number": b'{"custom": %b}' % (b"9" * 2_600),
    "half a surrogate pair": rb'{"custom": {"a": "\ud800"}}',
    "wrong types": b'{"custom": 1, "client": [], "env": "x"}',
    "null": b"null",
    "a list": b"[]",
    "not a number": b'{"custom": NaN}',
    "line ends": b'{"custom":\r\n{"a":\n1}}',
}


@pytest.mark.parametrize("strange", CONTEXTS)
def test_invocation_when_the_client_context_is_strange(tool: Tool, strange: str) -> None:
    """400, or the function gets it; the next invocation is served."""
    since, context = len(tool.lines), base64.b64encode(CONTEXTS[strange]).decode()
    with connect(tool.host, tool.port, ANSWER_SECONDS) as connection:
        connection.sendall(invocation("Echo", b"1", X_Amz_Client_Context=context))
        ((status, _),) = read_answers(connection, 1)
    assert status in (200, 400)
    assert tool.invoke("Echo", 1).json == 1
    assert unharmed(tool, since)


VERBS = {
    "register": ("POST", "/2020-01-01/extension/register", {"Lambda-Extension-Name": "strange"}),
    "error": ("POST", "/2018-06-01/runtime/invocation/REQUEST/error", {}),
    "error with cause": (
        "POST",
        "/2018-06-01/runtime/invocation/REQUEST/error",
        {"Content-Type": "application/vnd.aws.lambda.error.cause+json"},
    ),
    "response": ("POST", "/2018-06-01/runtime/invocation/REQUEST/response", {}),
}


@pytest.fixture(scope="module")
def insider(make_project: MakeProject) -> Iterator[Tool]:
    """A function that talks to its Runtime API with its own internal extension."""
    project = make_project(None, Insider={"Handler": "insider.handler", "CodeUri": str(VICTIMS)})
    with started(project, "--max-environments", "1") as tool:
        yield tool


@pytest.mark.parametrize("strange", STRANGE)
@pytest.mark.parametrize("verb", VERBS)
def test_runtime_api_when_a_body_is_strange(insider: Tool, verb: str, strange: str) -> None:
    """The response is not a 500, and the next invocation is served."""
    method, path, headers = VERBS[verb]
    since = len(insider.lines)
    data = base64.b64encode(request(method, path, STRANGE[strange], headers)).decode()
    insider.invoke("Insider", {"requests": [data]})
    said = insider.wait_for(r"answer 0: (.*)", since)[1]
    assert said.startswith(("HTTP/1.1 2", "HTTP/1.1 4")), said
    insider.invoke("Insider", {"requests": []})
    assert insider.invoke("Insider", {"requests": []}).json == []
    assert unharmed(insider, since)


SUBSCRIPTION = b'{"schemaVersion": "2022-07-01", "types": %b, "buffering": %b, "destination": %b}'
PLACE = b'{"protocol": "HTTP", "URI": "http://sandbox.localdomain:1"}'
SUBSCRIPTIONS = {
    **STRANGE,
    "many types": SUBSCRIPTION % (b'["%b"]' % b'","'.join([b"function"] * 100_000), b"{}", PLACE),
    "half a type": SUBSCRIPTION % (rb'["\ud800"]', b"{}", PLACE),
    "digits for items": SUBSCRIPTION % (b'["function"]', b'{"maxItems": %b}' % DIGITS, PLACE),
    "exponent for bytes": SUBSCRIPTION % (b'["function"]', b'{"maxBytes": 1e999}', PLACE),
    "half a place": SUBSCRIPTION % (b'["function"]', b"{}", rb'{"protocol": "HTTP", "URI": "http://\ud800"}'),
    "broken place": SUBSCRIPTION % (b'["function"]', b"{}", b'{"protocol": "HTTP", "URI": "http://[::1"}'),
    "port of digits": SUBSCRIPTION % (b'["function"]', b"{}", b'{"protocol": "TCP", "port": %b}' % DIGITS),
    "nested place": SUBSCRIPTION % (b'["function"]', b"{}", b'{"protocol": ' * 50_000),
}


@pytest.mark.parametrize("api", ["2022-07-01/telemetry", "2020-08-15/logs"])
def test_subscription_when_it_is_strange(make_project: MakeProject, api: str) -> None:
    """Each is refused with the API's error, and the function is served."""
    headers = {"Lambda-Extension-Identifier": "IDENTIFIER"}
    bodies = [request("PUT", f"/{api}", body, headers) for body in SUBSCRIPTIONS.values()]
    files = {
        "insider.py": (VICTIMS / "insider.py").read_text(),
        "requests.json": json.dumps([base64.b64encode(body).decode() for body in bodies]),
    }
    outcome = make_project(files, Hello={"Handler": "insider.handler"}).report({"requests": []})
    assert outcome.status == 0, outcome.errors
    said = {line.partition(": ")[2].strip() for line in outcome.records("function") if line.startswith("answer ")}
    statuses = [line.split(" ")[1] if line.startswith("HTTP/1.1 ") else line for line in said]
    assert [status for status in statuses if not status.startswith("4")] == []
    assert "local-lambda: " not in outcome.errors


CAUSES = {
    "nested": b"[" * 20_000,
    "number": b'{"working_directory": "/", "exceptions": [%b], "paths": []}' % DIGITS,
    "half a surrogate pair": rb'{"working_directory": "\ud800", "exceptions": [], "paths": []}',
    "no JSON": b"{{{",
    "wrong types": b'{"working_directory": 1, "exceptions": {"a": 1}, "paths": "x"}',
}


@pytest.mark.parametrize("cause", CAUSES)
def test_runtime_api_when_an_error_cause_is_strange(insider: Tool, cause: str) -> None:
    """The error is accepted; a problem with its cause for X-Ray does no harm."""
    since = len(insider.lines)
    headers = {"Lambda-Runtime-Function-XRay-Error-Cause": CAUSES[cause].decode("latin-1")}
    data = request("POST", "/2018-06-01/runtime/invocation/REQUEST/error", b'{"errorType": "A"}', headers)
    insider.invoke("Insider", {"requests": [base64.b64encode(data).decode()]})
    assert insider.wait_for(r"answer 0: (.*)", since)[1].startswith("HTTP/1.1 202 ")
    insider.invoke("Insider", {"requests": []})
    assert insider.invoke("Insider", {"requests": []}).json == []
    assert unharmed(insider, since)


CALLS = {
    "CreateFunction": ("lambda", "POST", "/2015-03-31/functions"),
    "UpdateFunctionConfiguration": ("lambda", "PUT", "/2015-03-31/functions/none/configuration"),
    "PublishLayerVersion": ("lambda", "POST", "/2018-10-31/layers/none/versions"),
    "Invoke": ("lambda", "POST", "/2015-03-31/functions/none/invocations"),
}


@pytest.fixture(scope="module")
def endpoint(function_python: Path) -> Iterator[Tool]:
    """The endpoint for the AWS CLI."""
    with mortal("aws", "--python", function_python) as tool:
        yield tool


@pytest.mark.parametrize("strange", STRANGE)
@pytest.mark.parametrize("call", CALLS)
def test_control_plane_when_a_body_is_strange(endpoint: Tool, call: str, strange: str) -> None:
    """The response says what is wrong with it."""
    since = len(endpoint.lines)
    service, method, path = CALLS[call]
    with connect(endpoint.host, endpoint.port, ANSWER_SECONDS) as connection:
        connection.sendall(signed(service, method, path, STRANGE[strange]))
        ((status, body),) = read_answers(connection, 1)
    assert 400 <= status < 500, body
    assert unharmed(endpoint, since)


def test_control_plane_when_the_region_is_long(endpoint: Tool) -> None:
    """400."""
    data = signed("lambda", "GET", "/2015-03-31/functions/").replace(b"us-east-1", b"us-" + b"e" * 5_000 + b"-1")
    with connect(endpoint.host, endpoint.port, ANSWER_SECONDS) as connection:
        connection.sendall(data)
        ((status, _),) = read_answers(connection, 1)
    assert status == 400


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="awslambdaric cannot send it: it no longer escapes Unicode")
@pytest.mark.parametrize(
    "returned",
    [
        r'"\ud800"',
        r'{"\udfff": 1}',
        r'["\ud83d"]',
    ],
)
def test_report_when_half_a_surrogate_pair_is_returned(make_project: MakeProject, returned: str) -> None:
    """It is still one JSON document."""
    project = make_project(None, Hello={"Handler": "victim.echo", "CodeUri": str(VICTIMS)})
    outcome = project.invoke("Hello", "--report", "json", events=[returned.encode()])
    assert outcome.status == 0, outcome.errors
    assert json.loads(outcome.output)["invocations"][0]["payload"] == json.loads(returned)


@pytest.mark.parametrize(
    "response", [DIGITS, b"[" * 50_000, b'"\\ud800"', b"\xff"], ids=["digits", "lists", "half", "bytes"]
)
def test_invocation_when_what_is_returned_is_strange(response: bytes) -> None:
    """It is the function's answer, and none of the tool's business."""
    runtime = VICTIMS / "raw_runtime.py"
    shell = {"AWS_LAMBDA_FUNCTION_NAME": "Raw", "RAW_RESPONSE": base64.b64encode(response).decode()}
    with serving("exec", "--", sys.executable, runtime, variables=shell) as tool:
        reply = tool.invoke("Raw", {})
    assert (reply.status, reply.body) == (200, response)
