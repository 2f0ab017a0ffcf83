"""Resources that invoke functions are named for each function."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local_lambda.functions.given import Given
from local_lambda.functions.template import load_functions
from local_lambda.functions.triggers import TYPES, triggers
from support.schemas import properties_of


def test_resources_that_invoke_a_function_are_named(tmp_path: Path) -> None:
    """Those that a local AWS endpoint serves, and the others; one that refers to something else is not."""
    arn: dict[str, Any] = {"Fn::GetAtt": ["Hello", "Arn"]}
    written = {
        "Esm": ("AWS::Lambda::EventSourceMapping", {"FunctionName": {"Ref": "Hello"}}),
        "Sub": ("AWS::SNS::Subscription", {"Endpoint": arn}),
        "Rule": ("AWS::Events::Rule", {"Targets": [{"Id": "a", "Arn": {"Fn::Sub": "${Hello.Arn}:live"}}]}),
        "Other": ("AWS::Events::Rule", {"Targets": [{"Id": "a", "Arn": {"Fn::Sub": "${HelloQueue.Arn}"}}]}),
        "HelloQueue": ("AWS::SQS::Queue", {}),
        "Pool": ("AWS::Cognito::UserPool", {"LambdaConfig": {"PreSignUp": arn}}),
        "Steps": ("AWS::Serverless::StateMachine", {"DefinitionSubstitutions": {"Hello": arn}}),
        "Stream": (
            "AWS::KinesisFirehose::DeliveryStream",
            {"SplunkDestinationConfiguration": {"P": [arn]}},
        ),
        "Pipe": ("AWS::Pipes::Pipe", {"Source": arn, "Enrichment": arn}),
        "Seed": ("Custom::Seed", {"ServiceToken": arn}),
    }
    hello = {"Type": "AWS::Serverless::Function", "Properties": {"Handler": "a.b", "Runtime": "python3.12"}}
    resources = {name: {"Type": kind, "Properties": properties} for name, (kind, properties) in written.items()}
    template = tmp_path / "template.yaml"
    template.write_text(json.dumps({"Resources": {"Hello": hello, **resources}}))
    functions = load_functions(template, Given())
    assert functions.notes["Hello"].events == (
        "Esm (AWS::Lambda::EventSourceMapping)",
        "Sub (AWS::SNS::Subscription)",
        "Rule (AWS::Events::Rule)",
    )
    assert functions.remarks == (
        "Hello is not invoked by Pool (AWS::Cognito::UserPool), Steps (AWS::Serverless::StateMachine),"
        " Stream (AWS::KinesisFirehose::DeliveryStream), Pipe (AWS::Pipes::Pipe), Seed (Custom::Seed):"
        " not emulated",
    )


@pytest.mark.parametrize(
    ("written", "invokes"),
    [
        ({"DefinitionString": '{"Resource": "arn:aws:lambda:us-east-1:123456789012:function:hello:live"}'}, True),
        ({"DefinitionString": {"Fn::Sub": '{"Parameters": {"FunctionName": "hello"}}'}}, True),
        ({"Definition": {"States": [{"Parameters": {"FunctionName": "hello:live"}}]}}, True),
        ({"DefinitionString": '{"Resource": "arn:aws:lambda:us-east-1:123456789012:function:hello-2"}'}, False),
        ({"DefinitionString": '{"Comment": "hello"}'}, False),
        ({"StateMachineName": "hello"}, False),
    ],
)
def test_state_machine_may_name_a_function_by_a_text(written: dict[str, Any], invokes: bool) -> None:
    """Its name or its ARN, which has no reference in it."""
    resources = {"Flow": {"Type": "AWS::StepFunctions::StateMachine", "Properties": written}}
    found = [("Flow (AWS::StepFunctions::StateMachine)", False)] if invokes else []
    assert list(triggers(resources, "Hello", "hello")) == found
    assert list(triggers(resources, "Hello")) == []


@pytest.mark.parametrize("kind", [kind for kind in TYPES if "::Serverless::" not in kind])
def test_properties_of_triggers_exist(kind: str) -> None:
    """In the schema that cfn-lint ships."""
    assert set(TYPES[kind][0].split()) <= properties_of(kind)
