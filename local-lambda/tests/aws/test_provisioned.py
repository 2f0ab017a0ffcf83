"""Provisioned concurrency on the local AWS endpoint, with boto3."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.aws_endpoint import Endpoint, error_of

CODE = """
import os
print("begins as", os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], flush=True)
def handler(event, context):
    return os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
"""
BROKEN = "raise RuntimeError('no')"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:"


def provision(aws: Endpoint, name: str, qualifier: str, count: int) -> dict[str, Any]:
    """The response without what belongs to HTTP."""
    answer: dict[str, Any] = aws.lambda_.put_provisioned_concurrency_config(
        FunctionName=name, Qualifier=qualifier, ProvisionedConcurrentExecutions=count
    )
    assert answer.pop("ResponseMetadata")["HTTPStatusCode"] == 202
    return answer


def settled(aws: Endpoint, name: str, qualifier: str) -> dict[str, Any]:
    """The configuration as soon as it is no longer in progress."""
    while True:
        answer: dict[str, Any] = aws.lambda_.get_provisioned_concurrency_config(FunctionName=name, Qualifier=qualifier)
        if answer["Status"] != "IN_PROGRESS":
            return answer


def start_type(aws: Endpoint, name: str, qualifier: str) -> Any:
    """How the environment was initialized that serves the next invocation."""
    return json.load(aws.lambda_.invoke(FunctionName=name, Qualifier=qualifier, Payload=b"{}")["Payload"])


def test_environments_of_an_alias_start_ahead(aws: Endpoint) -> None:
    """As many as it says, now and after each change; they move with the alias."""
    client = aws.lambda_
    aws.create("ahead", CODE, Publish=True)
    client.create_alias(FunctionName="ahead", Name="live", FunctionVersion="1")
    answer = provision(aws, "ahead", "live", 2)
    assert answer.pop("LastModified")
    assert answer == {
        "RequestedProvisionedConcurrentExecutions": 2,
        "AllocatedProvisionedConcurrentExecutions": 0,
        "AvailableProvisionedConcurrentExecutions": 0,
        "Status": "IN_PROGRESS",
    }
    ready = settled(aws, "ahead", "live")
    assert (ready["Status"], ready["AllocatedProvisionedConcurrentExecutions"]) == ("READY", 2)
    assert start_type(aws, "ahead", "live") == start_type(aws, "ahead", "1") == "provisioned-concurrency"
    aws.tool.wait_for("function ahead:1#2 . begins as provisioned-concurrency")
    provision(aws, "ahead", "live", 1)
    assert settled(aws, "ahead", "live")["AllocatedProvisionedConcurrentExecutions"] == 1
    (listed,) = client.list_provisioned_concurrency_configs(FunctionName="ahead")["ProvisionedConcurrencyConfigs"]
    assert (listed["FunctionArn"], listed["Status"]) == (f"{ARN}ahead:live", "READY")
    aws.update("ahead", CODE + "#")
    client.publish_version(FunctionName="ahead")
    client.update_alias(FunctionName="ahead", Name="live", FunctionVersion="2")
    assert settled(aws, "ahead", "live")["Status"] == "READY"
    assert start_type(aws, "ahead", "2") == "provisioned-concurrency"
    assert start_type(aws, "ahead", "1") == "on-demand"
    client.delete_provisioned_concurrency_config(FunctionName="ahead", Qualifier="live")
    assert start_type(aws, "ahead", "2") == "on-demand"
    assert error_of(client.get_provisioned_concurrency_config, FunctionName="ahead", Qualifier="live") == (
        404,
        "ProvisionedConcurrencyConfigNotFoundException",
        "No Provisioned Concurrency Config found for this function",
    )


def test_environments_that_cannot_start_are_reported(aws: Endpoint) -> None:
    """With the status FAILED."""
    aws.create("broken", BROKEN, Publish=True)
    provision(aws, "broken", "1", 1)
    found = settled(aws, "broken", "1")
    assert (found["Status"], found["StatusReason"]) == ("FAILED", "FUNCTION_ERROR_INIT_FAILURE: RuntimeError")


@pytest.mark.parametrize(
    ("qualifier", "count", "error"),
    [
        ("$LATEST", 1, "Provisioned Concurrency Configs cannot be applied to unpublished function versions."),
        ("latest", 1, "Provisioned Concurrency Configs cannot be applied to unpublished function versions."),
        ("none", 1, f"Function not found: {ARN}refused:none"),
        ("1", 3, "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution"),
        ("one", 1, "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"),
        ("2", 1, "Version is pointed by a Provisioned Concurrency alias"),
    ],
)
def test_requests_that_lambda_would_reject(aws: Endpoint, qualifier: str, count: int, error: str) -> None:
    """In the service's words."""
    client = aws.lambda_
    if not any(each["FunctionName"] == "refused" for each in client.list_functions()["Functions"]):
        aws.create("refused", CODE, Publish=True)
        aws.update("refused", CODE + "#")
        client.publish_version(FunctionName="refused")
        for name, version in (("latest", "$LATEST"), ("one", "1"), ("two", "2")):
            client.create_alias(FunctionName="refused", Name=name, FunctionVersion=version)
        client.put_function_concurrency(FunctionName="refused", ReservedConcurrentExecutions=2)
        provision(aws, "refused", "1", 1)
        provision(aws, "refused", "two", 1)
    put = client.put_provisioned_concurrency_config
    refusal = error_of(put, FunctionName="refused", Qualifier=qualifier, ProvisionedConcurrentExecutions=count)
    assert error in refusal[2]


def test_reserved_concurrency_is_not_below_the_provisioned(aws: Endpoint) -> None:
    """Otherwise environments would be there that may not run."""
    aws.create("reserved", CODE, Publish=True)
    provision(aws, "reserved", "1", 2)
    put = aws.lambda_.put_function_concurrency
    refusal = error_of(put, FunctionName="reserved", ReservedConcurrentExecutions=1)
    assert refusal[:2] == (400, "InvalidParameterValueException")
    put(FunctionName="reserved", ReservedConcurrentExecutions=2)
