"""Transforms: local files are inserted, and what runs only on AWS is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local_lambda.errors import UsageError
from local_lambda.functions.given import Given
from local_lambda.functions.template import Functions, load_functions

HELLO: dict[str, Any] = {
    "Type": "AWS::Serverless::Function",
    "Properties": {"Handler": "app.handler", "Runtime": "python3.12"},
}


def include(place: str) -> dict[str, Any]:
    """An `AWS::Include` of a file."""
    return {"Name": "AWS::Include", "Parameters": {"Location": place}}


def load(folder: Path, **sections: Any) -> Functions:
    path = folder / "template.yaml"
    path.write_text(json.dumps(sections))
    return load_functions(path, Given())


def test_local_files_are_inserted(tmp_path: Path) -> None:
    """Resources, and properties next to those in the template; references to what is inserted are known."""
    (tmp_path / "more.yaml").write_text(json.dumps({"More": HELLO, "Table": {"Type": "AWS::DynamoDB::Table"}}))
    (tmp_path / "shared.yaml").write_text(json.dumps({"Timeout": 7, "Runtime": "python3.13"}))
    properties = {
        "Handler": "a.b",
        "Fn::Transform": include("shared.yaml"),
        "Environment": {"Variables": {"TABLE": {"Ref": "Table"}}},
    }
    functions = load(
        tmp_path,
        Resources={
            "Hello": {"Type": "AWS::Serverless::Function", "Properties": properties},
            "Fn::Transform": include("more.yaml"),
        },
    )
    assert [function.logical_id for function in functions] == ["Hello", "More"]
    assert (functions[0].timeout, functions[0].runtime, functions[0].environment) == (
        7,
        "python3.13",
        {"TABLE": "Table"},
    )
    assert functions.remarks == ()
    assert functions.notes["Hello"].not_emulated == ()


def test_transforms_that_run_only_on_aws_are_named(tmp_path: Path) -> None:
    """Each in one line; a file that is inserted inserts no other, so it can be its own."""
    (tmp_path / "more.yaml").write_text(json.dumps({"More": HELLO, "Fn::Transform": include("more.yaml")}))
    hello = {**HELLO, "Properties": {**HELLO["Properties"], "Fn::Transform": {"Name": "Tags"}}}
    hello["Properties"]["Environment"] = {"Variables": {"STAGE": "dev", "Fn::Transform": {"Name": "Tags"}}}
    loop = {"Fn::ForEach::X": ["X", ["a"], {"F${X}": HELLO}]}
    functions = load(
        tmp_path,
        Transform=["AWS::Serverless-2016-10-31", "OurMacro", include("s3://bucket/all.yaml")],
        Mappings={"Fn::Transform": include("mappings.yaml")},
        Resources={"Hello": hello, **loop, "Fn::Transform": include("more.yaml")},
        Outputs={"Fn::Transform": include("gone.yaml")},
    )
    missing = "is not run, and what it adds is missing"
    assert functions.remarks == (
        f"Transform OurMacro {missing}; write out what it adds",
        f"Transform AWS::Include of s3://bucket/all.yaml {missing}; insert the content of the file",
        f"Transform AWS::Include of mappings.yaml {missing}; insert the content of the file",
        f"Transform Tags {missing}; write out what it adds",
        f"Transform AWS::Include of more.yaml {missing}; insert the content of the file",
        f"Transform AWS::Include of gone.yaml is not run: {tmp_path}/gone.yaml: not found;"
        " correct the Location that names it",
    )
    assert [function.logical_id for function in functions] == ["Hello", "Fa", "More"]
    assert functions[0].environment == {"STAGE": "dev"}
    assert functions.notes["Hello"].not_emulated == ()


def test_template_without_functions_names_the_macro_that_may_add_them(tmp_path: Path) -> None:
    """Nothing else in the template says what to do."""
    with pytest.raises(UsageError, match=r"there is no function; .* \(Transform OurMacro is not run"):
        load(tmp_path, Transform="OurMacro", Resources={})
