"""The function, called as Lambda calls it."""

import platform
from types import SimpleNamespace
from typing import Any

import pytest
from app import fn_container


@pytest.mark.parametrize(
    ("event", "name"), [({"name": "Ada"}, "Ada"), ({}, "nobody"), (None, "nobody"), ([1], "nobody")]
)
def test_answer_when_invoked(event: Any, name: str) -> None:
    """The response greets by name, whatever JSON the caller sends."""
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 9998)
    answer = fn_container.lambda_handler(event, context)
    assert answer == {"greeting": f"Hello {name}", "python": platform.python_version()}
