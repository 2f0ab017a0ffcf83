"""`local-lambda aws` as a command: what it needs, what it says, and the interpreter it chooses."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.aws_endpoint import RUNTIME, Endpoint, error_of, serving_aws
from support.tool import COMMAND, DEADLINE_SECONDS, run, serving
from support.watching import Processes

ECHO = "import sys\ndef handler(event, context):\n    return [event, list(sys.version_info[:2])]\n"
OTHER = "python3.10" if RUNTIME != "python3.10" else "python3.9"


def test_aws_without_its_packages_says_how_to_install_them() -> None:
    """Exit status 3 and one line, before anything is started."""
    without = (
        "import importlib.util as u; u.find_spec = lambda name: None; from local_lambda.cli.arguments import main; "
    )
    ended = subprocess.run([sys.executable, "-c", f"{without}raise SystemExit(main(['aws']))"], capture_output=True)
    assert (ended.returncode, ended.stdout) == (3, b"")
    assert ended.stderr.decode() == (
        "local-lambda: `aws` needs packages that are not installed (moto, flask, flask_cors);"
        " run: make install EXTRAS=aws in local-lambda's folder, or pip install 'local-lambda-env[aws]'\n"
    )


def test_aws_says_where_it_is_and_what_it_keeps(function_python: Path) -> None:
    """The variable to set, a role that is there, and that nothing is kept."""
    with serving_aws(function_python) as aws:
        aws.tool.wait_for(f"AWS_ENDPOINT_URL={aws.tool.url}")
        role = aws.tool.wait_for(r"use the role (\S+); everything is in memory and is lost when this command stops")[1]
        aws.create("takes", ECHO, Role=role)
        assert aws.call("takes", 1)[0] == 1


def test_aws_on_a_port_that_is_taken_says_so(function_python: Path) -> None:
    """Exit status 3."""
    with serving_aws(function_python) as aws:
        outcome = run("aws", "--port", str(aws.tool.port))
    assert outcome.status == 3
    assert f"port {aws.tool.port} on 127.0.0.1 is in use" in outcome.errors


def test_function_on_another_python_than_its_runtime_says_so(function_python: Path) -> None:
    """One line, and it runs."""
    with serving_aws(function_python) as aws:
        aws.create("other", ECHO, Runtime=OTHER)
        aws.tool.wait_for(f"other: its runtime is {OTHER}, this runs on python3")
        assert aws.call("other", 1)[0] == 1


def test_invoke_without_a_python_for_the_runtime_says_what_to_do(tmp_path: Path, function_python: Path) -> None:
    """An error in the service's shape, and no retry; when the folder has one the next invocation succeeds."""
    variables = {"PATH": str(tmp_path / "bin"), "VIRTUAL_ENV": "", "LOCAL_LAMBDA_PYTHON": ""}
    with serving("aws", cwd=tmp_path, variables=variables) as tool:
        aws = Endpoint(tool)
        aws.create("waits", ECHO)
        status, error, message = error_of(aws.lambda_.invoke, FunctionName="waits")
        assert (status, error) == (400, "InvalidParameterValueException")
        assert message.startswith(f"waits cannot run here: no {RUNTIME} with awslambdaric was found; make one where")
        tool.wait_for(f"waits: no {RUNTIME} with awslambdaric was found")
        (tmp_path / ".venv").symlink_to(function_python.parent.parent)
        assert aws.call("waits", 1)[0] == 1


def test_create_function_with_an_unknown_region_is_refused(function_python: Path) -> None:
    """Before anything is made of it."""
    with serving_aws(function_python) as aws:
        found = error_of(aws.client("lambda", "somewhere").list_functions)
    assert found == (400, "InvalidParameterValueException", "somewhere is not the name of a region")


@pytest.mark.parametrize("freeze", [[], ["--freeze"]])
def test_function_with_freeze_is_invoked_and_updated(function_python: Path, freeze: list[str]) -> None:
    """A frozen environment is woken for its end."""
    with serving_aws(function_python, *freeze) as aws:
        aws.create("frozen", ECHO)
        assert aws.call("frozen", 1)[0] == 1
        assert aws.call("frozen", 2)[0] == 2
        aws.update("frozen", ECHO.replace("event,", "'new',", 1).replace("('new',", "(event,"))
        assert aws.call("frozen", 3)[0] in (3, "new")


SHOW = "import boto3, os; print(boto3.client('lambda').list_functions()['Functions'], os.environ['AWS_ROLE_ARN'])"


def test_aws_with_a_command_serves_as_long_as_it_runs() -> None:
    """It finds endpoint, credentials, region and role in its variables, whatever the shell has; its status is ours."""
    shell = {
        "AWS_ACCESS_KEY_ID": "mine",
        "AWS_PROFILE": "no-such-profile",
        "AWS_ENDPOINT_URL_LAMBDA": "http://127.0.0.1:9",
        "AWS_ROLE_ARN": "arn:aws:iam::999999999999:role/mine",
    }
    outcome = run("aws", "--", sys.executable, "-c", SHOW, variables=shell)
    assert (outcome.status, outcome.output) == (0, b"[] arn:aws:iam::123456789012:role/local-lambda\n"), outcome.errors
    assert outcome.errors.endswith("platform | stopped\n")
    assert run("aws", "--", "sh", "-c", "exit 7").status == 7
    assert run("aws", "--", "sh", "-c", "kill -9 $$").status == 137


def test_aws_with_a_command_that_is_not_there_says_so() -> None:
    """Exit status 3, before anything is started."""
    outcome = run("aws", "--", "no-such-program")
    assert (outcome.status, outcome.output) == (3, b"")
    assert outcome.errors == "local-lambda: there is no program no-such-program; give a path or a name on PATH\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_aws_when_it_ends_ends_its_command(number: signal.Signals) -> None:
    """The command gets SIGTERM, even if the tool can no longer send it."""
    sleep = f"import os, time; print(os.getpid(), flush=True); time.sleep({DEADLINE_SECONDS})"
    with subprocess.Popen([*COMMAND, "aws", "--", sys.executable, "-c", sleep], stdout=subprocess.PIPE) as tool:
        assert tool.stdout is not None
        command = Processes([int(tool.stdout.readline())])
        tool.send_signal(number)
        assert command.ended()
        command.close()
        assert tool.wait(DEADLINE_SECONDS) == (143 if number == signal.SIGTERM else -9)
