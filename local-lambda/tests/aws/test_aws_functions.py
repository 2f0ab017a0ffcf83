"""The local AWS endpoint: functions from CreateFunction to DeleteFunction, called with boto3 as it is."""

from __future__ import annotations

import base64
import hashlib
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import urlopen

import pytest

from support.aws_endpoint import ROLE, RUNTIME, Endpoint, code, error_of, serving_aws
from support.tool import DEADLINE_SECONDS, Gate
from support.watching import Processes, descendants, descriptors, on_machine

WHO = """
import os
count = 0
def handler(event, context):
    global count
    count += 1
    who = f"{os.getpid()}@{os.readlink('/proc/self/ns/pid')}"
    return {"version": %r, "pid": who, "count": count, "mode": os.environ.get("MODE"),
            "memory": context.memory_limit_in_mb, "arn": context.invoked_function_arn}
"""
WAIT = """
import os
def handler(event, context):
    with open(event["gate"]) as gate:
        print("waiting at", event["gate"], flush=True)
        return {"read": gate.readline(), "version": 1, "pid": f"{os.getpid()}@{os.readlink('/proc/self/ns/pid')}"}
"""


@pytest.fixture(scope="module")
def aws(function_python: Path) -> Iterator[Endpoint]:
    """One endpoint for all tests of this module."""
    with serving_aws(function_python, "--max-environments", "2") as endpoint:
        yield endpoint


def test_create_function_answers_its_configuration(aws: Endpoint) -> None:
    """Every member of the request and every default, the hash and size of the zip."""
    package = code(WHO % 1)
    created = aws.create(
        "created",
        "",
        Code={"ZipFile": package},
        Description="says who it is",
        Timeout=7,
        MemorySize=256,
        Environment={"Variables": {"MODE": "a"}},
        TracingConfig={"Mode": "Active"},
        LoggingConfig={"LogFormat": "JSON"},
        Tags={"team": "a"},
    )
    del created["ResponseMetadata"], created["RevisionId"], created["LastModified"]
    assert created == {
        "FunctionName": "created",
        "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:created",
        "Runtime": RUNTIME,
        "Role": ROLE,
        "Handler": "app.handler",
        "CodeSize": len(package),
        "CodeSha256": base64.b64encode(hashlib.sha256(package).digest()).decode(),
        "Description": "says who it is",
        "Timeout": 7,
        "MemorySize": 256,
        "Version": "$LATEST",
        "Environment": {"Variables": {"MODE": "a"}},
        "TracingConfig": {"Mode": "Active"},
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": ["x86_64"],
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {
            "LogFormat": "JSON",
            "ApplicationLogLevel": "INFO",
            "SystemLogLevel": "INFO",
            "LogGroup": "/aws/lambda/created",
        },
    }
    found = aws.lambda_.get_function(FunctionName="created")
    assert found["Configuration"]["CodeSha256"] == created["CodeSha256"]
    assert found["Tags"] == {"team": "a"}
    with urlopen(found["Code"]["Location"]) as download:
        assert download.read() == package


def test_function_when_created_is_active_at_once_and_listed(aws: Endpoint) -> None:
    """The waiters of SDKs and CLI return; all names that the service takes find it."""
    aws.create("listed", WHO % 1)
    aws.lambda_.get_waiter("function_active_v2").wait(FunctionName="listed")
    aws.lambda_.get_waiter("function_updated_v2").wait(FunctionName="listed")
    assert "listed" in [each["FunctionName"] for each in aws.lambda_.list_functions()["Functions"]]
    for name in ("123456789012:function:listed", "arn:aws:lambda:us-east-1:123456789012:function:listed"):
        assert aws.lambda_.get_function_configuration(FunctionName=name)["FunctionName"] == "listed"
    latest = aws.lambda_.get_function(FunctionName="listed", Qualifier="$LATEST")["Configuration"]
    assert latest["FunctionArn"].endswith(":listed:$LATEST")


def test_list_functions_goes_on_at_the_marker(aws: Endpoint) -> None:
    """Pages of the size asked for, all functions once and in order."""
    for number in range(3):
        aws.create(f"page-{number}", WHO % 1)
    pages = list(aws.lambda_.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 2}))
    names = [each["FunctionName"] for page in pages for each in page["Functions"]]
    assert len(pages[0]["Functions"]) == 2
    assert names == sorted(set(names))
    assert {"page-0", "page-1", "page-2"} <= set(names)


def test_invoke_runs_the_code_of_the_zip_in_a_warm_environment(aws: Endpoint) -> None:
    """The second invocation finds the process of the first; configuration is what the function sees."""
    aws.create("warm", WHO % 1, MemorySize=512, Environment={"Variables": {"MODE": "b"}})
    first, second = aws.call("warm"), aws.call("warm")
    assert first["pid"] == second["pid"]
    assert (second["count"], second["mode"], second["memory"]) == (2, "b", "512")
    assert second["arn"] == "arn:aws:lambda:us-east-1:123456789012:function:warm"


def test_invoke_with_tail_returns_the_log(aws: Endpoint) -> None:
    """Header, status and log of a failure, as the CLI shows them."""
    aws.create("tailed", "def handler(event, context):\n    print('here')\n    raise ValueError('no')\n")
    answer = aws.lambda_.invoke(FunctionName="tailed", LogType="Tail")
    log = base64.b64decode(answer["LogResult"]).decode()
    assert (answer["StatusCode"], answer["FunctionError"], answer["ExecutedVersion"]) == (200, "Unhandled", "$LATEST")
    assert json.loads(answer["Payload"].read())["errorMessage"] == "no"
    assert "START RequestId" in log
    assert "\nhere\n" in log
    assert "REPORT RequestId" in log


def test_invoke_dry_run_runs_nothing(aws: Endpoint) -> None:
    """204, and no environment."""
    aws.create("dry", "import sys; sys.exit('never')")
    assert aws.lambda_.invoke(FunctionName="dry", InvocationType="DryRun")["StatusCode"] == 204


def test_invoke_event_that_fails_is_tried_three_times(aws: Endpoint) -> None:
    """202 at once; then three attempts with one request id, in the log group of the function."""
    aws.create("queued", "def handler(event, context):\n    raise ValueError('no')\n")
    answer = aws.lambda_.invoke(FunctionName="queued", InvocationType="Event", Payload=b"{}")
    assert answer["StatusCode"] == 202
    request_id = answer["ResponseMetadata"]["RequestId"]
    aws.tool.wait_for(f"asynchronous invocation {request_id} of queued failed 3 times")
    starts = [line for line in aws.messages("/aws/lambda/queued", "REPORT") if line.startswith("START")]
    assert starts == [f"START RequestId: {request_id} Version: $LATEST\n"] * 3


def test_invoke_event_that_fails_is_tried_again_with_new_code(aws: Endpoint) -> None:
    """The queue belongs to the function, not to its environments."""
    aws.create("mended", "def handler(event, context):\n    raise ValueError('no')\n")
    answer = aws.lambda_.invoke(FunctionName="mended", InvocationType="Event", Payload=b"{}")
    request_id = answer["ResponseMetadata"]["RequestId"]
    aws.tool.wait_for(f"END RequestId: {request_id}")
    aws.update("mended", "def handler(event, context):\n    print('mended', context.aws_request_id)\n")
    aws.tool.wait_for(f"mended {request_id}")


def test_update_function_code_makes_the_next_invocation_a_cold_start(aws: Endpoint) -> None:
    """New code in a new process; the old process ends."""
    aws.create("coded", WHO % 1)
    old = aws.call("coded")
    ended = Processes(on_machine([old["pid"]], aws.tool.process.pid))
    before = aws.lambda_.get_function_configuration(FunctionName="coded")
    updated = aws.lambda_.update_function_code(FunctionName="coded", ZipFile=code(WHO % 2), Architectures=["arm64"])
    assert updated["Architectures"] == ["arm64"]
    assert updated["CodeSha256"] != before["CodeSha256"]
    assert updated["RevisionId"] != before["RevisionId"]
    aws.lambda_.get_waiter("function_updated_v2").wait(FunctionName="coded")
    new = aws.call("coded")
    assert (new["version"], new["count"]) == (2, 1)
    assert new["pid"] != old["pid"]
    assert ended.ended()
    ended.close()


def test_update_function_code_lets_what_runs_finish(
    aws: Endpoint, callers: ThreadPoolExecutor, make_gate: Callable[[], Gate]
) -> None:
    """The invocation that is running keeps the old code to its end, while others have the new one."""
    gate = make_gate()
    aws.create("running", WAIT, Timeout=60)
    answer = callers.submit(aws.call, "running", gate.event)
    gate.reached(aws.tool)
    aws.update("running", WHO % 2)
    assert aws.call("running")["version"] == 2
    gate.open("done")
    old = answer.result()
    assert (old["read"], old["version"]) == ("done\n", 1)


def test_update_function_code_dry_run_changes_nothing(aws: Endpoint) -> None:
    """The response shows the hash of what was sent; the function keeps its old one."""
    created = aws.create("kept", WHO % 1)
    answer = aws.lambda_.update_function_code(FunctionName="kept", ZipFile=code(WHO % 2), DryRun=True)
    assert answer["CodeSha256"] != created["CodeSha256"]
    assert aws.lambda_.get_function_configuration(FunctionName="kept")["CodeSha256"] == created["CodeSha256"]
    assert aws.call("kept")["version"] == 1


def test_update_function_configuration_changes_what_it_names(aws: Endpoint) -> None:
    """Environment, memory and time limit are new, the rest stays; the next invocation is a cold start."""
    aws.create("configured", WHO % 1, Description="stays", Environment={"Variables": {"MODE": "a"}})
    assert aws.call("configured")["mode"] == "a"
    updated = aws.lambda_.update_function_configuration(
        FunctionName="configured", MemorySize=1024, Timeout=9, Environment={"Variables": {"MODE": "b"}}
    )
    assert (updated["MemorySize"], updated["Timeout"], updated["Description"]) == (1024, 9, "stays")
    answer = aws.call("configured")
    assert (answer["mode"], answer["memory"], answer["count"]) == ("b", "1024", 1)
    again = aws.lambda_.update_function_configuration(FunctionName="configured", Environment={"Variables": {}})
    assert "Environment" not in again
    assert aws.call("configured")["mode"] is None


def test_update_with_a_revision_that_is_not_the_latest_is_refused(aws: Endpoint) -> None:
    """412 for code and configuration."""
    aws.create("revised", WHO % 1)
    old = aws.lambda_.get_function_configuration(FunctionName="revised")["RevisionId"]
    aws.lambda_.update_function_configuration(FunctionName="revised", Timeout=4, RevisionId=old)
    for call, change in (
        (aws.lambda_.update_function_configuration, {"Timeout": 5}),
        (aws.lambda_.update_function_code, {"ZipFile": code(WHO % 2)}),
    ):
        status, error, _ = error_of(call, FunctionName="revised", RevisionId=old, **change)
        assert (status, error) == (412, "PreconditionFailedException")


def test_delete_function_ends_its_environments(aws: Endpoint) -> None:
    """The process ends, the function is not found, and its name can be used again."""
    aws.create("deleted", WHO % 1)
    ended = Processes(on_machine([aws.call("deleted")["pid"]], aws.tool.process.pid))
    aws.lambda_.delete_function(FunctionName="deleted")
    assert ended.ended()
    ended.close()
    for call in (aws.lambda_.get_function, aws.lambda_.invoke, aws.lambda_.delete_function):
        assert error_of(call, FunctionName="deleted")[:2] == (404, "ResourceNotFoundException")
    aws.create("deleted", WHO % 2)
    assert aws.call("deleted")["version"] == 2


def test_functions_of_regions_are_different_ones(aws: Endpoint) -> None:
    """A name in one region is free in another; function and logs know their region."""
    text = "import os\ndef handler(event, context):\n    return os.environ['AWS_REGION']\n"
    paris = aws.client("lambda", "eu-west-3")
    aws.create("regional", text)
    package = {"ZipFile": code(text)}
    paris.create_function(FunctionName="regional", Runtime=RUNTIME, Role=ROLE, Handler="app.handler", Code=package)
    assert aws.call("regional") == "us-east-1"
    assert json.loads(paris.invoke(FunctionName="regional")["Payload"].read()) == "eu-west-3"
    assert [each["FunctionName"] for each in paris.list_functions()["Functions"]] == ["regional"]


def test_code_from_s3_runs(aws: Endpoint) -> None:
    """CreateFunction and UpdateFunctionCode take a zip that was uploaded before."""
    aws.s3.create_bucket(Bucket="packages")
    for version in (1, 2):
        aws.s3.put_object(Bucket="packages", Key=f"app/{version} a.zip", Body=code(WHO % version))
    aws.create("stored", "", Code={"S3Bucket": "packages", "S3Key": "app/1 a.zip"})
    assert aws.call("stored")["version"] == 1
    aws.lambda_.update_function_code(FunctionName="stored", S3Bucket="packages", S3Key="app/2 a.zip")
    assert aws.call("stored")["version"] == 2


def test_invoke_over_the_reserved_concurrency_is_throttled(
    aws: Endpoint, callers: ThreadPoolExecutor, make_gate: Callable[[], Gate]
) -> None:
    """TooManyRequestsException while the only environment is busy."""
    gate = make_gate()
    aws.create("reserved", WAIT, Timeout=60)
    aws.lambda_.put_function_concurrency(FunctionName="reserved", ReservedConcurrentExecutions=1)
    found = aws.lambda_.get_function(FunctionName="reserved")
    assert found["Concurrency"] == {"ReservedConcurrentExecutions": 1}
    answer = callers.submit(aws.call, "reserved", gate.event)
    gate.reached(aws.tool)
    status, error, _ = error_of(aws.lambda_.invoke, FunctionName="reserved", Payload=json.dumps(gate.event).encode())
    assert (status, error) == (429, "TooManyRequestsException")
    gate.open()
    assert answer.result()["version"] == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_aws_when_signalled_finishes_and_leaves_nothing(
    function_python: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    callers: ThreadPoolExecutor,
    make_gate: Callable[[], Gate],
    number: int,
) -> None:
    """What runs is finished, every process ends, no folder stays."""
    gate = make_gate()
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with serving_aws(function_python) as aws:
        aws.create("left", WHO % 1)
        aws.create("busy", WAIT, Timeout=60)
        ended = Processes(on_machine([aws.call("left")["pid"]], aws.tool.process.pid))
        answer = callers.submit(aws.call, "busy", gate.event)
        gate.reached(aws.tool)
        aws.tool.process.send_signal(number)
        aws.tool.process.poll()
        gate.open("done")
        assert answer.result()["read"] == "done\n"
        outcome = aws.tool.wait()
    assert (outcome.status, outcome.output) == (0, b"")
    assert outcome.errors.endswith("platform | stopped\n")
    assert ended.ended()
    ended.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_function_that_is_updated_often_leaves_nothing_behind(
    function_python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old environments give back their ports, pipes, processes and folders."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    def kept(aws: Endpoint) -> tuple[int, int]:
        (workspace,) = tmp_path.iterdir()
        return descriptors(aws.tool), len([*workspace.glob("*"), *workspace.glob("*/*")])

    def settled(aws: Endpoint) -> tuple[int, int]:
        """What is kept when there is nobody but the last environment."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while len(descendants(aws.tool.process.pid)) > 3:  # the helper, a supervisor and the runtime
            assert time.monotonic() < deadline, descendants(aws.tool.process.pid)
        return kept(aws)

    with serving_aws(function_python) as aws:
        aws.create("often", WHO % 0)
        assert aws.call("often")["version"] == 0
        aws.update("often", WHO % 1)
        assert aws.call("often")["version"] == 1
        before = settled(aws)
        for version in range(2, 12):
            aws.update("often", WHO % version)
            assert aws.call("often")["version"] == version
        after = settled(aws)
    assert after[0] <= before[0] + 2
    assert after[1] <= before[1] + 3  # the last old folders may not be removed yet
