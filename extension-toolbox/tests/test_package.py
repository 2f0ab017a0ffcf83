"""The layer's zip file, built for real."""

import shutil
import stat
import sys
import zipfile
from pathlib import Path

import pytest
from extensions_api import SECONDS, ExtensionsApi, shutdown_event
from test_run import FOLDER, build


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real package."""
    package = tmp_path_factory.mktemp("package") / "extension.zip"
    build(package)
    return package


def test_content_when_built(package: Path) -> None:
    """Only launchers are in `extensions`, where each file counts as an extension."""
    names = zipfile.ZipFile(str(package)).namelist()
    launchers = [name for name in names if name.startswith("extensions/")]
    assert launchers == [f"extensions/{name}" for name in ("config-cache", "runtime-proxy", "telemetry-to-s3")]
    tools = {name for name in names if name.startswith("toolbox/") and name.endswith(".py")}
    assert tools == {f"toolbox/{path.name}" for path in (FOLDER / "toolbox").glob("*.py")}
    assert [name for name in names if name.startswith("wrappers/")] == [
        f"wrappers/{name}" for name in ("all", "time-imports", "use-proxy")
    ]


def test_permissions_when_built(package: Path) -> None:
    """Every file is readable by all, and launchers and wrappers executable."""
    for entry in zipfile.ZipFile(str(package)).infolist():
        mode = entry.external_attr >> 16
        assert mode & 0o444 == 0o444
        assert bool(mode & 0o111) == entry.filename.startswith(("extensions/", "wrappers/"))
        assert stat.S_ISREG(mode)


def test_bytes_when_built_elsewhere(package: Path, tmp_path: Path) -> None:
    """Another place gives the same bytes."""
    for name in ("extensions", "toolbox", "wrappers"):
        shutil.copytree(str(FOLDER / name), str(tmp_path / name))
    for file in ("build_package.py", "requirements.txt"):
        shutil.copyfile(str(FOLDER / file), str(tmp_path / file))
    build(tmp_path / "again.zip", tmp_path, PYTHONHASHSEED="1")
    assert (tmp_path / "again.zip").read_bytes() == package.read_bytes()


def test_extension_when_python_has_no_libraries(api: ExtensionsApi, package: Path, tmp_path: Path) -> None:
    """The standard library is all that the layer needs."""
    zipfile.ZipFile(str(package)).extractall(str(tmp_path / "opt"))
    launcher = tmp_path / "opt/extensions/runtime-proxy"
    launcher.chmod(0o755)
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')  # -S: without what is installed here
    python.chmod(0o755)
    api.events.put(shutdown_event())
    process = api.start(launcher, PATH=f"{tmp_path}:/usr/bin:/bin", TMPDIR=str(tmp_path))
    assert process.communicate(timeout=SECONDS) == ("[runtime-proxy] leaving\n", "")
