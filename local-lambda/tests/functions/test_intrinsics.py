"""Intrinsic functions have the values CloudFormation gives them, or say why they have none here."""

from __future__ import annotations

from typing import Any

import pytest

from local_lambda.functions.intrinsics import Scope, Unresolvable

SCOPE = Scope(
    parameters={
        "Stage": {"Type": "String", "Default": "dev"},
        "Count": {"Type": "Number", "Default": 3},
        "Flag": {"Type": "String", "Default": True},
        "Names": {"Type": "CommaDelimitedList", "Default": "a, b"},
        "Given": {"Type": "String"},
        "Stored": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/path"},
    },
    mappings={"Sizes": {"dev": {"memory": 256}}},
    conditions={
        "Dev": {"Fn::Equals": [{"Ref": "Stage"}, "dev"]},
        "Live": {"Fn::Not": [{"Condition": "Dev"}]},
        "Both": {"Fn::And": [{"Condition": "Dev"}, {"Condition": "Live"}]},
        "Either": {"Fn::Or": [{"Condition": "Dev"}, {"Condition": "Live"}]},
        "Round": {"Condition": "Round"},
        "Text": "neither true nor false",
    },
    references={"Hello": "hello", "Hello.Arn": "arn:hello"},
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "Stage"}, "dev"),
        ({"Ref": "Count"}, "3"),
        ({"Ref": "Flag"}, "true"),
        ({"Ref": "Names"}, ["a", "b"]),
        ({"Ref": "Hello"}, "hello"),
        ({"Ref": "AWS::Region"}, "us-east-1"),
        ({"Fn::GetAtt": ["Hello", "Arn"]}, "arn:hello"),
        ({"Fn::GetAtt": "Hello.Arn"}, "arn:hello"),
        ({"Fn::Sub": "${Stage}/${AWS::AccountId}/${Hello.Arn}/${!Stage}"}, "dev/123456789012/arn:hello/${Stage}"),
        ({"Fn::Sub": ["${Own} ${Stage}", {"Own": {"Ref": "Count"}}]}, "3 dev"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Stage"}]]}, "a-dev"),
        ({"Fn::Join": ["-", {"Ref": "Names"}]}, "a-b"),
        ({"Fn::Select": [1, {"Fn::Split": [",", "x,y"]}]}, "y"),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Stage"}, "memory"]}, 256),
        ({"Fn::If": ["Dev", {"Ref": "Stage"}, "other"]}, "dev"),
        ({"Fn::If": ["Live", {"Fn::ImportValue": "never looked at"}, "other"]}, "other"),
        ({"Fn::If": ["Both", 1, 2]}, 2),
        ({"Fn::If": ["Either", 1, 2]}, 1),
        ({"Fn::If": ["Dev", {"a": {"Ref": "Stage"}}, 2]}, {"a": "dev"}),
        ([1, {"Ref": "AWS::NoValue"}, {"a": {"Ref": "AWS::NoValue"}}], [1, {}]),
        ({"Condition": "a plain key"}, {"Condition": "a plain key"}),
    ],
)
def test_resolve_gives_the_value_when_the_template_has_it(value: Any, expected: Any) -> None:
    """A value that follows from the template alone is found."""
    assert SCOPE.resolve(value) == expected


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"Ref": "Table"}, "!Ref Table has no value here: only a deployed stack knows it"),
        ({"Ref": "Given"}, "parameter Given has no Default"),
        ({"Ref": "Stored"}, "parameter Stored is read from Systems Manager on AWS"),
        ({"Fn::GetAtt": ["Table", "Arn"]}, "!GetAtt Table.Arn has a value only on AWS"),
        ({"Fn::Sub": "x${Table.Arn}"}, "!GetAtt Table.Arn has a value only on AWS"),
        ({"Fn::ImportValue": "x"}, "!ImportValue has a value only on AWS"),
        ({"Fn::If": ["Nobody", 1, 2]}, "condition Nobody is not defined in this template"),
        ({"Fn::If": ["Round", 1, 2]}, "condition Round is not written as CloudFormation expects it"),
        ({"Fn::If": ["Text", 1, 2]}, "condition Text is not written as CloudFormation expects it"),
        ({"Fn::Join": "abc"}, "!Join is not written as CloudFormation expects it"),
        ({"Fn::Select": [7, ["a"]]}, "!Select is not written as CloudFormation expects it"),
        ({"Fn::FindInMap": ["Sizes", "prod", "memory"]}, "!FindInMap is not written as CloudFormation expects it"),
        ({"Ref": ["a"]}, "!Ref is not written as CloudFormation expects it"),
        ([{"deep": {"Ref": "Table"}}], "!Ref Table has no value here: only a deployed stack knows it"),
    ],
)
def test_resolve_says_why_when_only_aws_has_the_value(value: Any, reason: str) -> None:
    """A value that needs a deployed stack, or that is written wrongly, gives one line."""
    with pytest.raises(Unresolvable) as error:
        SCOPE.resolve(value)
    assert str(error.value) == reason
