"""The names that a template can refer to: its parameters, its resources, and the resources that AWS SAM generates.

Specification: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/
sam-specification-generated-resources.html. Logical ids that are not on this page are those that the transform writes:
https://github.com/aws/serverless-application-model (samtranslator/model). A name that may be generated counts as known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from local_lambda.functions.transforms import TRANSFORM, macros

_NO_RESOURCE = (
    "Template format error: Unresolved resource dependencies [{}] in the {} block of the template;"
    " correct the name, or add a resource or a parameter of this name"
)
_NO_CONDITION = (
    "Template format error: Unresolved condition dependency {} in the {} block of the template;"
    " correct the name, or add it to Conditions"
)
"""CloudFormation's messages, and what to do."""
_PSEUDO = frozenset(
    f"AWS::{name}" for name in "AccountId NoValue NotificationARNs Partition Region StackId StackName URLSuffix".split()
)
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html"""
_SERVERLESS = "AWS::Serverless::"
_FUNCTION = "AWS::Serverless::Function"
_OF_STACK = ("ApiGatewayDomainName", "CodeDeployServiceRole", "RecordSetGroup", "Serverless")
"""How the logical ids begin that SAM gives to resources that several others share."""
_OF_FUNCTION = re.compile(
    "Role|Version.*|Alias.+|Url|UrlPublicPermissions|URLInvokeAllowPublicAccess|DeploymentGroup|EventInvokeConfig.*"
    "|Cognito.*|Revision|Endpoint"
).fullmatch
"""How the logical ids end that SAM gives to the resources of a function. Others end with the name of an event."""
_IMPLICIT = {"ServerlessHttpApi": "AWS::Serverless::HttpApi", "ServerlessRestApi": "AWS::Serverless::Api"}
"""The APIs that SAM makes for events that name none."""
_DESTINATIONS = {"DestinationQueue": "Queue", "DestinationTopic": "Topic"}


class Names:
    """The names of one template, whose sections are `document`; loops are expanded in the others."""

    def __init__(
        self, document: Mapping[str, Any], resources: Mapping[str, Any], conditions: Mapping[str, Any]
    ) -> None:
        parameters = document.get("Parameters")
        self._parameters = parameters if isinstance(parameters, dict) else {}
        self._resources = resources
        self._conditions = conditions
        self.complete = TRANSFORM not in resources and TRANSFORM not in document and not any(macros(document))
        """Whether no macro adds or changes resources on AWS."""
        self._chosen = frozenset(_chosen(resources))

    def faults(self, block: str, entry: Mapping[str, Any], values: Any) -> Iterator[tuple[str, str]]:
        """The path and the fault of each reference that leads nowhere in an entry of Resources or Outputs.

        `values` has the entry's properties, or its value.
        """
        if not self.complete:
            return
        condition, others = entry.get("Condition"), entry.get("DependsOn")
        if isinstance(condition, str) and condition not in self._conditions:
            yield "Condition", _NO_CONDITION.format(condition, block)
        for name in others if isinstance(others, list) else (others,):
            if isinstance(name, str) and not self._has(name):
                yield "DependsOn", _NO_RESOURCE.format(name, block)
        for where, name in self._unresolved(values, ""):
            yield where, _NO_RESOURCE.format(name, block)

    def _unresolved(self, value: Any, where: str) -> Iterator[tuple[str, str]]:
        """The path and the name of each reference in `value` that leads nowhere; `where` is the path of `value`."""
        for function, argument in value.items() if isinstance(value, dict) and len(value) == 1 else ():
            for name in _named(function, argument):
                logical_id = name.partition(".")[0]
                if not self._has(logical_id):
                    yield where, logical_id
        if isinstance(value, dict):
            for key, member in value.items():
                inner = where if str(key).startswith("Fn::") else f"{where}.{key}" if where else str(key)
                yield from self._unresolved(member, inner)
        elif isinstance(value, list):
            for member in value:
                yield from self._unresolved(member, where)

    def rename(self, name: str) -> str:
        """The resource, and attribute, that `name` stands for if it is a property that SAM makes referable."""
        logical_id, after, attribute = name.partition(".")
        what, dot, rest = attribute.partition(".")
        if what in _DESTINATIONS and _type(self._resources, logical_id) == _FUNCTION:
            for end in ("OnSuccess", "OnFailure"):
                made = f"{logical_id}EventInvokeConfig{end}{_DESTINATIONS[what]}"
                if made in self._resources:
                    return f"{made}{dot}{rest}"
        if attribute == "LayerVersionArn" and _type(self._resources, logical_id).endswith("::LayerVersion"):
            return logical_id
        if logical_id not in self._resources:
            for owner, ending in _owners(self._resources, logical_id):
                kind, found = _type(self._resources, owner), re.fullmatch("(Alias|Version).+|.*(Stage)", ending)
                if found and ((kind == _FUNCTION and found[1]) or (kind in _IMPLICIT.values() and found[2])):
                    return f"{owner}.{found[1] or found[2]}{after}{attribute}"
        return name

    def _has(self, logical_id: str) -> bool:
        known = (_PSEUDO, self._parameters, self._resources, self._chosen)
        return any(logical_id in names for names in known) or self._is_generated(logical_id)

    def _is_generated(self, logical_id: str) -> bool:
        if logical_id.startswith(_OF_STACK):
            return True
        return any(
            _generates(self._resources.get(owner), ending) for owner, ending in _owners(self._resources, logical_id)
        )


def published(logical_id: str, arn: str, alias: str) -> dict[str, str]:
    """What references to the version and the alias return that SAM publishes for the function of this ARN.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-lambda-version.html and
    aws-resource-lambda-alias.html, under "Return values".
    """
    version, named = f"{logical_id}.Version", f"{logical_id}.Alias"
    return {
        **dict.fromkeys((version, f"{version}.FunctionArn"), f"{arn}:1"),
        f"{version}.Version": "1",
        **dict.fromkeys((named, f"{named}.AliasArn"), f"{arn}:{alias}"),
    }


def generated_type(resources: Mapping[str, Any], logical_id: str) -> tuple[str, str]:
    """The type of a resource that SAM generates, and the function that it is for; empty for any other resource."""
    if logical_id in _IMPLICIT:
        return _IMPLICIT[logical_id], ""
    for owner, ending in _owners(resources, logical_id):
        if _type(resources, owner) == _FUNCTION and ending in ("Role", "Url"):
            return {"Role": "AWS::IAM::Role", "Url": "AWS::Lambda::Url"}[ending], owner
    return "", ""


def _owners(resources: Mapping[str, Any], logical_id: str) -> Iterator[tuple[str, str]]:
    """The resources whose logical ids `logical_id` begins with, each with the rest of it."""
    for owner in (*resources, *_IMPLICIT):
        if isinstance(owner, str) and logical_id.startswith(owner) and logical_id != owner:
            yield owner, logical_id[len(owner) :]


def _generates(resource: Any, ending: str) -> bool:
    kind = str(resource.get("Type")) if isinstance(resource, dict) else ""
    if kind.endswith("::MODULE") or (isinstance(resource, dict) and "Connectors" in resource):
        return True
    if kind != _FUNCTION:
        return kind.startswith(_SERVERLESS)
    properties = resource.get("Properties")
    events = properties.get("Events") if isinstance(properties, dict) else None
    return bool(_OF_FUNCTION(ending)) or (isinstance(events, dict) and ending.startswith(tuple(map(str, events))))


def _type(resources: Mapping[str, Any], logical_id: str) -> str:
    resource = resources.get(logical_id)
    return str(resource.get("Type")) if isinstance(resource, dict) else _IMPLICIT.get(logical_id, "")


def _chosen(value: Any) -> Iterator[str]:
    """Logical ids that the template chooses for what SAM generates, such as `QueueLogicalId`."""
    if isinstance(value, dict):
        for name, member in value.items():
            if isinstance(member, str) and str(name).endswith("LogicalId"):
                yield member
            yield from _chosen(member)
    elif isinstance(value, list):
        for member in value:
            yield from _chosen(member)


def _named(function: str, argument: Any) -> Iterator[str]:
    """The names that a call of an intrinsic function refers to, apart from those in its nested calls."""
    if function in ("Ref", "Fn::GetAtt") and isinstance(argument, str):
        yield argument
    elif function == "Fn::GetAtt" and isinstance(argument, list) and argument and isinstance(argument[0], str):
        yield argument[0]
    elif function == "Fn::Sub":
        text, variables = argument if isinstance(argument, list) and len(argument) == 2 else (argument, {})
        for name in re.findall(r"\$\{([^!}][^}]*)\}", text) if isinstance(text, str) else ():
            if name.strip() and not (isinstance(variables, dict) and name.strip() in variables):
                yield name.strip()
