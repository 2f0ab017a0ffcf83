"""The example as a whole, on local-lambda, on the Python that runs these tests: answers, log and end."""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, NamedTuple

import pytest

FOLDER = Path(__file__).resolve().parent.parent
LOCAL_LAMBDA = os.environ.get("LOCAL_LAMBDA") or str(FOLDER.parent / "local-lambda/.venv/bin/local-lambda")
HANDLER = "app.fn_container.lambda_handler"
ANSWER = {"greeting": "Hello Ada", "python": platform.python_version()}

# If LOCAL_LAMBDA names one, these tests are wanted, so a missing one is an error.
pytestmark = pytest.mark.skipif(
    "LOCAL_LAMBDA" not in os.environ and not shutil.which(LOCAL_LAMBDA),
    reason=f"{LOCAL_LAMBDA} is missing: `make install` installs it",
)


class Life(NamedTuple):
    """A whole life of the example: exit status of `make run`, what callers got, and the log, line by line."""

    status: int
    answers: List[Dict[str, str]]
    log: List[str]

    def find(self, pattern: str) -> List[int]:
        """The numbers of the lines in which the pattern is found."""
        return [number for number, line in enumerate(self.log) if re.search(pattern, line)]

    def requests(self, pattern: str) -> List[str]:
        """The pattern's group of each line in which it is found."""
        return re.findall(pattern, "\n".join(self.log))


def run(*command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Call the function while a server runs, as `make run` does, with this Python as the image's."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "AWS_LAMBDA_FUNCTION_NAME": "ContainerFunction", **variables}
    server = " ".join(command)
    program = [sys.executable, "with_service.py", "URL", server, sys.executable, "call_twice.py"]
    output = subprocess.PIPE
    return subprocess.run(program, cwd=FOLDER, env=environment, stdout=output, stderr=output, text=True, timeout=120)


@pytest.fixture(scope="module")
def life() -> Life:
    """The server, two invocations, SIGTERM."""
    ended = run(LOCAL_LAMBDA, "exec", "--opt", "opt", "--port", "0", "--", "./lambda-entrypoint.sh", HANDLER)
    answers = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
    return Life(ended.returncode, answers, ended.stderr.splitlines())


def test_answer_when_called_by_both_names(life: Life) -> None:
    """The function's own name and the generic one get the same answer."""
    assert life.answers == [ANSWER, ANSWER]


def test_exit_when_stopped(life: Life) -> None:
    """SIGTERM ends the server with status 0, its last word being that it stopped."""
    assert life.status == 0
    assert life.find(r"^platform *\| stopped$") == [len(life.log) - 1]


def test_order_when_responses_and_log_are_read_together() -> None:
    """Each response stands behind the whole log of its invocation, and before the next call."""
    server = f"{LOCAL_LAMBDA} exec --opt opt --port 0 -- ./lambda-entrypoint.sh {HANDLER}"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ended = subprocess.run(
        [sys.executable, "with_service.py", "URL", server, sys.executable, "call_twice.py"],
        cwd=FOLDER,
        env={**os.environ, "PATH": path, "AWS_LAMBDA_FUNCTION_NAME": "ContainerFunction"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    found = re.findall(r"^(?:platform \| )?(\+ curl|START|END|REPORT|\{)", ended.stdout, re.MULTILINE)
    assert found == ["+ curl", "START", "END", "REPORT", "{"] * 2


def test_log_when_initialized(life: Life) -> None:
    """The extension registers and is ready before the first invocation starts."""
    (registered,) = life.find(r"\| \[container-extension\] registered for function ContainerFunction, handler app\.")
    (ready,) = life.find(r"\| EXTENSION\tName: container-extension\tState: Ready\tEvents: \[INVOKE, ?SHUTDOWN\]")
    assert registered < ready < life.find(r"\| START ")[0]


def test_log_when_invoked(life: Life) -> None:
    """Both processes see each invocation, under the same request id, between its START and its REPORT."""
    started = life.requests(r"\| START RequestId: (\S+) ")
    assert len(set(started)) == 2
    assert life.requests(r"\[container-extension\] INVOKE (\S+), ") == started
    assert life.requests(r"\[INFO\]\t\S+\t(\S+)\tGreeting Ada") == started
    assert life.requests(r"\| REPORT RequestId: (\S+)\t") == started
    for kind in (r"\] INVOKE ", r"Greeting Ada"):
        first, second = life.find(kind)
        (start, next_start), (report, next_report) = life.find(r"\| START "), life.find(r"\| REPORT ")
        assert start < first < report < next_start < second < next_report


def test_log_when_shut_down(life: Life) -> None:
    """The extension hears SHUTDOWN after the last invocation, with time left, and has counted both invocations."""
    (shutdown,) = life.find(r"\[container-extension\] SHUTDOWN \(spindown\) after 2 invocations, ")
    assert shutdown > life.find(r"\| REPORT ")[-1]
    (left,) = life.requests(r"SHUTDOWN \(spindown\) .*, (\d+) ms left")
    assert 0 < int(left) <= 2000


def test_invocation_when_the_handler_is_missing() -> None:
    """The runtime's own error reaches the caller, and the exit status says that it is not the expected response."""
    command = ["exec", "--opt", "opt", "--port", "0", "--", "./lambda-entrypoint.sh", "app.fn_container.missing"]
    ended = run(LOCAL_LAMBDA, *command)
    assert ended.returncode == 1
    assert "Runtime.HandlerNotFound" in ended.stdout


@pytest.mark.parametrize("command", [["false"], [LOCAL_LAMBDA, "exec", "--port", "0", "--", "no-such-program"]])
def test_run_when_the_server_does_not_start(command: List[str]) -> None:
    """It says that nothing was listening, and ends with status 1."""
    ended = run(*command)
    assert ended.returncode == 1
    assert "ended before it was listening" in ended.stderr
