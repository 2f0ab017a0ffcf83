"""The guard lets each order through once."""

import time
from typing import Any, List

import pytest
from app import guard


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> List[float]:
    """The time, which stands still until a test sets it."""
    now = [1000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


def test_claim_when_the_order_is_new(tables: Any, clock: List[float]) -> None:
    """It is granted, and counts as long as the invocation may last."""
    assert guard.claim("order-1", 3)
    assert tables.orders == {"order-1": {"id": {"S": "order-1"}, "counts_until": {"N": "1003.000"}}}


def test_claim_when_it_is_claimed(tables: Any, clock: List[float]) -> None:
    """Another invocation has to come again, up to the moment in which the claim expires."""
    guard.claim("order-1", 3)
    for now in (1000.0, 1003.0):
        clock[0] = now
        with pytest.raises(guard.InProgress, match="order-1"):
            guard.claim("order-1", 3)


def test_claim_when_the_claim_has_expired(tables: Any, clock: List[float]) -> None:
    """The invocation that made it was killed: the order is claimed again."""
    guard.claim("order-1", 3)
    clock[0] = 1003.001
    assert guard.claim("order-1", 3)
    assert tables.orders["order-1"]["counts_until"] == {"N": "1006.001"}


def test_claim_when_the_order_is_done(tables: Any, clock: List[float]) -> None:
    """It is refused for longer than a queue keeps a message, which is 14 days."""
    guard.claim("order-1", 3)
    guard.finish("order-1")
    clock[0] += 14 * 24 * 3600
    assert not guard.claim("order-1", 3)
    clock[0] += 24 * 3600 + 1
    assert guard.claim("order-1", 3)


def test_claim_when_another_order_is_done(tables: Any, clock: List[float]) -> None:
    """Orders have nothing to do with each other."""
    guard.finish("order-1")
    assert guard.claim("order-2", 3)


def test_record_when_done(tables: Any, clock: List[float]) -> None:
    """DynamoDB deletes records by a time in whole seconds."""
    clock[0] = 1000.7
    guard.finish("order-1")
    assert tables.orders["order-1"]["counts_until"]["N"] == str(1000 + guard.KEEP_DONE)
