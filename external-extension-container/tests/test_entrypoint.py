"""The container's first program, with stand-ins for what it starts."""

import subprocess
from pathlib import Path
from typing import List

import pytest

FOLDER = Path(__file__).resolve().parent.parent
HANDLER = "app.fn_container.lambda_handler"
STAND_IN = '#!/bin/sh\necho "${0##*/} $*, process $$"\n'


def run(arguments: List[str], programs: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run the entry point with only the given programs and the system's own."""
    environment = {"PATH": f"{programs}:/usr/bin:/bin", **variables}
    command = [str(FOLDER / "lambda-entrypoint.sh"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with a `python` and a `local-lambda` that say how they were called."""
    for name in ("python", "local-lambda"):
        (tmp_path / name).write_text(STAND_IN)
        (tmp_path / name).chmod(0o755)
    return tmp_path


def test_program_when_on_lambda(programs: Path) -> None:
    """With AWS_LAMBDA_RUNTIME_API it becomes the runtime interface client."""
    ended = run([HANDLER], programs, AWS_LAMBDA_RUNTIME_API="127.0.0.1:9001")
    assert ended.stdout.startswith(f"python -m awslambdaric {HANDLER}, ")


@pytest.mark.parametrize("variables", [{}, {"AWS_LAMBDA_RUNTIME_API": ""}])
def test_program_when_not_on_lambda(programs: Path, variables: "dict[str, str]") -> None:
    """Without, it becomes local-lambda, which serves on the container's port 8080."""
    ended = run([HANDLER], programs, **variables)
    expected = f"local-lambda exec --host 0.0.0.0 --port 8080 -- python -m awslambdaric {HANDLER}, "
    assert ended.stdout.startswith(expected)


def test_process_when_started(programs: Path) -> None:
    """The program takes the place of the shell, and so gets its signals."""
    process = subprocess.Popen(
        [str(FOLDER / "lambda-entrypoint.sh"), HANDLER],
        env={"PATH": f"{programs}:/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.communicate(timeout=30)[0].endswith(f", process {process.pid}\n")


@pytest.mark.parametrize("arguments", [[], [HANDLER, HANDLER]])
def test_exit_when_the_number_of_arguments_is_wrong(programs: Path, arguments: List[str]) -> None:
    """It says what it expected and what it got, with status 2."""
    ended = run(arguments, programs)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "expected one argument, the handler name" in ended.stderr
    assert f"got {len(arguments)}" in ended.stderr


@pytest.mark.parametrize("name", ["", "handler", "app.handler --debug", ".handler", "app."])
def test_exit_when_the_argument_is_no_handler_name(programs: Path, name: str) -> None:
    """It names what it got, with status 2, also on Lambda."""
    for variables in ({}, {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}):
        ended = run([name], programs, **variables)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert f"'{name}' is not a handler name" in ended.stderr


def test_exit_when_local_lambda_is_missing(programs: Path) -> None:
    """The image for AWS does not contain local-lambda; the message says what to do."""
    (programs / "local-lambda").unlink()
    ended = run([HANDLER], programs)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "make run-image" in ended.stderr
