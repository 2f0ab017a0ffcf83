"""The deployment package, built from small made-up folders; building the real one needs a package index."""

import os
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Dict

import build_package
import pytest

FOLDER = Path(__file__).resolve().parent.parent


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with libraries as pip leaves them, and an app."""
    files = {
        "libraries/library/__init__.py": "",
        "libraries/library/__pycache__/__init__.cpython-38.pyc": "compiled",
        "libraries/library/native.so": "machine code",
        "libraries/library/bin/data.txt": "not a command: this belongs to the library",
        "libraries/library-1.0.dist-info/METADATA": "Name: library",
        "libraries/library-1.0.dist-info/RECORD": "bin/command,sha256=differs",
        "libraries/library-1.0.dist-info/INSTALLER": "pip",
        "libraries/bin/command": "#!/home/somebody/.venv/bin/python",
        "app/fn_graceful.py": "def lambda_handler(event, context): ...",
        "app/__init__.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "libraries/library/native.so").chmod(0o700)
    (tmp_path / "app/fn_graceful.py").chmod(0o600)
    return tmp_path


def build(source: Path, name: str = "package.zip") -> Path:
    """Write the package of the source folder, and return where."""
    build_package.write_zip(source / name, source / "libraries", source / "app")
    return source / name


def test_content_when_written(source: Path) -> None:
    """Libraries at the top and app as a folder, sorted, without what pip and Python leave behind."""
    assert zipfile.ZipFile(build(source)).namelist() == [
        "app/__init__.py",
        "app/fn_graceful.py",
        "library-1.0.dist-info/METADATA",
        "library/__init__.py",
        "library/bin/data.txt",
        "library/native.so",
    ]


def test_permissions_when_written(source: Path) -> None:
    """Every file is readable by all, and executable if it was."""
    modes = {entry.filename: entry.external_attr >> 16 for entry in zipfile.ZipFile(build(source)).infolist()}
    assert modes.pop("library/native.so") == stat.S_IFREG | 0o755
    assert set(modes.values()) == {stat.S_IFREG | 0o644}


def test_bytes_when_written_again_elsewhere(source: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Another place, other times, another umask and another order of creation give the same bytes."""
    other = tmp_path_factory.mktemp("elsewhere")
    for file in sorted((file for file in source.rglob("*") if file.is_file()), reverse=True):
        copy = other / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
        copy.chmod(stat.S_IMODE(file.stat().st_mode) | 0o066)
        os.utime(copy, (1700000000, 1700000000))
    (other / "libraries/library-1.0.dist-info/RECORD").write_text("something else")
    assert build(source).read_bytes() == build(other).read_bytes()


def test_bytes_when_the_code_changed(source: Path) -> None:
    """A changed function is a changed package."""
    before = build(source).read_bytes()
    (source / "app/fn_graceful.py").write_text("def lambda_handler(event, context): return 1")
    assert build(source).read_bytes() != before


def run_build(*arguments: str, environment: Dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run build_package.py as a user does."""
    command = [sys.executable, str(FOLDER / "build_package.py"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_build_when_pip_fails(tmp_path: Path) -> None:
    """The message says for what pip has failed, the exit status is 1, and no earlier package is left to be deployed."""
    package = tmp_path / "package.zip"
    package.write_text("an earlier package")
    no_index = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""}
    built = run_build("--platform", "no_such_platform", str(package), environment=no_index)
    assert built.returncode == 1
    assert "No package: pip could not install requirements.txt for Python" in built.stderr
    assert "on no_such_platform, see above." in built.stderr
    assert list(tmp_path.iterdir()) == []
