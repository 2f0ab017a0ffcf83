"""Function URLs on the local AWS endpoint: their operations with boto3, and that they are served."""

from __future__ import annotations

import json
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from support.aws_endpoint import Endpoint, code, error_of
from support.tool import DEADLINE_SECONDS

SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/lambda/aws4_request, Signature=x"}
ARN = "arn:aws:lambda:us-east-1:123456789012:function:"
CODE = "def handler(event, context):\n    return event\n"


def test_url_is_created_served_changed_and_deleted(aws: Endpoint) -> None:
    """Its address stays the same until it is deleted."""
    aws.create("site", "", Code={"ZipFile": code(CODE)})
    client = aws.client("lambda")
    made = client.create_function_url_config(FunctionName="site", AuthType="NONE", Cors={"AllowOrigins": ["*"]})
    url = made["FunctionUrl"]
    assert made["FunctionArn"].endswith(":function:site")
    assert (made["AuthType"], made["InvokeMode"], made["Cors"]) == ("NONE", "BUFFERED", {"AllowOrigins": ["*"]})
    with urlopen(f"{url}path", timeout=DEADLINE_SECONDS) as answer:
        assert json.load(answer)["rawPath"] == "/path"
    again = error_of(lambda: client.create_function_url_config(FunctionName="site", AuthType="NONE"))
    assert again[:2] == (409, "ResourceConflictException")
    changed = client.update_function_url_config(FunctionName="site", AuthType="AWS_IAM", InvokeMode="RESPONSE_STREAM")
    assert (changed["FunctionUrl"], changed["AuthType"], changed["InvokeMode"]) == (url, "AWS_IAM", "RESPONSE_STREAM")
    with pytest.raises(URLError, match="403"):
        urlopen(url, timeout=DEADLINE_SECONDS)
    found = client.get_function_url_config(FunctionName="site")
    assert found["Cors"] == {"AllowOrigins": ["*"]}
    (listed,) = client.list_function_url_configs(FunctionName="site")["FunctionUrlConfigs"]
    assert listed["FunctionUrl"] == url
    client.delete_function_url_config(FunctionName="site")
    assert error_of(lambda: client.get_function_url_config(FunctionName="site"))[:2] == (
        404,
        "ResourceNotFoundException",
    )
    assert client.list_function_url_configs(FunctionName="site")["FunctionUrlConfigs"] == []
    with pytest.raises(URLError, match="refused"):
        urlopen(url, timeout=DEADLINE_SECONDS)


def test_function_that_isolates_tenants_has_neither_url_nor_source_nor_snapshots(aws: Endpoint) -> None:
    """As on AWS: nothing of these could name a tenant."""
    client = aws.client("lambda")
    tenancy = {"TenantIsolationMode": "PER_TENANT"}
    snap_start = {"ApplyOn": "PublishedVersions"}
    aws.create("tenants", "", Code={"ZipFile": code(CODE)}, TenancyConfig=tenancy)
    queue = "arn:aws:sqs:us-east-1:123456789012:jobs"
    for refused in (
        lambda: client.create_function_url_config(FunctionName="tenants", AuthType="NONE"),
        lambda: client.create_event_source_mapping(FunctionName="tenants", EventSourceArn=queue),
        lambda: client.update_function_configuration(FunctionName="tenants", SnapStart=snap_start),
        lambda: aws.create("both", "", Code={"ZipFile": code(CODE)}, TenancyConfig=tenancy, SnapStart=snap_start),
    ):
        status, kind, message = error_of(refused)
        assert (status, kind) == (400, "InvalidParameterValueException")
        assert "not supported for functions enabled with tenancy configuration" in message


def test_url_of_an_alias(aws: Endpoint) -> None:
    """It is one beside the function's, calls the version that the alias points to, and ends with the alias."""
    client = aws.client("lambda")
    text = "def handler(event, context): return [context.invoked_function_arn, context.function_version]"
    aws.create("aliased", "", Code={"ZipFile": code(text)}, Publish=True)
    client.create_alias(FunctionName="aliased", Name="live", FunctionVersion="1")
    own = client.create_function_url_config(FunctionName="aliased", AuthType="NONE")
    made = client.create_function_url_config(FunctionName="aliased", AuthType="NONE", Qualifier="live")
    assert (own["FunctionArn"], made["FunctionArn"]) == (f"{ARN}aliased", f"{ARN}aliased:live")
    for url, called in ((own, [own["FunctionArn"], "$LATEST"]), (made, [made["FunctionArn"], "1"])):
        with urlopen(url["FunctionUrl"], timeout=DEADLINE_SECONDS) as answer:
            assert json.load(answer) == called
    changed = client.update_function_url_config(FunctionName="aliased", AuthType="AWS_IAM", Qualifier="live")
    assert (changed["AuthType"], changed["CreationTime"]) == ("AWS_IAM", made["CreationTime"])
    listed = client.list_function_url_configs(FunctionName="aliased")["FunctionUrlConfigs"]
    assert [each["AuthType"] for each in listed] == ["NONE", "AWS_IAM"]
    client.delete_alias(FunctionName="aliased", Name="live")
    with pytest.raises(URLError, match="refused"):
        urlopen(Request(made["FunctionUrl"]), timeout=DEADLINE_SECONDS)


def test_url_ends_with_its_function(aws: Endpoint) -> None:
    """Nothing answers there any more."""
    aws.create("gone", "", Code={"ZipFile": code(CODE)})
    client = aws.client("lambda")
    url = client.create_function_url_config(FunctionName="gone", AuthType="NONE")["FunctionUrl"]
    client.delete_function(FunctionName="gone")
    with pytest.raises(URLError, match="refused"):
        urlopen(Request(url), timeout=DEADLINE_SECONDS)


def test_settings_that_lambda_would_reject(aws: Endpoint) -> None:
    """400, with what is allowed; a version has no URL."""
    aws.create("wrong", "", Code={"ZipFile": code(CODE)})
    client = aws.client("lambda")
    status, kind, text = error_of(lambda: client.create_function_url_config(FunctionName="wrong", AuthType="x"))
    assert (status, kind) == (400, "InvalidParameterValueException")
    assert "[NONE, AWS_IAM]" in text
    path = "/2021-10-31/functions/wrong/url?Qualifier="
    body = json.dumps({"AuthType": "NONE"}).encode()
    for qualifier in ("1", "$LATEST"):
        reply = aws.tool.request("POST", f"{path}{qualifier}", body, SIGNED)
        assert f"Value '{qualifier}' at 'qualifier' failed to satisfy constraint" in reply.json["message"]
    missing = aws.tool.request("POST", f"{path}none", body, SIGNED)
    assert (missing.status, missing.json["Message"]) == (404, f"Function not found: {ARN}wrong:none")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"AuthType": 5}, "AuthType must be of type str"),
        ({"AuthType": "NONE", "Cors": "*"}, "Cors must be of type dict"),
        ({"AuthType": "NONE", "Cors": {"AllowOrigins": "*"}}, "AllowOrigins must be of type list"),
        ({"AuthType": "NONE", "Cors": {"AllowCredentials": 1}}, "AllowCredentials must be of type bool"),
        ({"AuthType": "NONE", "Cors": {"MaxAge": True}}, "MaxAge must be of type int"),
        ({"AuthType": "NONE", "Cors": {"Origins": ["*"]}}, "Origins is not served by local-lambda aws"),
        ({"AuthType": "NONE", "Policy": "x"}, "Policy is not served by local-lambda aws"),
    ],
)
def test_members_that_lambda_would_reject(aws: Endpoint, document: dict[str, Any], words: str) -> None:
    """When a URL is created and when it is changed, also if the function has none."""
    for method in ("POST", "PUT"):
        body = json.dumps(document).encode()
        reply = aws.tool.request(method, "/2021-10-31/functions/none/url", body, SIGNED)
        assert reply.status == 400
        assert words in reply.json["message"]


def test_boto3_streams_from_a_function_that_does_not(aws: Endpoint) -> None:
    """InvokeWithResponseStream has one piece then."""
    aws.create("whole", "", Code={"ZipFile": code(CODE)})
    answer = aws.client("lambda").invoke_with_response_stream(FunctionName="whole", Payload=b'{"a":1}')
    events = list(answer["EventStream"])
    assert events[0]["PayloadChunk"]["Payload"] == b'{"a": 1}'
    assert "InvokeComplete" in events[1]
