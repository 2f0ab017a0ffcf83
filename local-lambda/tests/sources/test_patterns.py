"""The pattern language of filters, with the values that Event Ruler's README and tests have."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local_lambda.sources.patterns import compiled


def matches(pattern: Any, view: Any) -> bool:
    """Whether a record matches."""
    return compiled(json.dumps(pattern))(view)


@pytest.mark.parametrize(
    ("pattern", "view"),
    [
        ({"body": {"items": {"id": ["x"]}}}, {"body": {"items": [{"id": "y"}, {"id": "x"}]}}),
        ({"a": [1]}, {"a": 1.0}),
        ({"a": [None]}, {"a": None}),
        ({"a": ["x", "y"]}, {"a": ["z", ["y"]]}),
        ({"a": [{"exists": True}]}, {"a": ""}),
        ({"a": {"b": [{"exists": False}]}}, {"c": 1}),
        ({"a": [{"exists": False}]}, {"a": {"b": 1}}),
        ({"a": [{"numeric": [">", 0, "<=", 5]}]}, {"a": 5}),
        ({"a": [{"anything-but": ["x", "y"]}]}, {"a": "z"}),
        ({"a": [{"anything-but": {"prefix": "init"}}]}, {"a": "running"}),
        ({"a": [{"prefix": {"equals-ignore-case": "AB"}}]}, {"a": "abc"}),
        ({"a": [{"suffix": "c"}]}, {"a": "abc"}),
        ({"a": [{"equals-ignore-case": "AB"}]}, {"a": "ab"}),
        ({"a": [{"wildcard": "a*\\*"}]}, {"a": "abc*"}),
        ({"a": [{"cidr": "10.0.0.0/24"}]}, {"a": "10.0.0.33"}),
        ({"$or": [{"a": [1]}, {"b": [2]}]}, {"b": 2}),
        ({"$or": {"a": [1]}}, {"$or": {"a": 1}}),
    ],
)
def test_pattern_matches(pattern: Any, view: Any) -> None:
    """Elements of an array count one by one, also those that are objects."""
    assert matches(pattern, view)


@pytest.mark.parametrize(
    ("pattern", "view"),
    [
        ({"a": [1]}, {"a": True}),
        ({"a": [True]}, {"a": 1}),
        ({"a": [{"numeric": ["=", 1]}]}, {"a": True}),
        ({"i": {"a": [1], "b": [2]}}, {"i": [{"a": 1, "b": 1}, {"a": 2, "b": 2}]}),
        ({"a": [{"exists": True}]}, {"a": {"b": 1}}),
        ({"i": {"a": [{"exists": False}]}}, {"i": [{"a": 1}, {"b": 1}]}),
        ({"a": [{"anything-but": "x"}]}, {"b": 1}),
        ({"body": {"a": [1]}}, {"body": "text"}),
        ({"a": [{"cidr": "10.0.0.0/24"}]}, {"a": "not an address"}),
    ],
)
def test_pattern_does_not_match(pattern: Any, view: Any) -> None:
    """A boolean is not a number, and all fields below an array match in the same element."""
    assert not matches(pattern, view)


@pytest.mark.parametrize(
    "pattern",
    [
        5,
        {},
        {"a": {}},
        {"a": []},
        {"a": 5},
        {"a": [[1]]},
        {"a": [{}]},
        {"a": [{"exists": "yes"}]},
        {"a": [{"prefix": "x", "suffix": "y"}]},
        {"a": [{"prefix": 5}]},
        {"a": [{"numeric": ["!=", 5]}]},
        {"a": [{"numeric": ["<", 5, ">", 1]}]},
        {"a": [{"anything-but": ["x", 1]}]},
        {"a": [{"anything-but": []}]},
        {"a": [{"wildcard": "a**"}]},
        {"a": [{"cidr": "bogus"}]},
        {"a": [{"unknown": "x"}]},
        {"$or": 5},
    ],
)
def test_pattern_that_is_not_valid_is_refused(pattern: Any) -> None:
    """ValueError with the reason."""
    with pytest.raises(ValueError, match=r"\w"):
        compiled(json.dumps(pattern))


@pytest.mark.parametrize(
    ("pattern", "text", "matches_text"),
    [
        ("a*c", "a\nc", True),
        ("a*c", "ac", True),
        ("*.png", "x.png.jpg", False),
        ("a*b*c", "abbc", True),
        ("a*b*c", "ac", False),
        ("*ab*ab", "abab", True),
        ("*ab*ab", "ab", False),
        ("*", "", True),
        ("a\\*c", "a*c", True),
        ("a\\*c", "abc", False),
        ("*a*a*a*a*a*a*a*b", "a" * 100_000, False),
    ],
)
def test_stars_of_a_wildcard(pattern: str, text: str, matches_text: bool) -> None:
    """Any text, also none; many stars take no longer than the text needs."""
    assert matches({"a": [{"wildcard": pattern}]}, {"a": text}) is matches_text
