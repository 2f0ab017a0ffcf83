"""Durable functions on the local AWS endpoint: AWS's own SDK in the function, boto3 as the caller."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.aws_endpoint import RUNTIME, VARIABLES, Endpoint, error_of, serving_aws
from support.tool import DEADLINE_SECONDS, serving

CODE = """
import os, signal
from aws_durable_execution_sdk_python import durable_execution
from aws_durable_execution_sdk_python.config import CallbackConfig, Duration, StepConfig
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy

def said(text):
    print("SAID", text)
    return text

def once(event):
    with open(event["file"], "a") as file:
        file.write("x")
    return os.path.getsize(event["file"])

def killed_once(event):
    if once(event) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"

def failing_once(event):
    if once(event) == 1:
        raise ConnectionError("no bank")
    return "paid"

RETRY = StepConfig(retry_strategy=create_retry_strategy(
    RetryStrategyConfig(max_attempts=2, initial_delay=Duration.from_seconds(1))))

@durable_execution
def handler(event, context):
    kind = event["kind"]
    print("BEGINS", kind)
    if kind == "wait":
        first = context.step(lambda _: said("first"), name="first")
        context.wait(Duration.from_seconds(1), name="pause")
        return [first, context.step(lambda _: said("second"), name="second")]
    if kind == "parallel":
        found = context.parallel([lambda c: c.step(lambda _: said("a"), name="a"),
                                  lambda c: c.step(lambda _: said("b"), name="b")], name="both")
        return found.get_results()
    if kind == "killed":
        said("before")
        return [context.step(lambda _: said("saved"), name="saved"),
                context.step(lambda _: killed_once(event), name="killed")]
    if kind == "retry":
        return context.step(lambda _: failing_once(event), name="pay", config=RETRY)
    if kind == "callback":
        timeout = Duration.from_seconds(event.get("seconds", 60))
        beat = Duration.from_seconds(event.get("beat", 60))
        config = CallbackConfig(timeout=timeout, heartbeat_timeout=beat)
        callback = context.create_callback(name="answer", config=config)
        return callback.result()
    if kind == "chain":
        return context.invoke(event["name"], {"n": 1}, name="other")
    if kind == "large":
        return "x" * 7_000_000
    raise ValueError("wrong kind")
"""
PLAIN = """
def handler(event, context):
    if event == "fail":
        raise KeyError("gone")
    return {"got": event}
"""
PARAMETERS = {"DurableConfig": {"ExecutionTimeout": 60, "RetentionPeriodInDays": 3}, "Timeout": 30}
NAME = "orders:$LATEST"


@pytest.fixture(scope="module")
def aws(function_python: Path) -> Iterator[Endpoint]:
    """One endpoint for all tests of this module."""
    with serving_aws(function_python) as endpoint:
        endpoint.create("orders", CODE, **PARAMETERS)
        endpoint.create("plain", PLAIN)
        yield endpoint


def start(aws: Endpoint, event: dict[str, Any], **asked: Any) -> str:
    """Start an execution; its ARN."""
    payload = json.dumps(event).encode()
    answer = aws.lambda_.invoke(FunctionName=NAME, InvocationType="Event", Payload=payload, **asked)
    assert answer["StatusCode"] == 202
    return str(answer["DurableExecutionArn"])


def until(look: Callable[[], Any]) -> Any:
    """What `look` finds, as soon as it finds something."""
    end = time.monotonic() + DEADLINE_SECONDS
    while not (found := look()):
        assert time.monotonic() < end
    return found


def ended(aws: Endpoint, arn: str) -> dict[str, Any]:
    """The execution when it has ended."""

    def look() -> dict[str, Any] | None:
        found = aws.lambda_.get_durable_execution(DurableExecutionArn=arn)
        return None if found["Status"] == "RUNNING" else found

    return dict(until(look))


def history(aws: Endpoint, arn: str) -> list[dict[str, Any]]:
    """All events."""
    pages = aws.lambda_.get_paginator("get_durable_execution_history").paginate(
        DurableExecutionArn=arn, IncludeExecutionData=True, PaginationConfig={"PageSize": 3}
    )
    return [event for page in pages for event in page["Events"]]


def kinds(aws: Endpoint, arn: str) -> list[str]:
    """The events' types and names."""
    return [f"{each['EventType']} {each.get('Name', '')}".strip() for each in history(aws, arn)]


def callback_id(aws: Endpoint, arn: str) -> str:
    """The id of the execution's callback, as soon as the function is suspended."""

    def look() -> str | None:
        events = history(aws, arn)
        found = [event for event in events if event["EventType"] == "CallbackStarted"]
        suspended = events[-1]["EventType"] == "InvocationCompleted"
        return str(found[0]["CallbackStartedDetails"]["CallbackId"]) if found and suspended else None

    return str(until(look))


def test_step_runs_once_when_the_execution_was_suspended(aws: Endpoint) -> None:
    """The caller gets the result; the second invocation takes the first step's result from what was saved."""
    answer = aws.lambda_.invoke(FunctionName=NAME, Payload=json.dumps({"kind": "wait"}).encode())
    got = answer["Payload"].read()
    assert json.loads(got) == ["first", "second"]
    assert "FunctionError" not in answer
    arn = answer["DurableExecutionArn"]
    assert kinds(aws, arn) == [
        "ExecutionStarted",
        "StepStarted first",
        "StepSucceeded first",
        "WaitStarted pause",
        "InvocationCompleted",
        "WaitSucceeded pause",
        "StepStarted second",
        "StepSucceeded second",
        "InvocationCompleted",
        "ExecutionSucceeded",
    ]
    lines = aws.messages("/aws/lambda/orders", "SAID second")
    assert [line.strip() for line in lines if line.startswith(("BEGINS wait", "SAID"))][:4] == [
        "BEGINS wait",
        "SAID first",
        "BEGINS wait",
        "SAID second",
    ]
    found = aws.lambda_.get_durable_execution(DurableExecutionArn=arn)
    assert (found["Status"], json.loads(found["Result"]), json.loads(found["InputPayload"])) == (
        "SUCCEEDED",
        ["first", "second"],
        {"kind": "wait"},
    )
    assert found["Version"] == "$LATEST"
    assert found["EndTimestamp"] > found["StartTimestamp"]


def test_steps_run_in_parallel(aws: Endpoint) -> None:
    """Each branch has a context, whose parent is that of all branches."""
    arn = start(aws, {"kind": "parallel"})
    assert json.loads(ended(aws, arn)["Result"]) == ["a", "b"]
    events = history(aws, arn)
    assert sorted(event["Name"] for event in events if event["EventType"] == "StepSucceeded") == ["a", "b"]
    both = next(event for event in events if event.get("Name") == "both")
    parents = [event.get("ParentId") for event in events if event["EventType"] == "ContextStarted"]
    assert parents == [None, both["Id"], both["Id"]]


def test_function_that_is_killed_is_invoked_again(aws: Endpoint, tmp_path: Path) -> None:
    """The step that was saved does not run again, the one that was interrupted does."""
    file = Path("/var/tmp") / f"killed-{tmp_path.name}-{time.time_ns()}"
    try:
        arn = start(aws, {"kind": "killed", "file": str(file)})
        assert json.loads(ended(aws, arn)["Result"]) == ["saved", "done"]
    finally:
        file.unlink(missing_ok=True)
    completed = [event for event in history(aws, arn) if event["EventType"] == "InvocationCompleted"]
    errors = [event["InvocationCompletedDetails"].get("Error", {}).get("Payload") for event in completed]
    assert [error and error["ErrorType"] for error in errors] == ["Runtime.ExitError", None]
    assert kinds(aws, arn).count("StepSucceeded saved") == 1


def test_step_that_fails_is_retried_after_a_suspension(aws: Endpoint, tmp_path: Path) -> None:
    """Its history has both attempts."""
    file = Path("/var/tmp") / f"retry-{tmp_path.name}-{time.time_ns()}"
    try:
        arn = start(aws, {"kind": "retry", "file": str(file)})
        assert json.loads(ended(aws, arn)["Result"]) == "paid"
    finally:
        file.unlink(missing_ok=True)
    steps = [event for event in history(aws, arn) if event["EventType"].startswith("Step")]
    assert [event["EventType"] for event in steps] == ["StepStarted", "StepFailed", "StepStarted", "StepSucceeded"]
    failed = steps[1]["StepFailedDetails"]
    assert failed["Error"]["Payload"]["ErrorMessage"] == "no bank"
    assert failed["RetryDetails"]["CurrentAttempt"] == 1
    assert failed["RetryDetails"]["NextAttemptDelaySeconds"] >= 1
    assert steps[3]["StepSucceededDetails"]["RetryDetails"]["CurrentAttempt"] == 2


def test_callback_ends_when_it_is_answered(aws: Endpoint) -> None:
    """Its result is what the caller sends; a second answer comes too late."""
    arn = start(aws, {"kind": "callback"})
    identifier = callback_id(aws, arn)
    aws.lambda_.send_durable_execution_callback_heartbeat(CallbackId=identifier)
    aws.lambda_.send_durable_execution_callback_success(CallbackId=identifier, Result=b'{"by": "Ada"}')
    assert json.loads(json.loads(ended(aws, arn)["Result"])) == {"by": "Ada"}
    late = error_of(aws.lambda_.send_durable_execution_callback_success, CallbackId=identifier, Result=b"1")
    assert late[:2] == (404, "ResourceNotFoundException")
    unknown = error_of(aws.lambda_.send_durable_execution_callback_heartbeat, CallbackId="AAAA")
    assert unknown[:2] == (404, "ResourceNotFoundException")


def test_callback_that_fails_fails_the_execution(aws: Endpoint) -> None:
    """The error has the caller's words."""
    arn = start(aws, {"kind": "callback"})
    error = {"ErrorType": "Refused", "ErrorMessage": "not today"}
    aws.lambda_.send_durable_execution_callback_failure(CallbackId=callback_id(aws, arn), Error=error)
    found = ended(aws, arn)
    assert (found["Status"], found["Error"]["ErrorMessage"]) == ("FAILED", "not today")
    assert "CallbackFailed answer" in kinds(aws, arn)


@pytest.mark.parametrize(("limits", "text"), [({"seconds": 1}, "timed out"), ({"beat": 1}, "heartbeat")])
def test_callback_times_out(aws: Endpoint, limits: dict[str, int], text: str) -> None:
    """Altogether, or because no heartbeat came; the answer is refused then."""
    arn = start(aws, {"kind": "callback", **limits})
    identifier = callback_id(aws, arn)
    found = ended(aws, arn)
    assert found["Status"] == "FAILED"
    timed_out = next(event for event in history(aws, arn) if event["EventType"] == "CallbackTimedOut")
    assert text in timed_out["CallbackTimedOutDetails"]["Error"]["Payload"]["ErrorMessage"]
    late = error_of(aws.lambda_.send_durable_execution_callback_success, CallbackId=identifier, Result=b"1")
    assert late[:2] == (400, "CallbackTimeoutException")


@pytest.mark.parametrize(
    ("target", "status", "expected"),
    [
        ("plain", "SUCCEEDED", {"got": {"n": 1}}),
        ("nobody", "FAILED", "Function not found"),
        ("orders", "FAILED", "unqualified ARN"),
    ],
)
def test_execution_invokes_another_function(aws: Endpoint, target: str, status: str, expected: object) -> None:
    """Its result, or the service's error, is the operation's."""
    arn = start(aws, {"kind": "chain", "name": target})
    found = ended(aws, arn)
    assert found["Status"] == status
    if status == "SUCCEEDED":
        assert json.loads(found["Result"]) == expected
    else:
        assert str(expected) in found["Error"]["ErrorMessage"]


def test_execution_that_fails_is_a_function_error(aws: Endpoint) -> None:
    """The caller sees it like the error of any other function."""
    answer = aws.lambda_.invoke(FunctionName=NAME, Payload=b'{"kind": "other"}')
    document = json.loads(answer["Payload"].read())
    assert answer["FunctionError"] == "Unhandled"
    assert (document["errorType"], document["errorMessage"]) == ("ValueError", "wrong kind")
    assert kinds(aws, answer["DurableExecutionArn"])[-1] == "ExecutionFailed"


def test_result_that_is_larger_than_a_response(aws: Endpoint) -> None:
    """The SDK saves it with a checkpoint."""
    found = ended(aws, start(aws, {"kind": "large"}))
    assert (found["Status"], len(found["Result"])) == ("SUCCEEDED", 7_000_002)


def test_execution_is_stopped(aws: Endpoint) -> None:
    """It ends at once, and its callback is refused."""
    arn = start(aws, {"kind": "callback"})
    identifier = callback_id(aws, arn)
    assert error_of(aws.lambda_.delete_durable_execution, DurableExecutionArn=arn)[:2] == (
        409,
        "ResourceConflictException",
    )
    aws.lambda_.stop_durable_execution(DurableExecutionArn=arn, Error={"ErrorType": "Me", "ErrorMessage": "enough"})
    found = ended(aws, arn)
    assert (found["Status"], found["Error"]) == ("STOPPED", {"ErrorType": "Me", "ErrorMessage": "enough"})
    assert error_of(aws.lambda_.send_durable_execution_callback_success, CallbackId=identifier)[0] == 404
    aws.lambda_.delete_durable_execution(DurableExecutionArn=arn)
    assert error_of(aws.lambda_.get_durable_execution, DurableExecutionArn=arn)[:2] == (
        404,
        "ResourceNotFoundException",
    )


def test_name_makes_a_start_idempotent(aws: Endpoint) -> None:
    """The same input finds the same execution, other input is refused."""
    first = start(aws, {"kind": "parallel"}, DurableExecutionName="order-7")
    assert "/durable-execution/order-7/" in first
    assert start(aws, {"kind": "parallel"}, DurableExecutionName="order-7") == first
    answer = aws.lambda_.invoke(
        FunctionName=NAME, Payload=json.dumps({"kind": "parallel"}).encode(), DurableExecutionName="order-7"
    )
    assert json.loads(answer["Payload"].read()) == ["a", "b"]
    other = error_of(aws.lambda_.invoke, FunctionName=NAME, Payload=b"{}", DurableExecutionName="order-7")
    assert other[:2] == (409, "DurableExecutionAlreadyStartedException")
    listed = aws.lambda_.list_durable_executions_by_function(
        FunctionName="orders", DurableExecutionName="order-7", Statuses=["SUCCEEDED", "FAILED"]
    )["DurableExecutions"]
    assert [each["DurableExecutionArn"] for each in listed] == [first]
    running = aws.lambda_.list_durable_executions_by_function(
        FunctionName="orders", DurableExecutionName="order-7", Statuses=["RUNNING"]
    )
    assert running["DurableExecutions"] == []


def test_list_has_pages_in_both_orders(aws: Endpoint) -> None:
    """The oldest execution comes first unless the order is reversed."""
    arns = [start(aws, {"kind": "parallel"}) for _ in range(3)]
    for arn in arns:
        ended(aws, arn)
    pages = aws.lambda_.get_paginator("list_durable_executions_by_function").paginate(
        FunctionName="orders", ReverseOrder=True, PaginationConfig={"PageSize": 2}
    )
    listed = [each["DurableExecutionArn"] for page in pages for each in page["DurableExecutions"]]
    assert listed[:3] == arns[::-1]


def test_requests_that_are_refused(aws: Endpoint) -> None:
    """In the service's words where they are known."""
    unqualified = error_of(aws.lambda_.invoke, FunctionName="orders", Payload=b"{}")
    assert unqualified == (
        400,
        "InvalidParameterValueException",
        "You cannot invoke a durable function using an unqualified ARN.",
    )
    plain = error_of(aws.lambda_.invoke, FunctionName="plain", Payload=b"{}", DurableExecutionName="x")
    assert plain[:2] == (400, "InvalidParameterValueException")
    arn = start(aws, {"kind": "callback"})
    callback_id(aws, arn)
    wrong = error_of(aws.lambda_.checkpoint_durable_execution, DurableExecutionArn=arn, CheckpointToken="AAAA")
    assert wrong == (400, "InvalidParameterValueException", "Invalid checkpoint token")
    state = error_of(aws.lambda_.get_durable_execution_state, DurableExecutionArn=arn, CheckpointToken="AAAA")
    assert state[:2] == (400, "InvalidParameterValueException")
    aws.lambda_.stop_durable_execution(DurableExecutionArn=arn)
    late = error_of(
        aws.lambda_.update_function_configuration, FunctionName="plain", DurableConfig={"ExecutionTimeout": 9}
    )
    assert late[:2] == (400, "InvalidParameterValueException")
    assert aws.lambda_.get_function_configuration(FunctionName="orders")["DurableConfig"] == {
        "ExecutionTimeout": 60,
        "RetentionPeriodInDays": 3,
    }


def test_execution_longer_than_15_minutes_is_not_synchronous(aws: Endpoint) -> None:
    """Its caller could not wait that long."""
    aws.create("long", CODE, DurableConfig={"ExecutionTimeout": 901})
    refused = error_of(aws.lambda_.invoke, FunctionName="long:$LATEST", Payload=b"{}")
    assert refused[1:] == (
        "InvalidParameterValueException",
        "You cannot synchronously invoke a durable function with an executionTimeout greater than 15 minutes.",
    )


def test_execution_times_out(aws: Endpoint) -> None:
    """It ends while it is suspended."""
    aws.create("short", CODE, DurableConfig={"ExecutionTimeout": 1}, Timeout=30)
    answer = aws.lambda_.invoke(FunctionName="short:$LATEST", Payload=b'{"kind": "callback"}')
    assert answer["FunctionError"] == "Unhandled"
    assert ended(aws, answer["DurableExecutionArn"])["Status"] == "TIMED_OUT"


def test_function_without_the_sdk_fails_the_execution(aws: Endpoint) -> None:
    """Its response is not that of a durable function."""
    aws.create("naive", PLAIN, DurableConfig={"ExecutionTimeout": 30})
    answer = aws.lambda_.invoke(FunctionName="naive:$LATEST", Payload=b"{}")
    assert json.loads(answer["Payload"].read())["errorMessage"] == "Invalid Status in invocation output."


def test_function_that_is_deleted_fails_its_executions(aws: Endpoint) -> None:
    """They could never continue."""
    aws.create("gone", CODE, DurableConfig={"ExecutionTimeout": 60}, Timeout=30)
    payload = json.dumps({"kind": "callback"}).encode()
    answer = aws.lambda_.invoke(FunctionName="gone:$LATEST", InvocationType="Event", Payload=payload)
    arn = answer["DurableExecutionArn"]
    callback_id(aws, arn)
    aws.lambda_.delete_function(FunctionName="gone")
    found = ended(aws, arn)
    assert (found["Status"], found["Error"]["ErrorType"]) == ("FAILED", "ResourceNotFoundException")


TEMPLATE = """
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: RUNTIME
      Handler: app.handler
      CodeUri: .
      Timeout: 30
      AutoPublishAlias: live
      DurableConfig: {ExecutionTimeout: 60}
"""


def test_function_of_a_template_is_durable_with_aws(function_python: Path, tmp_path: Path) -> None:
    """On both ports, by its alias; without --aws a line says that it is not."""
    (tmp_path / "app.py").write_text(CODE)
    (tmp_path / "template.yaml").write_text(TEMPLATE.replace("RUNTIME", RUNTIME))
    with serving("start", "--python", function_python, "--aws", "0", cwd=tmp_path, variables=VARIABLES) as tool:
        assert tool.invoke("Orders:live", {"kind": "wait"}).json == ["first", "second"]
        reply = tool.invoke("Orders:live", {"kind": "callback"}, X_Amz_Invocation_Type="Event")
        assert "/durable-execution/" in reply.headers["X-Amz-Durable-Execution-Arn"]
        assert "DurableConfig" not in tool.text
        tool.wait_for("BEGINS callback")
    assert tool.text.count("durable executions that had not ended, and are lost: 1") == 1
    with serving("start", "--python", function_python, cwd=tmp_path) as tool:
        tool.wait_for("Orders: served with --aws only: DurableConfig")
        refused = tool.invoke("Orders:live", {}, X_Amz_Durable_Execution_Name="x")
        assert (refused.status, "start --aws" in refused.json["message"]) == (400, True)
