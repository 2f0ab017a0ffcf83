"""The two handlers and the report alone."""

from typing import Any, Dict

import pytest
from app import fn_buffered, fn_streamed
from app.report import write_rows

ROWS = ["row 1\n", "row 2\n"]
HEADERS = {"Content-Type": "text/plain"}


def ask(**query: str) -> Dict[str, Any]:
    """An event of a function URL."""
    return {"queryStringParameters": query}


def test_report_when_asked_for_rows() -> None:
    """As many rows as the query says, five if it says nothing."""
    assert list(write_rows(ask(rows="2"))) == ROWS
    assert len(list(write_rows({}))) == 5


def test_row_when_asked_for_bytes() -> None:
    """Each row is as wide as the query says, with its line end."""
    assert [len(row) for row in write_rows(ask(rows="2", bytes="100"))] == [100, 100]


def test_report_when_a_row_is_lost() -> None:
    """The rows before it are written."""
    rows = write_rows(ask(fail="2"))
    assert next(rows) == "row 1\n"
    with pytest.raises(LookupError, match="row 2 is lost"):
        next(rows)


def test_answer_when_buffered() -> None:
    """One response with everything."""
    answer = fn_buffered.lambda_handler(ask(rows="2"), None)
    assert answer == {"statusCode": 200, "headers": HEADERS, "body": "".join(ROWS)}


def test_pieces_when_streamed() -> None:
    """Status and headers come first, then each row."""
    pieces = fn_streamed.lambda_handler(ask(rows="2"), None)
    assert list(pieces) == [{"statusCode": 200, "headers": HEADERS}, *ROWS]


def test_first_piece_when_no_row_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Status and headers do not wait for the work."""
    monkeypatch.delenv("SECONDS_PER_ROW")
    assert next(fn_streamed.lambda_handler({}, None)) == {"statusCode": 200, "headers": HEADERS}
