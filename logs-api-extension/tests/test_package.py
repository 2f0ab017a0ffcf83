"""The layer's zip file, built for real and used."""

import os
import shutil
import stat
import sys
import zipfile
from pathlib import Path

import pytest
from extensions_api import ExtensionsApi, shutdown_event
from test_run import FOLDER, NAME, build

LAUNCHER = f"extensions/{NAME}"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real package."""
    package = tmp_path_factory.mktemp("package") / "extension.zip"
    build(package)
    return package


def test_content_when_built(package: Path) -> None:
    """The launcher is alone in `extensions`, where each file counts as an extension; all else is elsewhere."""
    names = zipfile.ZipFile(str(package)).namelist()
    assert [name for name in names if not name.startswith(f"{NAME}/")] == [LAUNCHER]
    inside = {name.split("/")[1] for name in names if name != LAUNCHER}
    assert {"extension.py", "listener.py", "printer.py", "subscription.py", "requests", "certifi", "urllib3"} <= inside
    assert "bin" not in inside


def test_permissions_when_built(package: Path) -> None:
    """Every file is readable by all, and the launcher executable."""
    modes = {entry.filename: entry.external_attr >> 16 for entry in zipfile.ZipFile(str(package)).infolist()}
    assert modes[LAUNCHER] == stat.S_IFREG | 0o755
    assert all(mode & 0o444 == 0o444 for mode in modes.values())


def test_bytes_when_built_elsewhere(package: Path, tmp_path: Path) -> None:
    """Another place, other times and lost permissions give the same bytes."""
    for name in ("extensions", NAME):
        shutil.copytree(str(FOLDER / name), str(tmp_path / name))
    for file in ("build_package.py", "requirements.txt"):
        shutil.copyfile(str(FOLDER / file), str(tmp_path / file))
    (tmp_path / LAUNCHER).chmod(0o600)
    os.utime(str(tmp_path / NAME / "extension.py"), (1700000000, 1700000000))
    build(tmp_path / "again.zip", tmp_path, PYTHONHASHSEED="1")
    assert (tmp_path / "again.zip").read_bytes() == package.read_bytes()


def test_extension_when_python_has_no_libraries(api: ExtensionsApi, package: Path, tmp_path: Path) -> None:
    """The layer brings all that the extension needs."""
    with zipfile.ZipFile(package) as archive:
        for entry in archive.infolist():
            os.chmod(archive.extract(entry, tmp_path / "opt"), entry.external_attr >> 16)
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')  # -S: without what is installed here
    python.chmod(0o755)
    api.events.put(shutdown_event())
    process = api.start(tmp_path / "opt" / LAUNCHER, PATH=f"{tmp_path}:{os.environ['PATH']}")
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    assert "leaving after 0 invocations" in output
