"""The operations on layers: https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html."""

from __future__ import annotations

from collections.abc import Mapping

from local_lambda.aws.checks import Document, check_members, layer_name, violation
from local_lambda.aws.layers import LayerVersion
from local_lambda.aws.operation import Operation, Response, code_of, location, number, page
from local_lambda.aws.services import Services

_MEMBERS = {
    "CompatibleArchitectures": list,
    "CompatibleRuntimes": list,
    "Content": dict,
    "Description": str,
    "LicenseInfo": str,
}


class LayerOperations:
    """One method per operation, named after it."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def publish_layer_version(self, operation: Operation) -> Response:
        name, request = layer_name(operation.names[0]), operation.request
        check_members(request, _MEMBERS)
        if "Content" not in request:
            raise violation(None, "content", "Member must not be null")
        data = await code_of(self._services, operation, request["Content"])
        layer = await operation.functions.layers.publish(name, request, data)
        return 201, _layer(operation, layer)

    async def list_layer_versions(self, operation: Operation) -> Response:
        versions = operation.functions.layers.versions.get(layer_name(operation.names[0]), {})
        newest_first = [layer.document for _, layer in sorted(versions.items(), reverse=True)]
        return 200, page("LayerVersions", _compatible(newest_first, operation.query), operation.query)

    async def list_layers(self, operation: Operation) -> Response:
        if operation.query.get("find") == "LayerVersion":
            return await self._get_layer_version_by_arn(operation)
        layers = []
        for name, versions in sorted(operation.functions.layers.versions.items()):
            matching = _compatible([layer.document for _, layer in sorted(versions.items())], operation.query)
            if matching:
                newest = {member: value for member, value in matching[-1].items() if member != "LayerArn"}
                arn = matching[-1]["LayerArn"]
                layers.append({"LayerName": name, "LayerArn": arn, "LatestMatchingVersion": newest})
        return 200, page("Layers", layers, operation.query)

    async def get_layer_version(self, operation: Operation) -> Response:
        name, version = operation.names
        return 200, _layer(operation, operation.functions.layers.get(layer_name(name), number(version)))

    async def _get_layer_version_by_arn(self, operation: Operation) -> Response:
        arn, _, version = operation.query.get("Arn", "").rpartition(":")
        return 200, _layer(operation, operation.functions.layers.get(layer_name(arn), number(version)))

    async def delete_layer_version(self, operation: Operation) -> Response:
        name, version = operation.names
        operation.functions.layers.delete(layer_name(name), number(version))
        return 204, None


def _layer(operation: Operation, layer: LayerVersion) -> Document:
    package = layer.package
    content = {
        "Location": location(operation, package),
        "CodeSha256": package.sha256,
        "CodeSize": package.size,
    }
    return {"Content": content, **layer.document}


def _compatible(versions: list[Document], query: Mapping[str, str]) -> list[Document]:
    """The versions that match the query's filters."""
    for member in ("CompatibleRuntimes", "CompatibleArchitectures"):
        wanted = query.get(member.removesuffix("s"))
        if wanted:
            versions = [version for version in versions if wanted in version.get(member, [])]
    return versions
