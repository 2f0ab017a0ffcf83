"""Settings of asynchronous invocations in templates: every way of writing them, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local_lambda.functions.config import EventInvokeConfig
from local_lambda.functions.given import Given
from local_lambda.functions.template import Functions, load_functions

FUNCTION = {"Handler": "app.handler", "Runtime": "python3.12"}
ARN = "arn:aws:sqs:us-east-1:123456789012:"


def load(folder: Path, properties: dict[str, Any], **others: dict[str, Any]) -> Functions:
    """The functions of a template with one function and other resources."""
    hello = {"Type": "AWS::Serverless::Function", "Properties": {**FUNCTION, **properties}}
    template = folder / "template.yaml"
    template.write_text(json.dumps({"Resources": {"Hello": hello, **others}}))
    return load_functions(template, Given())


def test_settings_of_a_function(tmp_path: Path) -> None:
    """Destinations by ARN or, for a queue or a topic that SAM makes, by type; without an endpoint they are named."""
    settings = {
        "MaximumEventAgeInSeconds": 60,
        "MaximumRetryAttempts": 0,
        "DestinationConfig": {"OnSuccess": {"Type": "SNS"}, "OnFailure": {"Type": "SQS", "Destination": f"{ARN}bad"}},
    }
    functions = load(
        tmp_path, {"EventInvokeConfig": settings, "DeadLetterQueue": {"Type": "SQS", "TargetArn": f"{ARN}x"}}
    )
    topic = "arn:aws:sns:us-east-1:123456789012:HelloEventInvokeConfigOnSuccessTopic"
    assert functions[0].event_invoke == {"$LATEST": EventInvokeConfig(60, 0, topic, f"{ARN}bad")}
    assert functions[0].dead_letters == f"{ARN}x"
    assert functions.notes["Hello"].events == ("DestinationConfig", "DeadLetterQueue")


def test_settings_of_a_function_with_an_alias_are_those_of_the_alias(tmp_path: Path) -> None:
    """As AWS SAM writes them; `$LATEST` and the version have those of every function."""
    (function,) = load(tmp_path, {"EventInvokeConfig": {"MaximumRetryAttempts": 0}, "AutoPublishAlias": "live"})
    assert function.event_invoke == {"live": EventInvokeConfig(21_600, 0)}


def test_settings_as_resources(tmp_path: Path) -> None:
    """For each version and alias; those of one that does not exist are a remark."""
    resource = {"FunctionName": {"Ref": "Hello"}, "Qualifier": "$LATEST", "MaximumRetryAttempts": 1}
    others = {
        "Settings": resource,
        "Alias": {**resource, "Qualifier": "live", "MaximumRetryAttempts": 0},
        "Missing": {**resource, "Qualifier": "test"},
    }
    functions = load(
        tmp_path,
        {"AutoPublishAlias": "live"},
        **{
            name: {"Type": "AWS::Lambda::EventInvokeConfig", "Properties": properties}
            for name, properties in others.items()
        },
    )
    assert {qualifier: each.retries for qualifier, each in functions[0].event_invoke.items()} == {
        "$LATEST": 1,
        "live": 0,
    }
    assert [remark.partition(" ")[0] for remark in functions.remarks] == ["Missing"]


@pytest.mark.parametrize(
    ("own", "served", "refused"),
    [
        ({}, 2, ["Second"]),
        ({"EventInvokeConfig": {"MaximumRetryAttempts": 0}}, 0, ["First", "Second"]),
        ({"EventInvokeConfig": {"MaximumRetryAttempts": 0}, "AutoPublishAlias": "live"}, 2, ["Second"]),
    ],
)
def test_second_settings_of_a_function_are_a_remark(
    tmp_path: Path, own: dict[str, Any], served: int, refused: list[str]
) -> None:
    """The first count, even if they are Lambda's own; with an alias SAM gives those of the function to the alias."""
    first = {"FunctionName": {"Ref": "Hello"}, "Qualifier": "$LATEST", "MaximumRetryAttempts": 2}
    functions = load(
        tmp_path,
        own,
        First={"Type": "AWS::Lambda::EventInvokeConfig", "Properties": first},
        Second={"Type": "AWS::Lambda::EventInvokeConfig", "Properties": {**first, "MaximumRetryAttempts": 1}},
    )
    assert functions[0].event_invoke["$LATEST"].retries == served
    assert [remark.partition(" ")[0] for remark in functions.remarks] == refused
    assert all("already has settings for asynchronous invocations" in remark for remark in functions.remarks)


@pytest.mark.parametrize(
    ("settings", "mistake"),
    [
        ({"MaximumRetryAttempts": 3}, "give a whole number of attempts from 0 to 2"),
        ({"MaximumEventAgeInSeconds": 59}, "give a whole number of seconds from 60 to 21600"),
        ({"DestinationConfig": {"OnSuccess": {"Type": "S3Bucket"}}}, "S3Bucket is not emulated as a destination"),
        ({"DestinationConfig": {"OnSuccess": {"Type": "Lambda"}}}, "Destination: is missing"),
        ({"DestinationConfig": {"OnFailure": {"Destination": f"{ARN}q.fifo"}}}, "is a FIFO queue or topic"),
    ],
)
def test_settings_that_are_refused(tmp_path: Path, settings: dict[str, Any], mistake: str) -> None:
    """The function is left out, with the reason."""
    ((_, reason),) = load(tmp_path, {"EventInvokeConfig": settings}).refused
    assert mistake in str(reason)


@pytest.mark.parametrize("qualifier", ["", ":$LATEST", ":live"])
def test_function_is_not_its_own_destination(tmp_path: Path, qualifier: str) -> None:
    """Each of its results would be its next event."""
    itself = f"arn:aws:lambda:us-east-1:123456789012:function:Hello{qualifier}"
    settings = {"DestinationConfig": {"OnSuccess": {"Type": "Lambda", "Destination": itself}}}
    ((_, reason),) = load(tmp_path, {"EventInvokeConfig": settings, "FunctionName": "Hello"}).refused
    assert "OnSuccess.Destination: is the function itself; name a different one" in str(reason)


QUEUE = f"{ARN}HelloEventInvokeConfigOnFailureQueue"
QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/HelloEventInvokeConfigOnFailureQueue"


@pytest.mark.parametrize("missing", [{"Ref": "AWS::NoValue"}, {"Fn::If": ["No", "arn:x", {"Ref": "AWS::NoValue"}]}])
@pytest.mark.parametrize("in_globals", [False, True])
def test_queue_for_a_destination_without_a_value_is_made_and_can_be_referred_to(
    tmp_path: Path, missing: dict[str, Any], in_globals: bool
) -> None:
    """By its logical id, and as `Hello.DestinationQueue`; it is on the local AWS endpoint as well."""
    settings = {"EventInvokeConfig": {"DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": missing}}}}
    variables = {
        "URL": {"Ref": "HelloEventInvokeConfigOnFailureQueue"},
        "SAME_URL": {"Ref": "Hello.DestinationQueue"},
        "ARN": {"Fn::GetAtt": ["Hello.DestinationQueue", "Arn"]},
        "TEXT": {"Fn::Sub": "${Hello.DestinationQueue} ${Hello.DestinationQueue.Arn}"},
    }
    own = {**FUNCTION, "Environment": {"Variables": variables}, **({} if in_globals else settings)}
    document = {
        "Conditions": {"No": {"Fn::Equals": ["a", "b"]}},
        "Globals": {"Function": settings if in_globals else {}},
        "Resources": {"Hello": {"Type": "AWS::Serverless::Function", "Properties": own}},
    }
    template = tmp_path / "template.yaml"
    template.write_text(json.dumps(document))
    made: dict[str, Any] = {}
    (function,) = load_functions(template, Given(deploy=lambda resources, stack, scope: made.update(resources) or {}))
    assert made["HelloEventInvokeConfigOnFailureQueue"] == {"Type": "AWS::SQS::Queue"}
    assert function.event_invoke["$LATEST"].on_failure == QUEUE
    assert function.environment == {
        "URL": QUEUE_URL,
        "SAME_URL": QUEUE_URL,
        "ARN": QUEUE,
        "TEXT": f"{QUEUE_URL} {QUEUE}",
    }
