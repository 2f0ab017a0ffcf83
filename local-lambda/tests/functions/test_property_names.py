"""Every property of a function is served, has no effect here, or is named."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from local_lambda.functions.given import Given
from local_lambda.functions.property_names import NOT_EMULATED, SERVED, WITHOUT_EFFECT
from local_lambda.functions.template import load_functions


def test_no_property_of_the_schema_is_forgotten() -> None:
    """cfn-lint ships the schemas of all resources: a property that is new there is missing here."""
    spec = find_spec("cfnlint")
    if spec is None or spec.origin is None:
        pytest.skip("cfn-lint is not installed")
    schemas = Path(spec.origin).parent / "data" / "schemas"
    name = json.loads((schemas / "providers" / "us-east-1.json").read_text())["AWS::Lambda::Function"]
    schema = json.loads((schemas / "resources" / f"{name}.json").read_text())
    results = {path.split("/")[2] for path in schema["readOnlyProperties"]}
    known = SERVED | WITHOUT_EFFECT | set(NOT_EMULATED)
    assert set(schema["properties"]) - results - known == set()
    assert SERVED & WITHOUT_EFFECT == (SERVED | WITHOUT_EFFECT) & set(NOT_EMULATED) == set()


def test_what_is_not_emulated_is_noted(tmp_path: Path) -> None:
    """With what happens instead; misspelled properties and events that need an endpoint as well."""
    properties = {
        "Handler": "app.handler",
        "Runtime": "python3.12",
        "Description": "says nothing here",
        "SnapStart": {"ApplyOn": "PublishedVersions"},
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
    assert note.not_emulated == ("SnapStart (the function starts cold)", "TimeOut (not a known property)")
    assert note.events == ("Queue (SQS)",)
