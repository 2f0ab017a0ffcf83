"""The Invoke API over a real port, as boto3 and curl use it: every kind of invocation, name and header."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from conftest import MakeProject
from support.tool import Tool

ARN = "arn:aws:lambda:us-east-1:123456789012:function:hello-name"
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


@pytest.fixture(scope="module")
def tool(make_project: MakeProject) -> Iterator[Tool]:
    """One function, so that it answers to `function` as well."""
    project = make_project(Hello={"Handler": "app.describe", "FunctionName": "hello-name"})
    with project.serving() as tool:
        yield tool


@pytest.fixture(scope="module")
def client(tool: Tool) -> Any:
    """boto3, with dummy credentials."""
    keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
    once = Config(retries={"max_attempts": 0}, read_timeout=60)
    return boto3.client("lambda", endpoint_url=tool.url, region_name="us-east-1", config=once, **keys)


def context(reply: dict[str, Any]) -> Any:
    """The function's context object, as it saw it."""
    return json.load(reply["Payload"])["context"]


def test_invoke_by_boto3_returns_all_there_is(client: Any, tool: Tool) -> None:
    """Status, payload, version, and one request id in the response, the context and the log."""
    reply = client.invoke(FunctionName="hello-name", Payload=b"{}")
    seen = context(reply)
    identifier = reply["ResponseMetadata"]["RequestId"]
    assert (reply["StatusCode"], reply["ExecutedVersion"]) == (200, "$LATEST")
    assert re.fullmatch(UUID, identifier)
    assert seen["aws_request_id"] == identifier
    assert "FunctionError" not in reply
    assert "LogResult" not in reply
    assert tool.log_of(identifier)[-1].startswith(f"REPORT RequestId: {identifier}\tDuration: ")


def test_invoke_without_a_payload_gives_an_empty_object(make_project: MakeProject) -> None:
    """A body of no bytes reaches the handler as `{}`."""
    with make_project(Hello={"Handler": "app.echo"}).serving() as tool:
        assert tool.invoke(payload=b"").body == b"{}"
        assert tool.invoke(payload=b' {"a": 1} ').json == {"a": 1}
        assert tool.invoke(payload="\ufeff{}".encode()).status == 400


def test_invoke_over_http_has_every_header(tool: Tool) -> None:
    """The headers of the service, and no others about the invocation."""
    reply = tool.invoke("hello-name", {})
    assert reply.status == 200
    headers = {name.lower(): value for name, value in reply.headers.items()}
    assert re.fullmatch(UUID, headers.pop("x-amzn-requestid"))
    trace = r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0;Lineage=1:[0-9a-f]{8}:0"
    assert re.fullmatch(trace, headers.pop("x-amzn-trace-id"))
    assert headers == {
        "content-type": "application/json",
        "content-length": str(len(reply.body)),
        "x-amz-executed-version": "$LATEST",
        "x-amzn-remapped-content-length": "0",
    }


def test_invoke_dry_run_runs_nothing(client: Any, tool: Tool) -> None:
    """204, no body, and no START in the log."""
    reply = client.invoke(FunctionName="hello-name", InvocationType="DryRun")
    identifier = reply["ResponseMetadata"]["RequestId"]
    assert (reply["StatusCode"], reply["Payload"].read()) == (204, b"")
    after = client.invoke(FunctionName="hello-name")["ResponseMetadata"]["RequestId"]
    tool.wait_for(f"REPORT RequestId: {after}")
    assert identifier not in tool.text
    assert tool.invoke("hello-name", {}, X_Amz_Invocation_Type="DryRun").headers["Content-Length"] is None


def test_invoke_with_log_type_tail_returns_its_log(client: Any, tool: Tool) -> None:
    """Base64 of the same lines that the console shows, START to REPORT, of this invocation only."""
    client.invoke(FunctionName="hello-name")
    reply = client.invoke(FunctionName="hello-name", LogType="Tail")
    identifier = reply["ResponseMetadata"]["RequestId"]
    lines = base64.b64decode(reply["LogResult"]).decode().splitlines()
    assert lines == tool.log_of(identifier)
    assert [line.partition(" ")[0] for line in lines] == ["START", "END", "REPORT"]


def test_invoke_with_log_type_none_returns_no_log(tool: Tool) -> None:
    """Neither the header nor anything in its place."""
    assert "X-Amz-Log-Result" not in tool.invoke("hello-name", {}, X_Amz_Log_Type="None").headers


def test_invoke_with_a_client_context_hands_it_to_the_handler(client: Any) -> None:
    """Base64 at the Invoke API, an object for the handler."""
    document = {"custom": {"näme": "välue\n"}, "client": {"app_title": "tests"}, "env": {}}
    encoded = base64.b64encode(json.dumps(document).encode()).decode()
    seen = context(client.invoke(FunctionName="hello-name", ClientContext=encoded))
    assert (seen["client_context"], seen["client"]) == ({"näme": "välue\n"}, "tests")
    assert context(client.invoke(FunctionName="hello-name"))["client_context"] is None


NAMES = {
    "hello-name": ARN,
    "function": ARN,
    "hello-name:$LATEST": f"{ARN}:$LATEST",
    "123456789012:function:hello-name": ARN,
    "123456789012:function:hello-name:$LATEST": f"{ARN}:$LATEST",
    ARN: ARN,
    f"{ARN}:$LATEST": f"{ARN}:$LATEST",
}


@pytest.mark.parametrize("name", NAMES)
def test_invoke_by_any_name_finds_the_function(client: Any, name: str) -> None:
    """The ARN of the context has a qualifier exactly when the caller gave one."""
    reply = client.invoke(FunctionName=name)
    assert (context(reply)["invoked_function_arn"], reply["ExecutedVersion"]) == (NAMES[name], "$LATEST")


def test_invoke_with_a_qualifier_is_part_of_the_arn(client: Any) -> None:
    """A parameter counts like a suffix, and the same one twice is not a conflict."""
    for name in ("hello-name", "hello-name:$LATEST", ARN):
        reply = client.invoke(FunctionName=name, Qualifier="$LATEST")
        assert context(reply)["invoked_function_arn"] == f"{ARN}:$LATEST"


def test_invoke_by_the_logical_id_is_not_found(client: Any) -> None:
    """The Invoke API knows functions by name, like the service."""
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke(FunctionName="Hello")


def test_invoke_with_a_trace_header_continues_the_trace(tool: Tool) -> None:
    """Root and decision are the caller's, the parent is new; the response and the handler have the same header."""
    root = "1-5759e988-bd862e3fe1be46a994272793"
    reply = tool.invoke("hello-name", {}, X_Amzn_Trace_Id=f"Root={root};Parent=53995c3f42cd8ad8;Sampled=1")
    header = reply.headers["X-Amzn-Trace-Id"]
    parent = re.fullmatch(rf"Root={root};Parent=([0-9a-f]{{16}});Sampled=1", header)
    assert parent
    assert parent[1] != "53995c3f42cd8ad8"
    assert reply.json["environment"]["_X_AMZN_TRACE_ID"] == header


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_invoke_by_curl_works_without_any_header(tool: Tool) -> None:
    """What READMEs show: POST data, get the payload."""
    url = f"{tool.url}/2015-03-31/functions/function/invocations"
    shell = {**os.environ, "NO_PROXY": "*"}
    command = ["curl", "--silent", "--show-error", "--fail", "--data", '{"key": "value"}', url]
    answer = subprocess.run(command, capture_output=True, check=True, timeout=60, env=shell)
    assert json.loads(answer.stdout)["context"]["function_name"] == "hello-name"
