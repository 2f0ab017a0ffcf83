"""The command line of a runtime, where code and layers are not at `/var/task` and `/opt`: without a sandbox."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from local_lambda.functions.config import FunctionConfig
from local_lambda.functions.interpreter import Interpreter
from local_lambda.processes.launch import Folders, Launch, managed_launch
from local_lambda.processes.variables import Endpoints


def launch(folder: Path, wrapper: str) -> Launch:
    """The launch of a function with a wrapper, whose code and layers are in this folder."""
    function = FunctionConfig("f", "app.handler", environment={"AWS_LAMBDA_EXEC_WRAPPER": wrapper})
    folders = Folders(f"{folder}/code", f"{folder}/layers", (), f"{folder}/runtime")
    endpoints = Endpoints("127.0.0.1:9001", ("127.0.0.1", 2000))
    return managed_launch(function, Interpreter(Path(sys.executable), "3.13.0"), folders, endpoints, {})


@pytest.mark.parametrize(
    ("wrapper", "file"), [("/var/task/wrap", "code/wrap"), ("/opt/bin/wrap", "layers/bin/wrap"), ("{}/own", "own")]
)
def test_wrapper_is_found_without_a_sandbox(tmp_path: Path, wrapper: str, file: str) -> None:
    """It gets the runtime's command line, and sees the variable as the function names it."""
    program = tmp_path / file
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text('#!/bin/sh\necho "$AWS_LAMBDA_EXEC_WRAPPER" "$@"\n')
    program.chmod(0o755)
    named = wrapper.format(tmp_path)
    found = launch(tmp_path, named)
    printed = subprocess.run(found.argv, env=dict(found.env), capture_output=True, text=True, check=True).stdout
    assert printed == f"{named} {sys.executable} {tmp_path}/runtime/bootstrap.py\n"


def test_wrapper_that_is_missing_is_named_as_the_function_names_it(tmp_path: Path) -> None:
    """The shell's status says that there is no such program."""
    found = launch(tmp_path, "/var/task/wrap")
    ended = subprocess.run(found.argv, env=dict(found.env), capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (127, "/var/task/wrap: does not exist\n")
