"""CORS settings and authorizers of APIs in templates: every way of writing them, and remarks on what is not served."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local_lambda.functions.config import ApiSettings, Authorizer, Cors
from local_lambda.functions.given import Given
from local_lambda.functions.template import Functions, load_functions

FUNCTION = {"Handler": "app.handler", "Runtime": "python3.12"}
ARN = {"Fn::GetAtt": ["Hello", "Arn"]}


def load(folder: Path, kind: str, properties: dict[str, Any], authorizer: str | None = None) -> Functions:
    """The functions of a template with one API, which has one route."""
    name, event = ("RestApiId", "Api") if kind == "Api" else ("ApiId", "HttpApi")
    route: dict[str, Any] = {"Path": "/", "Method": "get", name: {"Ref": "Web"}}
    if authorizer is not None:
        route["Auth"] = {"Authorizer": authorizer}
    function = {**FUNCTION, "Events": {"Get": {"Type": event, "Properties": route}}}
    resources = {
        "Hello": {"Type": "AWS::Serverless::Function", "Properties": function},
        "Web": {"Type": f"AWS::Serverless::{kind}", "Properties": properties},
    }
    template = folder / "template.yaml"
    template.write_text(json.dumps({"Resources": resources}))
    return load_functions(template, Given())


@pytest.mark.parametrize(
    ("kind", "properties", "cors"),
    [
        ("HttpApi", {"CorsConfiguration": True}, Cors(("*",), ("*",), ("*",))),
        ("HttpApi", {"CorsConfiguration": {"AllowOrigins": ["https://a.example"]}}, Cors(("https://a.example",))),
        ("Api", {"Cors": "'https://a.example'"}, Cors(("https://a.example",), ("*",))),
        (
            "Api",
            {"Cors": {"Fn::Sub": "'https://${AWS::Region}.example'"}},
            Cors(("https://us-east-1.example",), ("*",)),
        ),
        (
            "Api",
            {"Cors": {"AllowMethods": "'GET, PUT'", "MaxAge": "'600'", "AllowCredentials": True}},
            Cors(("*",), ("GET", "PUT"), max_age=600, credentials=True),
        ),
    ],
)
def test_cors(tmp_path: Path, kind: str, properties: dict[str, Any], cors: Cors) -> None:
    """REST APIs have their values in quotes."""
    assert load(tmp_path, kind, properties).apis == {"Web": ApiSettings(cors)}


@pytest.mark.parametrize(
    ("kind", "authorizer", "read"),
    [
        ("Api", {}, Authorizer("Hello", ("header.Authorization",), True, ttl=300)),
        (
            "Api",
            {"Identity": {"Header": "X-Key", "ValidationExpression": "^k", "ReauthorizeEvery": 5}},
            Authorizer("Hello", ("header.X-Key",), True, "^k", ttl=5),
        ),
        (
            "Api",
            {"FunctionPayloadType": "REQUEST", "Identity": {"Headers": ["A"], "QueryStrings": ["b"]}},
            Authorizer("Hello", ("header.A", "querystring.b"), ttl=300),
        ),
        ("Api", {"FunctionPayloadType": "REQUEST"}, Authorizer("Hello")),
        ("HttpApi", {}, Authorizer("Hello", ("header.Authorization",), payload_format="2.0")),
        (
            "HttpApi",
            {"AuthorizerPayloadFormatVersion": 1.0, "EnableSimpleResponses": True, "Identity": {"ReauthorizeEvery": 9}},
            Authorizer("Hello", ("header.Authorization",), payload_format="1.0", simple=True, ttl=9),
        ),
    ],
)
def test_authorizer(tmp_path: Path, kind: str, authorizer: dict[str, Any], read: Authorizer) -> None:
    """Each kind, with its defaults."""
    auth = {"DefaultAuthorizer": "One", "Authorizers": {"One": {"FunctionArn": ARN, **authorizer}}}
    assert load(tmp_path, kind, {"Auth": auth}).apis == {"Web": ApiSettings(None, {"One": read}, "One")}


@pytest.mark.parametrize(
    ("kind", "properties", "remark"),
    [
        ("HttpApi", {"Auth": {"Authorizers": {"A": {"JwtConfiguration": {}}}}}, "the JWT authorizer A is not checked"),
        ("Api", {"Auth": {"Authorizers": {"A": {"UserPoolArn": "x"}}}}, "the Cognito authorizer A is not checked"),
        ("Api", {"Auth": {"Authorizers": {"A": {"FunctionArn": "arn:x"}}}}, "is not a function of this template"),
        ("Api", {"Auth": {"DefaultAuthorizer": "AWS_IAM"}}, "the authorizer AWS_IAM is not checked"),
        ("Api", {"Auth": {"ApiKeyRequired": True}}, "ApiKeyRequired is not checked"),
        (
            "Api",
            {"Auth": {"Authorizers": {"A": {"FunctionArn": ARN, "Identity": {"ValidationExpression": "("}}}}},
            "is not a regular expression",
        ),
        ("Api", {"Cors": {"MaxAge": "soon"}}, "is not a number of seconds"),
    ],
)
def test_what_is_not_served_is_a_remark(tmp_path: Path, kind: str, properties: dict[str, Any], remark: str) -> None:
    """The function is served all the same."""
    functions = load(tmp_path, kind, properties)
    assert len(functions) == 1
    assert [remark in line for line in functions.remarks] == [True]


def test_authorizer_of_a_route_that_nothing_declares_is_a_remark(tmp_path: Path) -> None:
    """Such as one of an imported API."""
    (line,) = load(tmp_path, "Api", {}, "Elsewhere").remarks
    assert "the authorizer Elsewhere is not checked" in line
