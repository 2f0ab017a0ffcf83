"""The layer's zip file, built for real: the extension in it runs, on the Python it was built for."""

import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Dict, Set

import pytest
from extensions_api import ExtensionsApi, shutdown_event
from test_run import NAME, build

LAUNCHER = f"extensions/{NAME}"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real package."""
    package = tmp_path_factory.mktemp("package") / "extension.zip"
    build(package)
    return package


def unpack(package: Path, folder: Path) -> None:
    """Unpack a zip with its permissions, which zipfile leaves out."""
    with zipfile.ZipFile(package) as archive:
        for entry in archive.infolist():
            os.chmod(archive.extract(entry, folder), entry.external_attr >> 16)


def top_folders(package: Path) -> Dict[str, Set[str]]:
    """The folders at the root of the zip, each with the names directly in it."""
    tops: Dict[str, Set[str]] = {}
    for name in zipfile.ZipFile(package).namelist():
        top, _, rest = name.partition("/")
        tops.setdefault(top, set()).add(rest.partition("/")[0])
    return tops


def test_content_when_built(package: Path) -> None:
    """The launcher is alone in `extensions`, where each file counts as an extension; the libraries are elsewhere."""
    tops = top_folders(package)
    assert tops["extensions"] == {NAME}
    assert {"extension.py", "requests", "certifi", "urllib3", "idna"} <= tops[NAME]
    assert set(tops) == {"extensions", NAME}
    (launcher,) = [entry for entry in zipfile.ZipFile(package).infolist() if entry.filename == LAUNCHER]
    assert launcher.external_attr >> 16 == stat.S_IFREG | 0o755


def test_bytes_when_built_twice(package: Path, tmp_path: Path) -> None:
    """Two builds by two processes are the same bytes, byte code included."""
    build(tmp_path / "again.zip", PYTHONHASHSEED="1")
    assert (tmp_path / "again.zip").read_bytes() == package.read_bytes()


@pytest.mark.parametrize("platform", ["manylinux2014_x86_64", "manylinux2014_aarch64"])
def test_extension_when_python_has_no_libraries(api: ExtensionsApi, tmp_path: Path, platform: str) -> None:
    """The layer brings all the extension needs; libraries for another processor have a part in Python that does."""
    build(tmp_path / "extension.zip", "--platform", platform)
    unpack(tmp_path / "extension.zip", tmp_path / "opt")
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')  # -S: without what is installed here
    python.chmod(0o755)
    process = api.start(tmp_path / "opt" / LAUNCHER, PATH=f"{tmp_path}:{os.environ['PATH']}")
    api.wait_until_asked()
    api.events.put(shutdown_event())
    assert process.wait(timeout=30) == 0


def test_byte_code_when_imported(package: Path, tmp_path: Path) -> None:
    """Python takes the byte code of the layer: nothing is compiled again, whatever the times of the files."""
    unpack(package, tmp_path)
    source = f"import sys; sys.path.insert(0, {str(tmp_path / NAME)!r}); import requests"
    process = subprocess.run([sys.executable, "-S", "-v", "-c", source], capture_output=True, text=True)
    matched = f"{tmp_path / NAME}/requests/__pycache__/__init__.{sys.implementation.cache_tag}.pyc matches"
    assert process.returncode == 0
    assert f"code object from '{tmp_path / NAME}/requests/__init__.py'" not in process.stderr
    assert matched in process.stderr
