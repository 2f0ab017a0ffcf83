"""Destinations and dead letters on the local AWS endpoint, with boto3, and from a template."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from support.aws_endpoint import RUNTIME, VARIABLES, Endpoint, error_of, serving_aws
from support.tool import Tool, serving

CODE = """
import json

def handler(event, context):
    print("GOT", json.dumps(event))
    if event.get("fail"):
        raise ValueError("no")
    return {"done": True}
"""
SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/lambda/aws4_request, Signature=x"}
ARN = "arn:aws:lambda:us-east-1:123456789012:function"
WAIT = 20
_LISTED = "FunctionEventInvokeConfigs"


@pytest.fixture(scope="module")
def aws(function_python: Path) -> Iterator[Endpoint]:
    """One endpoint for all tests of this module."""
    with serving_aws(function_python, "--retry-pauses", "0.01,0.01") as endpoint:
        yield endpoint


def message(sqs: Any, url: str) -> dict[str, Any]:
    """The next message of a queue, which is deleted."""
    asked = {"QueueUrl": url, "WaitTimeSeconds": WAIT, "MessageAttributeNames": ["All"]}
    (found,) = sqs.receive_message(**asked)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=found["ReceiptHandle"])
    return dict(found)


def queue(aws: Endpoint, name: str) -> tuple[str, str]:
    """URL and ARN of a new queue."""
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return url, arn


def send(aws: Endpoint, name: str, event: object) -> str:
    """Invoke asynchronously; the request's id."""
    answer = aws.lambda_.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(event).encode())
    return str(answer["ResponseMetadata"]["RequestId"])


def ensure(aws: Endpoint, name: str) -> None:
    """Create a function unless there is one of this name."""
    if not any(each["FunctionName"] == name for each in aws.lambda_.list_functions()["Functions"]):
        aws.create(name, CODE)


def test_settings_are_kept_changed_and_deleted(aws: Endpoint) -> None:
    """Put replaces, update changes, and a function without settings is 404."""
    aws.create("settings", CODE)
    _, arn = queue(aws, "settings")
    client = aws.lambda_
    assert error_of(client.get_function_event_invoke_config, FunctionName="settings") == (
        404,
        "ResourceNotFoundException",
        f"The function {ARN}:settings:$LATEST doesn't have an EventInvokeConfig",
    )
    put = client.put_function_event_invoke_config(FunctionName="settings", MaximumRetryAttempts=0)
    assert (put["MaximumRetryAttempts"], put["DestinationConfig"]) == (0, {"OnSuccess": {}, "OnFailure": {}})
    assert put["FunctionArn"].endswith(":function:settings:$LATEST")
    destination = {"OnFailure": {"Destination": arn}}
    changed = client.update_function_event_invoke_config(
        FunctionName="settings", MaximumEventAgeInSeconds=60, DestinationConfig=destination
    )
    assert (changed["MaximumRetryAttempts"], changed["MaximumEventAgeInSeconds"]) == (0, 60)
    found = client.get_function_event_invoke_config(FunctionName="settings")
    assert found["DestinationConfig"] == {"OnSuccess": {}, **destination}
    (listed,) = client.list_function_event_invoke_configs(FunctionName="settings")["FunctionEventInvokeConfigs"]
    assert listed["MaximumEventAgeInSeconds"] == 60
    replaced = client.put_function_event_invoke_config(FunctionName="settings", MaximumEventAgeInSeconds=61)
    assert "MaximumRetryAttempts" not in replaced
    client.delete_function_event_invoke_config(FunctionName="settings")
    assert client.list_function_event_invoke_configs(FunctionName="settings")["FunctionEventInvokeConfigs"] == []


def test_each_qualifier_has_its_own_settings(aws: Endpoint) -> None:
    """The function, a version and an alias of it; an invocation uses those of the qualifier that it names."""
    aws.create("qualified", CODE, Publish=True)
    client = aws.lambda_
    client.create_alias(FunctionName="qualified", Name="live", FunctionVersion="1")
    url, arn = queue(aws, "qualified")
    put, get = client.put_function_event_invoke_config, client.get_function_event_invoke_config
    put(FunctionName="qualified", MaximumRetryAttempts=2)
    first = put(FunctionName="qualified:1", MaximumRetryAttempts=1)
    destination = {"OnFailure": {"Destination": arn}}
    put(FunctionName="qualified", Qualifier="live", MaximumRetryAttempts=0, DestinationConfig=destination)
    assert first["FunctionArn"] == f"{ARN}:qualified:1"
    pages = client.get_paginator("list_function_event_invoke_configs").paginate(
        FunctionName="qualified", PaginationConfig={"PageSize": 2}
    )
    found = [[(each["FunctionArn"], each["MaximumRetryAttempts"]) for each in page[_LISTED]] for page in pages]
    latest, version, alias = (f"{ARN}:qualified:{each}" for each in ("$LATEST", "1", "live"))
    assert found == [[(latest, 2), (version, 1)], [(alias, 0)]]
    send(aws, "qualified:live", {"fail": 1})
    context = json.loads(message(aws.client("sqs"), url)["Body"])["requestContext"]
    assert (context["functionArn"], context["approximateInvokeCount"]) == (alias, 1)
    client.delete_function_event_invoke_config(FunctionName="qualified", Qualifier="live")
    assert error_of(get, FunctionName="qualified", Qualifier="live") == (
        404,
        "ResourceNotFoundException",
        f"The function {alias} doesn't have an EventInvokeConfig",
    )
    assert get(FunctionName="qualified", Qualifier="1")["MaximumRetryAttempts"] == 1
    missing = error_of(put, FunctionName="qualified", Qualifier="2", MaximumRetryAttempts=0)
    assert missing == (404, "ResourceNotFoundException", "The function doesn't exist.")


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "You must specify at least one of error handling or destination setting."),
        ({"MaximumRetryAttempts": 3}, "less than or equal to 2"),
        ({"MaximumEventAgeInSeconds": 59}, "greater than or equal to 60"),
        ({"DestinationConfig": {"OnSuccess": {"Destination": "arn:aws:s3:::bucket"}}}, "not served"),
        (
            {
                "DestinationConfig": {
                    "OnSuccess": {"Destination": "arn:aws:lambda:us-east-1:123456789012:function:wrong"}
                }
            },
            "You can't specify the function as a destination for itself.",
        ),
        (
            {"DestinationConfig": {"OnFailure": {"Destination": f"{ARN}:wrong:$LATEST"}}},
            "You can't specify the function as a destination for itself.",
        ),
        (
            {"DestinationConfig": {"OnFailure": {"Destination": f"{ARN}:missing"}}},
            f"The destination ARN {ARN}:missing is invalid.",
        ),
    ],
)
def test_settings_that_lambda_would_reject(aws: Endpoint, settings: dict[str, Any], text: str) -> None:
    """400, with what is allowed."""
    ensure(aws, "wrong")
    unchecked = aws.client("lambda", parameter_validation=False)
    refused = error_of(unchecked.put_function_event_invoke_config, FunctionName="wrong", **settings)
    assert refused[:2] == (400, "InvalidParameterValueException")
    assert text in refused[2]


@pytest.mark.parametrize("given", ["x", {"OnSuccess": "x"}, {"OnFailure": ["x"]}])
def test_destinations_that_are_no_structure(aws: Endpoint, given: object) -> None:
    """400, as for every request of the wrong shape."""
    ensure(aws, "shapeless")
    path = f"{aws.tool.url}/2019-09-25/functions/shapeless/event-invoke-config"
    response = requests.put(path, json={"DestinationConfig": given}, headers=SIGNED, timeout=WAIT)
    assert (response.status_code, response.json()["Type"]) == (400, "User")
    assert "must be a structure" in response.text


def test_paths_and_functions_that_do_not_exist(aws: Endpoint) -> None:
    """The words for a missing function are different when it is to be changed."""
    ensure(aws, "shapeless")
    path = f"{aws.tool.url}/2019-09-25/functions/shapeless/event-invoke-config"
    assert requests.get(f"{path}/list", headers=SIGNED, timeout=WAIT).status_code == 200
    assert requests.get(f"{path}/anything", headers=SIGNED, timeout=WAIT).status_code == 501
    refused = error_of(aws.lambda_.put_function_event_invoke_config, FunctionName="missing", MaximumRetryAttempts=0)
    assert refused == (404, "ResourceNotFoundException", "The function doesn't exist.")


def test_records_go_to_queues_topics_functions_and_buses(aws: Endpoint) -> None:
    """The same record, in the form that each service gives it."""
    url, arn = queue(aws, "records")
    sns, events, sqs = aws.client("sns"), aws.client("events"), aws.client("sqs")
    topic = sns.create_topic(Name="records")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    bus = events.create_event_bus(Name="records")["EventBusArn"]
    events.put_rule(Name="all", EventBusName="records", EventPattern='{"source": ["lambda"]}')
    events.put_targets(Rule="all", EventBusName="records", Targets=[{"Id": "1", "Arn": arn}])
    aws.create("source", CODE)
    listener = aws.create("listener", CODE)["FunctionArn"]
    for destination in (arn, topic, bus, listener):
        ends = {"OnSuccess": {"Destination": destination}}
        aws.lambda_.put_function_event_invoke_config(FunctionName="source", DestinationConfig=ends)
        request_id = send(aws, "source", {"to": destination})
        if destination == listener:
            aws.tool.wait_for(f'GOT .*"requestId": "{request_id}"')
            continue
        body = json.loads(message(sqs, url)["Body"])
        if destination == topic:
            body = json.loads(body["Message"])
        if destination == bus:
            assert (body["source"], body["detail-type"]) == ("lambda", "Lambda Function Invocation Result - Success")
            assert body["resources"][0] == bus
            body = body["detail"]
        assert body["requestContext"]["requestId"] == request_id
        assert (body["requestPayload"], body["responsePayload"]) == ({"to": destination}, {"done": True})


def test_failure_goes_to_the_destination_and_to_the_dead_letter_queue(aws: Endpoint) -> None:
    """After two further attempts; the dead letter is the event, with the error in its attributes."""
    failures, on_failure = queue(aws, "failures")
    dead, dead_letters = queue(aws, "dead")
    created = aws.create("failing", CODE, DeadLetterConfig={"TargetArn": dead_letters})
    assert created["DeadLetterConfig"] == {"TargetArn": dead_letters}
    ends = {"OnFailure": {"Destination": on_failure}}
    aws.lambda_.put_function_event_invoke_config(FunctionName="failing", DestinationConfig=ends)
    request_id = send(aws, "failing", {"fail": 1})
    sqs = aws.client("sqs")
    record = json.loads(message(sqs, failures)["Body"])
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    letter = message(sqs, dead)
    attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert json.loads(letter["Body"]) == {"fail": 1}
    assert attributes == {"RequestID": request_id, "ErrorCode": "200", "ErrorMessage": "no"}
    cleared = aws.lambda_.update_function_configuration(FunctionName="failing", DeadLetterConfig={"TargetArn": ""})
    assert "DeadLetterConfig" not in cleared


def test_destination_that_does_not_exist_is_named(aws: Endpoint) -> None:
    """The record is lost, and a line says so."""
    aws.create("nowhere", CODE)
    ends = {"OnSuccess": {"Destination": "arn:aws:sqs:us-east-1:123456789012:nowhere"}}
    aws.lambda_.put_function_event_invoke_config(FunctionName="nowhere", DestinationConfig=ends)
    request_id = send(aws, "nowhere", {})
    aws.tool.wait_for(f"the record of {request_id} for arn:aws:sqs:us-east-1:123456789012:nowhere is lost: ")


TEMPLATE: dict[str, Any] = {
    "Orders": {
        "Type": "AWS::Serverless::Function",
        "Properties": {
            "Runtime": RUNTIME,
            "Handler": "app.handler",
            "CodeUri": ".",
            "AutoPublishAlias": "live",
            "Environment": {"Variables": {"LETTERS": {"Ref": "Letters"}}},
            "EventInvokeConfig": {
                "MaximumRetryAttempts": 0,
                "DestinationConfig": {
                    "OnSuccess": {"Type": "SQS"},
                    "OnFailure": {"Type": "SQS", "Destination": {"Fn::GetAtt": "Failures.Arn"}},
                },
            },
            "DeadLetterQueue": {"Type": "SQS", "TargetArn": {"Fn::GetAtt": "Letters.Arn"}},
        },
    },
    "Failures": {"Type": "AWS::SQS::Queue"},
    "Letters": {"Type": "AWS::SQS::Queue"},
}


@pytest.fixture(scope="module")
def template(function_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tool]:
    """`start --aws` with destinations, one of which SAM makes."""
    folder = tmp_path_factory.mktemp("event-invoke")
    (folder / "app.py").write_text(CODE)
    (folder / "template.yaml").write_text(json.dumps({"Resources": TEMPLATE}))
    arguments = ("start", "-t", folder / "template.yaml", "--python", function_python, "--aws", "0")
    with serving(*arguments, variables=VARIABLES) as tool:
        yield tool


def test_destination_is_a_standard_queue(aws: Endpoint) -> None:
    """Lambda sends no record to a FIFO queue."""
    aws.create("fifo", CODE)
    ends = {"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:123456789012:failed.fifo"}}
    refused = error_of(aws.lambda_.put_function_event_invoke_config, FunctionName="fifo", DestinationConfig=ends)
    assert refused[:2] == (400, "InvalidParameterValueException")
    assert "it must be a standard queue or topic" in refused[2]


def test_destinations_of_a_template(template: Tool) -> None:
    """They are those of the alias, as with AWS SAM, also the queue that SAM makes because only its type is named."""
    import boto3

    url = template.wait_for(r"AWS_ENDPOINT_URL=(\S+)")[1]
    sqs = boto3.client(
        "sqs", region_name="us-east-1", endpoint_url=url, aws_access_key_id="x", aws_secret_access_key="x"
    )
    for event, names in (
        ({}, ["OrdersEventInvokeConfigOnSuccessQueue"]),
        ({"fail": 1}, ["Failures", "Letters"]),
    ):
        template.invoke("Orders:live", event, X_Amz_Invocation_Type="Event")
        for name in names:
            found = json.loads(message(sqs, sqs.get_queue_url(QueueName=name)["QueueUrl"])["Body"])
            assert found == event if name == "Letters" else found["requestPayload"] == event
