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
        ("Api", {"Auth": {"ApiKeyRequired": True}}, "Web: not emulated: Auth.ApiKeyRequired (API keys"),
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


URI = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:"
"""The beginning of an integration's or authorizer's URI; the function's name follows."""


def load_resources(folder: Path, **resources: Any) -> Functions:
    """The functions of a template with the function `Hello` and these resources."""
    hello = {"Type": "AWS::Serverless::Function", "Properties": FUNCTION}
    template = folder / "template.yaml"
    template.write_text(json.dumps({"Resources": {"Hello": hello, **resources}}))
    return load_functions(template, Given())


@pytest.mark.parametrize(
    ("scheme", "read"),
    [
        ({"type": "token", "authorizerUri": URI + "Hello"}, Authorizer("Hello", ("header.Key",), True, ttl=300)),
        (
            {
                "type": "request",
                "identitySource": "method.request.querystring.q, context.httpMethod",
                "authorizerUri": URI + "Hello",
                "authorizerResultTtlInSeconds": 0,
            },
            Authorizer("Hello", ("querystring.q", "context.httpMethod")),
        ),
        ({"type": "cognito_user_pools"}, None),
        ({"type": "token", "authorizerUri": URI + "Other"}, None),
        ("malformed", None),
    ],
)
def test_authorizer_of_an_openapi_document(
    tmp_path: Path, scheme: dict[str, Any] | str, read: Authorizer | None
) -> None:
    """It is served if it is a function of the template, else a remark; `security: []` leaves a route open."""
    call = {"x-amazon-apigateway-integration": {"type": "aws_proxy", "uri": URI + "Hello"}}
    schemes = {"Guard": {"type": "apiKey", "in": "header", "name": "Key", "x-amazon-apigateway-authorizer": scheme}}
    body = {
        "security": [{"Guard": []}],
        "paths": {"/a": {"get": call}, "/b": {"get": {**call, "security": []}}},
        "components": {"securitySchemes": schemes},
    }
    functions = load_resources(tmp_path, Web={"Type": "AWS::ApiGateway::RestApi", "Properties": {"Body": body}})
    assert [route.authorizer for route in functions[0].routes] == ["Guard", None]
    assert dict(functions.apis["Web"].authorizers if read else {}) == ({"Guard": read} if read else {})
    remark = "Web: the authorizer Guard is not checked: its routes can be called without"
    assert functions.remarks == (() if read else (remark,))


@pytest.mark.parametrize(
    ("asked", "remarks"),
    [
        ({"AuthorizationType": "CUSTOM", "AuthorizerId": {"Ref": "Guard"}}, ()),
        (
            {"AuthorizationType": "AWS_IAM"},
            ("Web: the authorizer AWS_IAM is not checked: its routes can be called without",),
        ),
    ],
)
def test_authorizer_of_a_method_that_is_a_resource(
    tmp_path: Path, asked: dict[str, Any], remarks: tuple[str, ...]
) -> None:
    """A Lambda authorizer is served; the way of IAM is a remark."""
    api, root = {"RestApiId": {"Ref": "Web"}}, {"Fn::GetAtt": ["Web", "RootResourceId"]}
    integration = {"Type": "AWS_PROXY", "Uri": URI + "Hello"}
    method = {**api, "ResourceId": root, "HttpMethod": "GET", "Integration": integration, **asked}
    guard = {**api, "Type": "TOKEN", "AuthorizerUri": URI + "Hello", "IdentityValidationExpression": "^k"}
    functions = load_resources(
        tmp_path,
        Web={"Type": "AWS::ApiGateway::RestApi", "Properties": {}},
        Guard={"Type": "AWS::ApiGateway::Authorizer", "Properties": guard},
        Get={"Type": "AWS::ApiGateway::Method", "Properties": method},
    )
    read = Authorizer("Hello", ("header.Authorization",), True, "^k", ttl=300)
    assert functions.apis == ({} if remarks else {"Web": ApiSettings(None, {"Guard": read})})
    assert functions.remarks == remarks


@pytest.mark.parametrize(("place", "api"), [("abc123", "abc123"), ({"Fn::ImportValue": "shared-api"}, "ImportedApi")])
def test_authorizer_of_a_method_counts_when_its_api_is_in_a_different_stack(
    tmp_path: Path, place: Any, api: str
) -> None:
    """One whose id only AWS knows is a remark."""
    part = {"RestApiId": place, "Integration": {"Type": "AWS_PROXY", "Uri": URI + "Hello"}}
    part |= {"ResourceId": "root", "AuthorizationType": "CUSTOM"}
    guard = {"RestApiId": place, "Type": "TOKEN", "AuthorizerUri": URI + "Hello"}
    imported = {"Fn::ImportValue": "shared-authorizer"}
    functions = load_resources(
        tmp_path,
        Guard={"Type": "AWS::ApiGateway::Authorizer", "Properties": guard},
        Get={
            "Type": "AWS::ApiGateway::Method",
            "Properties": {**part, "HttpMethod": "GET", "AuthorizerId": {"Ref": "Guard"}},
        },
        Put={"Type": "AWS::ApiGateway::Method", "Properties": {**part, "HttpMethod": "PUT", "AuthorizerId": imported}},
    )
    assert [route.authorizer for route in functions[0].routes] == ["Guard", "CUSTOM"]
    read = Authorizer("Hello", ("header.Authorization",), True, ttl=300)
    assert functions.apis == {api: ApiSettings(None, {"Guard": read})}
    assert functions.remarks == (f"{api}: the authorizer CUSTOM is not checked: its routes can be called without",)


def test_authorizer_of_a_route_that_is_a_resource(tmp_path: Path) -> None:
    """Of an HTTP API: its identity sources are a list."""
    guard = {
        "AuthorizerType": "REQUEST",
        "AuthorizerUri": URI + "Hello",
        "AuthorizerPayloadFormatVersion": "2.0",
        "IdentitySource": ["$request.header.Key"],
        "EnableSimpleResponses": True,
    }
    custom = {"AuthorizationType": "CUSTOM", "AuthorizerId": {"Ref": "Guard"}}
    functions = load_resources(
        tmp_path,
        Web={"Type": "AWS::ApiGatewayV2::Api", "Properties": {"ProtocolType": "HTTP"}},
        Guard={"Type": "AWS::ApiGatewayV2::Authorizer", "Properties": guard},
        Call={
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {"IntegrationType": "AWS_PROXY", "IntegrationUri": ARN},
        },
        Route={
            "Type": "AWS::ApiGatewayV2::Route",
            "Properties": {"ApiId": {"Ref": "Web"}, "RouteKey": "GET /", "Target": "integrations/Call", **custom},
        },
    )
    read = Authorizer("Hello", ("header.Key",), payload_format="2.0", simple=True)
    assert functions.apis == {"Web": ApiSettings(None, {"Guard": read})}
    assert functions.remarks == ()


def test_authorizer_that_is_not_checked_is_a_remark_on_each_api(tmp_path: Path) -> None:
    """And not on the API that SAM would make for events that name none."""
    events = {
        name: {"Type": "Api", "Properties": {"Path": "/", "Method": "get", "RestApiId": {"Ref": name}}}
        for name in ("One", "Two")
    }
    api = {"Type": "AWS::Serverless::Api", "Properties": {"Auth": {"DefaultAuthorizer": "AWS_IAM"}}}
    hello = {"Type": "AWS::Serverless::Function", "Properties": {**FUNCTION, "Events": events}}
    template = tmp_path / "template.yaml"
    common = {"Api": {"Auth": {"ApiKeyRequired": True}}}
    template.write_text(json.dumps({"Globals": common, "Resources": {"Hello": hello, "One": api, "Two": api}}))
    lines = [line for line in load_functions(template, Given()).remarks if "AWS_IAM" in line or "Serverless" in line]
    remark = "the authorizer AWS_IAM is not checked: its routes can be called without"
    assert lines == [f"One: {remark}", f"Two: {remark}"]


def test_apis_of_nested_stacks_have_their_own_settings(tmp_path: Path) -> None:
    """Also if their logical ids are the same, as those that AWS SAM makes: an authorizer of one stack is in force."""
    events = {"Get": {"Type": "HttpApi", "Properties": {"Path": "/", "Method": "get"}}}
    hello = {"Type": "AWS::Serverless::Function", "Properties": {**FUNCTION, "Events": events}}
    nested = {"Type": "AWS::Serverless::Application", "Properties": {"Location": "child.json"}}
    auth = {"DefaultAuthorizer": "Mine", "Authorizers": {"Mine": {"FunctionArn": ARN}}}
    for name, settings, resources in (
        ("template.json", {"Auth": auth}, {"Hello": hello, "Child": nested}),
        ("child.json", {"CorsConfiguration": True}, {"Open": hello}),
    ):
        document = {"Globals": {"HttpApi": settings}, "Resources": resources}
        (tmp_path / name).write_text(json.dumps(document))
    functions = load_functions(tmp_path / "template.json", Given())
    assert {function.name: function.routes[0].api for function in functions} == {
        "Hello": "ServerlessHttpApi",
        "Open": "Child-ServerlessHttpApi",
    }
    assert functions.apis["ServerlessHttpApi"].default == "Mine"
    assert functions.apis["Child-ServerlessHttpApi"] == ApiSettings(Cors(("*",), ("*",), ("*",)))
