"""The layers of the endpoint, kept in memory: their versions, and the content that functions get.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_PublishLayerVersion.html and the other operations there.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from local_lambda.aws.checks import Document, invalid
from local_lambda.aws.packages import Package, Packages
from local_lambda.errors import ApiError


@dataclass
class LayerVersion:
    """One version of a layer: its document in the API, and its content."""

    name: str
    document: Document
    package: Package


class Layers:
    """The layers of one region."""

    def __init__(self, region: str, packages: Packages, account: str) -> None:
        self.region = region
        self._account = account
        self.versions: dict[str, dict[int, LayerVersion]] = {}
        """Versions by layer name and version number."""
        self._newest: dict[str, int] = {}
        self._packages = packages

    def get(self, name: str, version: int) -> LayerVersion:
        """The version of this number. Raises ApiError ResourceNotFoundException."""
        found = self.versions.get(name, {}).get(version)
        if found is None:
            raise ApiError(404, "ResourceNotFoundException", "The resource you requested does not exist.")
        return found

    async def publish(self, name: str, request: Document, data: bytes) -> LayerVersion:
        """Publish a new version; numbers count up and are never reused."""
        package = await self._packages.open(data, layer=True)
        version = self._newest[name] = self._newest.get(name, 0) + 1
        arn = f"arn:aws:lambda:{self.region}:{self._account}:layer:{name}"
        document = {
            "LayerArn": arn,
            "LayerVersionArn": f"{arn}:{version}",
            "Description": request.get("Description", ""),
            "CreatedDate": now(),
            "Version": version,
        }
        for member in ("CompatibleRuntimes", "CompatibleArchitectures", "LicenseInfo"):
            if request.get(member):
                document[member] = request[member]
        layer = LayerVersion(name, document, package)
        self.versions.setdefault(name, {})[version] = layer
        return layer

    def delete(self, name: str, version: int) -> None:
        """Delete a version. Functions that use it keep it; no other function can get it."""
        self.versions.get(name, {}).pop(version, None)

    def find(self, arns: Sequence[str]) -> list[LayerVersion]:
        """The versions with these ARNs. Raises ApiError InvalidParameterValueException."""
        found = []
        for arn in arns:
            _, _, _, region, account, _, name, version = arn.split(":")
            layer = self.versions.get(name, {}).get(int(version))
            if layer is None or (region, account) != (self.region, self._account):
                here = "" if account == self._account else " (only layers published to this endpoint exist here)"
                raise invalid(f"Layer version {arn} does not exist.{here}")
            found.append(layer)
        return found

    def packages(self) -> Iterable[Package]:
        """The content of all versions."""
        return (layer.package for versions in self.versions.values() for layer in versions.values())


def now() -> str:
    """The current time in the API's format."""
    return timestamp(time.time())


def timestamp(seconds: float) -> str:
    """A time (seconds since the epoch) in the API's format: ISO 8601, milliseconds, `+0000`."""
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "+0000"
