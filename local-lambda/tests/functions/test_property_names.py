"""Every property of a function is served, has no effect here, or is named."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from local_lambda.functions.given import Given
from local_lambda.functions.property_names import AROUND, NOT_EMULATED, SERVED, WITHOUT_EFFECT
from local_lambda.functions.template import load_functions


def properties_of(kind: str) -> set[str]:
    """The properties that a template may set, by the schema that cfn-lint ships."""
    spec = find_spec("cfnlint")
    if spec is None or spec.origin is None:
        pytest.skip("cfn-lint is not installed")
    schemas = Path(spec.origin).parent / "data" / "schemas"
    name = json.loads((schemas / "providers" / "us-east-1.json").read_text())[kind]
    schema = json.loads((schemas / "resources" / f"{name}.json").read_text())
    results = {path.split("/")[2] for path in schema.get("readOnlyProperties", ())}
    return set(schema["properties"]) - results


def test_no_property_of_the_schema_is_forgotten() -> None:
    """A property that is new there is missing here."""
    assert properties_of("AWS::Lambda::Function") - (SERVED | WITHOUT_EFFECT | set(NOT_EMULATED)) == set()
    assert SERVED & WITHOUT_EFFECT == (SERVED | WITHOUT_EFFECT) & set(NOT_EMULATED) == set()


@pytest.mark.parametrize("kind", [kind for kind in AROUND if kind.startswith("AWS::Lambda::")])
def test_no_property_of_the_resources_around_is_forgotten(kind: str) -> None:
    """And none is listed that does not exist."""
    names = AROUND[kind]
    assert properties_of(kind) == names.served | names.without_effect | set(names.not_emulated)


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


def test_what_is_not_emulated_is_noted(tmp_path: Path) -> None:
    """With what happens instead; misspelled properties and events that need an endpoint as well."""
    properties = {
        "Handler": "app.handler",
        "Runtime": "python3.12",
        "Description": "says nothing here",
        "RecursiveLoop": "Allow",
        "TimeOut": 3,
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
    assert note.not_emulated == ("RecursiveLoop (loops are not detected)", "TimeOut (not a known property)")
    assert note.events == ("Queue (SQS)",)


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
