"""Every property of a function is served, has no effect here, or is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local_lambda.functions.api_property_names import WITHOUT_EFFECT_ON_CALLS, Names
from local_lambda.functions.function_resource import Notes
from local_lambda.functions.given import Given
from local_lambda.functions.property_names import (
    AROUND,
    INSIDE,
    NOT_EMULATED,
    ONLY_PLAIN,
    ONLY_SERVERLESS,
    SERVED,
    WITHOUT_EFFECT,
)
from local_lambda.functions.template import load_functions
from support.schemas import properties_of, schema_of, types

OF_SAM = {"DeadLetterQueue", "EventInvokeConfig", "FunctionUrlConfig", "ProvisionedConcurrencyConfig"}
"""Properties that only `AWS::Serverless::Function` has."""


def listed(names: Names) -> set[str]:
    """All properties of a type that have a place in its table, each of which has only one."""
    groups = [names.served, names.without_effect, set(names.not_emulated), set(names.inside)]
    assert sum(map(len, groups)) == len(set().union(*groups))
    return set().union(*groups)


def test_no_property_of_the_schema_is_forgotten() -> None:
    """A property that is new there is missing here."""
    known = SERVED | WITHOUT_EFFECT | set(NOT_EMULATED)
    assert known - set(ONLY_SERVERLESS) == properties_of("AWS::Lambda::Function")
    assert known - set(ONLY_PLAIN) >= set(ONLY_SERVERLESS)
    assert SERVED & WITHOUT_EFFECT == (SERVED | WITHOUT_EFFECT) & set(NOT_EMULATED) == set()


@pytest.mark.parametrize("name", sorted(set(INSIDE) - OF_SAM))
def test_no_property_inside_of_one_is_forgotten(name: str) -> None:
    """Of those that `AWS::Lambda::Function` has."""
    schema = schema_of("AWS::Lambda::Function")
    inside = schema["definitions"][schema["properties"][name]["$ref"].rpartition("/")[2]]["properties"]
    assert set(inside) == listed(INSIDE[name])


@pytest.mark.parametrize("kind", [kind for kind in AROUND if "::Serverless::" not in kind])
def test_no_property_of_the_resources_around_is_forgotten(kind: str) -> None:
    """And none is listed that does not exist."""
    assert properties_of(kind) == listed(AROUND[kind])


def test_no_type_of_api_gateway_is_forgotten() -> None:
    """Each has a table, or no effect on calls."""
    known = {kind for kind in types() if kind.startswith("AWS::ApiGateway")}
    assert known == {kind for kind in AROUND if kind.startswith("AWS::ApiGateway")} | WITHOUT_EFFECT_ON_CALLS
    assert set(AROUND) & WITHOUT_EFFECT_ON_CALLS == set()


def test_no_property_of_an_integration_is_forgotten() -> None:
    """It is inside a method."""
    integration = schema_of("AWS::ApiGateway::Method")["definitions"]["Integration"]["properties"]
    assert set(integration) == listed(AROUND["AWS::ApiGateway::Method"].inside["Integration"])


def test_properties_of_an_api_of_resources_are_named_when_they_are_not_emulated(tmp_path: Path) -> None:
    """One line for each resource; what is switched off, or is `AWS::NoValue`, asks for nothing."""
    uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:1:function:Hello"
    method = {
        "RestApiId": {"Ref": "Rest"},
        "ResourceId": {"Fn::GetAtt": ["Rest", "RootResourceId"]},
        "HttpMethod": "GET",
        "ApiKeyRequired": True,
        "RequestValidatorId": "x",
        "Integration": {"Type": "AWS_PROXY", "Uri": uri, "TimeoutInMillis": 50, "RequestTemplates": {}},
    }
    mock = {**method, "HttpMethod": "OPTIONS", "Integration": {"Type": "MOCK", "RequestTemplates": {}}}
    stage = {"RestApiId": {"Ref": "Rest"}, "CacheClusterEnabled": False, "MethodSettings": [], "Variables": {"A": "b"}}
    web = {"ProtocolType": "HTTP", "Target": {"Fn::GetAtt": ["Hello", "Arn"]}, "DisableExecuteApiEndpoint": True}
    resources = {
        "Hello": {"Type": "AWS::Serverless::Function", "Properties": {"Handler": "a.b", "Runtime": "python3.12"}},
        "Rest": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "a", "Policy": {"Ref": "AWS::NoValue"}}},
        "Get": {"Type": "AWS::ApiGateway::Method", "Properties": method},
        "Cors": {"Type": "AWS::ApiGateway::Method", "Properties": mock},
        "Stage": {"Type": "AWS::ApiGateway::Stage", "Properties": stage},
        "Web": {"Type": "AWS::ApiGatewayV2::Api", "Properties": web},
        "Chat": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"ProtocolType": "WEBSOCKET"}},
        "Live": {
            "Type": "AWS::ApiGatewayV2::Stage",
            "Properties": {"ApiId": {"Ref": "Chat"}, "StageVariables": {"A": "b"}},
        },
        "Talk": {"Type": "AWS::Serverless::WebSocketApi", "Properties": {}},
    }
    template = tmp_path / "template.yaml"
    template.write_text(json.dumps({"Resources": resources}))
    assert load_functions(template, Given()).remarks == (
        "Cors is not served: OPTIONS / answers with a mock",
        "Chat is not served: WebSocket APIs are not emulated",
        "Talk is not served: WebSocket APIs are not emulated",
        "Get: not emulated: ApiKeyRequired (API keys are not checked), RequestValidatorId (requests are not validated),"
        " Integration.TimeoutInMillis (the function's timeout counts),"
        " Integration.RequestTemplates (requests are passed on as they are)",
        "Stage: not emulated: MethodSettings (requests are not throttled, and responses are not cached),"
        " Variables (there are no stage variables)",
        "Web: not emulated: DisableExecuteApiEndpoint (the API is reached at its address here)",
    )


def test_what_is_not_emulated_around_a_function_is_a_remark(tmp_path: Path) -> None:
    """A line for each resource."""
    resources = {
        "Hello": {"Type": "AWS::Serverless::Function", "Properties": {"Handler": "a.b", "Runtime": "python3.12"}},
        "Web": {"Type": "AWS::Serverless::HttpApi", "Properties": {"Domain": {}, "Tags": {}, "Typo": 1}},
    }
    template = tmp_path / "template.yaml"
    template.write_text(json.dumps({"Resources": resources}))
    assert load_functions(template, Given()).remarks == (
        "Web: not emulated: Domain (it has no name), Typo (not a known property)",
    )


def test_members_of_auth_are_named_when_they_are_not_emulated(tmp_path: Path) -> None:
    """Those of each authorizer, whatever it is called."""
    guard = {"FunctionArn": {"Fn::GetAtt": ["Hello", "Arn"]}, "Identity": {"Header": "A", "Heeders": ["A"]}}
    auth = {"Authorizers": {"Guard": guard, "Other": guard}, "UsagePlan": {"CreateUsagePlan": "PER_API", "Quota": {}}}
    resources = {
        "Hello": {"Type": "AWS::Serverless::Function", "Properties": {"Handler": "a.b", "Runtime": "python3.12"}},
        "Web": {"Type": "AWS::Serverless::Api", "Properties": {"Auth": auth}},
    }
    template = tmp_path / "template.yaml"
    template.write_text(json.dumps({"Resources": resources}))
    assert load_functions(template, Given()).remarks == (
        "Web: not emulated: Auth.Authorizers.Guard.Identity.Heeders (not a known property),"
        " Auth.Authorizers.Other.Identity.Heeders (not a known property),"
        " Auth.UsagePlan.Quota (requests are not counted)",
    )


def test_what_is_not_emulated_is_noted(tmp_path: Path) -> None:
    """With what happens instead; misspelled properties and events that need an endpoint as well."""
    properties = {
        "Handler": "app.handler",
        "Runtime": "python3.12",
        "Description": "says nothing here",
        "RecursiveLoop": "Allow",
        "TimeOut": 3,
        "LoggingConfig": {"LogFormt": "JSON"},
        "FunctionUrlConfig": {"AuthType": "NONE", "Cors": {"AllowOrigin": "*"}},
        "Events": {
            "Web": {"Type": "HttpApi"},
            "Queue": {"Type": "SQS", "Properties": {"Queue": "arn:aws:sqs:us-east-1:123456789012:jobs"}},
        },
    }
    template = tmp_path / "template.yaml"
    template.write_text(
        json.dumps({"Resources": {"Hello": {"Type": "AWS::Serverless::Function", "Properties": properties}}})
    )
    note = load_functions(template, Given()).notes["Hello"]
    assert note.not_emulated == (
        "RecursiveLoop (loops are not detected)",
        "TimeOut (not a known property)",
        "LoggingConfig.LogFormt (not a known property)",
        "FunctionUrlConfig.Cors.AllowOrigin (not a known property)",
    )
    assert note.events == ("Queue (SQS)",)


def noted(folder: Path, kind: str, **properties: Any) -> Notes:
    """The notes on a function with these properties."""
    template = folder / "template.yaml"
    properties = {"Handler": "app.handler", "Runtime": "python3.12", **properties}
    template.write_text(json.dumps({"Resources": {"Hello": {"Type": kind, "Properties": properties}}}))
    return load_functions(template, Given()).notes["Hello"]


def test_properties_of_the_other_type_of_functions_are_named(tmp_path: Path) -> None:
    """They have no effect, so events and a queue that are among them are not announced."""
    notes = noted(
        tmp_path,
        "AWS::Serverless::Function",
        Code={"ZipFile": "x"},
        DeadLetterConfig={"TargetArn": "arn:aws:sqs:us-east-1:123456789012:failed"},
        ImageConfig={"Command": ["x.y"]},
        TracingConfig={"Mode": "Active"},
    )
    kind = "not a property of AWS::Serverless::Function"
    assert (notes.not_emulated, notes.events) == (
        (
            f"Code ({kind}; use CodeUri)",
            f"DeadLetterConfig ({kind}; use DeadLetterQueue)",
            f"TracingConfig ({kind}; use Tracing)",
            "ImageConfig without PackageType: Image (the function has a handler and a runtime)",
        ),
        (),
    )
    code, tracing = {"ZipFile": "def handler(event, context): return {}"}, "Active"
    event = {"Type": "Schedule", "Properties": {"Schedule": "rate(1 hour)"}}
    notes = noted(tmp_path, "AWS::Lambda::Function", Code=code, Tracing=tracing, Events={"Often": event}, RolePath="/")
    kind = "not a property of AWS::Lambda::Function"
    assert (notes.not_emulated, notes.events) == (
        (
            f"Events ({kind}; use AWS::Lambda::EventSourceMapping)",
            f"RolePath ({kind})",
            f"Tracing ({kind}; use TracingConfig)",
        ),
        (),
    )


def test_members_that_do_not_exist_are_named(tmp_path: Path) -> None:
    """Of destinations and provisioned concurrency, which would be dropped in silence."""
    event_invoke = {"DestinationConfig": {"OnFail": {"Type": "SQS"}, "OnSuccess": {"Type": "SNS", "Arn": "x"}}}
    notes = noted(
        tmp_path,
        "AWS::Serverless::Function",
        AutoPublishAlias="live",
        ProvisionedConcurrencyConfig={"Executions": 2},
        EventInvokeConfig=event_invoke,
    )
    assert notes.not_emulated == (
        "ProvisionedConcurrencyConfig.Executions (not a known property)",
        "EventInvokeConfig.DestinationConfig.OnFail (not a known property)",
        "EventInvokeConfig.DestinationConfig.OnSuccess.Arn (not a known property)",
    )


@pytest.mark.parametrize(("update", "named"), [("Auto", False), ("FunctionUpdate", False), ("Manual", True)])
def test_runtime_that_is_chosen_by_hand_is_named(tmp_path: Path, update: str, named: bool) -> None:
    """The function runs on an interpreter of this machine."""
    notes = noted(
        tmp_path,
        "AWS::Serverless::Function",
        PublishToLatestPublished=True,
        RuntimeManagementConfig={"UpdateRuntimeOn": update},
    )
    runtime = ("RuntimeManagementConfig (it runs on the interpreter of this machine)",) if named else ()
    assert notes.not_emulated == ("PublishToLatestPublished (there is no $LATEST.PUBLISHED)", *runtime)


def test_what_is_not_emulated_of_a_route_is_noted(tmp_path: Path) -> None:
    """Of its `Auth` too, and with misspelled properties."""
    route = {"Path": "/", "Method": "get", "Methods": ["put"], "TimeoutInMillis": 9, "Auth": {"ApiKeyRequired": True}}
    events = {"Get": {"Type": "Api", "Properties": route}, "Any": {"Type": "HttpApi", "Properties": {"ApiId": "x"}}}
    properties = {"Handler": "app.handler", "Runtime": "python3.12", "Events": events}
    template = tmp_path / "template.yaml"
    template.write_text(
        json.dumps({"Resources": {"Hello": {"Type": "AWS::Serverless::Function", "Properties": properties}}})
    )
    assert load_functions(template, Given()).notes["Hello"].not_emulated == (
        "Events.Get.Methods (not a known property)",
        "Events.Get.TimeoutInMillis (the function's timeout counts)",
        "Events.Get.Auth.ApiKeyRequired (API keys are not checked)",
    )
