"""`local-lambda new` makes a project whose function runs, and whose own tests pass."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local_lambda.cli.arguments import main
from support.tool import COMMAND, run


def test_project_runs_and_its_tests_pass(tmp_path: Path, function_python: Path) -> None:
    """As its user would run it, right after it was made."""
    made = run("new", "web-shop", cwd=tmp_path)
    assert made.status == 0
    assert b"web-shop has the function WebShopFunction" in made.output
    project = tmp_path / "web-shop"
    ended = run("invoke", "-e", "events/order.json", "--python", function_python, cwd=project)
    assert (ended.status, json.loads(ended.output)) == (0, {"total": 27, "currency": "EUR"})
    assert "the template says" not in ended.errors
    command = tmp_path / "local-lambda"
    command.write_text(f'#!/bin/sh\nexec {" ".join(COMMAND)} "$@"\n')
    command.chmod(0o755)
    shell = {**os.environ, "LOCAL_LAMBDA": str(command)}
    tests = [sys.executable, "-m", "pytest", "-q", "--import-mode=importlib", "-p", "no:cacheprovider"]
    tested = subprocess.run(tests, cwd=project, env=shell, capture_output=True, text=True, timeout=120)
    assert tested.returncode == 0, tested.stdout
    assert "3 passed" in tested.stdout


@pytest.mark.parametrize(
    ("name", "expected"),
    [("1st", "'1st' is not a name"), ("a_b", "'a_b' is not a name"), ("full", "exists and is not an empty folder")],
)
def test_nothing_is_written_when_the_name_cannot_be_used(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, expected: str
) -> None:
    """One line, exit status 2, and the folder as it was."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    assert main(["new", str(tmp_path / name)]) == 2
    assert expected in capfd.readouterr().err
    assert [path.name for path in tmp_path.rglob("*")] == ["full", "mine.txt"]
