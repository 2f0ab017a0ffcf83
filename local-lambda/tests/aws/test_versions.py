"""Versions and aliases on the local AWS endpoint, with boto3."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.aws_endpoint import Endpoint, error_of

CODE = """
import os
def handler(event, context):
    return {"code": %d, "version": context.function_version, "arn": context.invoked_function_arn,
            "stream": context.log_stream_name, "mode": os.environ.get("MODE"),
            "variable": os.environ["AWS_LAMBDA_FUNCTION_VERSION"]}
"""
ARN = "arn:aws:lambda:us-east-1:123456789012:function:"


def call(aws: Endpoint, name: str, qualifier: str | None = None) -> tuple[dict[str, Any], str]:
    """The result, and the version that the response names."""
    more = {} if qualifier is None else {"Qualifier": qualifier}
    answer = aws.lambda_.invoke(FunctionName=name, Payload=b"{}", **more)
    return json.load(answer["Payload"]), answer["ExecutedVersion"]


def test_version_keeps_code_and_settings(aws: Endpoint) -> None:
    """The function goes on changing; a version runs what it was published with."""
    client = aws.lambda_
    aws.create("kept", CODE % 1, Environment={"Variables": {"MODE": "old"}})
    first = client.publish_version(FunctionName="kept", Description="the first")
    assert (first["Version"], first["FunctionArn"], first["Description"]) == ("1", f"{ARN}kept:1", "the first")
    assert client.publish_version(FunctionName="kept")["Version"] == "1"
    aws.update("kept", CODE % 2)
    client.update_function_configuration(FunctionName="kept", Environment={"Variables": {"MODE": "new"}})
    assert client.publish_version(FunctionName="kept")["Version"] == "2"
    aws.update("kept", CODE % 3)
    for qualifier, code, mode, version in (("1", 1, "old", "1"), ("2", 2, "new", "2"), (None, 3, "new", "$LATEST")):
        found, executed = call(aws, "kept", qualifier)
        assert (found["code"], found["mode"], found["version"], found["variable"]) == (code, mode, version, version)
        assert executed == version
        assert f"[{version}]" in found["stream"]
        assert found["arn"] == f"{ARN}kept" + (f":{qualifier}" if qualifier else "")
    found, _ = call(aws, f"{ARN}kept:1")
    assert found["arn"] == f"{ARN}kept:1"
    versions = client.list_versions_by_function(FunctionName="kept")["Versions"]
    assert [each["Version"] for each in versions] == ["$LATEST", "1", "2"]
    shown = client.get_function_configuration(FunctionName="kept", Qualifier="1")
    assert (shown["Environment"]["Variables"], shown["FunctionArn"]) == ({"MODE": "old"}, f"{ARN}kept:1")


def test_version_is_deleted(aws: Endpoint) -> None:
    """Not while an alias points to it; its number is not used again."""
    client = aws.lambda_
    aws.create("deleted", CODE % 1, Publish=True)
    client.create_alias(FunctionName="deleted", Name="live", FunctionVersion="1")
    assert error_of(client.delete_function, FunctionName="deleted", Qualifier="1")[:2] == (
        409,
        "ResourceConflictException",
    )
    client.delete_alias(FunctionName="deleted", Name="live")
    client.delete_function(FunctionName="deleted", Qualifier="1")
    missing = error_of(client.invoke, FunctionName="deleted", Qualifier="1", Payload=b"{}")
    assert missing == (404, "ResourceNotFoundException", f"Function not found: {ARN}deleted:1")
    assert client.publish_version(FunctionName="deleted")["Version"] == "2"
    client.delete_function(FunctionName="deleted")
    assert error_of(client.get_function, FunctionName="deleted", Qualifier="2")[0] == 404


def test_alias_points_to_a_version(aws: Endpoint) -> None:
    """The caller's ARN keeps the alias; the version is the number."""
    client = aws.lambda_
    aws.create("alias", CODE % 1)
    client.publish_version(FunctionName="alias")
    made = client.create_alias(FunctionName="alias", Name="live", FunctionVersion="1", Description="for users")
    assert (made["AliasArn"], made["FunctionVersion"], made["Description"]) == (f"{ARN}alias:live", "1", "for users")
    found, executed = call(aws, "alias", "live")
    assert (found["code"], found["version"], found["arn"], executed) == (1, "1", f"{ARN}alias:live", "1")
    aws.update("alias", CODE % 2)
    client.publish_version(FunctionName="alias")
    changed = client.update_alias(FunctionName="alias", Name="live", FunctionVersion="2")
    assert changed["RevisionId"] != made["RevisionId"]
    assert call(aws, "alias", "live")[0]["code"] == 2
    assert client.get_alias(FunctionName="alias", Name="live")["FunctionVersion"] == "2"
    assert [each["Name"] for each in client.list_aliases(FunctionName="alias")["Aliases"]] == ["live"]
    assert client.list_aliases(FunctionName="alias", FunctionVersion="1")["Aliases"] == []
    assert client.get_function(FunctionName="alias", Qualifier="live")["Configuration"]["Version"] == "2"
    client.delete_alias(FunctionName="alias", Name="live")
    assert error_of(client.get_alias, FunctionName="alias", Name="live") == (
        404,
        "ResourceNotFoundException",
        f"Cannot find alias arn: {ARN}alias:live",
    )


def test_alias_with_weights_gives_each_version_its_share(aws: Endpoint) -> None:
    """All of it in the extreme cases, so that chance does not decide the test."""
    client = aws.lambda_
    aws.create("shares", CODE % 1, Publish=True)
    client.update_function_code(FunctionName="shares", ZipFile=_zip(CODE % 2), Publish=True)
    for weight, code in ((1.0, 2), (0.0, 1)):
        routing = {"AdditionalVersionWeights": {"2": weight}}
        known = client.list_aliases(FunctionName="shares")["Aliases"]
        change = client.update_alias if known else client.create_alias
        shown = change(FunctionName="shares", Name="live", FunctionVersion="1", RoutingConfig=routing)
        assert shown["RoutingConfig"] == routing
        assert {call(aws, "shares", "live")[0]["code"] for _ in range(5)} == {code}


def _zip(text: str) -> bytes:
    from support.aws_endpoint import code

    return code(text)


@pytest.mark.parametrize(
    ("operation", "arguments", "error"),
    [
        ("create_alias", {"Name": "1", "FunctionVersion": "1"}, "failed to satisfy constraint"),
        ("create_alias", {"Name": "b", "FunctionVersion": "9"}, f"Function not found: {ARN}wrong:9"),
        ("create_alias", {"Name": "a", "FunctionVersion": "1"}, f"Alias already exists: {ARN}wrong:a"),
        (
            "create_alias",
            {"Name": "c", "FunctionVersion": "$LATEST", "RoutingConfig": {"AdditionalVersionWeights": {"1": 0.5}}},
            "$LATEST is not supported for an alias pointing to more than 1 version",
        ),
        ("create_alias", {"Name": "c", "FunctionVersion": None}, "'functionVersion' failed to satisfy constraint"),
        ("update_alias", {"Name": "a", "Description": "x" * 257}, "length less than or equal to 256"),
        ("update_alias", {"Name": "a", "FunctionVersion": 1}, "FunctionVersion must be of type str"),
        ("publish_version", {"Description": "x" * 257}, "length less than or equal to 256"),
        ("publish_version", {"Description": 5}, "Description must be of type str"),
        ("update_alias", {"Name": "a", "RevisionId": "old"}, "does not match the latest Revision Id"),
        ("publish_version", {"CodeSha256": "x"}, "is different from current CodeSHA256 in $LATEST"),
        ("publish_version", {"RevisionId": "x"}, "does not match the latest Revision Id"),
        ("invoke", {"Qualifier": "none", "Payload": b"{}"}, f"Function not found: {ARN}wrong:none"),
        ("delete_function", {"Qualifier": "$LATEST"}, "cannot be deleted without deleting the function"),
    ],
)
def test_requests_that_lambda_would_reject(
    aws: Endpoint, operation: str, arguments: dict[str, Any], error: str
) -> None:
    """In the service's words."""
    client = aws.client("lambda", parameter_validation=False)
    if not any(each["FunctionName"] == "wrong" for each in client.list_functions()["Functions"]):
        aws.create("wrong", CODE % 1, Publish=True)
        client.create_alias(FunctionName="wrong", Name="a", FunctionVersion="1")
    assert error in error_of(getattr(client, operation), FunctionName="wrong", **arguments)[2]


def test_published_version_cannot_be_changed(aws: Endpoint) -> None:
    """Neither by its number nor by an alias; the function goes on working."""
    client = aws.lambda_
    aws.create("fixed", CODE % 1, Publish=True)
    client.create_alias(FunctionName="fixed", Name="live", FunctionVersion="1")
    refusal = (400, "InvalidParameterValueException")
    words = (*refusal, "Current operation does not support versions other than $LATEST.")
    for name in ("fixed:1", "fixed:live"):
        assert error_of(aws.update, name=name, text=CODE % 2) == words
        assert error_of(client.update_function_configuration, FunctionName=name, Timeout=9) == words
        assert error_of(client.delete_function_concurrency, FunctionName=name) == words
        reserve = client.put_function_concurrency
        assert error_of(reserve, FunctionName=name, ReservedConcurrentExecutions=0) == words
        assert error_of(client.publish_version, FunctionName=name) == words
        assert error_of(client.create_alias, FunctionName=name, Name="new", FunctionVersion="1") == words
        assert error_of(client.get_alias, FunctionName=name, Name="live") == words
        assert error_of(client.delete_alias, FunctionName=name, Name="live") == words
    words = (*refusal, "Tags on function aliases and versions are not supported. Please specify a function ARN.")
    assert error_of(client.tag_resource, Resource=f"{ARN}fixed:1", Tags={"a": "b"}) == words
    assert error_of(client.list_tags, Resource=f"{ARN}fixed:1") == words
    aws.update("fixed", CODE % 2)
    assert [call(aws, "fixed", each)[0]["code"] for each in ("1", None)] == [1, 2]
