"""The durable function in this process, on the SDK's own test runner: no network, no Lambda."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from app import shop
from app.fn_order import lambda_handler
from aws_durable_execution_sdk_python.lambda_service import InvocationStatus
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner


def run_order(event: dict[str, Any]) -> Any:
    """Take an order to its end, with a warehouse that packs as soon as it is asked."""
    with DurableFunctionTestRunner(handler=lambda_handler) as runner:
        order = runner.run_async(input=json.dumps(event), timeout=30)
        callback = runner.wait_for_callback(order, timeout=30)
        runner.send_callback_success(callback, b"Ada")
        return runner.wait_for_result(order, timeout=30)


def deeds() -> list[str]:
    """What was done to the world outside, in order."""
    return [words[0] for words in shop.read_ledger()]


def test_result_when_nothing_happens(ledger: Path) -> None:
    """Each step is done once, for one order number, which is in the result."""
    result = run_order({"item": "kettle"})
    assert result.status is InvocationStatus.SUCCEEDED
    answer = json.loads(result.result)
    assert (answer["price"], answer["packedBy"], answer["parcel"]) == (40, "Ada", f"parcel-{answer['number']}")
    assert deeds() == ["reserved", "charged", "asked", "shipped"]
    assert {words[1] for words in shop.read_ledger()} == {answer["number"]}


def test_charge_when_the_bank_is_down_once(ledger: Path) -> None:
    """The step is retried; the steps before it are not run again."""
    assert run_order({"item": "kettle", "bankDown": 1}).status is InvocationStatus.SUCCEEDED
    assert deeds() == ["reserved", "refused", "charged", "asked", "shipped"]


def test_status_when_the_bank_stays_down(ledger: Path) -> None:
    """After three attempts the order fails, and nothing is shipped."""
    with DurableFunctionTestRunner(handler=lambda_handler) as runner:
        result = runner.run(input=json.dumps({"item": "kettle", "bankDown": 9}), execution_timeout=30)
    assert result.status is InvocationStatus.FAILED
    assert deeds() == ["reserved", "refused", "refused", "refused"]


def test_error_when_a_branch_fails(ledger: Path) -> None:
    """An item that is not sold ends the order at once, with its error, before anything is charged."""
    with DurableFunctionTestRunner(handler=lambda_handler) as runner:
        result = runner.run(input=json.dumps({"item": "piano"}), execution_timeout=30)
    assert (result.status, result.error.message) == (InvocationStatus.FAILED, "'piano'")
    assert deeds() == ["reserved"]


def test_power_when_lost(ledger: Path) -> None:
    """The process is killed the first time only, and only if the event asks for it."""
    shop.lose_power({})
    lose = [sys.executable, "-c", "from app import shop; shop.lose_power({'losePower': True})"]
    folder = Path(__file__).resolve().parent.parent
    assert [subprocess.run(lose, cwd=folder).returncode for _ in range(2)] == [-signal.SIGKILL, 0]
    assert deeds() == ["killed"]


def test_price_when_the_item_is_not_sold() -> None:
    """An unknown item is an error of its caller."""
    with pytest.raises(KeyError, match="piano"):
        shop.find_price("piano")
