"""The function, called as Lambda calls it."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from lambda_function import lambda_handler

FOLDER = Path(__file__).resolve().parent.parent


def test_answer_when_invoked(capsys: pytest.CaptureFixture) -> None:
    """It greets by name and logs the request, so that its line differs from those of the extension."""
    event = json.loads((FOLDER / "events/hello.json").read_text(encoding="utf-8"))
    assert lambda_handler(event, SimpleNamespace(aws_request_id="request-1")) == {"greeting": "Hello Ada!"}
    assert capsys.readouterr().out == "Handling request request-1\n"


def test_error_when_the_name_is_missing() -> None:
    """An event without a name is an error of its sender."""
    with pytest.raises(KeyError, match="name"):
        lambda_handler({}, SimpleNamespace(aws_request_id="request-1"))
