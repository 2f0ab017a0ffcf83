"""Policies of functions, and tags, on the local AWS endpoint, with boto3."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.aws_endpoint import Endpoint, error_of

CODE = "def handler(event, context): pass"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:"
BUCKET = "arn:aws:s3:::files"


def add(aws: Endpoint, name: str, identifier: str, **more: Any) -> dict[str, Any]:
    """The statement of a permission."""
    given = {"Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com", **more}
    answer = aws.lambda_.add_permission(FunctionName=name, StatementId=identifier, **given)
    statement: dict[str, Any] = json.loads(answer["Statement"])
    return statement


def test_policy_has_the_permissions_that_were_added(aws: Endpoint) -> None:
    """One for the function, and one for each version and alias; removing the last one removes the policy."""
    client = aws.lambda_
    aws.create("policy", CODE, Publish=True)
    first = add(aws, "policy", "s3", SourceArn=BUCKET, SourceAccount="123456789012")
    assert first == {
        "Sid": "s3",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": f"{ARN}policy",
        "Condition": {"StringEquals": {"AWS:SourceAccount": "123456789012"}, "ArnLike": {"AWS:SourceArn": BUCKET}},
    }
    second = add(aws, "policy", "everyone", Principal="*", FunctionUrlAuthType="NONE")
    assert second["Principal"] == "*"
    assert second["Condition"] == {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}
    of_version = add(aws, "policy", "account", Principal="210987654321", Qualifier="1")
    assert (of_version["Principal"], of_version["Resource"]) == (
        {"AWS": "arn:aws:iam::210987654321:root"},
        f"{ARN}policy:1",
    )
    found = client.get_policy(FunctionName="policy")
    assert json.loads(found["Policy"]) == {"Version": "2012-10-17", "Id": "default", "Statement": [first, second]}
    client.remove_permission(FunctionName="policy", StatementId="s3", RevisionId=found["RevisionId"])
    assert json.loads(client.get_policy(FunctionName="policy")["Policy"])["Statement"] == [second]
    client.remove_permission(FunctionName="policy", StatementId="everyone")
    missing = (404, "ResourceNotFoundException", "No policy is associated with the given resource.")
    assert error_of(client.get_policy, FunctionName="policy") == missing
    assert json.loads(client.get_policy(FunctionName="policy:1")["Policy"])["Statement"] == [of_version]


@pytest.mark.parametrize(
    ("more", "status", "error"),
    [
        ({"StatementId": "there"}, 409, "The statement id (there) provided already exists."),
        ({"Qualifier": "$LATEST"}, 400, "We currently do not support adding policies for $LATEST."),
        ({"Qualifier": "9"}, 404, f"Function not found: {ARN}wrong:9"),
        ({"Action": "s3:Get"}, 400, "at 'action' failed to satisfy constraint: Member must satisfy regular"),
        ({"StatementId": "a b"}, 400, "at 'statementId' failed to satisfy constraint: Member must satisfy regular"),
        ({"RevisionId": "old"}, 412, "The RevisionId provided does not match the latest RevisionId."),
        ({"SourceArn": BUCKET + "x" * 21_000}, 400, "The final policy size ("),
    ],
)
def test_permissions_that_lambda_would_reject(aws: Endpoint, more: dict[str, Any], status: int, error: str) -> None:
    """In the service's words."""
    client = aws.lambda_
    if not any(each["FunctionName"] == "wrong" for each in client.list_functions()["Functions"]):
        aws.create("wrong", CODE)
        add(aws, "wrong", "there")
    given = {"StatementId": "new", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com", **more}
    found = error_of(client.add_permission, FunctionName="wrong", **given)
    assert found[0] == status
    assert error in found[2]
    removal = error_of(client.remove_permission, FunctionName="wrong", StatementId="none")
    assert removal == (404, "ResourceNotFoundException", "Statement none is not found in resource policy.")


def test_tags_are_removed(aws: Endpoint) -> None:
    """By their keys; a key that is not there is no error."""
    client = aws.lambda_
    aws.create("tagged", CODE, Tags={"a": "1", "b": "2", "c": "3"})
    client.untag_resource(Resource=f"{ARN}tagged", TagKeys=["a", "c", "d"])
    assert client.list_tags(Resource=f"{ARN}tagged")["Tags"] == {"b": "2"}
