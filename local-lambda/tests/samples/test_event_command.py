"""`local-lambda event` prints events that the parsers of AWS Lambda Powertools accept, made of its options."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import pytest
from aws_lambda_powertools.utilities.parser import models

from local_lambda.cli.arguments import main

Print = Any


@pytest.fixture
def sample(capfdbinary: pytest.CaptureFixture[bytes]) -> Print:
    """Runs the command, and parses what it printed."""

    def run(*arguments: str) -> Any:
        status = main(["event", *arguments])
        printed, errors = capfdbinary.readouterr()
        assert status == 0, errors
        return json.loads(printed)

    return run


@pytest.mark.parametrize(
    ("arguments", "model"),
    [
        (["sqs", "--count", "3"], models.SqsModel),
        (["sqs", "--queue", "orders.fifo"], models.SqsModel),
        (["sns", "--subject", "news"], models.SnsModel),
        (["s3", "--key", "a b/ü.txt"], models.S3Model),
        (["s3", "--name", "ObjectRemoved:Delete"], models.S3Model),
        (["dynamodb", "--count", "2"], models.DynamoDBStreamModel),
        (["dynamodb", "--name", "MODIFY"], models.DynamoDBStreamModel),
        (["dynamodb", "--name", "REMOVE"], models.DynamoDBStreamModel),
        (["kinesis", "--count", "2"], models.KinesisDataStreamModel),
        (["schedule"], models.EventBridgeModel),
        (["eventbridge", "--detail", '{"id": 7}'], models.EventBridgeModel),
        (["rest-api", "--query", "a=1", "--query", "a=2", "--body", "{}"], models.APIGatewayProxyEventModel),
        (["http-api", "--header", "cookie=a=1; b=2"], models.APIGatewayProxyEventV2Model),
        (["function-url", "--method", "put", "--body", "x"], models.LambdaFunctionUrlModel),
        (["alb", "--query", "a=1"], models.AlbModel),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_event_is_accepted_by_the_parser_of_its_kind(sample: Print, arguments: list[str], model: Any) -> None:
    """The parsers follow the services' documentation."""
    model.model_validate(sample(*arguments))


@pytest.mark.parametrize(
    ("trigger", "source", "model"),
    [
        ("pre-sign-up", "PreSignUp_SignUp", models.CognitoPreSignupTriggerModel),
        ("post-confirmation", "PostConfirmation_ConfirmSignUp", models.CognitoPostConfirmationTriggerModel),
        ("pre-authentication", "PreAuthentication_Authentication", models.CognitoPreAuthenticationTriggerModel),
        ("post-authentication", "PostAuthentication_Authentication", models.CognitoPostAuthenticationTriggerModel),
        ("pre-token-generation", "TokenGeneration_Authentication", models.CognitoPreTokenGenerationTriggerModelV1),
        ("custom-message", "CustomMessage_SignUp", models.CognitoCustomMessageTriggerModel),
    ],
)
def test_event_of_cognito_is_accepted_by_the_parser_of_its_trigger(
    sample: Print, trigger: str, source: str, model: Any
) -> None:
    """Every trigger names its source."""
    event = sample("cognito", "--trigger", trigger, "--user", "grace")
    model.model_validate(event)
    assert (event["triggerSource"], event["userName"]) == (source, "grace")


def test_options_are_in_the_event(sample: Print) -> None:
    """Bodies with the record's number, names of resources, region and account."""
    event = sample("sqs", "--queue", "jobs", "--count", "2", "--body", "job {n}", "--region", "eu-west-1")
    assert [record["body"] for record in event["Records"]] == ["job 1", "job 2"]
    assert event["Records"][1]["eventSourceARN"] == "arn:aws:sqs:eu-west-1:123456789012:jobs"
    event = sample("s3", "--bucket", "files", "--key", "a b/c.txt", "--count", "2")
    assert [record["s3"]["object"]["key"] for record in event["Records"]] == ["a+b/c.txt-1", "a+b/c.txt-2"]
    assert event["Records"][0]["s3"]["bucket"]["arn"] == "arn:aws:s3:::files"
    event = sample("kinesis", "--body", "hello")
    assert b64decode(event["Records"][0]["kinesis"]["data"]) == b"hello"
    event = sample("dynamodb", "--body", '{"paid": true, "total": 7}')
    assert event["Records"][0]["dynamodb"]["NewImage"] == {
        "id": {"S": "1"},
        "paid": {"BOOL": True},
        "total": {"N": "7"},
    }
    event = sample("rest-api", "--path", "/a/b", "--header", "X-Own=1", "--account", "000000000042")
    assert (event["pathParameters"], event["headers"]["x-own"]) == ({"proxy": "a/b"}, "1")
    assert event["requestContext"]["accountId"] == "000000000042"
    event = sample("schedule", "--rule", "nightly")
    assert event["resources"] == ["arn:aws:events:us-east-1:123456789012:rule/nightly"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["sqs", "--count", "0"], b"--count 0: give a number from 1 to 10000"),
        (["eventbridge", "--detail", "["], b"--detail: is not JSON"),
        (["dynamodb", "--body", "[]"], b"--body: is not a JSON object"),
        (["rest-api", "--path", "orders"], b"--path orders: does not start with a slash"),
        (["kafka"], b"invalid choice"),
        (["sqs", "--region", "x"], b"--region: 'x' is not a region"),
    ],
)
def test_wrong_options_are_refused_in_one_line(
    capfdbinary: pytest.CaptureFixture[bytes], arguments: list[str], expected: bytes
) -> None:
    """Exit status 2, and nothing on standard output."""
    assert main(["event", *arguments]) == 2
    printed, errors = capfdbinary.readouterr()
    assert (printed, expected in errors) == (b"", True)
