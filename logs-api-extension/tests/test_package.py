"""The layer's zip file, built for real and used."""

import os
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import measure_start
import pytest
from extensions_api import ExtensionsApi, shutdown_event

FOLDER = Path(__file__).resolve().parent.parent
NAME = "logs-api-extension"
LAUNCHER = f"extensions/{NAME}"


def run_build(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run build_package.py as a user does."""
    return build_in(FOLDER, *arguments, **variables)


def build_in(folder: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run the build_package.py of a copy of this folder."""
    command = [sys.executable, str(folder / "build_package.py"), *arguments]
    return subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real package."""
    package = tmp_path_factory.mktemp("package") / "extension.zip"
    built = run_build(str(package))
    assert built.returncode == 0, built.stderr
    return package


def test_content_when_built(package: Path) -> None:
    """The launcher is alone in `extensions`, where each file counts as an extension; all else is elsewhere."""
    names = zipfile.ZipFile(str(package)).namelist()
    assert [name for name in names if not name.startswith(f"{NAME}/")] == [LAUNCHER]
    inside = {name.split("/")[1] for name in names if name != LAUNCHER}
    assert {"extension.py", "listener.py", "log.py", "subscription.py", "requests", "certifi", "urllib3"} <= inside
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
    assert build_in(tmp_path, str(tmp_path / "again.zip"), PYTHONHASHSEED="1").returncode == 0
    assert (tmp_path / "again.zip").read_bytes() == package.read_bytes()


def test_build_when_pip_fails(tmp_path: Path) -> None:
    """The message says for what pip has failed, the exit status is 1, and no earlier package is left to be deployed."""
    package = tmp_path / "package.zip"
    package.write_text("an earlier package")
    built = run_build("--platform", "no_such_platform", str(package), PIP_NO_INDEX="1", PIP_FIND_LINKS="")
    assert built.returncode == 1
    assert "No package: pip could not install requirements.txt for Python" in built.stderr
    assert list(tmp_path.iterdir()) == []


def test_extension_when_python_has_no_libraries(api: ExtensionsApi, package: Path, tmp_path: Path) -> None:
    """The layer brings all that the extension needs."""
    measure_start.unpack(package, tmp_path / "opt")
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')  # -S: nothing of what pip has installed here
    python.chmod(0o755)
    api.events.put(shutdown_event())
    process = api.start(tmp_path / "opt" / LAUNCHER, PATH=f"{tmp_path}:{os.environ['PATH']}")
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    assert "leaving after 0 invocations" in output


def test_figures_when_measured(package: Path) -> None:
    """measure_start.py prints time and memory of the extension in the zip."""
    command = [sys.executable, str(FOLDER / "measure_start.py"), "--count", "2", str(package)]
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert printed.startswith(f"{NAME} on Python ")
    assert " ms from spawn to Ready, " in printed
    assert printed.endswith(" MB (2 starts)\n")
