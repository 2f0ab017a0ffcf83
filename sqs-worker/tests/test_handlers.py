"""What the handlers make of a batch, without a queue."""

import json
from types import SimpleNamespace
from typing import Any, Dict

import pytest
from app import bank, fn_naive, fn_worker, guard

from conftest import FOLDER


def batch(*customers: str) -> Dict[str, Any]:
    """An event with an order for each customer; the messages have the customers' names as ids."""
    orders = [{"id": f"order-{name}", "customer": name, "amount": 10} for name in customers]
    return {"Records": [{"messageId": order["customer"], "body": json.dumps(order)} for order in orders]}


@pytest.fixture
def paid(tables: Any) -> Any:
    """Returns what Ada and Ben, who have accounts, have paid."""
    tables.accounts.update({name: {"asked": 0, "paid": 0, "delay": 0} for name in ("Ada", "Ben")})
    return lambda: [account["paid"] for account in tables.accounts.values()]


def failed(response: Dict[str, Any]) -> Any:
    """The messages that a response names."""
    return [item["itemIdentifier"] for item in response["batchItemFailures"]]


def test_worker_when_all_is_well(paid: Any, context: SimpleNamespace) -> None:
    """Each order is charged, and no message is named."""
    assert failed(fn_worker.lambda_handler(batch("Ada", "Ben"), context)) == []
    assert paid() == [10, 10]


def test_worker_when_one_message_fails(paid: Any, context: SimpleNamespace) -> None:
    """The others are charged, before and after it, and only that one is named."""
    assert failed(fn_worker.lambda_handler(batch("Ada", "Zoe", "Ben"), context)) == ["Zoe"]
    assert paid() == [10, 10]


def test_worker_when_a_message_is_not_an_order(tables: Any, context: SimpleNamespace) -> None:
    """It is named, as any other that fails."""
    event = json.loads((FOLDER / "events/not-an-order.json").read_text())
    assert failed(fn_worker.lambda_handler(event, context)) == [event["Records"][0]["messageId"]]


def test_worker_when_a_message_comes_again(paid: Any, context: SimpleNamespace) -> None:
    """It counts as done, and is not charged again."""
    for _ in range(2):
        assert failed(fn_worker.lambda_handler(batch("Ada", "Ben"), context)) == []
    assert paid() == [10, 10]


def test_worker_when_an_order_is_sent_twice(paid: Any, context: SimpleNamespace) -> None:
    """Two messages of one batch, with different ids, are one order."""
    assert failed(fn_worker.lambda_handler(batch("Ada", "Ada"), context)) == []
    assert paid() == [10, 0]


def test_worker_when_another_invocation_has_the_order(paid: Any, context: SimpleNamespace) -> None:
    """The message has to come back: the other invocation may yet fail."""
    guard.claim("order-Ada", 3)
    assert failed(fn_worker.lambda_handler(batch("Ada", "Ben"), context)) == ["Ada"]
    assert paid() == [0, 10]


def test_worker_when_the_order_was_charged_but_not_noted(
    paid: Any, context: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gap that no guard closes: when the claim has expired the order is charged a second time."""

    def killed(order: str) -> None:
        raise SystemExit

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(guard, "finish", killed)
        fn_worker.lambda_handler(batch("Ada"), SimpleNamespace(get_remaining_time_in_millis=lambda: -1))
    fn_worker.lambda_handler(batch("Ada"), context)
    assert paid() == [20, 0]


def test_worker_when_the_call_timed_out_after_the_charge(
    paid: Any, context: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same gap: the worker cannot know that the bank has charged, and the next delivery charges again."""
    charge = bank.charge

    def charge_and_time_out(customer: str, amount: int) -> None:
        charge(customer, amount)
        raise TimeoutError("read timed out")

    with monkeypatch.context() as patch:
        patch.setattr(bank, "charge", charge_and_time_out)
        expired = SimpleNamespace(get_remaining_time_in_millis=lambda: -1)
        assert failed(fn_worker.lambda_handler(batch("Ada"), expired)) == ["Ada"]
    fn_worker.lambda_handler(batch("Ada"), context)
    assert paid() == [20, 0]


def test_naive_when_one_message_fails(paid: Any, context: SimpleNamespace) -> None:
    """What came before it is charged, and the whole batch fails."""
    with pytest.raises(bank.NoAccount, match="Zoe"):
        fn_naive.lambda_handler(batch("Ada", "Zoe", "Ben"), context)
    assert paid() == [10, 0]


def test_bank_when_the_account_is_slow(paid: Any, tables: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits as long as the account says before it charges."""
    waits = []
    monkeypatch.setattr(bank.time, "sleep", lambda seconds: waits.append((seconds, *paid())))
    tables.accounts["Ada"]["delay"] = 60
    bank.charge("Ada", 10)
    assert (waits, paid()) == ([(60, 0, 0)], [10, 0])
