"""Deployment packages: checked as the service does, and unpacked in a folder.

Limits: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html. `bundle.py` does the unpacking.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from local_lambda.aws.checks import invalid
from local_lambda.errors import ApiError, UsageError
from local_lambda.functions.bundle import make_private, merge_layers, open_code
from local_lambda.limits import MAX_UNZIPPED_BYTES, MAX_ZIPPED_BYTES
from local_lambda.processes.programs.removal import remove_tree

_BROKEN = "Could not unzip uploaded file. Please check your file, then try to upload again."


@dataclass(frozen=True)
class Package:
    """A zip package and its unpacked content. Sizes are in bytes, `sha256` is in the API's format."""

    home: Path
    zip: Path
    folder: Path
    size: int
    unzipped: int
    sha256: str


class Packages:
    """The folders of all packages, below `workspace`. Slow work is done in threads."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._numbers = count(1)

    async def open(self, data: bytes, layer: bool = False) -> Package:
        """Unzip a package into a new folder. Raises ApiError."""
        home = self._workspace / f"{'layer' if layer else 'code'}-{next(self._numbers)}"
        try:
            return await asyncio.to_thread(open_package, data, home, layer)
        except ApiError:
            await self.remove(home)
            raise

    async def merge(self, code: Package, layers: Sequence[Package]) -> tuple[Path | None, Path | None]:
        """The folder for `/opt`, and the folder to remove with it; a single layer is used in place."""
        check_total(code, layers)
        if len(layers) < 2:
            return (layers[0].folder if layers else None), None
        own = self._workspace / f"opt-{next(self._numbers)}"
        try:
            return await asyncio.to_thread(merge_layers, [layer.zip for layer in layers], own), own
        except UsageError as error:
            await self.remove(own)
            raise invalid(str(error)) from None

    async def remove(self, folder: Path) -> None:
        """Remove a folder that is no longer needed."""
        await asyncio.to_thread(remove_tree, str(folder))


def sent_zip(code: dict[str, Any]) -> bytes:
    """The bytes of `ZipFile`. Raises ApiError if it is not Base64, or over the limit of a direct upload."""
    try:
        data = base64.b64decode(code["ZipFile"], validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise ApiError(400, "SerializationException", "ZipFile is not base64") from None
    if len(data) > MAX_ZIPPED_BYTES:
        raise ApiError(
            413, "RequestEntityTooLargeException", f"Zipped size must be smaller than {MAX_ZIPPED_BYTES} bytes"
        )
    return data


def open_package(data: bytes, home: Path, layer: bool = False) -> Package:
    """Write and unpack a zip package in `home`, a new folder. Raises ApiError InvalidParameterValueException."""
    if not data:
        raise invalid("Uploaded file must be a non-empty zip")
    make_private(home)
    path = home / "package.zip"
    path.write_bytes(data)
    try:
        folder = merge_layers([path], home) if layer else open_code(path, home)
        with zipfile.ZipFile(path) as archive:
            unzipped = sum(entry.file_size for entry in archive.infolist())
    except UsageError as error:
        reason = str(error).removeprefix(f"{path}: ")
        if reason.startswith("Unzipped size"):
            raise invalid(reason) from None
        raise invalid(_BROKEN if reason.startswith("cannot be unzipped") else f"{_BROKEN} ({reason})") from None
    assert folder is not None
    digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
    return Package(home, path, folder, len(data), unzipped, digest)


def check_total(code: Package, layers: Sequence[Package]) -> None:
    """Raises ApiError if code and layers together exceed the limit."""
    total = code.unzipped + sum(layer.unzipped for layer in layers)
    if total > MAX_UNZIPPED_BYTES:
        raise invalid(
            f"Function code combined with layers exceeds the maximum allowed size of {MAX_UNZIPPED_BYTES} bytes. "
            f"The actual size is {total} bytes."
        )
