"""The function in a real execution environment: pytest-local-lambda gives the fixture."""

import json
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
ORDER = json.loads((PROJECT / "events" / "order.json").read_text(encoding="utf-8"))


@pytest.fixture
def function(local_lambda):
    """The function; all tests share its environment."""
    return local_lambda(PROJECT / "template.yaml", "FUNCTION")


def test_total_when_there_are_several_items(function):
    result = function.invoke(ORDER)
    assert result.payload == {"total": 27, "currency": "EUR"}
    assert "2 items for Ada cost 27" in result.logs


def test_route_when_an_order_is_posted(function):
    response = function.http.post("/orders", ORDER)
    assert (response.status, response.json) == (200, {"total": 27, "currency": "EUR"})


def test_error_when_there_are_no_items(function):
    error = function.invoke({"customer": "Grace"}).error
    assert (error.type, error.message) == ("KeyError", "'items'")
