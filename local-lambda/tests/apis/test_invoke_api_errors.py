"""Errors of the Invoke API are those of the service: status, body, and a type that boto3 makes an exception of."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from conftest import MakeProject
from support.tool import Reply, Tool

ARN = "arn:aws:lambda:us-east-1:123456789012:function"
PATH = "/2015-03-31/functions/{}/invocations"
NOT_JSON = "Could not parse request body into json: Could not parse payload into json: "


@pytest.fixture(scope="module")
def tool(make_project: MakeProject) -> Iterator[Tool]:
    """Two functions."""
    with make_project(Echo={"Handler": "app.echo"}, Other={"Handler": "app.echo"}).serving() as tool:
        yield tool


@pytest.fixture(scope="module")
def client(tool: Tool) -> Any:
    """boto3, with dummy credentials."""
    keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
    once = Config(retries={"max_attempts": 0}, read_timeout=60)
    return boto3.client("lambda", endpoint_url=tool.url, region_name="us-east-1", config=once, **keys)


def check(reply: Reply, status: int, error_type: str, body: dict[str, str]) -> None:
    """The response is this error as JSON, with a request id, and members in the service's order."""
    assert (reply.status, reply.headers["x-amzn-ErrorType"]) == (status, error_type)
    assert list(reply.json.items()) == list(body.items())
    assert reply.headers["Content-Type"] == "application/json"
    assert len(reply.request_id) == 36


@pytest.mark.parametrize(
    ("name", "arn"),
    [
        ("absent", f"{ARN}:absent:$LATEST"),
        ("function", f"{ARN}:function:$LATEST"),
        ("absent:7", f"{ARN}:absent:7"),
        (f"{ARN}:absent", f"{ARN}:absent:$LATEST"),
    ],
)
def test_invoke_of_an_unknown_function_is_404(tool: Tool, client: Any, name: str, arn: str) -> None:
    """The message has the ARN with its qualifier; here it says as well which functions there are."""
    message = f"Function not found: {arn} (the functions here: Echo, Other)"
    check(tool.invoke(name, {}), 404, "ResourceNotFoundException", {"Type": "User", "Message": message})
    with pytest.raises(client.exceptions.ResourceNotFoundException) as raised:
        client.invoke(FunctionName=name)
    assert raised.value.response["Error"]["Message"] == message


def test_invoke_of_an_unknown_version_is_404(tool: Tool, client: Any) -> None:
    """A function has only `$LATEST` here."""
    body = {"Type": "User", "Message": f"Function not found: {ARN}:Echo:7"}
    check(tool.invoke("Echo:7", {}), 404, "ResourceNotFoundException", body)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke(FunctionName="Echo", Qualifier="prod")


def test_invoke_with_two_qualifiers_is_400(client: Any) -> None:
    """Name and parameter disagree."""
    with pytest.raises(client.exceptions.InvalidParameterValueException) as raised:
        client.invoke(FunctionName="Echo:$LATEST", Qualifier="7")
    message = "The derived qualifier from the function name does not match the specified qualifier."
    assert raised.value.response["Error"]["Message"] == message


@pytest.mark.parametrize("payload", [b"{", b"no JSON", b"{} {}", b"NaN", b'{"a": Infinity}', b"\xff", b"[" * 100_000])
def test_invoke_with_a_payload_that_is_no_json_is_400(tool: Tool, client: Any, payload: bytes) -> None:
    """It never reaches the function, which continues to respond."""
    reply = tool.invoke("Echo", payload=payload)
    assert (reply.status, reply.headers["x-amzn-ErrorType"]) == (400, "InvalidRequestContentException")
    assert reply.json["Type"] == "User"
    assert reply.json["message"].startswith(NOT_JSON)
    with pytest.raises(client.exceptions.InvalidRequestContentException):
        client.invoke(FunctionName="Echo", Payload=payload)
    assert tool.invoke("Echo", {"n": 1}).json == {"n": 1}


def test_invoke_with_a_payload_over_6_mb_is_413(tool: Tool, client: Any) -> None:
    """A byte more than the limit; the limit itself is fine."""
    limit = 6_291_456
    payload = b'"' + b"x" * (limit - 2) + b'"'
    assert tool.invoke("Echo", payload=payload).body == payload
    message = f"{limit + 1} byte payload is too large for the RequestResponse invocation type (limit {limit} bytes)"
    body = {"Type": "User", "message": message}
    check(tool.invoke("Echo", payload=payload + b" "), 413, "RequestTooLargeException", body)
    with pytest.raises(client.exceptions.RequestTooLargeException) as raised:
        client.invoke(FunctionName="Echo", Payload=payload + b" ")
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_invoke_event_with_a_payload_over_1_mb_is_413(tool: Tool, client: Any) -> None:
    """Asynchronous invocations have a separate limit."""
    payload = b'"' + b"x" * 1_048_575 + b'"'
    message = "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)"
    with pytest.raises(client.exceptions.RequestTooLargeException) as raised:
        client.invoke(FunctionName="Echo", Payload=payload, InvocationType="Event")
    assert raised.value.response["Error"]["Message"] == message


@pytest.mark.parametrize(
    ("header", "member", "values"),
    [
        ("X_Amz_Invocation_Type", "invocationType", "Event, RequestResponse, DryRun"),
        ("X_Amz_Log_Type", "logType", "None, Tail"),
    ],
)
def test_invoke_of_an_unknown_type_is_400(tool: Tool, header: str, member: str, values: str) -> None:
    """The message is the one of the service's validation."""
    message = (
        f"1 validation error detected: Value 'Later' at '{member}' failed to satisfy constraint: "
        f"Member must satisfy enum value set: [{values}]"
    )
    body = {"Type": "User", "message": message}
    check(tool.invoke("Echo", {}, **{header: "Later"}), 400, "InvalidParameterValueException", body)


@pytest.mark.parametrize("context", ["not base64!", base64.b64encode(b"no JSON").decode(), "A" * 3584])
def test_invoke_with_a_bad_client_context_is_400(tool: Tool, context: str) -> None:
    """Not base64, not JSON, longer than 3,583 bytes."""
    reply = tool.invoke("Echo", {}, X_Amz_Client_Context=context)
    assert (reply.status, reply.headers["x-amzn-ErrorType"]) == (400, "InvalidRequestContentException")
    assert reply.json["message"].startswith("Client context must be ")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_invoke_by_another_method_is_405(tool: Tool, method: str) -> None:
    """Only POST invokes."""
    reply = tool.request(method, PATH.format("Echo"))
    assert (reply.status, reply.headers["x-amzn-ErrorType"]) == (405, "MethodNotAllowedException")


@pytest.mark.parametrize("path", ["/", "/2015-03-31/functions", "/2015-03-31/functions/Echo", "/favicon.ico", "*"])
def test_request_of_another_path_is_404_and_says_which_there_is(tool: Tool, path: str) -> None:
    """A person with a browser learns what to do."""
    reply = tool.request("GET", path)
    assert reply.status == 404
    assert "/2015-03-31/functions/<name>/invocations" in reply.json["Message"]
