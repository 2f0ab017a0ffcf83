"""Randomly mutated requests to every port: each gets a response or the end, and the tool keeps serving."""

from __future__ import annotations

import base64
import json
import random
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from attacks.conftest import VICTIMS, Figure, Rounds
from attacks.connections import connect, exchange, invocation, request
from attacks.counting import descriptors, megabytes, settles
from attacks.mutations import mutated
from conftest import MakeProject
from support.tool import Tool, serving

SPARE = 15
"""Descriptors more than before that mean nothing: further environments, and connections that end in a moment."""
CONTEXT = base64.b64encode(b'{"custom": {"a": "b"}}').decode()
INVOKE = (
    invocation("Echo", b'{"a": [1, 2, {"b": "c"}]}'),
    invocation("Echo", b'"x"', X_Amz_Log_Type="Tail", X_Amz_Client_Context=CONTEXT),
    invocation("Echo", b"1", X_Amzn_Trace_Id="Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"),
    invocation("Echo", b"", X_Amz_Invocation_Type="DryRun"),
    request(
        "POST", "/2015-03-31/functions/Echo/invocations", b"3\r\n[1]\r\n0\r\n\r\n", {"Transfer-Encoding": "chunked"}
    ),
    request("GET", "/2015-03-31/functions/Echo?Qualifier=$LATEST"),
    request("POST", "/2021-11-15/functions/Echo/response-streaming-invocations", b"{}"),
)
ROUTES = (
    request("GET", "/items/caf%C3%A9?a=1&a=2&b="),
    request("POST", "/items/1", b"a=b", {"Cookie": "a=b; c=d", "Content-Type": "application/x-www-form-urlencoded"}),
    request("PUT", "/files/a/b/c", b"\x00\xff", {"X-Forwarded-For": "1.2.3.4"}),
    request("HEAD", "/items/2"),
)
RUNTIME = (
    request("GET", "/2018-06-01/ping"),
    request("POST", "/2018-06-01/runtime/invocation/8476a536-e9f4-11e8-9739-2dfe598c3fcd/response", b'{"a": 1}'),
    request("POST", "/2018-06-01/runtime/invocation/8476a536-e9f4-11e8-9739-2dfe598c3fcd/error", b'{"errorType": "A"}'),
    request("POST", "/2020-01-01/extension/register", b'{"events": ["INVOKE"]}', {"Lambda-Extension-Name": "none"}),
    request("GET", "/2020-01-01/extension/event/next", headers={"Lambda-Extension-Identifier": "none"}),
    request("PUT", "/2022-07-01/telemetry", b'{"types": ["function"]}', {"Lambda-Extension-Identifier": "none"}),
    request("PUT", "/2020-08-15/logs", b'{"types": ["function"]}', {"Lambda-Extension-Identifier": "none"}),
)


def signed(service: str, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """A request with a signature's credential scope, which is not checked further."""
    scope = (
        f"AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return request(method, path, body, {"Authorization": scope, **named})


AWS = (
    signed("lambda", "GET", "/2015-03-31/functions/"),
    signed("lambda", "POST", "/2015-03-31/functions", b'{"FunctionName": "a", "Code": {"ZipFile": "UEsFBg=="}}'),
    signed("lambda", "POST", "/2018-10-31/layers/a/versions", b'{"Content": {"ZipFile": "UEsFBg=="}}'),
    signed("s3", "PUT", "/bucket/key", b"data"),
    signed("s3", "GET", "/bucket?list-type=2"),
    signed("sts", "POST", "/", b"Action=GetCallerIdentity&Version=2011-06-15"),
    signed("logs", "POST", "/", b"{}", X_Amz_Target="Logs_20140328.DescribeLogGroups"),
    request("GET", "/packages/abc"),
)


def attack(tool: Tool, requests: Sequence[bytes], rounds: int, chance: random.Random) -> dict[str, int]:
    """Send so many mutated requests, one connection each; how often each status came, with `none` for the end alone."""
    seen: dict[str, int] = {}
    for _ in range(rounds):
        data = mutated(chance, requests)
        with connect(tool.host, tool.port) as connection:
            connection.sendall(data)
            connection.settimeout(0.05)
            try:
                answer = connection.recv(65536)
            except TimeoutError:
                answer = b"waits for more"
            except ConnectionError:
                answer = b""
        check(data, answer, seen, tool)
    return seen


def check(data: bytes, answer: bytes, seen: dict[str, int], tool: Tool) -> None:
    """Count the response, which begins with a line of HTTP and does not show a bug in the tool."""
    status = re.match(rb"HTTP/1\.1 (\d\d\d) [A-Za-z -]+\r\n", answer)
    if status is None:
        assert answer in (b"", b"waits for more"), (data, answer)
    kind = status[1].decode() if status else answer.decode() or "none"
    assert kind != "500" or b"moto failed" in answer, (data, tool.lines[-3:])
    seen[kind] = seen.get(kind, 0) + 1


def unharmed(tool: Tool, since: int) -> None:
    """The tool has not shown a bug."""
    assert not re.search(r"Traceback|internal error|is switched off", "".join(tool.lines[since:]))


def attack_port(tool: Tool, requests: Sequence[bytes], count: int, chance: random.Random, figure: Figure) -> None:
    """The attack with everything counted before and after."""
    pid = tool.process.pid
    attack(tool, requests, 50, chance)
    before, memory, since = settles(lambda: descriptors(pid), 0, 0.2), megabytes(pid), len(tool.lines)
    seen = attack(tool, requests, count, chance)
    after = settles(lambda: descriptors(pid), before + SPARE)
    text = ", ".join(f"{status}: {times}" for status, times in sorted(seen.items()))
    figure(f"descriptors more after {count} mutated requests ({text})", after - before)
    figure(f"MB more after {count} mutated requests", megabytes(pid) - memory)
    unharmed(tool, since)
    assert after <= before + SPARE


def test_invoke_api_when_requests_are_mutated(
    tool: Tool, rounds: Rounds, chance: random.Random, figure: Figure
) -> None:
    """The Invoke API of `start`."""
    attack_port(tool, INVOKE, rounds(150), chance, figure)
    assert tool.invoke("Echo", {"still": "here"}).json == {"still": "here"}


def test_exec_when_requests_are_mutated(rounds: Rounds, chance: random.Random, figure: Figure) -> None:
    """The Invoke API of `exec`."""
    shell = {"AWS_LAMBDA_FUNCTION_NAME": "Echo", "PYTHONPATH": str(VICTIMS)}
    with serving("exec", "--", sys.executable, "-m", "awslambdaric", "victim.echo", variables=shell) as tool:
        attack_port(tool, INVOKE, rounds(150), chance, figure)
        assert tool.invoke("Echo", {"still": "here"}).json == {"still": "here"}


@pytest.mark.parametrize("kind", ["Api", "HttpApi"])
def test_routes_when_requests_are_mutated(
    make_project: MakeProject, kind: str, rounds: Rounds, chance: random.Random, figure: Figure
) -> None:
    """The routes of a REST API and of an HTTP API."""
    paths = ("/items/{item}", "/files/{all+}")
    events = {
        f"Route{number}": {"Type": kind, "Properties": {"Path": path, "Method": "any"}}
        for number, path in enumerate(paths)
    }
    project = make_project(None, Hello={"Handler": "victim.path", "CodeUri": str(VICTIMS), "Events": events})
    with project.serving("--max-environments", "2") as tool:
        attack_port(tool, ROUTES, rounds(150), chance, figure)
        assert tool.request("GET", "/items/1").status == 200


def test_aws_endpoint_when_requests_are_mutated(
    function_python: Path, rounds: Rounds, chance: random.Random, figure: Figure
) -> None:
    """The endpoint for the AWS CLI."""
    with serving("aws", "--python", function_python) as tool:
        attack_port(tool, AWS, rounds(150), chance, figure)
        answer = exchange(tool.host, tool.port, signed("lambda", "GET", "/2015-03-31/functions/", Connection="close"))
        assert answer.startswith(b"HTTP/1.1 200 ")


def test_runtime_api_when_requests_are_mutated(
    tool: Tool, rounds: Rounds, chance: random.Random, figure: Figure
) -> None:
    """The port of an environment, from within: by the function itself, for other processes have no business there."""
    pid = tool.process.pid
    tool.invoke("Relay", {"requests": []})
    seen: dict[str, int] = {}
    before, since = descriptors(pid), len(tool.lines)
    for _ in range(rounds(4)):
        requests = [mutated(chance, RUNTIME) for _ in range(50)]
        event = {"requests": [base64.b64encode(data).decode() for data in requests], "seconds": 0.05}
        reply = tool.invoke("Relay", event)
        assert isinstance(reply.json, list), reply.body
        for data, answer in zip(requests, reply.json, strict=True):
            check(data, base64.b64decode(answer).replace(b"TIMEOUT", b""), seen, tool)
    after = settles(lambda: descriptors(pid), before + SPARE)
    figure(
        f"descriptors more after {sum(seen.values())} mutated requests from within: {json.dumps(seen)}", after - before
    )
    unharmed(tool, since)
    assert after <= before + SPARE
