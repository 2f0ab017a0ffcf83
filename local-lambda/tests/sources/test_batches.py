"""What a response says about a batch, and what is said about a response that is malformed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local_lambda.environment.invocation import InvocationResponse
from local_lambda.sources.batches import failed_items

BATCH = ["1", "2", "3"]


def _failed(payload: bytes, failed: bool = False, reporting: bool = True) -> tuple[list[str], list[str]]:
    """The records that failed, in order, and the complaints."""
    complaints: list[str] = []
    items = failed_items(InvocationResponse(payload, failed), BATCH, reporting, complaints.append)
    return sorted(items), complaints


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"batchItemFailures": [{"itemIdentifier": "9"}]}, "the response names '9', which is not in the batch"),
        (
            {"batchItemFailures": [{"itemIdentifier": "1"}, {"itemIdentifier": ""}]},
            "the response names '', which is not in the batch",
        ),
        ({"batchItemFailures": [{}]}, "an entry of batchItemFailures in the response has no itemIdentifier"),
        ({"batchItemFailures": ["1"]}, "an entry of batchItemFailures in the response has no itemIdentifier"),
        (
            {"batchItemFailures": [{"itemIdentifier": None}]},
            "an entry of batchItemFailures in the response has no itemIdentifier",
        ),
        ({"batchItemFailures": "1"}, "batchItemFailures in the response is not a list"),
        (["1"], "the response is not an object with batchItemFailures"),
        ("1", "the response is not an object with batchItemFailures"),
    ],
)
def test_malformed_response_fails_the_batch_and_is_reported(document: Any, reason: str) -> None:
    """One complaint says what is wrong, and what follows."""
    assert _failed(json.dumps(document).encode()) == (BATCH, [f"{reason}, so the whole batch counts as failed"])


def test_response_that_is_not_json_fails_the_batch() -> None:
    """A runtime may send any bytes."""
    assert _failed(b"done") == (BATCH, ["the response is not JSON, so the whole batch counts as failed"])


@pytest.mark.parametrize("document", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}, {"failed": 1}])
def test_response_that_names_nothing_is_success(document: Any) -> None:
    """Even without the key; there is no complaint."""
    assert _failed(json.dumps(document).encode()) == ([], [])


def test_response_that_names_records_fails_those() -> None:
    """And no others."""
    assert _failed(b'{"batchItemFailures": [{"itemIdentifier": "3"}, {"itemIdentifier": "1"}]}') == (["1", "3"], [])


def test_response_counts_for_nothing_without_reporting() -> None:
    """Success is success, and an error fails all; what the response contains is not looked at."""
    assert _failed(b'["1"]', reporting=False) == ([], [])
    assert _failed(b"{}", failed=True, reporting=False) == _failed(b"{}", failed=True) == (BATCH, [])
