"""The local AWS endpoint: what the service refuses, with its status, its code and its words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from support.aws_endpoint import ROLE, RUNTIME, Endpoint, code, error_of, make_zip, serving_aws
from support.tool import Reply

ECHO = "def handler(event, context):\n    return event\n"
VALID = {"FunctionName": "name", "Runtime": RUNTIME, "Role": ROLE, "Handler": "app.handler"}
SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=SECRETKEY/20260101/us-east-1/lambda/aws4_request, Signature=x"}
UNABLE = "Lambda was unable to configure your environment variables because the environment variables you have provided"


@pytest.fixture(scope="module")
def aws(function_python: Path) -> Iterator[Endpoint]:
    """An endpoint with one function, `here`."""
    with serving_aws(function_python) as endpoint:
        endpoint.create("here", ECHO)
        yield endpoint


def create(aws: Endpoint, **changed: Any) -> Reply:
    """CreateFunction without the checks that boto3 makes; None leaves a member out."""
    request = {**VALID, "Code": {"ZipFile": "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="}, **changed}
    body = json.dumps({member: value for member, value in request.items() if value is not None}).encode()
    return aws.tool.request("POST", "/2015-03-31/functions", body, SIGNED)


def constraint(value: str, member: str, rest: str) -> str:
    """The service's words for a member against its model."""
    return f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {rest}"


INVALID, VALIDATION = "InvalidParameterValueException", "ValidationException"
LAYER = "arn:aws:lambda:us-east-1:123456789012:layer:tools:"


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"Runtime": None}, INVALID, "Runtime and Handler are mandatory parameters for functions created"),
        ({"Handler": None}, INVALID, "Runtime and Handler are mandatory parameters for functions created"),
        ({"Role": None}, VALIDATION, constraint("null", "role", "Member must not be null")),
        ({"Role": "lambda-role"}, VALIDATION, constraint("lambda-role", "role", "Member must satisfy regular expr")),
        ({"Role": "arn:aws:iam::999999999999:role/a"}, "AccessDeniedException", "Cross-account pass role is not"),
        ({"Role": f"{ROLE}-2"}, INVALID, "The role defined for the function cannot be assumed by Lambda."),
        ({"Runtime": "nodejs22.x"}, INVALID, "Value nodejs22.x at 'runtime' failed to satisfy constraint: Member must"),
        (
            {"Timeout": 901},
            VALIDATION,
            constraint("901", "timeout", "Member must have value less than or equal to 900"),
        ),
        ({"Timeout": 0}, VALIDATION, constraint("0", "timeout", "Member must have value greater than or equal to 1")),
        ({"MemorySize": 127}, VALIDATION, constraint("127", "memorySize", "Member must have value greater than or")),
        ({"MemorySize": 10241}, VALIDATION, constraint("10241", "memorySize", "Member must have value less than or")),
        (
            {"Description": "x" * 257},
            VALIDATION,
            constraint("x" * 257, "description", "Member must have length less than or equal to 256"),
        ),
        ({"Timeout": "3"}, "SerializationException", "Timeout must be of type int"),
        ({"FunctionName": "a b"}, VALIDATION, constraint("a b", "functionName", "Member must satisfy regular expr")),
        ({"FunctionName": "a" * 65}, VALIDATION, constraint("a" * 65, "functionName", "Member must satisfy")),
        (
            {"LoggingConfig": {"SystemLogLevel": "TRACE"}},
            VALIDATION,
            constraint(
                "TRACE", "loggingConfig.systemLogLevel", "Member must satisfy enum value set: [DEBUG, INFO, WARN]"
            ),
        ),
        ({"TracingConfig": {"Mode": "On"}}, VALIDATION, constraint("On", "tracingConfig.mode", "Member must satisfy")),
        (
            {"Architectures": ["sparc"]},
            VALIDATION,
            "1 validation error detected: Value '[\"sparc\"]' at 'architectures'",
        ),
        (
            {"Environment": {"Variables": {"AWS_REGION": "a", "LAMBDA_TASK_ROOT": "b", "OK": "c"}}},
            INVALID,
            f"{UNABLE} contains reserved keys that are currently not supported for modification. "
            "Reserved keys used in this request: AWS_REGION, LAMBDA_TASK_ROOT",
        ),
        (
            {"Environment": {"Variables": {"BIG": "x" * 4087}}},
            INVALID,
            f'{UNABLE} exceeded the 4KB limit. String measured: {{"BIG":"xxx',
        ),
        ({"Environment": {"Variables": {"_A": "b"}}}, VALIDATION, '1 validation error detected: Value \'{"_A": "b"}\''),
        ({"Layers": [f"{LAYER}{n}" for n in range(6)]}, INVALID, "Cannot reference more than 5 layers."),
        ({"Layers": [f"{LAYER}1", f"{LAYER}2"]}, INVALID, "Two different versions of the same layer are not allowed"),
        ({"Layers": [f"{LAYER}1"]}, INVALID, f"Layer version {LAYER}1 does not exist."),
        ({"Layers": ["tools"]}, VALIDATION, "1 validation error detected: Value '[\"tools\"]' at 'layers' failed"),
        ({"PackageType": "Image", "Code": {"ImageUri": "a:b"}}, INVALID, "Container images are not supported here"),
        ({"VpcConfig": {"SubnetIds": ["subnet-1"]}}, INVALID, "VpcConfig is not served by local-lambda aws"),
        ({"KMSKeyArn": "arn:x"}, INVALID, "KMSKeyArn is not served by local-lambda aws: leave it out"),
        ({"Code": {}}, INVALID, "Please provide a source for function code."),
        ({"Code": {"ZipFile": "!"}}, "SerializationException", "ZipFile is not base64"),
        ({"Code": {"ZipFile": "aGVsbG8="}}, INVALID, "Could not unzip uploaded file. Please check your file, then try"),
        ({"Code": {"ZipFile": ""}}, INVALID, "Uploaded file must be a non-empty zip"),
        (
            {"Code": {"S3Bucket": "nowhere", "S3Key": "a.zip"}},
            INVALID,
            "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does",
        ),
    ],
)
def test_create_function_refuses_what_the_service_refuses(
    aws: Endpoint, changed: dict[str, Any], error: str, message: str
) -> None:
    """400 (403 for a role of a different account), the error's name in the header, and no function."""
    reply = create(aws, **changed)
    assert (reply.status, reply.headers["x-amzn-ErrorType"]) == (403 if "Access" in error else 400, error)
    assert reply.json["Type"] == "User"
    assert reply.json["message"].startswith(message)
    assert [each["FunctionName"] for each in aws.lambda_.list_functions()["Functions"]] == ["here"]


def test_create_function_takes_members_that_say_nothing(aws: Endpoint) -> None:
    """SAM and Terraform send members that are not served, empty: they change nothing."""
    empty = {"SubnetIds": [], "SecurityGroupIds": []}
    reply = create(
        aws, FunctionName="polite", VpcConfig=empty, Publish=False, SnapStart={"ApplyOn": "None"}, KMSKeyArn=""
    )
    assert reply.status == 201, reply.json
    aws.lambda_.delete_function(FunctionName="polite")


def test_create_function_when_there_is_one_is_a_conflict(aws: Endpoint) -> None:
    """409, and the function keeps its code."""
    found = error_of(aws.create, name="here", text="")
    assert found == (409, "ResourceConflictException", "Function already exist: here")
    assert aws.call("here", 1) == 1


def test_operations_on_a_function_that_is_not_there_are_refused(aws: Endpoint) -> None:
    """404 for each of them."""
    calls: list[tuple[Any, dict[str, Any]]] = [
        (aws.lambda_.get_function, {}),
        (aws.lambda_.get_function, {"FunctionName": "here", "Qualifier": "7"}),
        (aws.lambda_.get_function_configuration, {}),
        (aws.lambda_.update_function_code, {"ZipFile": code(ECHO)}),
        (aws.lambda_.update_function_configuration, {"Timeout": 3}),
        (aws.lambda_.delete_function, {}),
        (aws.lambda_.put_function_concurrency, {"ReservedConcurrentExecutions": 1}),
        (aws.lambda_.invoke, {}),
        (aws.lambda_.invoke, {"FunctionName": "here", "Qualifier": "7"}),
        (aws.lambda_.delete_function, {"FunctionName": "here", "Qualifier": "7"}),
    ]
    for call, arguments in calls:
        status, error, message = error_of(call, **{"FunctionName": "missing", **arguments})
        assert (status, error) == (404, "ResourceNotFoundException")
        assert message.startswith("Function not found: arn:aws:lambda:us-east-1:123456789012:function:")


def test_operations_on_another_account_or_region_are_refused(aws: Endpoint) -> None:
    """403 for a different account, 404 for a different region, although there is a function of the same name."""
    client, queue = aws.lambda_, "arn:aws:sqs:us-east-1:123456789012:none"
    foreign, elsewhere = (
        f"arn:aws:lambda:{place}:function:here" for place in ("us-east-1:999999999999", "eu-west-1:123456789012")
    )
    calls: list[tuple[Any, dict[str, Any]]] = [
        (client.get_function, {}),
        (client.update_function_configuration, {"Timeout": 3}),
        (client.list_aliases, {}),
        (client.create_event_source_mapping, {"EventSourceArn": queue}),
        (client.list_event_source_mappings, {}),
    ]
    for call, arguments in calls:
        status, error, message = error_of(call, **{"FunctionName": foreign, **arguments})
        assert (status, error) == (403, "AccessDeniedException")
        assert f" on resource: {foreign} because no resource-based policy allows the lambda:" in message
        found = error_of(call, **{"FunctionName": elsewhere, **arguments})
        words = "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"
        assert found == (404, "ResourceNotFoundException", words)
    layer = foreign.replace(":function:here", ":layer:tools")
    assert error_of(client.get_layer_version, LayerName=layer, VersionNumber=1)[:2] == (403, "AccessDeniedException")
    found = error_of(client.get_layer_version_by_arn, Arn=f"{layer}:1")
    assert found[2].endswith(
        f"on resource: {layer}:1 because no resource-based policy allows the lambda:GetLayerVersion action"
    )
    put, ends = client.put_function_event_invoke_config, {"OnFailure": {"Destination": foreign}}
    found = error_of(put, FunctionName="here", DestinationConfig=ends)
    assert found[1:] == ("InvalidParameterValueException", f"The destination ARN {foreign} is invalid.")


def test_update_function_refuses_what_the_service_refuses(aws: Endpoint) -> None:
    """The same checks as on creation; code and configuration stay."""
    before = aws.lambda_.get_function_configuration(FunctionName="here")
    update = aws.lambda_.update_function_configuration
    assert error_of(update, FunctionName="here", Timeout=901)[1] == "ValidationException"
    assert error_of(update, FunctionName="here", Role=f"{ROLE}-2")[1] == "InvalidParameterValueException"
    assert error_of(update, FunctionName="here", Layers=[f"{LAYER}1"])[2] == f"Layer version {LAYER}1 does not exist."
    found = error_of(aws.lambda_.update_function_code, FunctionName="here", ZipFile=code(ECHO)[:-10])
    assert found[2] == "Could not unzip uploaded file. Please check your file, then try to upload again."
    update = aws.lambda_.update_function_code
    assert error_of(update, FunctionName="here", ImageUri="a:b")[2].startswith("Container images are not supported")
    assert error_of(update, FunctionName="here", ZipFile=code(ECHO), Architectures=["x"])[1] == "ValidationException"
    assert error_of(update, FunctionName="here")[2] == "Please provide a source for function code."
    after = aws.lambda_.get_function_configuration(FunctionName="here")
    assert {**after, "ResponseMetadata": 0} == {**before, "ResponseMetadata": 0}


def test_delete_function_of_its_only_version_is_refused(aws: Endpoint) -> None:
    """As by the service, which deletes published versions this way."""
    found = error_of(aws.lambda_.delete_function, FunctionName="here", Qualifier="$LATEST")
    assert found[1] == "InvalidParameterValueException"
    assert aws.call("here", 1) == 1


def test_zip_that_writes_outside_its_folder_is_refused(aws: Endpoint) -> None:
    """With the reason, and nothing is written."""
    found = error_of(aws.create, name="outside", text="", Code={"ZipFile": make_zip({"../../outside.py": "x"})})
    assert found[1] == "InvalidParameterValueException"
    assert "../../outside.py is outside the package" in found[2]


def test_zip_that_unzips_to_too_much_is_refused(aws: Endpoint) -> None:
    """262,144,000 bytes are the limit, for the code and for code and layers together."""
    much = make_zip({"much": bytes(262_144_001)})
    found = error_of(aws.create, name="much", text="", Code={"ZipFile": much})
    assert found[1:] == ("InvalidParameterValueException", "Unzipped size must be smaller than 262144000 bytes")
    half = make_zip({"half": bytes(140_000_000)})
    layer = aws.lambda_.publish_layer_version(LayerName="half", Content={"ZipFile": half})["LayerVersionArn"]
    found = error_of(aws.create, name="much", text="", Code={"ZipFile": half}, Layers=[layer])
    assert found[2] == (
        "Function code combined with layers exceeds the maximum allowed size of 262144000 bytes. "
        "The actual size is 280000000 bytes."
    )


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (52_428_801, "Zipped size must be smaller than 52428800 bytes"),
        (53_000_000, "Request must be smaller than 70167211 bytes for the CreateFunction operation"),
    ],
)
def test_zip_that_is_too_large_to_be_sent_is_refused(aws: Endpoint, size: int, message: str) -> None:
    """413: such a zip has to be uploaded to S3."""
    found = error_of(aws.create, name="large", text="", Code={"ZipFile": bytes(size)})
    assert found == (413, "RequestEntityTooLargeException", message)


def test_operations_that_are_not_served_say_so(aws: Endpoint) -> None:
    """501 with the operations there are; nothing is accepted and dropped."""
    calls: list[tuple[Any, dict[str, Any]]] = [
        (aws.lambda_.get_function_recursion_config, {"FunctionName": "here"}),
        (aws.lambda_.list_code_signing_configs, {}),
    ]
    for call, arguments in calls:
        status, error, message = error_of(call, **arguments)
        assert (status, error) == (501, "NotImplementedException")
        served = "by local-lambda aws, which has: AddPermission, CheckpointDurableExecution, CreateAlias, "
        assert served in message
    found = error_of(aws.client("stepfunctions").list_state_machines)
    assert found[:2] == (501, "NotImplementedException")
    assert found[2].startswith("The service states is not served by local-lambda aws, which has: lambda, dynamodb")
    assert error_of(aws.client("cloudformation").list_stacks)[:2] == (501, "NotImplemented")


def test_request_without_signature_can_invoke_but_not_use_other_services(aws: Endpoint) -> None:
    """curl may invoke; a caller without the header Authorization, such as a web page, cannot create functions."""
    assert aws.tool.invoke("here", {"a": 1}).json == {"a": 1}
    signature = "?X-Amz-Credential=a%2F20260101%2Fus-east-1%2Flambda%2Faws4_request"
    for path in ("/", "/2015-03-31/functions", f"/2015-03-31/functions{signature}", "/moto-api/data.json"):
        for method in ("GET", "POST", "OPTIONS"):
            reply = aws.tool.request(method, path)
            assert (reply.status, reply.headers["x-amzn-ErrorType"]) == (403, "MissingAuthenticationTokenException")
            assert reply.headers["Access-Control-Allow-Origin"] is None
    assert aws.tool.request("GET", "/packages/unknown").status == 404


def test_presigned_url_of_s3_is_served(aws: Endpoint) -> None:
    """It is for those who have no credentials."""
    aws.s3.create_bucket(Bucket="presigned")
    aws.s3.put_object(Bucket="presigned", Key="a b", Body=b"content")
    for version in ("s3", "s3v4"):
        client = aws.client("s3", signature_version=version)
        with urlopen(client.generate_presigned_url("get_object", {"Bucket": "presigned", "Key": "a b"})) as download:
            assert download.read() == b"content"


@pytest.mark.parametrize(("host", "status"), [("localhost:1", 200), ("s3.localhost", 200), ("example.com", 403)])
def test_request_under_the_name_of_a_web_site_is_refused(aws: Endpoint, host: str, status: int) -> None:
    """A site whose name leads to this machine is not let in."""
    reply = aws.tool.request("GET", "/2015-03-31/functions", headers={**SIGNED, "Host": host})
    assert reply.status == status


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_request_that_is_no_json_object_is_refused(aws: Endpoint, body: bytes) -> None:
    """400 SerializationException."""
    reply = aws.tool.request("POST", "/2015-03-31/functions", body, SIGNED)
    assert (reply.status, reply.headers["x-amzn-ErrorType"]) == (400, "SerializationException")


def test_credentials_of_clients_are_never_shown(aws: Endpoint) -> None:
    """Neither those of a request that is refused, nor when moto fails."""
    create(aws, Timeout=0)
    aws.tool.request(
        "POST", "/%zz", b"Action=%zz", {**SIGNED, "Authorization": SIGNED["Authorization"].replace("lambda", "iam")}
    )
    assert "SECRETKEY" not in aws.tool.text
    assert "not-a-secret" not in aws.tool.text
