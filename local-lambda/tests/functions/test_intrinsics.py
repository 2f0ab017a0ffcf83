"""Intrinsic functions have the values CloudFormation gives them, or say why they have none here."""

from __future__ import annotations

from typing import Any

import pytest

from local_lambda.functions.given import Given
from local_lambda.functions.intrinsics import OnlyOnAws, Scope, Unresolvable
from local_lambda.functions.stand_ins import StandIns

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
        ({"Fn::Cidr": ["192.168.0.0/24", "6", "5"]}, [f"192.168.0.{each}/27" for each in range(0, 192, 32)]),
        ({"Fn::Cidr": ["2001:db8::/56", 1, 64]}, ["2001:db8::/64"]),
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
        ({"Fn::FindInMap": ["Sizes", "prod", "memory", {"DefaultValue": {"Ref": "Count"}}]}, "3"),
        ({"Fn::Base64": {"Ref": "Stage"}}, "ZGV2"),
        ({"Fn::Length": {"Ref": "Names"}}, 2),
        ({"Fn::ToJsonString": {"stage": {"Ref": "Stage"}, "all": {"Ref": "Names"}}}, '{"stage":"dev","all":["a","b"]}'),
        ({"Fn::Select": [1, {"Fn::GetAZs": ""}]}, "us-east-1b"),
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
        ({"Ref": "Given"}, "parameter Given has no Default; give one with --parameter-overrides Given=VALUE"),
        (
            {"Ref": "Stored"},
            "parameter Stored is read from Systems Manager on AWS; give --parameter-overrides Stored=VALUE",
        ),
        ({"Fn::GetAtt": ["Table", "Arn"]}, "!GetAtt Table.Arn has a value only on AWS"),
        ({"Fn::Sub": "x${Table.Arn}"}, "!GetAtt Table.Arn has a value only on AWS"),
        ({"Fn::ImportValue": "x"}, "!ImportValue has a value only on AWS"),
        ({"Fn::If": ["Nobody", 1, 2]}, "condition Nobody is not defined in this template; add it to Conditions"),
        ({"Fn::If": ["Round", 1, 2]}, "condition Round is not written as CloudFormation expects it"),
        ({"Fn::If": ["Text", 1, 2]}, "condition Text is not written as CloudFormation expects it"),
        ({"Fn::Cidr": ["10.0.0.0/24", 3, 7]}, "!Cidr is not written as CloudFormation expects it"),
        ({"Fn::Cidr": ["10.0.0.0/24", 1, 9]}, "!Cidr is not written as CloudFormation expects it"),
        ({"Fn::Join": "abc"}, "!Join is not written as CloudFormation expects it"),
        ({"Fn::Select": [7, ["a"]]}, "!Select is not written as CloudFormation expects it"),
        ({"Fn::FindInMap": ["Sizes", "prod", "memory"]}, "mapping Sizes has no prod, only dev; add it, or use another"),
        ({"Ref": ["a"]}, "!Ref is not written as CloudFormation expects it"),
        ([{"deep": {"Ref": "Table"}}], "!Ref Table has no value here: only a deployed stack knows it"),
    ],
)
def test_resolve_says_why_when_only_aws_has_the_value(value: Any, reason: str) -> None:
    """A value that needs a deployed stack, or that is written wrongly, gives one line."""
    with pytest.raises(Unresolvable) as error:
        SCOPE.resolve(value)
    assert str(error.value) == reason


def test_resolve_takes_what_is_given_when_the_template_leaves_it_open() -> None:
    """Parameters, region, account and real resources come from outside; the region decides the partition."""
    given = Given(
        parameters={"Stage": "prod", "Names": "x,y"},
        region="cn-north-1",
        account="000000000001",
        values={"Table": "real"},
    )
    parameters = {"Stage": {"Type": "String"}, "Names": {"Type": "List<Number>"}}
    scope = Scope(parameters, {}, {"Live": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}}, {}, given)
    everything = {"Fn::Sub": "${Stage} ${AWS::Region} ${AWS::AccountId} ${AWS::Partition} ${AWS::URLSuffix} ${Table}"}
    assert scope.resolve(everything) == "prod cn-north-1 000000000001 aws-cn amazonaws.com.cn real"
    assert scope.resolve({"Ref": "Names"}) == ["x", "y"]
    assert scope.condition("Live")


RESOURCES = {
    "Orders": {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "orders-table"}},
    "Files": {"Type": "AWS::S3::Bucket"},
    "Jobs": {"Type": "AWS::SQS::Queue"},
    "News": {"Type": "AWS::SNS::Topic"},
    "Role": {"Type": "AWS::IAM::Role"},
    "Odd": {"Type": "Custom::Thing"},
}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "Orders"}, "orders-table"),
        ({"Fn::GetAtt": ["Orders", "Arn"]}, "arn:aws:dynamodb:eu-west-1:123456789012:table/orders-table"),
        ({"Ref": "Files"}, "Files"),
        ({"Fn::GetAtt": "Files.Arn"}, "arn:aws:s3:::Files"),
        ({"Ref": "Jobs"}, "https://sqs.eu-west-1.amazonaws.com/123456789012/Jobs"),
        ({"Fn::GetAtt": ["Jobs", "QueueName"]}, "Jobs"),
        ({"Ref": "News"}, "arn:aws:sns:eu-west-1:123456789012:News"),
        ({"Fn::GetAtt": ["Role", "Arn"]}, "arn:aws:iam::123456789012:role/Role"),
        ({"Fn::GetAtt": ["Odd", "Some.Thing"]}, "Odd.Some.Thing"),
        ({"Fn::ImportValue": {"Fn::Sub": "${Stage}-table"}}, "test-table"),
        ({"Ref": "Size"}, "128"),
        ({"Ref": "Plain"}, "Plain"),
        ({"Fn::If": ["Live", "yes", "no"]}, "no"),
        (
            {"Fn::Sub": "https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}"},
            "https://Api.execute-api.eu-west-1.amazonaws.com",
        ),
    ],
)
def test_resolve_uses_a_stand_in_when_only_aws_has_the_value(value: Any, expected: str) -> None:
    """A stand-in looks like the value that a deployed stack would have."""
    given = Given(region="eu-west-1")
    parameters = {
        "Stage": {"Type": "String", "AllowedValues": ["test", "prod"]},
        "Size": {"Type": "Number", "MinValue": 128},
        "Plain": {"Type": "String"},
    }
    scope = Scope(parameters, {}, {"Live": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}}, {}, given)
    assert scope.with_stand_ins(StandIns(RESOURCES, given)).resolve(value) == expected


def test_stand_ins_are_named_when_they_were_used() -> None:
    """Each is listed once, with what it stands for; what was not asked for is not."""
    stand_ins = StandIns(RESOURCES, Given())
    scope = Scope({"Key": {"Type": "String"}}, {}, {}, {"Hello": "hello"}, Given()).with_stand_ins(stand_ins)
    scope.resolve([{"Ref": "Files"}, {"Ref": "Files"}, {"Ref": "Key"}, {"Ref": "Hello"}, {"Fn::ImportValue": "net"}])
    assert stand_ins.used == {"!Ref Files": "Files", "parameter Key": "Key", "!ImportValue net": "net"}


def test_cidr_of_what_only_aws_knows_has_no_stand_in() -> None:
    """An address cannot be computed from it; the reader of the property says how to give a value."""
    scope = SCOPE.with_stand_ins(StandIns({"Network": {"Type": "AWS::EC2::VPC"}}, Given()))
    with pytest.raises(OnlyOnAws, match=r"^!Cidr of Network\.CidrBlock has a value only on AWS$"):
        scope.resolve({"Fn::Cidr": [{"Fn::GetAtt": ["Network", "CidrBlock"]}, 1, 8]})
