"""The package builder that every example has: what is in the zip, from made-up folders, and for real with uv and pip.

That a package runs is tested in each example, on each Python.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BUILDER = ROOT / "external-extension-layer" / "build_package.py"
TAG = sys.implementation.cache_tag

spec = importlib.util.spec_from_file_location("build_package", BUILDER)
assert spec is not None and spec.loader is not None
build_package = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build_package)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with a function, launcher and extension, and one with libraries as installers leave them."""
    files = {
        "app/fn_hello.py": "def lambda_handler(event, context): ...",
        "app/__init__.py": "",
        "extensions/example": "#!/bin/sh",
        "example/extension.py": "import library",
        "example/__pycache__/extension.cpython-38.pyc": "compiled elsewhere",
        "libraries/library/__init__.py": "names = {'a', 'b', 'c'}; print('a' in {'a', 'b', 'c'})",
        "libraries/library/__pycache__/__init__.cpython-38.pyc": "compiled elsewhere",
        "libraries/library/template.py": "{{ a template }} for Python",
        "libraries/library/native.so": "machine code",
        "libraries/library/bin/data.txt": "not a command: this belongs to the library",
        "libraries/library-1.0.dist-info/METADATA": "Name: library",
        "libraries/library-1.0.dist-info/RECORD": "bin/command,sha256=differs",
        "libraries/library-1.0.dist-info/INSTALLER": "pip",
        "libraries/bin/command": "#!/home/me/.venv/bin/python",
        "libraries/.lock": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "libraries/library/native.so").chmod(0o700)
    (tmp_path / "app/fn_hello.py").chmod(0o600)
    return tmp_path


def build(source: Path, into: str, *folders: str) -> Path:
    """Write a package as main() does, with the made-up libraries, and return where."""
    content = source / "content"
    build_package.collect(content, source / "libraries", into, [source / folder for folder in folders])
    build_package.write_zip(source / "package.zip", content)
    shutil.rmtree(content)
    return source / "package.zip"


def build_function(source: Path) -> Path:
    """A function with its libraries."""
    return build(source, "", "app")


def build_layer(source: Path) -> Path:
    """A layer with an extension."""
    return build(source, "example", "extensions", "example")


def test_content_when_a_function_is_written(source: Path) -> None:
    """Libraries at the top and the function as a folder, sorted, without what installers and Python leave behind."""
    assert zipfile.ZipFile(build_function(source)).namelist() == [
        "app/__init__.py",
        "app/fn_hello.py",
        "library-1.0.dist-info/METADATA",
        "library/__init__.py",
        "library/bin/data.txt",
        "library/native.so",
        "library/template.py",
    ]


def test_content_when_a_layer_is_written(source: Path) -> None:
    """Two folders at the top, with the libraries and the byte code inside the extension's."""
    assert zipfile.ZipFile(build_layer(source)).namelist() == [
        f"example/__pycache__/extension.{TAG}.pyc",
        "example/extension.py",
        "example/library-1.0.dist-info/METADATA",
        "example/library/__init__.py",
        f"example/library/__pycache__/__init__.{TAG}.pyc",
        "example/library/bin/data.txt",
        "example/library/native.so",
        "example/library/template.py",
        "extensions/example",
    ]


def test_permissions_when_written(source: Path) -> None:
    """Every file is readable by all; the launcher is executable even if it was not, other files if they were."""
    modes = {entry.filename: entry.external_attr >> 16 for entry in zipfile.ZipFile(build_layer(source)).infolist()}
    executable = {modes.pop("extensions/example"), modes.pop("example/library/native.so")}
    assert executable == {stat.S_IFREG | 0o755}
    assert set(modes.values()) == {stat.S_IFREG | 0o644}
    modes = {entry.filename: entry.external_attr >> 16 for entry in zipfile.ZipFile(build_function(source)).infolist()}
    assert modes.pop("library/native.so") == stat.S_IFREG | 0o755
    assert set(modes.values()) == {stat.S_IFREG | 0o644}


@pytest.mark.parametrize("write", [build_function, build_layer])
def test_bytes_when_written_again_elsewhere(
    write: object, source: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Another place, other times, another umask and another order of creation give the same bytes."""
    other = tmp_path_factory.mktemp("elsewhere")
    for file in sorted((file for file in source.rglob("*") if file.is_file()), reverse=True):
        copy = other / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
        copy.chmod(stat.S_IMODE(file.stat().st_mode) | 0o066)
        os.utime(copy, (1700000000, 1700000000))
    (other / "libraries/library-1.0.dist-info/RECORD").write_text("something else")
    assert write(source).read_bytes() == write(other).read_bytes()


def test_bytes_when_the_code_changed(source: Path) -> None:
    """A changed function is a changed package."""
    before = build_function(source).read_bytes()
    (source / "app/fn_hello.py").write_text("def lambda_handler(event, context): return 1")
    assert build_function(source).read_bytes() != before


def run_build(output: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Build the layer of the example as `make package` does, with what is installed for this Python."""
    name = "python-example-extension"
    command = [sys.executable, str(BUILDER), "--into", name, str(output), "extensions", name]
    environment = {**os.environ, **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, cwd=BUILDER.parent)


def test_content_when_uv_and_pip_install(tmp_path: Path) -> None:
    """Both installers give the same files, and each of them the same bytes again."""
    if shutil.which("uv") is None or importlib.util.find_spec("pip") is None:
        pytest.skip("no uv, or no pip for this Python")
    builds = {name: tmp_path / f"{name}.zip" for name in ("uv", "uv-again", "pip")}
    for name, output in builds.items():
        variables = {"UV": "", "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"} if name == "pip" else {}
        built = run_build(output, PYTHONHASHSEED=str(len(name)), **variables)
        assert built.returncode == 0, built.stderr
    assert builds["uv"].read_bytes() == builds["uv-again"].read_bytes()
    assert zipfile.ZipFile(builds["uv"]).namelist() == zipfile.ZipFile(builds["pip"]).namelist()
