"""The function, called as Lambda calls it."""

from typing import Any

import lambda_function
import pytest


def test_output_when_invoked(capsys: Any) -> None:
    """It writes as many lines as the event asks for, and answers with their number."""
    assert lambda_function.lambda_handler({"lines": 2}, None) == {"lines": 2}
    assert capsys.readouterr().out == "line 1 of 2\nline 2 of 2\n"


def test_error_when_the_caller_wants_one(capsys: Any) -> None:
    """It writes its lines first."""
    with pytest.raises(RuntimeError):
        lambda_function.lambda_handler({"lines": 1, "throwError": True}, None)
    assert capsys.readouterr().out == "line 1 of 1\n"
