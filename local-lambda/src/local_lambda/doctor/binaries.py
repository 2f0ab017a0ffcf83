"""Compiled modules and wheels that were made for another platform, processor or Python.

Names: https://peps.python.org/pep-3149/ and https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from local_lambda.doctor.tree import Tree

_MACHINES = {0x3E: "x86_64", 0xB7: "arm64"}
_TAG = re.compile(r"\.cpython-(\d)(\d+)").search
_WHEEL_TAG = re.compile(r"(?m)^Tag: (\S+)-(\S+)-(\S+)$").findall
_FIRST_ON_AMAZON_LINUX_2023 = (3, 12)
"""The Python whose runtime is the first with glibc 2.34: wheels for glibc 2.28, the newest of many libraries, work."""


def check_binaries(tree: Tree, version: str | None, machine: str) -> Iterator[tuple[str, str, str]]:
    """File, what is wrong, and what to do. `version` is such as `3.12`; `machine` is `x86_64` or `arm64`."""
    remedy = _remedy(version, "aarch64" if machine == "arm64" else machine)
    for name in tree.entries:
        if name.endswith((".pyd", ".dll", ".dylib")):
            yield name, "is for Windows or macOS", remedy
        elif name.endswith(".so") or ".so." in name.rpartition("/")[2]:
            found = _check_library(tree.read(name, 20), name, version, machine)
            if found:
                yield name, found, remedy
        elif name.endswith(".dist-info/WHEEL"):
            tags = _WHEEL_TAG(tree.read(name).decode("utf-8", "replace").replace("\r", ""))
            platforms = {platform for _, _, platform in tags}
            if platforms and all(platform.startswith(("win", "macosx")) for platform in platforms):
                yield name, f"is a wheel for {sorted(platforms)[0]}", remedy


def _remedy(version: str | None, machine: str) -> str:
    words = ["install it for Lambda: pip install"]
    if version and tuple(map(int, version.split("."))) >= _FIRST_ON_AMAZON_LINUX_2023:
        words.append(f"--platform manylinux_2_28_{machine}")
    words.append(f"--platform manylinux2014_{machine}")
    if version:
        words.append(f"--python-version {version}")
    return " ".join([*words, "--only-binary=:all:"])


def _check_library(head: bytes, name: str, version: str | None, machine: str) -> str | None:
    if not head.startswith(b"\x7fELF"):
        return "is not a library for Linux"
    if len(head) >= 20:
        number = int.from_bytes(head[18:20], "little" if head[5] == 1 else "big")
        if _MACHINES.get(number) != machine:
            return (
                f"is for the processor {_MACHINES.get(number, f'number {number}')}, and the function runs on {machine}"
            )
    tag = _TAG(name)
    if tag and version and f"{tag[1]}.{tag[2]}" != version:
        return f"is for Python {tag[1]}.{tag[2]}, and the function runs on {version}"
    return None
