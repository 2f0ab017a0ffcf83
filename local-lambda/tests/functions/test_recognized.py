"""Types and attributes of resources that do not exist are named in the words of CloudFormation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local_lambda.functions.given import Given
from local_lambda.functions.recognized import ATTRIBUTES, TYPES, unrecognized
from local_lambda.functions.template import load_functions
from support.schemas import schemas, types

HELLO: dict[str, Any] = {
    "Type": "AWS::Serverless::Function",
    "Properties": {"Handler": "app.handler", "Runtime": "python3.12"},
}


def test_no_type_of_the_schemas_is_forgotten() -> None:
    """Of the namespaces that are listed; AWS SAM's types are not in these schemas."""
    listed = ("AWS::ApiGateway::", "AWS::ApiGatewayV2::", "AWS::Lambda::")
    assert {kind for kind in types() if kind.startswith(listed)} <= TYPES
    assert list(unrecognized({f"R{number}": {"Type": kind} for number, kind in enumerate(types())})) == []


def test_no_attribute_of_the_schema_is_forgotten() -> None:
    """The list has no other one."""
    schema = json.loads((schemas() / "other/resources/configuration.json").read_text())
    assert set(schema["definitions"]["ResourceConfiguration"]["properties"]) == ATTRIBUTES


@pytest.mark.parametrize(
    ("resource", "line"),
    [
        ({"Type": "AWS::Serverless:Function"}, "Unrecognized resource types: [AWS::Serverless:Function]; correct"),
        ({"Type": "AWS::Serverless::Web"}, "Unrecognized resource types: [AWS::Serverless::Web]; correct"),
        ({"Type": "AWS::Lambda::Functions"}, "Unrecognized resource types: [AWS::Lambda::Functions]; correct"),
        ({"Type": "AWS::ApiGateway::Rest"}, "Unrecognized resource types: [AWS::ApiGateway::Rest]; correct"),
        ({"Type": "Custom::"}, "Unrecognized resource types: [Custom::]; correct"),
        ({"Extras": {}}, "[/Resources/X] Every Resources object must contain a Type member; add its Type"),
        ({"Type": "AWS::SNS::Topic", "Names": 1}, "Invalid template resource property 'Names'; correct the name"),
        ("text", "[/Resources/X] resource definition is malformed; give it a Type and Properties"),
    ],
)
def test_resource_that_cloudformation_refuses_is_named(resource: Any, line: str) -> None:
    """In one line, with what to do."""
    found = next(unrecognized({"X": resource}))
    assert found.startswith("X: Template ")
    assert line in found


@pytest.mark.parametrize(
    "kind", ["Custom::My_Thing@1-2", "Our::Own::Thing", "Our::Own::Thing::MODULE", "AWS::New::Thing"]
)
def test_type_that_may_exist_is_not_named(kind: str) -> None:
    """Anyone can register types."""
    assert list(unrecognized({"X": {"Type": kind, "DeletionPolicy": "Retain", "Metadata": {}}})) == []


def test_mistyped_resources_are_remarks(tmp_path: Path) -> None:
    """Other functions run; with a macro, which may change the template first, nothing is known to be wrong."""
    resources = {"Hello": {**HELLO, "Extras": {}}, "Other": {**HELLO, "Type": "AWS::Serverless:Function"}}
    path = tmp_path / "template.yaml"
    path.write_text(json.dumps({"Resources": resources}))
    assert load_functions(path, Given()).remarks == (
        "Hello: AWS SAM ignores the attribute Extras, which resources do not have; correct the name, or move it into"
        " Properties",
        "Other: Template format error: Unrecognized resource types: [AWS::Serverless:Function]; correct its Type",
    )
    path.write_text(json.dumps({"Transform": "OurMacro", "Resources": resources}))
    assert len(load_functions(path, Given()).remarks) == 1
