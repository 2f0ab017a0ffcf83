"""Aliases that are resources of a template: their versions and weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local_lambda.functions.given import Given
from local_lambda.functions.template import load_functions, select

FUNCTION = {"Handler": "app.handler", "Runtime": "python3.13", "CodeUri": "."}


def remarks_of(tmp_path: Path, routing: Any, version: str = "1") -> tuple[dict[str, Any], list[str]]:
    """The aliases of a function with two versions, and the lines about the template."""
    published = {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Hello"}}}
    alias = {"FunctionName": {"Ref": "Hello"}, "Name": "live", "FunctionVersion": version, "RoutingConfig": routing}
    resources = {
        "Hello": {"Type": "AWS::Serverless::Function", "Properties": FUNCTION},
        "One": published,
        "Two": published,
        "Live": {"Type": "AWS::Lambda::Alias", "Properties": alias},
    }
    template = tmp_path / "template.json"
    template.write_text(json.dumps({"Transform": "AWS::Serverless-2016-10-31", "Resources": resources}))
    functions = load_functions(template, Given())
    return dict(select(functions, "Hello").aliases), list(functions.remarks)


@pytest.mark.parametrize("weight", [0.25, "0.25", 0, 1])
def test_weight_of_a_second_version(tmp_path: Path, weight: Any) -> None:
    """A parameter of a template makes a text of a number."""
    items = [{"FunctionVersion": "2", "FunctionWeight": weight}]
    aliases, remarks = remarks_of(tmp_path, {"AdditionalVersionWeights": items})
    assert (aliases["live"].weights, remarks) == ({"2": float(weight)}, [])


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([{"FunctionVersion": "2"}], "must be a list of a FunctionVersion and a FunctionWeight"),
        ([{"FunctionVersion": "2", "FunctionWeight": "half"}], "must be a list of"),
        ({"2": 0.5}, "must be a list of"),
        (["x"], "must be a list of"),
        (7, "must be a list of"),
        ([{"FunctionVersion": "2", "FunctionWeight": 7}], "a FunctionWeight must be a number from 0 to 1"),
        ([{"FunctionVersion": "2", "FunctionWeight": "nan"}], "a FunctionWeight must be a number from 0 to 1"),
        ([{"FunctionVersion": "1", "FunctionWeight": 0.5}], "version 1 is already that of the alias"),
        ([{"FunctionVersion": "$LATEST", "FunctionWeight": 0.5}], "$LATEST cannot share an alias"),
        ([{"FunctionVersion": each, "FunctionWeight": 0.1} for each in "12"], "cannot have more than one item"),
    ],
)
def test_weights_that_are_wrong_are_one_line(tmp_path: Path, items: Any, words: str) -> None:
    """The alias is not served, and the function is."""
    aliases, remarks = remarks_of(tmp_path, {"AdditionalVersionWeights": items})
    assert aliases == {}
    assert len(remarks) == 1
    assert words in remarks[0]


def test_second_alias_of_a_name_is_a_remark(tmp_path: Path) -> None:
    """The first is served, and that of `AutoPublishAlias` is the first."""
    alias = {"FunctionName": {"Ref": "Hello"}, "Name": "live", "FunctionVersion": "1"}
    published = {**FUNCTION, "AutoPublishAlias": "live"}
    resources = {
        "Hello": {"Type": "AWS::Serverless::Function", "Properties": published},
        "Old": {"Type": "AWS::Lambda::Alias", "Properties": {**alias, "Name": "old"}},
        "Older": {"Type": "AWS::Lambda::Alias", "Properties": {**alias, "Name": "old", "FunctionVersion": "$LATEST"}},
        "Live": {"Type": "AWS::Lambda::Alias", "Properties": {**alias, "FunctionVersion": "$LATEST"}},
    }
    template = tmp_path / "template.json"
    template.write_text(json.dumps({"Transform": "AWS::Serverless-2016-10-31", "Resources": resources}))
    functions = load_functions(template, Given())
    assert {name: each.version for name, each in functions[0].aliases.items()} == {"live": "1", "old": "1"}
    assert [remark.partition(" is not served: ")[0] for remark in functions.remarks] == ["Older", "Live"]
    assert "Hello already has an alias old; CloudFormation refuses the second one" in functions.remarks[0]
