"""The example as a whole: local-lambda, the local runner, and a process that is really killed."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

FOLDER = Path(__file__).resolve().parent.parent

pytest.importorskip("pytest_local_lambda", reason="the plugin is in the folder pytest-local-lambda")


class Order(NamedTuple):
    """A finished order: exit status, printed history, events of local-lambda, and the words of the ledger's lines."""

    status: int
    output: str
    events: list[dict[str, Any]]
    ledger: list[list[str]]

    def deeds(self, deed: str) -> list[str]:
        """The order numbers to which this was done."""
        return [words[1] for words in self.ledger if words[0] == deed]


@pytest.fixture
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The path of a new ledger. Not in /tmp, which every environment has for itself."""
    path = Path(f"/var/tmp/ledger-{os.getpid()}-{tmp_path_factory.mktemp('order').name}.txt")
    yield path
    path.unlink(missing_ok=True)


def read(ledger: Path) -> list[list[str]]:
    """The words of each line of the ledger."""
    return [line.split() for line in ledger.read_text(encoding="utf-8").splitlines()]


def run_order(local_lambda: Any, ledger: Path, tmp_path: Path, event: str) -> Order:
    """Take an order through run_workflow.py, as `make run` does."""
    record = tmp_path / "events.jsonl"
    command = [sys.executable, "run_workflow.py", f"events/{event}.json", str(local_lambda.command)]
    command += ["--python", sys.executable, "--record", str(record)]
    environment = {**os.environ, "SHOP_LEDGER": str(ledger)}
    done = subprocess.run(command, cwd=FOLDER, env=environment, stdout=subprocess.PIPE, text=True, timeout=200)
    events = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
    return Order(done.returncode, done.stdout, events, read(ledger))


def test_order_when_nothing_happens(local_lambda: Any, ledger: Path, tmp_path: Path) -> None:
    """Three invocations: up to the wait, up to the callback, to the end. Each step is done in one of them."""
    order = run_order(local_lambda, ledger, tmp_path, "order")
    assert order.status == 0
    assert order.output.count("InvocationCompleted") == 3
    assert sum(event["type"] == "platform.start" for event in order.events) == 3
    assert [words[0] for words in order.ledger] == ["reserved", "charged", "asked", "shipped"]


def test_order_when_the_bank_is_down(local_lambda: Any, ledger: Path, tmp_path: Path) -> None:
    """The failed step is retried in a later invocation."""
    order = run_order(local_lambda, ledger, tmp_path, "bank-down")
    assert order.status == 0
    assert "StepFailed" in order.output
    assert [words[0] for words in order.ledger] == ["reserved", "refused", "charged", "asked", "shipped"]


def test_order_when_power_is_lost(local_lambda: Any, ledger: Path, tmp_path: Path) -> None:
    """The process dies after the charge; a second one continues the same order and does not charge again."""
    order = run_order(local_lambda, ledger, tmp_path, "lose-power")
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


def test_programs_when_serving_ends(local_lambda: Any, ledger: Path) -> None:
    """`make serve` says where both programs listen, and SIGTERM ends it and them with status 0."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    command = [sys.executable, "run_workflow.py", "--serve", str(port), str(local_lambda.command)]
    environment = {**os.environ, "SHOP_LEDGER": str(ledger)}
    command += ["--python", sys.executable]
    serving = subprocess.Popen(command, cwd=FOLDER, env=environment, stderr=subprocess.PIPE, text=True)
    assert serving.stderr is not None
    said = next(line for line in serving.stderr if line.startswith("workflow |"))
    serving.terminate()
    serving.communicate(timeout=60)
    assert serving.returncode == 0
    for listening in (port, int(re.search(r"127\.0\.0\.1:(\d+)", said)[1])):  # type: ignore[index]
        with socket.socket() as client:
            assert client.connect_ex(("127.0.0.1", listening)) != 0
