"""`make learn` in a repository whose path has a space, with an installer that only writes down what it is for."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from learn.exercise import ROOT

INSTALLER = """#!/bin/sh
[ "$1" = venv ] || exit 0
mkdir -p .venv/bin
printf '#!/bin/sh\\nprintf "%%s\\\\n" "$@"\\n' > .venv/bin/python
chmod +x .venv/bin/python
"""


@pytest.fixture(name="repository")
def copying(tmp_path: Path) -> Path:
    """The two Makefiles, the installer, and an example that needs nothing."""
    repository = tmp_path / "a path with spaces"
    for name in ("Makefile", "local-lambda/Makefile"):
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, repository / name)
    (repository / "local-lambda/pyproject.toml").touch()
    (repository / "hello-python3.8").mkdir()
    (repository / "hello-python3.8/Makefile").write_text("install:\n\t@:\n")
    installer = repository / ".venv/bin/uv"
    installer.parent.mkdir(parents=True)
    installer.write_text(INSTALLER)
    installer.chmod(0o755)
    return repository


def make(repository: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `make learn`."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "UV"))}
    options = ["PYTHON=true", f"UV={repository / '.venv/bin/uv'}", *words]
    return subprocess.run(
        ["make", "--silent", "-C", str(repository), "learn", *options],
        env=variables,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_path_with_spaces(repository: Path) -> None:
    """The tool is installed, and the checker starts."""
    done = make(repository)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "-m\nlearn\n")


def test_reset_is_one_word(repository: Path) -> None:
    """Nothing in it is a command."""
    assert make(repository, "RESET=1; echo '2'").stdout == "-m\nlearn\n--reset=1; echo '2'\n"
