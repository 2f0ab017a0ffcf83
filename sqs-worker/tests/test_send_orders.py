"""When send_orders.py says that a queue is empty, without a queue."""

from types import SimpleNamespace
from typing import Any, Callable, List

import pytest
import send_orders


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Callable[..., List[Any]]:
    """Makes a queue that has these numbers of messages, one after the other; returns counts and pauses."""

    def make(*totals: int) -> List[Any]:
        story: List[Any] = []
        left = iter(totals)

        def get_queue_attributes(QueueUrl: str, AttributeNames: List[str]) -> Any:
            story.append(next(left))
            return {"Attributes": dict(zip(AttributeNames, (str(story[-1]), "0")))}

        sqs = SimpleNamespace(get_queue_attributes=get_queue_attributes)
        monkeypatch.setattr(send_orders, "client", lambda service: sqs)
        monkeypatch.setattr(send_orders.time, "sleep", lambda seconds: story.append(f"{seconds} s"))
        return story

    return make


@pytest.mark.parametrize("apart", [0.2, 60])
def test_queue_is_empty_when_it_says_so_twice(
    counts: Callable[..., List[Any]], monkeypatch: pytest.MonkeyPatch, apart: float
) -> None:
    """The second time is a moment later, on AWS a minute."""
    monkeypatch.setattr(send_orders, "APART", apart)
    story = counts(0, 0)
    assert send_orders.is_empty("url")
    assert story == [0, f"{apart} s", 0]


def test_queue_is_not_empty_when_a_message_was_missing_from_one_count(counts: Callable[..., List[Any]]) -> None:
    """A message that becomes visible while it is counted is in neither number; the next count has it."""
    counts(0, 1)
    assert not send_orders.is_empty("url")


def test_queue_is_not_empty_when_it_has_messages(counts: Callable[..., List[Any]]) -> None:
    """There is nothing to confirm."""
    story = counts(3)
    assert not send_orders.is_empty("url")
    assert story == [3]
