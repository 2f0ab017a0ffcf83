"""CloudFormation's intrinsic functions (`!Ref`, `!Sub`, …), as far as they can be resolved without AWS.

Specification: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
A value that only a deployed stack has is `Unresolvable`, or has a stand-in (`stand_ins.py`) where the reader of the
property asked for one. This module knows nothing about functions, properties or files.
"""

from __future__ import annotations

import copy
import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from local_lambda.errors import UsageError
from local_lambda.functions.given import Given

if TYPE_CHECKING:
    from local_lambda.functions.stand_ins import StandIns

NO_VALUE: Any = object()
"""The value of `!Ref AWS::NoValue`: the property is missing."""
STACK = "local"
_STACK_ID = "00000000-0000-4000-8000-000000000001"
"""The end of a stack's id; templates take a part of it to make names unique."""
_DYNAMIC = re.compile(r"\{\{resolve:(?:ssm|ssm-secure|secretsmanager):[^}]*\}\}").sub

_MALFORMED = (TypeError, ValueError, LookupError, AttributeError, RecursionError)


class Unresolvable(Exception):
    """The value is not known on this machine; `str(error)` says why."""


class OnlyOnAws(Unresolvable):
    """The value is right, and only AWS knows it."""


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

    `references` adds the values of `!Ref` and `!GetAtt` (`Resource.Attribute`) for resources that exist locally, and
    `given` has the values of parameters, and of the resources that a local AWS endpoint has. `rename` leads from a
    name such as `Hello.DestinationQueue` to the resource. `outputs` returns the value of an output of a nested stack
    and whether a stand-in is in it, or None if its template cannot be read; it raises Unresolvable.
    `stack` is the name of the stack.
    """

    def __init__(
        self,
        parameters: Mapping[str, Any],
        mappings: Mapping[str, Any],
        conditions: Mapping[str, Any],
        references: Mapping[str, Any],
        given: Given = Given(),  # noqa: B008 - it cannot change
        rename: Callable[[str], str] = str,
        outputs: Callable[[str, str], tuple[str, bool] | None] = lambda stack, name: None,
        stack: str = STACK,
    ) -> None:
        self._parameters = parameters
        self._mappings = mappings
        self._conditions = conditions
        self._tested: dict[str, bool] = {}
        self._references = references
        self._given = given
        self._rename = rename
        self._outputs = outputs
        self._stand_ins: StandIns | None = None
        place = f"{given.region}:{given.account}"
        self._pseudo = {
            "AWS::AccountId": given.account,
            "AWS::NoValue": NO_VALUE,
            "AWS::NotificationARNs": [],
            "AWS::Partition": given.partition,
            "AWS::Region": given.region,
            "AWS::StackId": f"arn:{given.partition}:cloudformation:{place}:stack/{stack}/{_STACK_ID}",
            "AWS::StackName": stack,
            "AWS::URLSuffix": "amazonaws.com.cn" if given.partition == "aws-cn" else "amazonaws.com",
        }

    def with_stand_ins(self, stand_ins: StandIns) -> Scope:
        """The same scope, in which a value that only AWS has is one of `stand_ins`."""
        scope = copy.copy(self)
        scope._stand_ins = stand_ins
        stand_ins.resolve = self._known
        scope._tested = {}
        return scope

    def resolve(self, value: Any) -> Any:
        """`value` with every intrinsic function replaced by its result. Raises Unresolvable."""
        value = self.resolve_outermost(value)
        if isinstance(value, dict):
            members = {name: self.resolve(member) for name, member in value.items()}
            return {name: member for name, member in members.items() if member is not NO_VALUE}
        if isinstance(value, list):
            return [member for member in map(self.resolve, value) if member is not NO_VALUE]
        return value

    def _known(self, value: Any) -> Any:
        """`value` resolved; None if that takes AWS."""
        try:
            return self.resolve(value)
        except Unresolvable:
            return None

    def resolve_outermost(self, value: Any) -> Any:
        """`value`, or its result if it is an intrinsic function; members stay as written. Raises Unresolvable."""
        if not is_intrinsic(value):
            return value
        ((name, argument),) = value.items()
        function = _FUNCTIONS.get(name)
        if function is None:
            raise OnlyOnAws(f"{_short(name)} has a value only on AWS")
        try:
            return function(self, argument)
        except _MALFORMED as error:
            raise Unresolvable(f"{_short(name)} is not written as CloudFormation expects it") from error

    def resolve_dynamic(self, value: str) -> str:
        """`value` with references such as `{{resolve:ssm:/name}}` replaced. Raises Unresolvable."""

        def resolved(match: re.Match[str]) -> str:
            if self._given.dynamic is None:
                raise OnlyOnAws(f"{match[0]} is read on AWS; run it with `start --aws`")
            try:
                return self._given.dynamic(match[0])
            except UsageError as error:
                raise OnlyOnAws(str(error)) from None

        return _DYNAMIC(resolved, value)

    def condition(self, name: str) -> bool:
        """The value of one of the template's conditions. Raises Unresolvable."""
        if name not in self._conditions:
            raise Unresolvable(f"condition {name} is not defined in this template; add it to Conditions")
        if name not in self._tested:  # only once, because conditions can refer to each other many times
            try:
                self._tested[name] = self._test(self._conditions[name])
            except _MALFORMED as error:
                raise Unresolvable(f"condition {name} is not written as CloudFormation expects it") from error
        return self._tested[name]

    def _test(self, value: Any) -> bool:
        if isinstance(value, dict) and isinstance(value.get("Condition"), str):
            return self.condition(value["Condition"])
        return boolean(self.resolve_outermost(value))

    def _ref(self, argument: Any) -> Any:
        name = argument if isinstance(argument, str) else text(self.resolve(argument))
        if name in self._pseudo:
            return self._pseudo[name]
        if name not in self._parameters:
            name = self._rename(name)
        for known in (self._given.values, self._references):
            if name in known:
                return known[name]
        if name not in self._parameters:
            if self._stand_ins is not None:
                return self._stand_ins.reference(name)
            raise Unresolvable(f"!Ref {name} has no value here: only a deployed stack knows it")
        return self._parameter(name, self._parameters[name])

    def _parameter(self, name: str, definition: Mapping[str, Any]) -> Any:
        kind, value = str(definition.get("Type")), definition.get("Default")
        why = ""
        if name in self._given.parameters:
            value = self._given.parameters[name]
        elif value is None:
            why = f"parameter {name} has no Default; give one with --parameter-overrides {name}=VALUE"
        elif kind.startswith("AWS::SSM::Parameter::Value") and self._given.dynamic is not None:
            value, why = self._from_systems_manager(text(value))
        elif kind.startswith("AWS::SSM::"):
            why = f"parameter {name} is read from Systems Manager on AWS; give --parameter-overrides {name}=VALUE"
        if why:
            if self._stand_ins is None:
                raise Unresolvable(why)
            value = self._stand_ins.parameter(name, definition)
        if kind == "CommaDelimitedList" or "List<" in kind:
            return [item.strip() for item in text(value).split(",")]
        return text(value)

    def _from_systems_manager(self, name: str) -> tuple[str, str]:
        """The value of a parameter of Systems Manager, and the reason why there is none."""
        assert self._given.dynamic is not None
        try:
            return self._given.dynamic(f"{{{{resolve:ssm:{name}}}}}"), ""
        except UsageError as error:
            return "", str(error)

    def _get_att(self, argument: Any) -> Any:
        name = argument if isinstance(argument, str) else ".".join(map(text, map(self.resolve, argument)))
        renamed = self._rename(name)
        if "." in name and "." not in renamed:  # `${Hello.DestinationQueue}` of `!Sub` means the resource itself
            return self._ref(renamed)
        name = renamed
        if "." not in name:
            raise ValueError(name)
        for known in (self._given.values, self._references):
            if name in known:
                return known[name]
        logical_id, attribute = name.split(".", 1)
        output = None
        if attribute.startswith("Outputs."):
            output = self._outputs(logical_id, attribute.removeprefix("Outputs."))
        if output is not None and not output[1]:
            return output[0]
        if self._stand_ins is not None:
            return self._stand_ins.attribute(logical_id, attribute, None if output is None else output[0])
        raise Unresolvable(f"!GetAtt {name} has a value only on AWS")

    def _import_value(self, argument: Any) -> str:
        if self._stand_ins is None:
            raise Unresolvable("!ImportValue has a value only on AWS")
        return self._stand_ins.imported(text(self.resolve(argument)))

    def _get_azs(self, argument: Any) -> list[str]:
        region = text(self.resolve(argument)) or self._given.region
        return [f"{region}{zone}" for zone in "abc"]

    def _base64(self, argument: Any) -> str:
        return b64encode(text(self.resolve(argument)).encode()).decode()

    def _cidr(self, argument: Any) -> list[str]:
        """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-cidr.html"""
        from ipaddress import ip_network
        from itertools import islice

        block, count, host_bits = self.resolve(argument)
        try:
            network = ip_network(block, strict=False)
        except ValueError:
            if self._stand_ins is None:
                raise
            raise OnlyOnAws(f"!Cidr of {block} has a value only on AWS") from None
        if not 1 <= int(count) <= 256:
            raise ValueError(count)
        subnets = network.subnets(new_prefix=network.max_prefixlen - int(host_bits))
        found = list(map(str, islice(subnets, int(count))))
        if len(found) < int(count):
            raise ValueError(count)
        return found

    def _length(self, argument: Any) -> int:
        values = self.resolve(argument)
        if not isinstance(values, list):
            raise TypeError(values)
        return len(values)

    def _to_json_string(self, argument: Any) -> str:
        return json.dumps(self.resolve(argument), separators=(",", ":"))

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
        try:
            return values[int(index)]
        except IndexError:
            if self._stand_ins is None or not values:
                raise
            return values[-1]  # a stand-in can have fewer parts than the value on AWS

    def _find_in_map(self, argument: Any) -> Any:
        name, top, second, *more = argument
        name, top, second = map(text, map(self.resolve, (name, top, second)))
        try:
            return self._mappings[name][top][second]
        except LookupError:
            if more and isinstance(more[0], dict) and "DefaultValue" in more[0]:
                return self.resolve(more[0]["DefaultValue"])
        keys = self._mappings.get(name)
        if not isinstance(keys, dict):
            raise Unresolvable(f"there is no mapping {name}; add it to Mappings")
        if top in keys:
            raise Unresolvable(f"mapping {name} has no {second} for {top}; add it")
        advice = "choose one of its regions with --region" if top == self._given.region else "add it, or use another"
        raise Unresolvable(f"mapping {name} has no {top}, only {', '.join(map(str, keys))}; {advice}")

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


def boolean(value: Any) -> bool:
    """A condition's value. Raises ValueError for anything but true and false."""
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
    "Fn::Base64": Scope._base64,
    "Fn::Cidr": Scope._cidr,
    "Fn::Equals": Scope._equals,
    "Fn::FindInMap": Scope._find_in_map,
    "Fn::GetAZs": Scope._get_azs,
    "Fn::GetAtt": Scope._get_att,
    "Fn::If": Scope._if,
    "Fn::ImportValue": Scope._import_value,
    "Fn::Join": Scope._join,
    "Fn::Length": Scope._length,
    "Fn::Not": Scope._not,
    "Fn::Or": Scope._or,
    "Fn::Select": Scope._select,
    "Fn::Split": Scope._split,
    "Fn::Sub": Scope._sub,
    "Fn::ToJsonString": Scope._to_json_string,
}
