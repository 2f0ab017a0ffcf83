"""The rules of a template: an assertion that fails refuses it, and what cannot be checked is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local_lambda.errors import UsageError
from local_lambda.functions.given import Given
from local_lambda.functions.intrinsics import Scope
from local_lambda.functions.parameters import check_rules

PARAMETERS = {
    "Stage": {"Type": "String", "Default": "dev"},
    "Names": {"Type": "CommaDelimitedList", "Default": "a, b"},
    "BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/cdk-bootstrap/x/version"},
}
STAGE, NAMES = {"Ref": "Stage"}, {"Ref": "Names"}


def check(rule: Any) -> list[str]:
    return list(check_rules(Path("template.yaml"), {"R": rule}, Scope(PARAMETERS, {}, {}, {}, Given())))


@pytest.mark.parametrize(
    ("assertion", "holds"),
    [
        ({"Fn::Equals": [STAGE, "dev"]}, True),
        ({"Fn::Not": [{"Fn::Equals": [STAGE, "dev"]}]}, False),
        ({"Fn::Contains": [["dev", "prod"], STAGE]}, True),
        ({"Fn::Contains": [NAMES, STAGE]}, False),
        ({"Fn::And": [{"Fn::Contains": [NAMES, "a"]}, {"Fn::Contains": [NAMES, "c"]}]}, False),
        ({"Fn::Or": [{"Fn::Contains": [NAMES, "a"]}, {"Fn::Contains": [NAMES, "c"]}]}, True),
        ({"Fn::EachMemberIn": [NAMES, ["a", "b", "c"]]}, True),
        ({"Fn::EachMemberIn": [NAMES, ["a", "c"]]}, False),
        ({"Fn::EachMemberEquals": [["dev", "dev"], STAGE]}, True),
        ({"Fn::EachMemberEquals": [NAMES, "a"]}, False),
    ],
)
def test_assertion_that_fails_refuses_the_template(assertion: Any, holds: bool) -> None:
    """With its description, and only if the rule's condition is true."""
    rule = {"Assertions": [{"Assert": assertion, "AssertDescription": "choose a stage"}]}
    if holds:
        assert check(rule) == []
    else:
        with pytest.raises(UsageError) as error:
            check({**rule, "RuleCondition": {"Fn::Equals": [STAGE, "dev"]}})
        expected = "template.yaml: Rules.R: choose a stage; change a parameter with --parameter-overrides"
        assert str(error.value) == expected
        assert check({**rule, "RuleCondition": {"Fn::Equals": [STAGE, "prod"]}}) == []


def test_rule_that_cannot_be_checked_is_named() -> None:
    """But not the one of the AWS CDK, about a parameter that is read on AWS."""
    values = {"Fn::ValueOfAll": ["AWS::EC2::VPC::Id", "Tags.Department"]}
    assert check({"Assertions": [{"Assert": {"Fn::EachMemberEquals": [values, "IT"]}}]}) == [
        "Rules.R is not checked: !ValueOfAll has a value only on AWS"
    ]
    malformed = ["Rules.R is not checked: it is not written as CloudFormation expects it; give it Assertions"]
    assert check({}) == check("text") == check({"Assertions": [{"Assert": {"Fn::Contains": 1}}]}) == malformed
    bootstrap = {"Fn::Not": [{"Fn::Contains": [["1", "2"], {"Ref": "BootstrapVersion"}]}]}
    assert check({"Assertions": [{"Assert": bootstrap}]}) == []
