"""CloudFormation's intrinsic functions (`!Ref`, `!Sub`, …), as far as they can be resolved without AWS.

Specification: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
A value that only a deployed stack has is `Unresolvable`; the code that reads the property decides whether that matters.
This module knows nothing about functions, properties or files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from local_lambda.functions.config import ACCOUNT_ID, REGION

NO_VALUE: Any = object()
"""The value of `!Ref AWS::NoValue`: the property is missing."""

PSEUDO_PARAMETERS: Mapping[str, Any] = {
    "AWS::AccountId": ACCOUNT_ID,
    "AWS::NoValue": NO_VALUE,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackName": "local",
    "AWS::URLSuffix": "amazonaws.com",
}


_MALFORMED = (TypeError, ValueError, LookupError, AttributeError, RecursionError)


class Unresolvable(Exception):
    """The value is not known on this machine; `str(error)` says why."""


def text(value: Any) -> str:
    """A scalar in CloudFormation's string form: `true`, `30`. Raises TypeError for anything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not a string")


def is_intrinsic(value: Any) -> bool:
    """Whether `value` is a call such as `{"Ref": "Stage"}`; short forms are read as this long form."""
    if not isinstance(value, dict) or len(value) != 1:
        return False
    name = next(iter(value))
    return isinstance(name, str) and (name == "Ref" or name.startswith("Fn::"))


class Scope:
    """The names of one template: `parameters`, `mappings` and `conditions` are its sections of that name.

    `references` adds the values of `!Ref` and `!GetAtt` (`Resource.Attribute`) for resources that exist locally.
    """

    def __init__(
        self,
        parameters: Mapping[str, Any],
        mappings: Mapping[str, Any],
        conditions: Mapping[str, Any],
        references: Mapping[str, Any],
    ) -> None:
        self._parameters = parameters
        self._mappings = mappings
        self._conditions = conditions
        self._tested: dict[str, bool] = {}
        self._references = references

    def resolve(self, value: Any) -> Any:
        """`value` with every intrinsic function replaced by its result. Raises Unresolvable."""
        value = self.resolve_outermost(value)
        if isinstance(value, dict):
            members = {name: self.resolve(member) for name, member in value.items()}
            return {name: member for name, member in members.items() if member is not NO_VALUE}
        if isinstance(value, list):
            return [member for member in map(self.resolve, value) if member is not NO_VALUE]
        return value

    def resolve_outermost(self, value: Any) -> Any:
        """`value`, or its result if it is an intrinsic function; members stay as written. Raises Unresolvable."""
        if not is_intrinsic(value):
            return value
        ((name, argument),) = value.items()
        function = _FUNCTIONS.get(name)
        if function is None:
            raise Unresolvable(f"{_short(name)} has a value only on AWS")
        try:
            return function(self, argument)
        except _MALFORMED as error:
            raise Unresolvable(f"{_short(name)} is not written as CloudFormation expects it") from error

    def condition(self, name: str) -> bool:
        """The value of one of the template's conditions. Raises Unresolvable."""
        if name not in self._conditions:
            raise Unresolvable(f"condition {name} is not defined in this template")
        if name not in self._tested:  # only once, because conditions can refer to each other many times
            try:
                self._tested[name] = self._test(self._conditions[name])
            except _MALFORMED as error:
                raise Unresolvable(f"condition {name} is not written as CloudFormation expects it") from error
        return self._tested[name]

    def _test(self, value: Any) -> bool:
        if isinstance(value, dict) and isinstance(value.get("Condition"), str):
            return self.condition(value["Condition"])
        return _boolean(self.resolve_outermost(value))

    def _ref(self, name: str) -> Any:
        if name in PSEUDO_PARAMETERS:
            return PSEUDO_PARAMETERS[name]
        if name in self._references:
            return self._references[name]
        if name not in self._parameters:
            raise Unresolvable(f"!Ref {name} has no value here: only a deployed stack knows it")
        parameter = self._parameters[name]
        if "Default" not in parameter:
            raise Unresolvable(f"parameter {name} has no Default")
        kind, default = str(parameter.get("Type")), parameter["Default"]
        if kind.startswith("AWS::SSM::"):
            raise Unresolvable(f"parameter {name} is read from Systems Manager on AWS")
        if kind == "CommaDelimitedList" or kind.startswith("List<"):
            return [item.strip() for item in text(default).split(",")]
        return text(default)

    def _get_att(self, argument: Any) -> Any:
        name = argument if isinstance(argument, str) else ".".join(argument)
        if name not in self._references:
            raise Unresolvable(f"!GetAtt {name} has a value only on AWS")
        return self._references[name]

    def _sub(self, argument: Any) -> str:
        template, variables = (argument, {}) if isinstance(argument, str) else argument

        def value(match: re.Match[str]) -> str:
            name = match[1].strip()
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in variables:
                return text(self.resolve(variables[name]))
            return text(self._get_att(name) if "." in name else self._ref(name))

        return re.sub(r"\$\{([^}]*)\}", value, template)

    def _join(self, argument: Any) -> str:
        delimiter, values = argument
        return str(delimiter).join(map(text, self.resolve(values)))

    def _split(self, argument: Any) -> list[str]:
        delimiter, value = argument
        return text(self.resolve(value)).split(delimiter)

    def _select(self, argument: Any) -> Any:
        index, values = self.resolve(argument)
        return values[int(index)]

    def _find_in_map(self, argument: Any) -> Any:
        name, top, second = self.resolve(argument)[:3]
        return self._mappings[name][text(top)][text(second)]

    def _if(self, argument: Any) -> Any:
        name, yes, no = argument
        return self.resolve_outermost(yes if self.condition(name) else no)

    def _equals(self, argument: Any) -> bool:
        left, right = map(self.resolve, argument)
        return text(left) == text(right)

    def _not(self, argument: Any) -> bool:
        (operand,) = argument
        return not self._test(operand)

    def _and(self, argument: Any) -> bool:
        return all(self._test(operand) for operand in argument)

    def _or(self, argument: Any) -> bool:
        return any(self._test(operand) for operand in argument)


def _boolean(value: Any) -> bool:
    if value in (True, "true"):
        return True
    if value in (False, "false"):
        return False
    raise ValueError(value)


def _short(name: str) -> str:
    return "!" + name.removeprefix("Fn::")


_FUNCTIONS: dict[str, Callable[[Scope, Any], Any]] = {
    "Ref": Scope._ref,
    "Fn::And": Scope._and,
    "Fn::Equals": Scope._equals,
    "Fn::FindInMap": Scope._find_in_map,
    "Fn::GetAtt": Scope._get_att,
    "Fn::If": Scope._if,
    "Fn::Join": Scope._join,
    "Fn::Not": Scope._not,
    "Fn::Or": Scope._or,
    "Fn::Select": Scope._select,
    "Fn::Split": Scope._split,
    "Fn::Sub": Scope._sub,
}
