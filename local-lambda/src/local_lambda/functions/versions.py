"""Versions and aliases that are resources of a template.

Specification: the CloudFormation pages of `AWS::Lambda::Version` and `AWS::Lambda::Alias`. A template describes one
state of the code, so all versions of a function have the same.
"""

from __future__ import annotations

from local_lambda.functions.config import Alias, FunctionConfig
from local_lambda.functions.function_resource import is_alias
from local_lambda.functions.properties import Properties

VERSION, ALIAS = "AWS::Lambda::Version", "AWS::Lambda::Alias"


def read_alias(properties: Properties, function: FunctionConfig) -> tuple[str, Alias]:
    """Name and alias of a resource. Raises UsageError."""
    name, version = properties.string("Name") or "", properties.string("FunctionVersion") or ""
    if not is_alias(name):
        raise properties.wrong("Name", f"'{name}' is not an alias; use letters, digits, - and _")
    weights = _weights(properties)
    if weights and "$LATEST" in (version, *weights):
        raise properties.wrong("RoutingConfig", "$LATEST cannot share an alias with a version")
    if version in weights:
        raise properties.wrong("RoutingConfig", f"version {version} is already that of the alias")
    for wanted in (version, *weights):
        if wanted != "$LATEST" and wanted not in function.published:
            raise properties.cannot("FunctionVersion", f"{wanted} is not a version of this template")
    return name, Alias(version, weights)


def _weights(properties: Properties) -> dict[str, float]:
    routing = properties.inside("RoutingConfig").any("AdditionalVersionWeights")
    if routing is None:
        return {}
    try:
        weights = {str(each["FunctionVersion"]): float(each["FunctionWeight"]) for each in routing}
    except (TypeError, KeyError, ValueError):
        expected = "AdditionalVersionWeights must be a list of a FunctionVersion and a FunctionWeight"
        raise properties.wrong("RoutingConfig", expected) from None
    if len(routing) > 1:
        raise properties.wrong("RoutingConfig", "AdditionalVersionWeights cannot have more than one item")
    if not all(0 <= weight <= 1 for weight in weights.values()):
        raise properties.wrong("RoutingConfig", "a FunctionWeight must be a number from 0 to 1")
    return weights
