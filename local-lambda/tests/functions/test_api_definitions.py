"""Routes that a template describes in OpenAPI documents and in API Gateway's own resources."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local_lambda.functions.given import Given
from local_lambda.functions.template import Functions, load_functions

HELLO = {"Type": "AWS::Serverless::Function", "Properties": {"Handler": "app.handler", "Runtime": "python3.12"}}
URI = "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Hello.Arn}/invocations"
CALL = {"x-amazon-apigateway-integration": {"type": "aws_proxy", "httpMethod": "POST", "uri": {"Fn::Sub": URI}}}


def load(folder: Path, **resources: Any) -> Functions:
    template = folder / "template.yaml"
    template.write_text(json.dumps({"Resources": {"Hello": HELLO, **resources}}))
    return load_functions(template, Given())


def shown(functions: Functions) -> list[str]:
    return [f"{each.method} {each.path} {each.payload_format} {each.rest} {each.api}" for each in functions[0].routes]


def test_definition_body_gives_routes_when_it_calls_a_function(tmp_path: Path) -> None:
    """Of a REST API, and with the any-method; what is no proxy integration is remarked on."""
    mapped = {"x-amazon-apigateway-integration": {"type": "aws", "uri": {"Fn::Sub": URI}}}
    paths = {
        "/orders": {"get": CALL, "parameters": [], "post": mapped},
        "/{proxy+}": {"x-amazon-apigateway-any-method": CALL},
        "/none": {"get": {}},
    }
    functions = load(
        tmp_path, Shop={"Type": "AWS::Serverless::Api", "Properties": {"DefinitionBody": {"paths": paths}}}
    )
    assert shown(functions) == ["GET /orders 1.0 True Shop", "ANY /{proxy+} 1.0 True Shop"]
    assert functions.remarks == (
        "POST /orders of Shop is not served: integrations of type aws are not emulated, only AWS_PROXY",
        "GET /none of Shop is not served: it has no x-amazon-apigateway-integration",
    )


def test_extensions_of_a_document_are_named_when_they_are_not_emulated(tmp_path: Path) -> None:
    """Each once; a mock has none, because its method is not served at all."""
    integration = {**CALL["x-amazon-apigateway-integration"], "timeoutInMillis": 50, "passthroughBehavior": "never"}
    call = {"x-amazon-apigateway-request-validator": "all", "x-amazon-apigateway-integration": integration}
    mock = {"x-amazon-apigateway-integration": {"type": "mock", "requestTemplates": {}}}
    rest = {"x-amazon-apigateway-policy": {}, "paths": {"/a": {"get": call, "put": call, "options": mock}}}
    web = {"x-amazon-apigateway-cors": {}, "paths": {"/b": {"get": {**CALL, "x-amazon-apigateway-policy": {}}}}}
    functions = load(
        tmp_path,
        Rest={"Type": "AWS::ApiGateway::RestApi", "Properties": {"Body": rest}},
        Web={"Type": "AWS::Serverless::HttpApi", "Properties": {"DefinitionBody": web}},
    )
    assert functions.remarks == (
        "OPTIONS /a of Rest is not served: integrations of type mock are not emulated, only AWS_PROXY",
        "Rest: not emulated: x-amazon-apigateway-policy (policies are not checked),"
        " x-amazon-apigateway-request-validator (requests are not validated),"
        " x-amazon-apigateway-integration.timeoutInMillis (the function's timeout counts)",
        "Web: not emulated: x-amazon-apigateway-cors (only CorsConfiguration of the API is read)",
    )


def test_definition_gives_routes_when_it_is_a_file(tmp_path: Path) -> None:
    """`DefinitionUri` and `AWS::Include` name one; of an HTTP API the default route may be among them."""
    integration = {**CALL["x-amazon-apigateway-integration"], "payloadFormatVersion": "2.0"}
    components = {"x-amazon-apigateway-integrations": {"hello": integration}}
    reference = {"x-amazon-apigateway-integration": {"$ref": "#/components/x-amazon-apigateway-integrations/hello"}}
    body = {"components": components, "paths": {"/$default": {"x-amazon-apigateway-any-method": reference}}}
    (tmp_path / "api.yaml").write_text(json.dumps(body))
    include = {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "api.yaml"}}}
    functions = load(
        tmp_path,
        One={"Type": "AWS::Serverless::HttpApi", "Properties": {"DefinitionUri": "api.yaml"}},
        Two={"Type": "AWS::Serverless::HttpApi", "Properties": {"DefinitionBody": include}},
        Far={"Type": "AWS::Serverless::HttpApi", "Properties": {"DefinitionUri": "s3://bucket/api.yaml"}},
        Gone={"Type": "AWS::Serverless::HttpApi", "Properties": {"DefinitionUri": "gone.yaml"}},
    )
    assert shown(functions) == ["ANY $default 2.0 False One", "ANY $default 2.0 False Two"]
    assert functions.remarks[0] == "Far is not served: its DefinitionUri is not on this machine; name a local file"
    assert "gone.yaml: not found; correct the DefinitionUri that names it" in functions.remarks[1]


def test_resources_of_a_rest_api_give_routes_when_they_are_written_out(tmp_path: Path) -> None:
    """The path comes from the chain of parents; a mock for CORS is remarked on."""
    part = {"RestApiId": {"Ref": "Rest"}}
    root = {"Fn::GetAtt": ["Rest", "RootResourceId"]}
    proxy = {"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": {"Fn::Sub": URI}}
    functions = load(
        tmp_path,
        Rest={"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "shop"}},
        Orders={"Type": "AWS::ApiGateway::Resource", "Properties": {**part, "ParentId": root, "PathPart": "orders"}},
        Order={
            "Type": "AWS::ApiGateway::Resource",
            "Properties": {**part, "ParentId": {"Ref": "Orders"}, "PathPart": "{id}"},
        },
        Get={
            "Type": "AWS::ApiGateway::Method",
            "Properties": {**part, "ResourceId": {"Ref": "Order"}, "HttpMethod": "GET", "Integration": proxy},
        },
        Root={
            "Type": "AWS::ApiGateway::Method",
            "Properties": {**part, "ResourceId": root, "HttpMethod": "ANY", "Integration": proxy},
        },
        Cors={
            "Type": "AWS::ApiGateway::Method",
            "Properties": {**part, "ResourceId": root, "HttpMethod": "OPTIONS", "Integration": {"Type": "MOCK"}},
        },
    )
    assert shown(functions) == ["GET /orders/{id} 1.0 True Rest", "ANY / 1.0 True Rest"]
    assert functions.remarks == ("Cors is not served: OPTIONS / answers with a mock",)


def test_resources_of_an_http_api_give_routes_when_they_are_written_out(tmp_path: Path) -> None:
    """A route names its integration; one resource alone can be an API with a route. WebSocket APIs are remarked on."""
    api = {"ApiId": {"Ref": "Web"}}
    functions = load(
        tmp_path,
        Web={"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": "web", "ProtocolType": "HTTP"}},
        Calls={
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {
                **api,
                "IntegrationType": "AWS_PROXY",
                "IntegrationUri": {"Fn::GetAtt": ["Hello", "Arn"]},
                "PayloadFormatVersion": "2.0",
            },
        },
        Route={
            "Type": "AWS::ApiGatewayV2::Route",
            "Properties": {
                **api,
                "RouteKey": "GET /x",
                "Target": {"Fn::Join": ["/", ["integrations", {"Ref": "Calls"}]]},
            },
        },
        Quick={
            "Type": "AWS::ApiGatewayV2::Api",
            "Properties": {"ProtocolType": "HTTP", "Target": {"Fn::GetAtt": ["Hello", "Arn"]}},
        },
        Chat={"Type": "AWS::ApiGatewayV2::Api", "Properties": {"ProtocolType": "WEBSOCKET"}},
    )
    assert shown(functions) == ["GET /x 2.0 False Web", "ANY $default 2.0 False Quick"]
    assert functions.remarks == ("Chat is not served: WebSocket APIs are not emulated",)


@pytest.mark.parametrize(
    "properties",
    [
        {"RestApiId": {"Ref": "Rest"}},
        {"RestApiId": {"Ref": "Rest"}, "ResourceId": {"Ref": "Loop"}, "HttpMethod": ["GET"]},
        {"RestApiId": [], "ResourceId": 7, "HttpMethod": "GET", "Integration": "x"},
    ],
)
def test_a_resource_is_remarked_on_when_it_is_not_written_as_it_should_be(tmp_path: Path, properties: Any) -> None:
    """A mistake in an API does not keep its functions from running."""
    loop = {"RestApiId": {"Ref": "Rest"}, "ParentId": {"Ref": "Loop"}, "PathPart": "x"}
    functions = load(
        tmp_path,
        Rest={"Type": "AWS::ApiGateway::RestApi"},
        Loop={"Type": "AWS::ApiGateway::Resource", "Properties": loop},
        Method={"Type": "AWS::ApiGateway::Method", "Properties": properties},
    )
    assert [function.name for function in functions] == ["Hello"]
    assert len(functions.remarks) == 1
    assert functions.remarks[0].startswith("Method is not served: ")


def test_route_that_two_functions_have_keeps_both(tmp_path: Path) -> None:
    """The command that would serve them names them."""
    integration = {"type": "aws_proxy", "uri": {"Fn::Sub": URI.replace("Hello", "Other")}}
    paths = {"/x": {"get": CALL}, "/x/": {"get": {"x-amazon-apigateway-integration": integration}}}
    web = {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Body": {"paths": paths}}}
    functions = load(tmp_path, Other=HELLO, Web=web)
    assert [[route.path for route in each.routes] for each in functions] == [["/x"], ["/x/"]]
