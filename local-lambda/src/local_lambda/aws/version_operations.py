"""The operations on versions and aliases: https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html.

Messages are those of recorded responses of the service, where there are any.
"""

from __future__ import annotations

import re

from local_lambda.aws.checks import Document, check_members, check_revision, invalid, violation
from local_lambda.aws.function import Function
from local_lambda.aws.operation import Operation, Response, latest, page
from local_lambda.errors import ApiError
from local_lambda.events.identifiers import new_uuid

_ALIAS = r"(?!^[0-9]+$)([a-zA-Z0-9-_]+)"
_ON_PUBLISH = {"CodeSha256": str, "Description": str, "RevisionId": str}
_ALIAS_MEMBERS = {"Description": str, "FunctionVersion": str, "RoutingConfig": dict}


class VersionOperations:
    """One method per operation, named after it."""

    async def publish_version(self, operation: Operation) -> Response:
        request, function = operation.request, latest(operation)
        check_members(request, _ON_PUBLISH)
        digest = request.get("CodeSha256")
        if digest and digest != function.configuration["CodeSha256"]:
            raise invalid(
                f"CodeSHA256 ({digest}) is different from current CodeSHA256 in $LATEST "
                f"({function.configuration['CodeSha256']}). Please try again with the CodeSHA256 in $LATEST."
            )
        check_revision(request.get("RevisionId"), function.configuration["RevisionId"])
        version = operation.functions.publish(function, request.get("Description"))
        return 201, version.configuration

    async def create_alias(self, operation: Operation) -> Response:
        request, function = operation.request, latest(operation)
        check_members(request, {"Name": str, **_ALIAS_MEMBERS})
        name = request.get("Name")
        if name is None or len(name) > 128 or not re.fullmatch(r"(?![0-9]+$)[a-zA-Z0-9-_]+", name):
            raise violation(name, "name", f"Member must satisfy regular expression pattern: {_ALIAS}")
        if "FunctionVersion" not in request:
            raise violation(None, "functionVersion", "Member must not be null")
        arn = f"{function.configuration['FunctionArn']}:{name}"
        if name in function.aliases:
            raise ApiError(409, "ResourceConflictException", f"Alias already exists: {arn}")
        document: Document = {"AliasArn": arn, "Name": name, "Description": "", "FunctionVersion": ""}
        operation.functions.set_alias(function, name, _changed(document, request, function))
        return 201, function.aliases[name]

    async def update_alias(self, operation: Operation) -> Response:
        function, name = latest(operation), operation.names[1]
        check_members(operation.request, {"RevisionId": str, **_ALIAS_MEMBERS})
        alias = _alias(function, name)
        check_revision(operation.request.get("RevisionId"), alias["RevisionId"])
        operation.functions.set_alias(function, name, _changed(alias, operation.request, function))
        return 200, function.aliases[name]

    async def get_alias(self, operation: Operation) -> Response:
        return 200, _alias(latest(operation), operation.names[1])

    async def list_aliases(self, operation: Operation) -> Response:
        wanted = operation.query.get("FunctionVersion")
        aliases = [alias for _, alias in sorted(latest(operation).aliases.items())]
        found = [alias for alias in aliases if wanted in (None, alias["FunctionVersion"])]
        return 200, page("Aliases", found, operation.query)

    async def delete_alias(self, operation: Operation) -> Response:
        function, name = latest(operation), operation.names[1]
        if name in function.aliases:
            operation.functions.set_alias(function, name, None)
        return 204, None


def _alias(function: Function, name: str) -> Document:
    alias = function.aliases.get(name)
    if alias is None:
        arn = f"{function.configuration['FunctionArn']}:{name}"
        raise ApiError(404, "ResourceNotFoundException", f"Cannot find alias arn: {arn}")
    return alias


def _changed(alias: Document, request: Document, function: Function) -> Document:
    """An alias as a request changes it. Raises ApiError."""
    changed = {**alias, "RevisionId": new_uuid()}
    for member in ("Description", "FunctionVersion"):
        if member in request:
            changed[member] = request[member]
    if "RoutingConfig" in request:
        weights = _weights(request["RoutingConfig"])
        changed.pop("RoutingConfig", None)
        if weights:
            changed["RoutingConfig"] = {"AdditionalVersionWeights": weights}
    version, weights = changed["FunctionVersion"], changed.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    for each in (version, *weights):
        if each != "$LATEST" and each not in function.published:
            arn = f"{function.configuration['FunctionArn']}:{each}"
            raise ApiError(404, "ResourceNotFoundException", f"Function not found: {arn}")
    if weights and "$LATEST" in (version, *weights):
        raise invalid("$LATEST is not supported for an alias pointing to more than 1 version")
    if version in weights:
        raise invalid(
            f"Invalid function version {version}. Function version {version} is already included in routing "
            "configuration."
        )
    return changed


def _weights(routing: Document) -> dict[str, float]:
    check_members(routing, {"AdditionalVersionWeights": dict})
    weights = routing.get("AdditionalVersionWeights", {})
    if len(weights) > 1:
        raise invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
    for version, weight in weights.items():
        if not isinstance(weight, (int, float)) or isinstance(weight, bool) or not 0 <= weight <= 1:
            raise invalid(f"The weight of version {version} must be a number from 0 to 1")
    return {version: float(weight) for version, weight in weights.items()}
