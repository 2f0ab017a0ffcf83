"""The checks of one function or one layer.

Rules: https://docs.aws.amazon.com/lambda/latest/dg/python-package.html, python-layers.html,
runtimes-extensions-api.html and gettingstarted-limits.html. The permissions that matter are those of others: on Lambda
a function is neither the owner of its code nor in its group.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from local_lambda.doctor.binaries import check_binaries
from local_lambda.doctor.source import defines, imports, parse, writes
from local_lambda.doctor.tree import Tree
from local_lambda.limits import MAX_UNZIPPED_BYTES, MAX_ZIPPED_BYTES

PROVIDED = frozenset(
    """
    awslambdaric boto3 botocore dateutil jmespath s3transfer simplejson six snapshot_restore_py urllib3
    """.split()
)
"""What Lambda's Python runtimes have in addition to the standard library."""
GONE = frozenset("asynchat asyncore distutils imp smtpd".split())
"""Modules that were part of Python until 3.11."""
_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,128}").fullmatch


class Finding(NamedTuple):
    """What was found, where, and what to do about it."""

    place: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}; {self.remedy}"


def check_function(
    code: Path,
    layers: Sequence[Path],
    handler: str | None,
    version: str | None,
    machine: str = "x86_64",
    installed: Sequence[Path] = (),
) -> Iterator[Finding]:
    """The findings in a function's code and its layers. `installed` are folders with packages that will be packaged.

    `version` is the Python of the function, such as `3.12`; None if it is not known.
    """
    tree, trees = Tree(code), [Tree(layer) for layer in layers]
    yield from _check_files(tree)
    yield from _check_sizes(tree, trees)
    for each in (tree, *trees):
        for name, what, remedy in check_binaries(each, version, machine):
            yield Finding(f"{each.path.name}/{name}", what, remedy)
    for layer in trees:
        yield from check_layer(layer)
    if handler is not None:
        yield from _check_handler(tree, trees, handler)
    yield from _check_sources(tree, trees, version, installed)


def check_layer(tree: Tree) -> Iterator[Finding]:
    """The findings in a layer alone: permissions, extensions, and code where Python does not look for it."""
    yield from _check_files(tree)
    for name, entry in tree.entries.items():
        if re.fullmatch(r"extensions/[^/]+", name):
            yield from _check_extension(tree, name, entry.mode)
    top = tree.names()
    modules = sorted(name for name in tree.entries if "/" not in name and name.endswith(".py"))
    if modules and "python" not in top:
        yield Finding(f"{tree.path.name}/{modules[0]}", "is not found by Python", "move the code into a folder python/")


def _check_files(tree: Tree) -> Iterator[Finding]:
    for name, entry in tree.entries.items():
        if entry.mode is not None and not entry.mode & 0o004:
            place = f"{tree.path.name}/{name}"
            yield Finding(place, f"cannot be read on Lambda (mode {entry.mode:04o})", f"run: chmod o+r {name}")


def _check_sizes(tree: Tree, layers: Sequence[Tree]) -> Iterator[Finding]:
    for each in (tree, *layers):
        size = each.path.stat().st_size if each.is_zip else 0
        if size > MAX_ZIPPED_BYTES:
            what = f"has {size:,} bytes, and {MAX_ZIPPED_BYTES:,} can be sent with a request"
            yield Finding(each.path.name, what, "upload it to S3, or build an image")
    size = tree.size + sum(layer.size for layer in layers)
    if size > MAX_UNZIPPED_BYTES:
        what = f"has {size:,} bytes unzipped, with its layers, and Lambda takes {MAX_UNZIPPED_BYTES:,}"
        yield Finding(tree.path.name, what, "leave out what it does not need, or build an image")


def _check_extension(tree: Tree, name: str, mode: int | None) -> Iterator[Finding]:
    place = f"{tree.path.name}/{name}"
    if mode is not None and not mode & 0o001:
        yield Finding(place, f"is not executable on Lambda (mode {mode:04o})", f"run: chmod a+rx {name}")
    if not _NAME(name.rpartition("/")[2]):
        yield Finding(place, "has a name that cannot be registered", "use up to 128 letters, digits and . _ -")
    head = tree.read(name, 4096)
    if head.startswith(b"\x7fELF"):
        return
    first = head.partition(b"\n")[0]
    if not first.startswith(b"#!"):
        yield Finding(place, "has no line #! at its beginning", "name its program there, as in #!/usr/bin/env python3")
    elif first.endswith(b"\r"):
        yield Finding(place, "has line ends of Windows (CRLF)", f"run: sed -i 's/\\r$//' {name}")


def _check_handler(tree: Tree, layers: Sequence[Tree], handler: str) -> Iterator[Finding]:
    module, _, name = handler.rpartition(".")
    path = module.replace(".", "/")
    if not module:
        yield Finding("Handler", f"{handler!r} is not a module and a name", "write it as in app.lambda_handler")
        return
    for each, below in ((tree, ""), *((layer, "python/") for layer in layers)):
        for source in (f"{below}{path}.py", f"{below}{path}/__init__.py"):
            if source in each.entries:
                parsed = parse(each.read(source))
                if parsed is not None and not defines(parsed, name):
                    place = f"{each.path.name}/{source}"
                    yield Finding(place, f"does not define {name}", "correct Handler, or the name of the function")
                return
        if each.has_module(module, below):
            return
    yield Finding("Handler", f"there is no file {path}.py in the package", "correct Handler, or the folder of the code")


def _check_sources(
    tree: Tree, layers: Sequence[Tree], version: str | None, installed: Sequence[Path]
) -> Iterator[Finding]:
    """Imports that nothing satisfies, and writes to the code's folder, in sources that are not those of a library."""
    libraries = _libraries(tree)
    required = _required(tree)
    seen: set[str] = set()
    for name in tree.entries:
        top = name.partition("/")[0].removesuffix(".py")
        if not name.endswith(".py") or top in libraries or top in ("test", "tests"):
            continue
        parsed = parse(tree.read(name))
        if parsed is None:
            continue
        place = f"{tree.path.name}/{name}"
        for path, line in writes(parsed):
            what = f"writes to {path}, and the code's folder is read-only on Lambda"
            yield Finding(f"{place}:{line}", what, "write below /tmp")
        folder = name.rpartition("/")[0]
        for package, line in imports(parsed):
            near = f"{folder}/" if folder else ""
            # A build installs what is in src/.
            found = any(tree.has_module(package, below) for below in ("", near, "src/"))
            found = found or any(layer.has_module(package, below) for layer in layers for below in _places(version))
            if (
                package in seen
                or found
                or _is_known(package, version)
                or _will_be_packaged(package, required, installed)
            ):
                continue
            seen.add(package)
            what = f"imports {package}, which is not in the package, its layers or Lambda's runtime"
            yield Finding(f"{place}:{line}", what, "add it to requirements.txt and build again")


def _places(version: str | None) -> tuple[str, ...]:
    return "python/", f"python/lib/python{version or '3.13'}/site-packages/"


def _is_known(package: str, version: str | None) -> bool:
    old = version is not None and tuple(map(int, version.split("."))) < (3, 12)
    return package in sys.stdlib_module_names or package in PROVIDED or (old and package in GONE)


def _libraries(tree: Tree) -> set[str]:
    """The topmost names of packages that were installed into the folder."""
    names: set[str] = set()
    for name in tree.entries:
        if name.endswith(".dist-info/RECORD"):
            lines = tree.read(name).decode("utf-8", "replace").splitlines()
            names.update(line.partition(",")[0].partition("/")[0].removesuffix(".py") for line in lines)
    return names


def _required(tree: Tree) -> set[str]:
    """The names in requirements.txt, normalized, which a build will install."""
    lines = tree.read("requirements.txt").decode("utf-8", "replace").splitlines()
    names = (re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line.strip()) for line in lines)
    return {_normalized(match[0]) for match in names if match}


def _will_be_packaged(package: str, required: set[str], installed: Sequence[Path]) -> bool:
    """Whether a build that installs the requirements brings this package: its own name, or that of its distribution."""
    if _normalized(package) in required:
        return True
    for folder in installed:
        for record in folder.glob("*.dist-info/top_level.txt"):
            if package in record.read_text(encoding="utf-8", errors="replace").split():
                return _normalized(record.parent.name.partition("-")[0]) in required
        for record in folder.glob("*.dist-info/RECORD"):
            if _normalized(record.parent.name.partition("-")[0]) in required:
                lines = record.read_text(encoding="utf-8", errors="replace").splitlines()
                if any(line.startswith((f"{package}/", f"{package}.py,")) for line in lines):
                    return True
    return False


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
