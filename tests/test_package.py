"""The packages as their users get them: built, checked, installed into an empty environment, and run from there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {
    "local-lambda": "local_lambda_env",
    "powertools-decorators": "pypwext_decorators",
    "pytest-local-lambda": "pytest_local_lambda",
}
"""Folder -> the beginning of its files' names."""
MOST_MEGABYTES = 40
"""What the tool and everything it needs may take on disk; measured: 20."""
TEMPLATE = """
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.handler
      Runtime: python3.12
      InlineCode: |
        def handler(event, context):
            return {"hello": event["name"]}
"""


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    """Run a command to its end; returns its standard output."""
    shell = {**os.environ, **variables}
    for name in ("PYTHONPATH", "VIRTUAL_ENV", "LOCAL_LAMBDA"):
        shell.pop(name, None)
    ended = subprocess.run(list(map(str, command)), cwd=cwd, env=shell, capture_output=True, text=True, timeout=600)
    assert ended.returncode == 0, f"{command}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a source distribution and a wheel of each package, the wheel built from the former."""
    out = tmp_path_factory.mktemp("dist")
    for folder in PACKAGES:
        if (ROOT / folder).is_dir():
            copy = tmp_path_factory.mktemp("source") / folder
            skipped = shutil.ignore_patterns(".venv", "build", "dist", "*.egg-info", "__pycache__", ".pytest_cache")
            shutil.copytree(ROOT / folder, copy, ignore=skipped, symlinks=True)
            run(sys.executable, "-m", "build", "--installer", "uv", "--outdir", out, cwd=copy)
    return out


def test_packages_are_accepted_by_the_index(built: Path) -> None:
    """Metadata and readme are what an index takes, without a warning."""
    files = sorted(built.iterdir())
    assert len(files) == 2 * sum((ROOT / folder).is_dir() for folder in PACKAGES)
    run(sys.executable, "-m", "twine", "check", "--strict", *files, cwd=built)


def test_wheel_has_licence_types_and_programs(built: Path) -> None:
    """What is not Python, and what belongs to no package, is in it too; the readme has no relative link."""
    (wheel,) = built.glob("local_lambda_env-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        text = archive.read(metadata).decode()
    assert {"local_lambda/py.typed", "local_lambda/processes/programs/runtime/bootstrap.py"} <= set(names)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert "License-Expression: Apache-2.0" in text
    assert "](docs/" not in text
    assert "](../" not in text
    (source,) = built.glob("local_lambda_env-*.tar.gz")
    with tarfile.open(source) as archive:
        assert any(name.endswith("/README.md") for name in archive.getnames())


def test_installed_package_invokes_a_function(built: Path, tmp_path: Path) -> None:
    """In an empty environment, with what the wheel asks for; the function has its client in another one."""
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "event.json").write_text('{"name": "Ada"}')
    (wheel,) = built.glob("local_lambda_env-*.whl")
    uv = shutil.which("uv") or pytest.skip("uv is not installed")
    tool, function = tmp_path / "tool", tmp_path / ".venv"
    for folder, package in ((tool, str(wheel)), (function, "awslambdaric")):
        run(uv, "venv", "--quiet", "--python", sys.executable, folder, cwd=tmp_path)
        run(uv, "pip", "install", "--quiet", "--python", folder / "bin" / "python", package, cwd=tmp_path)
    size = sum(file.stat().st_size for file in tool.rglob("*") if file.is_file() and not file.is_symlink()) / 1e6
    print(f"installed: {size:.1f} MB")
    assert size < MOST_MEGABYTES
    for command in ([tool / "bin" / "local-lambda"], [tool / "bin" / "python", "-m", "local_lambda"]):
        assert json.loads(run(*command, "invoke", "-e", "event.json", cwd=tmp_path)) == {"hello": "Ada"}
    once = run(uv, "tool", "run", "--from", wheel, "local-lambda", "invoke", "-e", "event.json", cwd=tmp_path)
    assert json.loads(once) == {"hello": "Ada"}
