"""What CI says after the tests: what failed and why, and whether every Python of the machine was tested."""

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
    environments = {f"hello-py{version.replace('.', '')}": {"setup": []} for version in PYTHONS}
    for version in tested:
        environments[f"tool-py{version.replace('.', '')}"] = succeed()
    done = check(tmp_path, json.dumps({"testenvs": environments}))
    assert (done.returncode, done.stderr) == (status, message)


def test_failures_are_repeated_at_the_end(tmp_path: Path) -> None:
    """The failed tests with their reasons, however long the output before them was."""
    output = "\n".join(
        ["tests/test_run.py .F"] * 1000 + ["E   assert 1 == 2", "FAILED tests/test_run.py::test_run - assert 1 == 2"]
    )
    environments = {f"tool-py{version.replace('.', '')}": succeed() for version in PYTHONS}
    environments["aws"] = {
        "result": {"exit_code": 1},
        "test": [{"retcode": 0, "output": "installed", "err": ""}, {"retcode": 1, "output": output, "err": ""}],
    }
    environments["lint"] = {
        "result": {"exit_code": 2},
        "setup": [{"retcode": 2, "output": "", "err": "\nno such package\n"}],
    }
    done = check(tmp_path, json.dumps({"testenvs": environments}))
    assert (done.returncode, done.stderr.splitlines()) == (
        1,
        [
            "aws failed:",
            "  FAILED tests/test_run.py::test_run - assert 1 == 2",
            "  E   assert 1 == 2",
            "lint failed:",
            "  no such package",
        ],
    )


def test_result_that_is_empty(tmp_path: Path) -> None:
    """Tox writes its result at the end, so there is none when it did not get there."""
    done = check(tmp_path, "")
    assert (done.returncode, done.stderr) == (1, "tox left no result: it did not get as far as the tests\n")


def succeed() -> dict:
    """Return an environment whose tests passed."""
    return {"result": {"exit_code": 0}, "test": [{"retcode": 0}]}


def check(folder: Path, result: str) -> subprocess.CompletedProcess[str]:
    """Run the check on a result, on a machine that has all Pythons."""
    commands = folder / "bin"
    commands.mkdir()
    for version in PYTHONS:
        (commands / f"python{version}").symlink_to("/bin/true")
    (folder / "result.json").write_text(result)
    command = [sys.executable, str(ROOT / ".ci/check_result.py"), str(folder / "result.json")]
    return subprocess.run(command, env={**os.environ, "PATH": str(commands)}, capture_output=True, text=True)
