"""Function URLs in templates: both ways of writing them, and what Lambda would reject."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local_lambda.functions.config import Cors, FunctionUrl
from local_lambda.functions.given import Given
from local_lambda.functions.template import Functions, load_functions

FUNCTION = {"Handler": "app.handler", "Runtime": "python3.12"}


def load(folder: Path, resources: dict[str, Any]) -> Functions:
    """The functions of a template with these resources."""
    template = folder / "template.yaml"
    template.write_text(json.dumps({"Resources": resources}))
    return load_functions(template, Given())


def sam(**settings: Any) -> dict[str, Any]:
    """A function with these settings of its URL."""
    return {"Hello": {"Type": "AWS::Serverless::Function", "Properties": {**FUNCTION, "FunctionUrlConfig": settings}}}


def test_settings_of_a_function(tmp_path: Path) -> None:
    """Every one of them."""
    cors = {
        "AllowOrigins": ["https://a.example"],
        "AllowMethods": ["GET"],
        "AllowHeaders": ["x-a"],
        "ExposeHeaders": ["x-b"],
        "MaxAge": 5,
        "AllowCredentials": True,
    }
    (function,) = load(tmp_path, sam(AuthType="AWS_IAM", InvokeMode="RESPONSE_STREAM", Cors=cors))
    allowed = Cors(("https://a.example",), ("GET",), ("x-a",), ("x-b",), 5, True)
    assert function.urls == {"$LATEST": FunctionUrl("AWS_IAM", "RESPONSE_STREAM", allowed)}


def test_function_without_settings_has_no_url(tmp_path: Path) -> None:
    """A URL has to be asked for."""
    (function,) = load(tmp_path, {"Hello": {"Type": "AWS::Serverless::Function", "Properties": FUNCTION}})
    assert function.urls == {}


@pytest.mark.parametrize(
    ("settings", "mistake"),
    [
        ({"InvokeMode": "BUFFERED"}, "FunctionUrlConfig.AuthType: is missing; use NONE or AWS_IAM"),
        ({"AuthType": "JWT"}, "FunctionUrlConfig.AuthType: 'JWT' is unknown; use NONE or AWS_IAM"),
        ({"AuthType": "NONE", "InvokeMode": "x"}, "InvokeMode: 'x' is unknown; use BUFFERED or RESPONSE_STREAM"),
        ({"AuthType": "NONE", "Cors": {"MaxAge": 1e9}}, "Cors.MaxAge: 1000000000.0 is not valid"),
        ({"AuthType": "NONE", "Cors": {"AllowOrigins": "*"}}, "Cors.AllowOrigins: must be a list of strings"),
    ],
)
def test_settings_that_lambda_would_reject(tmp_path: Path, settings: dict[str, Any], mistake: str) -> None:
    """The function is refused, with the reason."""
    functions = load(tmp_path, sam(**settings))
    ((_, reason),) = functions.refused
    assert mistake in str(reason)


def test_url_as_a_resource(tmp_path: Path) -> None:
    """By ARN or name of its function; those of other functions and of aliases that are not there are remarks."""
    plain = {"Type": "AWS::Lambda::Function", "Properties": {**FUNCTION, "Code": "."}}
    target = {"Fn::GetAtt": ["Hello", "Arn"]}
    urls = {
        "Site": {"TargetFunctionArn": target, "AuthType": "NONE"},
        "Alias": {"TargetFunctionArn": target, "AuthType": "NONE", "Qualifier": "live"},
        "Other": {"TargetFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:other", "AuthType": "NONE"},
    }
    resources = {name: {"Type": "AWS::Lambda::Url", "Properties": each} for name, each in urls.items()}
    functions = load(tmp_path, {"Hello": plain, **resources})
    assert functions[0].urls == {"$LATEST": FunctionUrl("NONE")}
    assert [remark.partition(" ")[0] for remark in functions.remarks] == ["Alias", "Other"]


def test_second_url_of_a_function_is_a_remark(tmp_path: Path) -> None:
    """The first is served: that of the function, or of the first resource."""
    plain = {"Hello": {"Type": "AWS::Serverless::Function", "Properties": FUNCTION}}
    url = {"TargetFunctionArn": {"Ref": "Hello"}, "AuthType": "NONE"}
    two = {
        "One": {"Type": "AWS::Lambda::Url", "Properties": {**url, "AuthType": "AWS_IAM"}},
        "Two": {"Type": "AWS::Lambda::Url", "Properties": url},
    }
    functions = load(tmp_path, {**plain, **two})
    assert functions[0].urls == {"$LATEST": FunctionUrl("AWS_IAM", "BUFFERED", None)}
    (line,) = functions.remarks
    assert line.startswith("Two is not served: ")
    assert "Hello already has a function URL for $LATEST; CloudFormation refuses the second one" in line
    functions = load(tmp_path, {**sam(AuthType="AWS_IAM"), "Two": two["Two"]})
    assert functions[0].urls == {"$LATEST": FunctionUrl("AWS_IAM", "BUFFERED", None)}
    assert len(functions.remarks) == 1
