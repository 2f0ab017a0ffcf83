"""`Globals`: what SAM allows there, and that resources of every type get their section."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local_lambda.functions.config import Cors
from local_lambda.functions.given import Given
from local_lambda.functions.template import Functions, load_functions
from local_lambda.functions.template_globals import SUPPORTED
from support.schemas import schemas

ARN = {"Fn::GetAtt": ["Hello", "Arn"]}


def load(folder: Path, common: dict[str, Any], events: dict[str, Any], **resources: Any) -> Functions:
    function = {"Handler": "app.handler", "Runtime": "python3.12", "Architectures": ["arm64"], "Events": events}
    hello = {"Type": "AWS::Serverless::Function", "Properties": function}
    template = folder / "template.yaml"
    template.write_text(json.dumps({"Globals": common, "Resources": {"Hello": hello, **resources}}))
    return load_functions(template, Given())


def route(api: str | None = None) -> dict[str, Any]:
    properties = {"Path": "/", "Method": "get", **({"RestApiId": {"Ref": api}} if api else {})}
    return {"Get": {"Type": "Api", "Properties": properties}}


def test_no_property_that_sam_supports_is_forgotten() -> None:
    """By the schema that cfn-lint ships, which may be older than the tables."""
    schema = json.loads((schemas() / "other" / "sam" / "globals.json").read_text())
    missing = {
        f"{section}.{name}"
        for section, each in schema["properties"].items()
        for name in each["properties"]
        if name not in SUPPORTED.get(section, ())
    }
    assert missing == set()


def test_what_sam_does_not_support_in_globals_is_a_remark(tmp_path: Path) -> None:
    """With what to do about it."""
    common = {"Function": {"Role": "x", "Timeuot": 5}, "Api": {"StageName": "dev"}, "Table": {}, "HttpApi": None}
    refused = "and AWS SAM refuses the template"
    functions = load(tmp_path, common, {})
    assert functions.notes["Hello"].not_emulated == ()  # said once, not for each function
    assert functions.remarks == (
        f"Globals: 'Role' is not a supported property of 'Function', {refused};"
        " correct the name, or move it to each resource of type AWS::Serverless::Function",
        f"Globals: 'Timeuot' is not a supported property of 'Function', {refused};"
        " correct the name, or move it to each resource of type AWS::Serverless::Function",
        f"Globals: 'StageName' is not a supported property of 'Api', {refused};"
        " correct the name, or move it to each resource of type AWS::Serverless::Api",
        f"Globals: 'Table' is not supported, {refused}; use one of: Api, CapacityProvider, Function, HttpApi,"
        " LayerVersion, MicrovmImage, NetworkConnector, SimpleTable, StateMachine, WebSocketApi",
        "Globals: Value of HttpApi must be a dictionary, or AWS SAM refuses the template",
    )


@pytest.mark.parametrize("api", [None, "Web"])
def test_globals_of_an_api_are_named_as_if_they_stood_on_it(tmp_path: Path, api: str | None) -> None:
    """On the API that SAM adds as well, and each in one place."""
    common = {"Api": {"Auth": {"ApiKeyRequired": True}, "Domain": {"DomainName": "a.example"}}}
    web = {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "dev"}}
    functions = load(tmp_path, common, route(api), **({api: web} if api else {}))
    assert functions.remarks == (
        f"{api or 'ServerlessRestApi'}: not emulated: Auth.ApiKeyRequired (API keys are not checked),"
        " Domain (it has no name)",
    )


def test_globals_of_an_api_are_merged_by_key(tmp_path: Path) -> None:
    """An API that has a part of `Auth` keeps the rest of it; one may ignore what it wants."""
    authorizers = {"Guard": {"FunctionArn": ARN}}
    common = {"Api": {"Auth": {"Authorizers": authorizers}, "Cors": "'*'", "Domain": {}}}
    own = {"StageName": "dev", "Auth": {"DefaultAuthorizer": "Guard"}}
    web = {"Type": "AWS::Serverless::Api", "IgnoreGlobals": ["Domain"], "Properties": own}
    functions = load(tmp_path, common, route("Web"), Web=web)
    assert functions.apis["Web"].cors == Cors(("*",), ("*",))
    assert set(functions.apis["Web"].authorizers) == {"Guard"}
    assert functions.apis["Web"].default == "Guard"
    assert functions.remarks == ()


def test_architectures_of_a_function_replace_those_of_globals(tmp_path: Path) -> None:
    """Although other lists are appended."""
    (function,) = load(tmp_path, {"Function": {"Architectures": ["x86_64"]}}, {})
    assert function.architecture == "arm64"
