"""The layer's zip file, built from small made-up folders, and once for real."""

import os
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Dict, Set

import build_package
import measure_start
import pytest
from extensions_api import ExtensionsApi

FOLDER = Path(__file__).resolve().parent.parent
NAME = "python-example-extension"
LAUNCHER = f"extensions/{NAME}"
TAG = sys.implementation.cache_tag


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with launcher and extension, and one with libraries as pip leaves them."""
    files = {
        f"extensions/{NAME}": "#!/bin/sh",
        f"{NAME}/extension.py": "import library",
        f"{NAME}/__pycache__/extension.cpython-38.pyc": "compiled by somebody, some time",
        "libraries/library/__init__.py": "names = {'a', 'b', 'c'}; print('a' in {'a', 'b', 'c'})",
        "libraries/library/template.py": "this is no Python",
        "libraries/library/native.so": "machine code",
        "libraries/library/bin/data.txt": "not a command: this belongs to the library",
        "libraries/library-1.0.dist-info/METADATA": "Name: library",
        "libraries/library-1.0.dist-info/RECORD": "bin/command,sha256=differs",
        "libraries/library-1.0.dist-info/INSTALLER": "pip",
        "libraries/bin/command": "#!/home/somebody/.venv/bin/python",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "libraries/library/native.so").chmod(0o700)
    (tmp_path / f"{NAME}/extension.py").chmod(0o600)
    return tmp_path


def build(source: Path) -> Path:
    """Write the package of the source folder as main() does, with made-up libraries, and return where."""
    layer = source / "layer"
    build_package.copy_sources(source, layer)
    for file in (source / "libraries").rglob("*"):
        if file.is_file():
            copy = layer / NAME / file.relative_to(source / "libraries")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(file), str(copy))
    build_package.compile_modules(layer / NAME)
    build_package.write_zip(source / "package.zip", layer)
    shutil.rmtree(str(layer))
    return source / "package.zip"


def test_content_when_written(source: Path) -> None:
    """Two folders at the top, the libraries and the byte code inside the extension's, nothing that pip left behind."""
    assert zipfile.ZipFile(build(source)).namelist() == [
        f"extensions/{NAME}",
        f"{NAME}/__pycache__/extension.{TAG}.pyc",
        f"{NAME}/extension.py",
        f"{NAME}/library-1.0.dist-info/METADATA",
        f"{NAME}/library/__init__.py",
        f"{NAME}/library/__pycache__/__init__.{TAG}.pyc",
        f"{NAME}/library/bin/data.txt",
        f"{NAME}/library/native.so",
        f"{NAME}/library/template.py",
    ]


def test_permissions_when_written(source: Path) -> None:
    """Every file is readable by all; the launcher is executable even if it was not, other files if they were."""
    modes = {entry.filename: entry.external_attr >> 16 for entry in zipfile.ZipFile(build(source)).infolist()}
    executable = {modes.pop(LAUNCHER), modes.pop(f"{NAME}/library/native.so")}
    assert executable == {stat.S_IFREG | 0o755}
    assert set(modes.values()) == {stat.S_IFREG | 0o644}


def test_bytes_when_written_again_elsewhere(source: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Another place, other times, another umask and another order of creation give the same bytes."""
    other = tmp_path_factory.mktemp("elsewhere")
    for file in sorted((file for file in source.rglob("*") if file.is_file()), reverse=True):
        copy = other / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(file), str(copy))
        copy.chmod(stat.S_IMODE(file.stat().st_mode) | 0o066)
        os.utime(str(copy), (1700000000, 1700000000))
    (other / "libraries/library-1.0.dist-info/RECORD").write_text("something else")
    assert build(source).read_bytes() == build(other).read_bytes()


def test_bytes_when_the_code_changed(source: Path) -> None:
    """A changed extension is a changed package."""
    before = build(source).read_bytes()
    (source / f"{NAME}/extension.py").write_text("import library  # changed")
    assert build(source).read_bytes() != before


def run_build(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run build_package.py as a user does."""
    command = [sys.executable, str(FOLDER / "build_package.py"), *arguments]
    return subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True)


def test_build_when_pip_fails(tmp_path: Path) -> None:
    """The message says for what pip has failed, the exit status is 1, and no earlier package is left to be deployed."""
    package = tmp_path / "package.zip"
    package.write_text("an earlier package")
    built = run_build("--platform", "no_such_platform", str(package), PIP_NO_INDEX="1", PIP_FIND_LINKS="")
    assert built.returncode == 1
    assert "No package: pip could not install requirements.txt for Python" in built.stderr
    assert "on no_such_platform, see above." in built.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real package."""
    package = tmp_path_factory.mktemp("package") / "extension.zip"
    assert run_build(str(package)).returncode == 0
    return package


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
    assert run_build(str(tmp_path / "again.zip"), PYTHONHASHSEED="1").returncode == 0
    assert (tmp_path / "again.zip").read_bytes() == package.read_bytes()


@pytest.mark.parametrize("platform", ["manylinux2014_x86_64", "manylinux2014_aarch64"])
def test_extension_when_python_has_no_libraries(api: ExtensionsApi, tmp_path: Path, platform: str) -> None:
    """The layer brings all the extension needs; libraries for another processor have a part in Python that does."""
    assert run_build("--platform", platform, str(tmp_path / "extension.zip")).returncode == 0
    measure_start.unpack(tmp_path / "extension.zip", tmp_path / "opt")
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')  # -S: nothing of what pip has installed here
    python.chmod(0o755)
    variables = {"AWS_LAMBDA_RUNTIME_API": api.address, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    process = subprocess.Popen([str(tmp_path / "opt" / LAUNCHER)], env=variables)
    try:
        api.waiting.get(timeout=30)
        api.events.put({"eventType": "SHUTDOWN", "deadlineMs": 0})
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()


def test_byte_code_when_imported(package: Path, tmp_path: Path) -> None:
    """Python takes the byte code of the layer: nothing is compiled again, whatever the times of the files."""
    measure_start.unpack(package, tmp_path)
    source = f"import sys; sys.path.insert(0, {str(tmp_path / NAME)!r}); import requests"
    process = subprocess.run([sys.executable, "-S", "-v", "-c", source], capture_output=True, text=True)
    matched = f"{tmp_path / NAME}/requests/__pycache__/__init__.{TAG}.pyc matches"
    assert process.returncode == 0
    assert f"code object from '{tmp_path / NAME}/requests/__init__.py'" not in process.stderr
    assert matched in process.stderr


def test_figures_when_measured(package: Path) -> None:
    """measure_start.py prints time and memory of the extension in the zip."""
    command = [sys.executable, str(FOLDER / "measure_start.py"), "--count", "2", str(package)]
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert printed.startswith(f"{NAME} on Python ")
    assert " ms from spawn to Ready, " in printed
    assert printed.endswith(" MB (2 starts)\n")
