"""When a schedule is due."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from local_lambda.sources.schedule import check_rule, next_time

NOON = datetime(2026, 11, 26, 12, 0, 30, tzinfo=timezone.utc)
"""A Thursday."""


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("rate(1 minute)", "2026-11-26 12:01:30"),
        ("rate(3 days)", "2026-11-29 12:00:30"),
        ("cron(* * * * ? *)", "2026-11-26 12:01:00"),
        ("cron(0 12 * * ? *)", "2026-11-27 12:00:00"),
        ("cron(0/15 8-10 ? * MON-FRI *)", "2026-11-27 08:00:00"),
        ("cron(5,35 14 * * ? *)", "2026-11-26 14:05:00"),
        ("cron(0 10 1 1 ? 2028)", "2028-01-01 10:00:00"),
        ("cron(0 10 ? * 1 *)", "2026-11-29 10:00:00"),
        ("cron(0 10 L * ? *)", "2026-11-30 10:00:00"),
        ("cron(0 10 ? * L *)", "2026-11-28 10:00:00"),
        ("cron(0 10 ? * 6L *)", "2026-11-27 10:00:00"),
        ("cron(0 10 ? * TUE#2 *)", "2026-12-08 10:00:00"),
        ("cron(0 10 5W 12 ? 2026)", "2026-12-04 10:00:00"),
        ("cron(0 0 29 2 ? *)", "2028-02-29 00:00:00"),
    ],
)
def test_schedule_is_due(expression: str, expected: str) -> None:
    """As the documentation's table of wildcards says."""
    found = next_time(expression, NOON)
    assert found is not None
    assert f"{found:%Y-%m-%d %H:%M:%S}" == expected


def test_schedule_in_the_past_is_never_due() -> None:
    """A year that is over."""
    assert next_time("cron(0 10 1 1 ? 2020)", NOON) is None


@pytest.mark.parametrize(
    "expression",
    [
        "rate(0 minutes)",
        "rate(5 weeks)",
        "rate(9999999 days)",
        "cron(0 10 * * *)",
        "cron(0 10 * * * *)",
        "cron(61 * * * ? *)",
        "at(2026)",
    ],
)
def test_schedule_that_is_not_valid_is_refused(expression: str) -> None:
    """ValueError with the expression's fault."""
    with pytest.raises(ValueError, match=r"\w"):
        next_time(expression, NOON)


@pytest.mark.parametrize("expression", ["rate(1 minutes)", "rate(5 hour)", "rate(0 minute)", "at(2026)"])
def test_schedule_that_no_rule_can_have_is_refused(expression: str) -> None:
    """The unit is singular after 1, and plural after a greater number."""
    with pytest.raises(ValueError, match=r"^\w+\("):
        check_rule(expression)


@pytest.mark.parametrize("expression", ["rate(1 minute)", "rate(2 days)", "rate(10 hours)", "cron(0 10 ? * L *)"])
def test_schedule_of_a_rule_is_accepted(expression: str) -> None:
    """So are fields of cron; their mistakes are found when the rule is read."""
    check_rule(expression)
