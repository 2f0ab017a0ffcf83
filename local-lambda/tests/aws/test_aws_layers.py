"""The local AWS endpoint: layers, with modules and with extensions, attached to functions and taken off again."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any
from urllib.request import urlopen

from support.aws_endpoint import Endpoint, error_of, make_zip
from support.extended import SCRIPTED

USES = "import tools\ndef handler(event, context):\n    return tools.VERSION\n"
ECHO = "def handler(event, context):\n    print('handling')\n    return event\n"
SCRIPT = """
register("INVOKE", "SHUTDOWN")
def show(event):
    say(event["eventType"])
serve(show)
"""


def publish(aws: Endpoint, name: str, files: dict[str, str | bytes], **members: Any) -> str:
    """PublishLayerVersion; its ARN."""
    answer = aws.lambda_.publish_layer_version(LayerName=name, Content={"ZipFile": make_zip(files)}, **members)
    arn: str = answer["LayerVersionArn"]
    return arn


def module(version: int) -> dict[str, str | bytes]:
    """A layer with the module `tools`."""
    return {"python/tools.py": f"VERSION = {version}\n"}


def test_publish_layer_version_counts_up(aws: Endpoint) -> None:
    """Description, runtimes, hash and a download; numbers are never used again."""
    package = make_zip(module(1))
    runtimes = ["python3.11", "python3.12"]
    answer = aws.lambda_.publish_layer_version(
        LayerName="counted", Description="the first", Content={"ZipFile": package}, CompatibleRuntimes=runtimes
    )
    arn = "arn:aws:lambda:us-east-1:123456789012:layer:counted"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert (answer["LayerArn"], answer["LayerVersionArn"], answer["Version"]) == (arn, f"{arn}:1", 1)
    assert (answer["Description"], answer["CompatibleRuntimes"]) == ("the first", runtimes)
    assert answer["Content"]["CodeSize"] == len(package)
    assert answer["Content"]["CodeSha256"] == base64.b64encode(hashlib.sha256(package).digest()).decode()
    with urlopen(answer["Content"]["Location"]) as download:
        assert download.read() == package
    assert publish(aws, "counted", module(2)) == f"{arn}:2"
    aws.lambda_.delete_layer_version(LayerName="counted", VersionNumber=2)
    assert publish(aws, arn, module(3)) == f"{arn}:3"
    versions = aws.lambda_.list_layer_versions(LayerName="counted")["LayerVersions"]
    assert [version["Version"] for version in versions] == [3, 1]


def test_layers_are_found_by_name_arn_and_runtime(aws: Endpoint) -> None:
    """ListLayers shows the latest version that matches; what is not there is not found."""
    publish(aws, "found", module(1), CompatibleRuntimes=["python3.9"])
    arn = publish(aws, "found", module(2), CompatibleRuntimes=["python3.13"])
    layers = {each["LayerName"]: each for each in aws.lambda_.list_layers()["Layers"]}
    assert layers["found"]["LatestMatchingVersion"]["Version"] == 2
    matching = aws.lambda_.list_layers(CompatibleRuntime="python3.9")["Layers"]
    assert [(each["LayerName"], each["LatestMatchingVersion"]["Version"]) for each in matching] == [("found", 1)]
    assert aws.lambda_.get_layer_version(LayerName="found", VersionNumber=2)["LayerVersionArn"] == arn
    assert aws.lambda_.get_layer_version_by_arn(Arn=arn)["Version"] == 2
    assert aws.lambda_.list_layer_versions(LayerName="unknown")["LayerVersions"] == []
    found = error_of(aws.lambda_.get_layer_version, LayerName="found", VersionNumber=3)
    assert found == (404, "ResourceNotFoundException", "The resource you requested does not exist.")


def test_publish_layer_version_of_a_broken_zip_is_refused(aws: Endpoint) -> None:
    """And no version is counted."""
    found = error_of(aws.lambda_.publish_layer_version, LayerName="broken", Content={"ZipFile": b"no zip"})
    assert found[:2] == (400, "InvalidParameterValueException")
    assert found[2] == "Could not unzip uploaded file. Please check your file, then try to upload again."
    assert publish(aws, "broken", module(1)).endswith(":1")


def test_layer_from_s3_can_be_imported(aws: Endpoint) -> None:
    """PublishLayerVersion takes what was uploaded before."""
    aws.s3.create_bucket(Bucket="layers")
    aws.s3.put_object(Bucket="layers", Key="tools.zip", Body=make_zip(module(5)))
    content = {"S3Bucket": "layers", "S3Key": "tools.zip"}
    arn = aws.lambda_.publish_layer_version(LayerName="stored", Content=content)["LayerVersionArn"]
    created = aws.create("imports", USES, Layers=[arn])
    assert [layer["Arn"] for layer in created["Layers"]] == [arn]
    assert aws.call("imports") == 5


def test_later_layers_win_and_deleted_ones_stay_with_their_functions(aws: Endpoint) -> None:
    """The order in the request counts; a new function cannot get a deleted version."""
    layers = [publish(aws, "one", module(1)), publish(aws, "two", module(2))]
    aws.create("layered", USES, Layers=layers)
    assert aws.call("layered") == 2
    aws.lambda_.update_function_configuration(FunctionName="layered", Layers=layers[::-1])
    assert aws.call("layered") == 1
    aws.lambda_.delete_layer_version(LayerName="one", VersionNumber=1)
    aws.update("layered", USES + "\n")
    assert aws.call("layered") == 1
    assert (
        error_of(aws.create, name="late", text=USES, Layers=layers)[2] == f"Layer version {layers[0]} does not exist."
    )


def test_extension_of_a_layer_runs_until_it_is_taken_off(aws: Endpoint) -> None:
    """It is registered and invoked; removing the layer shuts it down, and the function works without it."""
    arn = publish(aws, "extension", {"extensions/one": SCRIPTED.read_bytes()})
    aws.create("extended", ECHO, Layers=[arn], Environment={"Variables": {"one": SCRIPT}})
    assert aws.call("extended", 1) == 1
    aws.tool.wait_for(r"EXTENSION\s+Name: one\s+State: Ready\s+Events: \[INVOKE, SHUTDOWN\]")
    aws.tool.wait_for(r'extension:one extended \| .*"what": "INVOKE"')
    aws.lambda_.update_function_configuration(FunctionName="extended", Layers=[])
    aws.tool.wait_for(r'extension:one extended \| .*"what": "SHUTDOWN"')
    since = len(aws.tool.lines)
    assert aws.call("extended", 2) == 2
    aws.tool.wait_for("REPORT RequestId", since)
    assert "extension:one" not in "".join(aws.tool.lines[since:])
    messages = aws.messages("/aws/lambda/extended", '"what": "SHUTDOWN"')
    told = [json.loads(line) for line in messages if line.startswith("{")]
    assert [each["what"] for each in told if each["what"] != "event"] == ["registered", "INVOKE", "SHUTDOWN"]
