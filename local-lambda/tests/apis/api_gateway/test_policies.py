"""The policies of Lambda authorizers: which statements are about a request, and how long that takes to find out."""

from __future__ import annotations

from typing import Any

import pytest

from local_lambda.apis.api_gateway.authorizers import (
    MAX_KEPT_BYTES,
    LambdaAuthorizer,
    _effects,
    _matches,
    _NotEvaluated,
)
from local_lambda.functions.config import Authorizer

ARN = "arn:aws:execute-api:us-east-1:123456789012:Api/Prod/GET/orders/7"
ALLOW = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("*", True),
        (ARN, True),
        ("arn:aws:execute-api:*:*:Api/*/GET/orders/?", True),
        ("*/GET/*/7", True),
        ("*/GET/*/7*", True),
        ("arn:*7", True),
        ("*orders*orders*", False),
        ("*/GET/orders/", False),
        ("*/GET/orders/??", False),
        ("arn:aws:execute-api:us-east-1:123456789012:Api/Prod/G.T/orders/7", False),
        ("", False),
    ],
)
def test_stars_and_question_marks(pattern: str, matches: bool) -> None:
    """Any text, also none, and any one character; nothing else has a meaning."""
    assert _matches(pattern, ARN) is matches


def test_many_stars_take_no_longer_than_the_text_needs() -> None:
    """A regular expression would try more ways to divide this path than can be counted."""
    assert not _matches("*/*/*/*/*/*/*/*/*/admin/*", ARN + "/:" * 20_000)


@pytest.mark.parametrize(
    ("statements", "effects"),
    [
        ([ALLOW], {"Allow"}),
        ([{**ALLOW, "Action": "EXECUTE-API:*"}], {"Allow"}),
        ([{**ALLOW, "Action": "s3:*"}], set()),
        ([ALLOW, {"Effect": "Deny", "Action": "*", "NotResource": "*/public"}], {"Allow", "Deny"}),
        ([ALLOW, {"Effect": "Deny", "Action": "*", "NotResource": ["*/public", "*/orders/*"]}], {"Allow"}),
        ([ALLOW, {"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}], {"Allow", "Deny"}),
        ([{"Effect": "Allow", "NotAction": "execute-api:*", "Resource": "*"}], set()),
        ([{"Effect": "Allow", "Action": "*"}], set()),
        ([{"Effect": "Perhaps"}], {None}),
        ("no list", {None}),
    ],
)
def test_statements_that_are_about_the_request(statements: Any, effects: set[str | None]) -> None:
    """By what they cover, or by what they leave out."""
    assert _effects({"Statement": statements}, ARN) == effects


@pytest.mark.parametrize("element", ["Condition", "Principal", "Sid2"])
def test_element_that_is_not_evaluated_is_no_permission(element: str) -> None:
    """It could restrict the statement, so there is no decision."""
    with pytest.raises(_NotEvaluated, match=element):
        _effects({"Statement": [ALLOW, {**ALLOW, element: {}}]}, ARN)


def test_decisions_that_are_kept_are_bounded() -> None:
    """In number, in bytes, and in time; the oldest one goes first."""
    authorizer = LambdaAuthorizer("A", Authorizer("F", ttl=60, sources=("header.x",)), None)  # type: ignore[arg-type]
    third = MAX_KEPT_BYTES // 3
    for number in range(4):
        authorizer._keep((str(number),), 0.0, number, third)
    assert list(authorizer._kept) == [("1",), ("2",), ("3",)]
    authorizer._keep(("1",), 1.0, "again", third)
    assert list(authorizer._kept) == [("2",), ("3",), ("1",)]
    authorizer._keep(("large",), 1.0, None, MAX_KEPT_BYTES + 1)
    assert ("large",) not in authorizer._kept
    authorizer._keep(("late",), 60.5, None, 1)
    assert list(authorizer._kept) == [("1",), ("late",)]
    assert authorizer._kept_bytes == third + 1
