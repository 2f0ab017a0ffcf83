"""The function alone, without a cache."""

import json
from pathlib import Path
from typing import Any, Tuple

import lambda_function
import pytest

EVENTS = Path(__file__).resolve().parent.parent / "events"


def read(name: str) -> Any:
    """An event of the folder."""
    return json.loads((EVENTS / name).read_text())


def test_response_when_the_cache_answers(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    """Greeting and coupon are those of the cache; the card number is left to the proxy."""

    def ask(path: str) -> Tuple[Any, int]:
        return ({"SecretString": "c"}, 7) if "secret" in path else ({"Parameter": {"Value": "Hello"}}, 0)

    monkeypatch.setattr(lambda_function, "ask", ask)
    response = lambda_function.lambda_handler({**read("order.json"), "correlation": "r"}, None)
    assert response == {"message": "Hello Ada", "coupon": "c", "card": "4000123412341234"}
    assert capsys.readouterr().out == "order of Ada, correlation r, coupon 7 s old\n"


def test_response_when_no_coupon_is_wanted() -> None:
    """The cache is not asked."""
    response = lambda_function.lambda_handler(read("order-without-coupon.json"), None)
    assert response == {"message": "Hi Ada", "card": "4000123412341234"}
