"""What CI looks at after the tests: whether every Python of the machine was tested."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from examples import ROOT, read_pythons

PYTHONS = read_pythons()


@pytest.mark.parametrize(
    ("tested", "status", "message"),
    [
        (PYTHONS, 0, ""),
        (PYTHONS[:-1], 1, f"not tested although installed: {PYTHONS[-1]}\n"),
        ([], 1, f"not tested although installed: {', '.join(PYTHONS)}\n"),
    ],
)
def test_status_when_pythons_are_left_out(tmp_path: Path, tested: list[str], status: int, message: str) -> None:
    """An environment that was skipped has no tests in tox's result; one for every Python is enough."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for version in PYTHONS:
        (commands / f"python{version}").symlink_to("/bin/true")
    environments = {f"hello-py{version.replace('.', '')}": {"setup": []} for version in PYTHONS}
    for version in tested:
        environments[f"tool-py{version.replace('.', '')}"] = {"test": [{"retcode": 0}]}
    (tmp_path / "result.json").write_text(json.dumps({"testenvs": environments}))
    command = [sys.executable, str(ROOT / ".ci/check_result.py"), str(tmp_path / "result.json")]
    shell = {**os.environ, "PATH": str(commands)}
    done = subprocess.run(command, env=shell, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (status, message)
