"""`Api` and `HttpApi` events for APIs that have their own definition: AWS SAM 1.115.0 is what decides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local_lambda.functions.given import Given
from local_lambda.functions.template import Functions, load_functions

ARN = "arn:aws:lambda:us-east-1:123456789012:function:"
URI = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{ARN}"
CALL = {"x-amazon-apigateway-integration": {"type": "aws_proxy", "uri": f"{URI}Hello", "payloadFormatVersion": "1.0"}}
SAFE = {**CALL, "security": [{"Guard": []}]}
SCHEMES = {
    "Guard": {
        "type": "apiKey",
        "name": "Authorization",
        "in": "header",
        "x-amazon-apigateway-authtype": "custom",
        "x-amazon-apigateway-authorizer": {"type": "request", "authorizerUri": f"{URI}Hello"},
    }
}
DEFAULT = {"DefaultAuthorizer": "Main", "Authorizers": {"Main": {"FunctionArn": {"Fn::GetAtt": ["Hello", "Arn"]}}}}
KINDS = pytest.mark.parametrize("kind", ["Api", "HttpApi"])


def document(paths: dict[str, Any]) -> dict[str, Any]:
    return {"openapi": "3.0.1", "paths": paths, "components": {"securitySchemes": SCHEMES}}


def event(kind: str, path: str = "/x", method: str = "get", api: Any = None, **properties: Any) -> dict[str, Any]:
    """An event of the API `Web`, or of a different one."""
    name = "RestApiId" if kind == "Api" else "ApiId"
    place = {"Path": path, "Method": method, name: {"Ref": "Web"} if api is None else api}
    return {"Type": kind, "Properties": {**place, **properties}}


def load(folder: Path, *events: dict[str, Any], **resources: Any) -> Functions:
    """The functions of a template with the function `Hello`, which has `events`, and these resources."""
    named = {f"E{number}": each for number, each in enumerate(events)}
    hello = {"Handler": "app.handler", "Runtime": "python3.12", "Events": named}
    template = folder / "template.yaml"
    every = {"Hello": {"Type": "AWS::Serverless::Function", "Properties": hello}, **resources}
    template.write_text(json.dumps({"Resources": every}))
    return load_functions(template, Given())


def api(kind: str, paths: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::Serverless::{kind}", "Properties": {"DefinitionBody": document(paths), **properties}}


def shown(functions: Functions) -> list[str]:
    return [f"{each.method} {each.path} {each.authorizer}" for each in functions[0].routes]


@KINDS
@pytest.mark.parametrize("place", ["DefinitionBody", "DefinitionUri", "AWS::Include"])
def test_authorizer_of_a_definition_counts_when_there_is_an_event_of_its_route(
    tmp_path: Path, kind: str, place: str
) -> None:
    """The event is only a permission; `OverrideApiAuth` is for the event's own authorizer."""
    body = document({"/x": {"get": SAFE}})
    (tmp_path / "api.yaml").write_text(json.dumps(body))
    include = {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "api.yaml"}}}
    properties: dict[str, Any] = {"DefinitionBody": include if place == "AWS::Include" else body}
    if place == "DefinitionUri":
        properties = {"DefinitionUri": "api.yaml"}
    web = {"Type": f"AWS::Serverless::{kind}", "Properties": properties}
    functions = load(tmp_path, event(kind), event(kind, Auth={"Authorizer": "NONE"}), Web=web)
    assert shown(functions) == ["GET /x Guard"]
    assert functions[0].routes[0].payload_format == "1.0"
    assert list(functions.apis["Web"].authorizers) == ["Guard"]
    assert functions.remarks == ()


@KINDS
def test_default_authorizer_counts_when_the_security_of_a_definition_names_none(tmp_path: Path, kind: str) -> None:
    """Also for `security: []`, and before the security of the whole document; NONE leaves a method open."""
    paths = {
        "/a": {"get": {**CALL, "security": []}},
        "/b": {"get": CALL},
        "/c": {"get": SAFE},
        "/d": {"get": {**CALL, "security": [{"NONE": []}]}},
    }
    web = api(kind, paths, Auth=DEFAULT)
    web["Properties"]["DefinitionBody"]["security"] = [{"Guard": []}]
    functions = load(tmp_path, Web=web)
    assert shown(functions) == ["GET /a None", "GET /b None", "GET /c Guard", "GET /d NONE"]
    assert functions.apis["Web"].default == "Main"


@KINDS
def test_security_of_a_definition_is_read_when_it_depends_on_a_condition(tmp_path: Path, kind: str) -> None:
    """As do paths and methods; what has a value only on AWS keeps the method from being served."""
    path = {"Fn::If": ["Yes", {"get": {"Fn::If": ["Yes", SAFE, CALL]}}, {"Ref": "AWS::NoValue"}]}
    secured = {**CALL, "security": {"Fn::If": ["Yes", [{"Guard": []}], []]}}
    unknown = {**CALL, "security": {"Fn::ImportValue": "security"}}
    web = api(kind, {"/x": path, "/y": {"get": secured}, "/z": {"get": unknown}, "/n": {"Ref": "AWS::NoValue"}})
    hello = {"Type": "AWS::Serverless::Function", "Properties": {"Handler": "app.handler", "Runtime": "python3.12"}}
    hello["Properties"]["Events"] = {"Z": event(kind, "/z")}  # type: ignore[index]
    template = tmp_path / "template.yaml"
    conditions = {"Yes": {"Fn::Equals": ["a", "a"]}}
    template.write_text(json.dumps({"Conditions": conditions, "Resources": {"Hello": hello, "Web": web}}))
    functions = load_functions(template, Given())
    assert shown(functions) == ["GET /x Guard", "GET /y Guard"]
    (remark,) = functions.remarks
    assert remark.startswith("GET /z of Web is not served: ")


def test_event_that_the_definition_of_a_rest_api_does_not_have_is_a_remark(tmp_path: Path) -> None:
    """A slash at the end and a different set of methods are the same route."""
    web = api("Api", {"/x": {"x-amazon-apigateway-any-method": CALL}, "/y": {"get": {}}})
    known = event("Api"), event("Api", "/x/", "any"), event("Api", "/y", "any")
    functions = load(tmp_path, *known, event("Api", "/gone"), Web=web)
    assert shown(functions) == ["ANY /x None"]
    assert functions.remarks == (
        "GET /y of Web is not served: it has no x-amazon-apigateway-integration",
        "GET /gone of Hello is not served: Web does not define it, and for AWS SAM the event is only a permission;"
        " add it to Web",
    )


def test_event_adds_a_route_when_the_definition_body_of_an_http_api_does_not_have_it(tmp_path: Path) -> None:
    """Or has it without an integration; one that has it gets the payload format and the authorizer it does not have."""
    paths = {"/x": {"get": CALL, "put": CALL}, "/y": {"get": {"security": [{"Guard": []}]}}, "$default": {"any": CALL}}
    events = (
        event("HttpApi", PayloadFormatVersion="2.0", Auth={"Authorizer": "Main"}),
        event("HttpApi", "/x", "put"),
        event("HttpApi", "/y", Auth={"Authorizer": "NONE"}),
        event("HttpApi", "/new", "post"),
        event("HttpApi", "$default", "any"),
    )
    functions = load(tmp_path, *events, Web=api("HttpApi", paths, Auth={"Authorizers": DEFAULT["Authorizers"]}))
    assert shown(functions) == ["GET /y Guard", "POST /new None", "GET /x Main", "PUT /x None", "ANY $default None"]
    assert [each.payload_format for each in functions[0].routes] == ["2.0", "2.0", "2.0", "1.0", "1.0"]
    assert functions.remarks == ()


def test_event_counts_when_a_rest_api_merges_definitions(tmp_path: Path) -> None:
    """Without an authorizer it has that of the definition."""
    paths = {"/x": {"get": SAFE, "put": SAFE}, "/y": {"get": SAFE, "put": SAFE}}
    web = api("Api", paths, MergeDefinitions=True, Auth=DEFAULT)
    changed = event("Api", "/x", "put", Auth={"Authorizer": "Main"})
    opened = event("Api", "/y", "put", Auth={"Authorizer": "NONE"})
    functions = load(tmp_path, event("Api"), changed, opened, event("Api", "/new"), Web=web)
    assert shown(functions) == ["GET /x Guard", "PUT /x Main", "PUT /y NONE", "GET /new None", "GET /y Guard"]
    assert functions.remarks == ()


def test_authorizer_of_an_event_counts_when_it_overrides_the_definition(tmp_path: Path) -> None:
    """Only with `OverrideApiAuth`."""
    overriding = event("Api", Auth={"Authorizer": "Main", "OverrideApiAuth": True})
    other = event("Api", "/y", Auth={"Authorizer": "Main"})
    web = api("Api", {"/x": {"get": CALL}, "/y": {"get": SAFE}}, Auth=DEFAULT)
    assert shown(load(tmp_path, overriding, other, Web=web)) == ["GET /x Main", "GET /y Guard"]


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("Api", "abc123"),
        ("Api", {"Fn::ImportValue": "shared-api"}),
        ("HttpApi", {"Fn::ImportValue": "shared-api"}),
        ("HttpApi", {"Ref": "Rest"}),
        ("Api", {"Ref": "Hello"}),
    ],
)
def test_event_is_a_remark_when_its_api_is_not_one_of_the_template(tmp_path: Path, kind: str, given: Any) -> None:
    """AWS SAM refuses most of them; the function itself can be invoked."""
    rest = {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "dev"}}
    functions = load(tmp_path, event(kind, api=given), Rest=rest)
    what = (
        "its RestApiId is not a reference to a REST API"
        if kind == "Api"
        else "its ApiId is not a reference to an HTTP API"
    )
    assert shown(functions) == []
    assert functions.remarks == (f"GET /x of Hello is not served: {what} of this template",)


@pytest.mark.parametrize(
    ("kind", "web"),
    [
        ("Api", {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "web"}}),
        ("HttpApi", {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": "web", "ProtocolType": "HTTP"}}),
    ],
)
def test_event_of_an_api_that_is_not_of_aws_sam_is_a_remark(tmp_path: Path, kind: str, web: dict[str, Any]) -> None:
    """Its routes come from its own resources."""
    functions = load(tmp_path, event(kind), Web=web)
    assert shown(functions) == []
    assert [line.partition(":")[0] for line in functions.remarks] == ["GET /x of Hello is not served"]


@KINDS
def test_events_are_served_when_the_definition_is_not_on_this_machine(tmp_path: Path, kind: str) -> None:
    """A line says what that leaves out."""
    web = {"Type": f"AWS::Serverless::{kind}", "Properties": {"DefinitionUri": "s3://bucket/api.yaml"}}
    functions = load(tmp_path, event(kind), Web=web)
    assert shown(functions) == ["GET /x None"]
    assert functions.remarks == (
        "Web is not served: its DefinitionUri is not on this machine; name a local file",
        "Web: only the routes of its events are served, without its definition's authorizers",
    )


def test_integration_without_an_arn_is_one_remark(tmp_path: Path) -> None:
    """`${Hello}` in place of `${Hello.Arn}`."""
    integration = {"type": "aws_proxy", "uri": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/Hello"}
    web = api("Api", {"/x": {"get": {"x-amazon-apigateway-integration": integration}}})
    functions = load(tmp_path, event("Api"), Web=web)
    assert shown(functions) == []
    assert functions.remarks == (
        "GET /x of Web is not served: its URI does not have the ARN of a function;"
        " write ${Function.Arn}, with your logical id",
    )


def test_event_that_is_an_intrinsic_function_is_refused_in_one_line(tmp_path: Path) -> None:
    """AWS SAM says that it has no Type."""
    functions = load(tmp_path, {"Fn::If": ["Yes", {"Type": "Api"}, {"Ref": "AWS::NoValue"}]})
    ((_, reason),) = functions.refused
    assert str(reason).endswith(
        ": Hello.Events.E0: has no Type; AWS SAM refuses an intrinsic function in place of an event,"
        " so write the event out"
    )
    assert functions.remarks == ()


def test_api_key_is_a_remark_when_it_is_a_security_scheme(tmp_path: Path) -> None:
    """It is not an authorizer, so that one beside it, or the default, still counts."""
    web = api(
        "Api",
        {"/x": {"get": {**CALL, "security": [{"Key": []}]}, "put": {**SAFE, "security": [{"Key": [], "Guard": []}]}}},
    )
    schemes = web["Properties"]["DefinitionBody"]["components"]["securitySchemes"]
    web["Properties"]["DefinitionBody"]["components"] = {
        "securitySchemes": {**schemes, "Key": {"type": "apiKey", "in": "header", "name": "x-api-key"}}
    }
    functions = load(tmp_path, Web=web)
    assert shown(functions) == ["GET /x None", "PUT /x Guard"]
    assert functions.remarks == ("Web: the API key Key is not checked: its routes can be called without",)
