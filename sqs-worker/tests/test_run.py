"""The example as a whole, on local-lambda, on the Python that runs the tests: queues, tables, functions, events."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple

import pytest

FOLDER = Path(__file__).resolve().parent.parent
PARAMETERS = ["FunctionSeconds=3", "VisibilitySeconds=6", "Receives=2"]
CUSTOMERS = ["Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hal", "Ida", "Zoe"]

pytest.importorskip("pytest_local_lambda", reason="the plugin is in the folder pytest-local-lambda")


class Played(NamedTuple):
    """A part, as send_orders.py shows it, and what the function did."""

    paid: Any
    dead_letters: int
    log: List[str]
    """What the function and the platform wrote, without the columns in front."""
    reports: Any
    """The REPORT of each invocation."""

    def said(self, pattern: str) -> List[str]:
        """The ends of the lines that match."""
        return [found.group() for found in (re.search(pattern, line) for line in self.log) if found]


@pytest.fixture(scope="module")
def endpoint(local_lambda: Any) -> Iterator[Any]:
    """The functions, queues and tables of the template, and the address of their AWS endpoint."""
    python = Path(shutil.which(local_lambda.command) or local_lambda.command).resolve().with_name("python")
    if subprocess.run([str(python), "-c", "import moto"], stderr=subprocess.DEVNULL).returncode:
        absent = "the extra aws of local-lambda: make -C ../local-lambda install EXTRAS=aws"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"not installed: {absent}")
    options = ["--aws", "0", "--parameter-overrides", *PARAMETERS]
    with local_lambda(FOLDER, "sqs-worker", options=options) as function:
        assert function.port
        (function.aws,) = re.findall(r"AWS_ENDPOINT_URL=(\S+)", function.log)
        yield function


@pytest.fixture(scope="module")
def play(endpoint: Any) -> Callable[..., List[Played]]:
    """Plays parts with a queue, one command each."""

    def play(*parts: str, queue: str = "sqs-worker-orders") -> List[Played]:
        played = []
        for part in parts:
            log, reports = len(endpoint.log), len(endpoint.events("platform.report"))
            command = [sys.executable, str(FOLDER / "send_orders.py"), "--queue", queue, part]
            environment = {**os.environ, "AWS_ENDPOINT_URL": endpoint.aws}
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, timeout=300)
            assert done.returncode == 0
            paid, dead_letters = done.stdout.splitlines()[-2:]
            played.append(
                Played(
                    {name: int(amount) for name, amount in re.findall(r"(\w+) (\d+)", paid)},
                    int(dead_letters.split()[-1]),
                    endpoint.log[log:].splitlines(),
                    endpoint.events("platform.report")[reports:],
                )
            )
        return played

    return play


def test_orders_when_one_is_poison(play: Callable[..., List[Played]]) -> None:
    """Nine are charged at once and deleted. The tenth comes back alone, becomes a dead letter, and is redriven."""
    poison, redrive = play("poison", "redrive")
    assert poison.paid == dict.fromkeys(CUSTOMERS[:-1], 10)
    assert poison.dead_letters == 1
    assert poison.said(r"batch of .*") == ["batch of 10, 1 failed", "batch of 1, 1 failed"]
    assert poison.said(r"failed: .*, message ") == ["failed: poison-zoe, message "] * 2
    assert [report["record"]["status"] for report in poison.reports] == ["success"] * 2
    assert redrive.paid == dict.fromkeys(CUSTOMERS, 10)
    assert redrive.dead_letters == 0
    assert redrive.said(r"(charged|skipped): .*") == ["charged: poison-zoe"]


def test_orders_when_the_function_runs_out_of_time(play: Callable[..., List[Played]]) -> None:
    """All ten come back. The four that were charged are skipped, the one in the middle is claimed again."""
    (timeout,) = play("timeout")
    assert timeout.paid == dict.fromkeys(CUSTOMERS, 10)
    assert timeout.dead_letters == 0
    assert [report["record"]["status"] for report in timeout.reports] == ["timeout", "success"]
    assert timeout.said(r"(charged|skipped): timeout-\w+") == [
        *(f"charged: timeout-{name.lower()}" for name in CUSTOMERS[:4]),
        *(f"skipped: timeout-{name.lower()}" for name in CUSTOMERS[:4]),
        *(f"charged: timeout-{name.lower()}" for name in CUSTOMERS[4:]),
    ]


def test_orders_when_the_visibility_timeout_is_too_short(play: Callable[..., List[Played]]) -> None:
    """A second environment gets the message while the first one is charging, and may not."""
    (visibility,) = play("visibility")
    assert (visibility.paid, visibility.dead_letters) == ({"Ada": 10}, 0)
    assert visibility.said(r"InProgress: .*|charged: .*") == [
        "InProgress: visibility-ada is claimed by another invocation",
        "charged: visibility-ada",
    ]


def test_orders_when_the_worker_is_naive(play: Callable[..., List[Played]]) -> None:
    """Good orders are charged twice and become dead letters, and so is one that two environments get."""
    poison, timeout, visibility = play("poison", "timeout", "visibility", queue="sqs-worker-naive")
    assert poison.paid == dict.fromkeys(CUSTOMERS[:-1], 20)
    assert poison.dead_letters == 10
    assert timeout.paid == {name: 20 if name in CUSTOMERS[:4] else 10 for name in CUSTOMERS}
    assert visibility.paid == {"Ada": 20}


@pytest.mark.skipif(not (shutil.which("make") and shutil.which("curl")), reason="make or curl is missing")
def test_make_invoke_when_serving(endpoint: Any) -> None:
    """`make invoke` hands the function a batch without a queue, and shows which messages it names."""
    command = ["make", "--silent", "-C", str(FOLDER), "invoke", f"PORT={endpoint.port}"]
    answer = json.loads(subprocess.check_output(command))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "19dd0b57-b21e-4ac1-bd88-01bbb068cb78"}]}


def test_package_when_built_twice(local_lambda: Any, tmp_path: Path) -> None:
    """Two builds of the real package are the same bytes, and the function runs from the zip as from the folder."""
    packages = [tmp_path / name for name in ("first.zip", "second.zip")]
    for package in packages:
        build = [sys.executable, str(FOLDER / "build_package.py"), str(package), str(FOLDER / "app")]
        subprocess.run(build, check=True)
    assert packages[0].read_bytes() == packages[1].read_bytes()
    event = FOLDER / "events/not-an-order.json"
    run = local_lambda.run(FOLDER, "sqs-worker", [event], options=["--code", str(packages[0])])
    assert (run.status, len(run.payloads[0]["batchItemFailures"])) == (0, 1)


def send_orders(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run send_orders.py with these environment variables, and without credentials or a region."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    nothing = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    nothing.update(AWS_EC2_METADATA_DISABLED="true", AWS_MAX_ATTEMPTS="1")
    command = [sys.executable, str(FOLDER / "send_orders.py"), *arguments]
    return subprocess.run(
        command, env={**environment, **nothing, **variables}, capture_output=True, text=True, timeout=60
    )


NOTHING_SERVED = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"AWS_ENDPOINT_URL": NOTHING_SERVED}, "No answer. Is 'make serve' running in another terminal?"),
        ({}, "send_orders.py: You must specify a region. Without AWS_ENDPOINT_URL this is AWS, with your credentials"),
        ({"AWS_DEFAULT_REGION": "us-east-1"}, "send_orders.py: Unable to locate credentials. Without AWS_ENDPOINT_URL"),
    ],
)
def test_message_when_there_is_no_endpoint(variables: Dict[str, str], message: str) -> None:
    """One line says what to do."""
    done = send_orders("poison", **variables)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith(message)


def test_message_when_there_is_no_such_queue(endpoint: Any) -> None:
    """One line names the queue and asks what is served."""
    done = send_orders("--queue", "lunch", "poison", AWS_ENDPOINT_URL=endpoint.aws)
    question = f"Does 'make serve' of this folder serve {endpoint.aws}?"
    assert (done.returncode, done.stderr) == (1, f"send_orders.py: there is no queue lunch. {question}\n")


def test_message_when_there_is_no_such_part() -> None:
    """send_orders.py names the parts."""
    done = send_orders("lunch", AWS_ENDPOINT_URL=NOTHING_SERVED)
    assert done.returncode == 2
    assert "no part lunch: there are poison, redrive, timeout, visibility" in done.stderr


def test_sender_when_interrupted_while_it_imports(tmp_path: Path) -> None:
    """Ctrl-C leaves no traceback."""
    (tmp_path / "boto3.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nsignal.pause()\n")
    done = send_orders("poison", PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")
