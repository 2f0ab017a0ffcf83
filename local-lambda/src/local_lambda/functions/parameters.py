"""Checks what the parameters of a template are: known, allowed, and as its `Rules` want them.

Specification: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-section-structure.html and
intrinsic-function-reference-rules.html there. The functions for parameters that name what is in an account
(`Fn::RefAll`, `Fn::ValueOf`) have values only on AWS.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from local_lambda.errors import UsageError
from local_lambda.functions.given import Given
from local_lambda.functions.intrinsics import OnlyOnAws, Scope, Unresolvable, boolean, is_intrinsic, text

_LISTS = ("Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn")


def check_parameters(path: Path, parameters: Mapping[str, Any], given: Given) -> None:
    """Raises UsageError for a parameter that is not the template's, or has a value that it does not allow."""
    for name, definition in parameters.items():
        if not isinstance(definition, dict):
            raise UsageError(f"{path}: Parameters.{name}: must be a mapping; give it a Type")
        allowed = definition.get("AllowedValues")
        value = given.parameters.get(name)
        if value is not None and isinstance(allowed, list) and value not in map(_scalar, allowed):
            raise UsageError(
                f"{path}: Parameters.{name}: {value!r} is not allowed; use {' or '.join(map(_scalar, allowed))}"
            )
    for name in given.parameters:
        if name not in parameters:
            known = ", ".join(map(str, parameters)) or "none"
            raise UsageError(f"{path}: there is no parameter {name} to override; its parameters: {known}")


def check_rules(path: Path, rules: Mapping[str, Any], scope: Scope) -> Iterator[str]:
    """Yield a line for each rule that cannot be checked. Raises UsageError for an assertion that fails.

    A rule about a parameter that has no value here is skipped, such as the one about the bootstrap version that the
    AWS CDK writes.
    """
    for name, rule in rules.items():
        try:
            if "RuleCondition" in rule and not _holds(rule["RuleCondition"], scope):
                continue
            for assertion in rule["Assertions"]:
                if not _holds(assertion["Assert"], scope):
                    why = assertion.get("AssertDescription", "an assertion is false")
                    raise UsageError(f"{path}: Rules.{name}: {why}; change a parameter with --parameter-overrides")
        except OnlyOnAws as reason:
            yield f"Rules.{name} is not checked: {reason}"
        except Unresolvable:
            continue
        except (TypeError, ValueError, LookupError, AttributeError, RecursionError):
            yield f"Rules.{name} is not checked: it is not written as CloudFormation expects it; give it Assertions"


def _holds(value: Any, scope: Scope) -> bool:
    """Whether a condition or an assertion is true. Raises Unresolvable."""
    name, argument = next(iter(value.items())) if is_intrinsic(value) else ("", value)
    if name == "Fn::And":
        return all(_holds(each, scope) for each in argument)
    if name == "Fn::Or":
        return any(_holds(each, scope) for each in argument)
    if name == "Fn::Not":
        (operand,) = argument
        return not _holds(operand, scope)
    if name not in _LISTS:
        return boolean(scope.resolve(value))
    first, second = map(scope.resolve, argument)
    if name == "Fn::Contains":
        return text(second) in map(text, first)
    allowed = {text(second)} if name == "Fn::EachMemberEquals" else set(map(text, second))
    return allowed.issuperset(map(text, first))


def _scalar(value: Any) -> str:
    return text(value) if isinstance(value, (str, int, float)) else str(value)
