"""The example as a whole, on local-lambda, with a process that is really killed."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple

import pytest

FOLDER = Path(__file__).resolve().parent.parent

pytest.importorskip("pytest_local_lambda", reason="the plugin is in the folder pytest-local-lambda")


class Order(NamedTuple):
    """A finished order: exit status, printed history, events of local-lambda, and the words of the ledger's lines."""

    status: int
    output: str
    events: List[Dict[str, Any]]
    ledger: List[List[str]]

    def deeds(self, deed: str) -> List[str]:
        """The order numbers to which this was done."""
        return [words[1] for words in self.ledger if words[0] == deed]


@pytest.fixture
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The path of a new ledger. Not in /tmp, which every environment has for itself."""
    path = Path(f"/var/tmp/ledger-{os.getpid()}-{tmp_path_factory.mktemp('order').name}.txt")
    yield path
    path.unlink(missing_ok=True)


def read(ledger: Path) -> List[List[str]]:
    """The words of each line of the ledger."""
    return [line.split() for line in ledger.read_text(encoding="utf-8").splitlines()]


def run_order(local_lambda: Any, ledger: Path, event: str) -> Order:
    """Take an order through run_workflow.py, as `make run` does."""
    python = Path(shutil.which(local_lambda.command) or local_lambda.command).resolve().with_name("python")
    if subprocess.run([str(python), "-c", "import moto"], stderr=subprocess.DEVNULL).returncode:
        absent = "the extra aws of local-lambda: make -C ../local-lambda install EXTRAS=aws"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"not installed: {absent}")
    variables = {"SHOP_LEDGER": str(ledger)}
    with local_lambda(FOLDER, "OrderFunction", environment=variables, options=["--aws", "0"]) as function:
        assert function.port
        (endpoint,) = re.findall(r"AWS_ENDPOINT_URL=(\S+)", function.log)
        command = [sys.executable, "run_workflow.py", f"events/{event}.json"]
        environment = {**os.environ, "AWS_ENDPOINT_URL": endpoint}
        done = subprocess.run(command, cwd=FOLDER, env=environment, stdout=subprocess.PIPE, text=True, timeout=200)
        return Order(done.returncode, done.stdout, function.events(), read(ledger))


def test_order_when_nothing_happens(local_lambda: Any, ledger: Path) -> None:
    """Three invocations: up to the wait, up to the callback, to the end. Each step is done in one of them."""
    order = run_order(local_lambda, ledger, "order")
    assert order.status == 0
    assert order.output.count("InvocationCompleted") == 3
    assert sum(event["type"] == "platform.start" for event in order.events) == 3
    assert [words[0] for words in order.ledger] == ["reserved", "charged", "asked", "shipped"]


def test_order_when_the_bank_is_down(local_lambda: Any, ledger: Path) -> None:
    """The failed step is retried in a later invocation."""
    order = run_order(local_lambda, ledger, "bank-down")
    assert order.status == 0
    assert "StepFailed" in order.output
    assert [words[0] for words in order.ledger] == ["reserved", "refused", "charged", "asked", "shipped"]


def test_order_when_power_is_lost(local_lambda: Any, ledger: Path) -> None:
    """The process dies after the charge; a second one continues the same order and does not charge again."""
    order = run_order(local_lambda, ledger, "lose-power")
    assert order.status == 0
    assert sum(event["type"] == "platform.initStart" for event in order.events) == 2
    assert order.deeds("charged") == order.deeds("shipped") == order.deeds("reserved")
    assert len(order.deeds("charged")) == 1


def test_naive_order_when_power_is_lost(local_lambda: Any, ledger: Path) -> None:
    """Invoked again, the naive function has a new order number and charges a second time; one parcel is shipped."""
    event = FOLDER / "events/lose-power.json"
    run = local_lambda.run(FOLDER, "NaiveFunction", [event], 2, environment={"SHOP_LEDGER": str(ledger)})
    assert run.status == 1
    first, second = run.payloads
    assert first["errorType"] == "Runtime.ExitError"
    charged = [words[1] for words in read(ledger) if words[0] == "charged"]
    assert (len(charged), len(set(charged))) == (2, 2)
    assert [words[1] for words in read(ledger) if words[0] == "shipped"] == [second["number"]]


def test_ledger_when_shown(ledger: Path) -> None:
    """show_ledger.py counts, removes the ledger, and says so when there is none."""
    ledger.write_text("charged a1 40\ncharged b2 40\n", encoding="utf-8")
    command, environment = [sys.executable, "show_ledger.py"], {**os.environ, "SHOP_LEDGER": str(ledger)}
    outputs = [subprocess.run(command, cwd=FOLDER, env=environment, capture_output=True, text=True) for _ in range(2)]
    assert outputs[0].stdout == "In the ledger:\n  charged  2 x  for order A, B\n"
    assert (outputs[1].returncode, "there is no ledger" in outputs[1].stderr) == (1, True)


def run_workflow(event: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run run_workflow.py without credentials, a region, or what serves."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    nothing = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    nothing.update(AWS_EC2_METADATA_DISABLED="true", AWS_MAX_ATTEMPTS="1")
    command = [sys.executable, "run_workflow.py", event]
    return subprocess.run(
        command, cwd=FOLDER, env={**environment, **nothing, **variables}, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "No answer. Is 'make serve' running in another terminal?"),
        ({}, "run_workflow.py: You must specify a region. Without AWS_ENDPOINT_URL this is AWS"),
        (
            {"AWS_DEFAULT_REGION": "us-east-1"},
            "run_workflow.py: Unable to locate credentials. Without AWS_ENDPOINT_URL",
        ),
    ],
)
def test_message_when_there_is_no_endpoint(variables: Dict[str, str], message: str) -> None:
    """One line says what to do."""
    done = run_workflow("events/order.json", **variables)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith(message)


def test_message_when_the_event_does_not_exist() -> None:
    """One line names the file."""
    done = run_workflow("none.json", AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert (done.returncode, done.stderr) == (
        1,
        "run_workflow.py: [Errno 2] No such file or directory: 'none.json'\n",
    )


def test_workflow_when_interrupted_while_it_imports(tmp_path: Path) -> None:
    """Ctrl-C leaves no traceback."""
    (tmp_path / "boto3.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nsignal.pause()\n")
    done = run_workflow("events/order.json", PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")
