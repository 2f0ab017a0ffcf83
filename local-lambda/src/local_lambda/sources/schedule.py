"""Schedule expressions: `rate(5 minutes)` and `cron(0 10 ? * MON-FRI *)`, in UTC. No clock.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)(s?)\)").fullmatch
_CRON = re.compile(r"cron\((.+)\)").fullmatch
_NEITHER = "is not rate(number unit) or cron(minute hour day month weekday year)"
_MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
_DAYS = "SUN MON TUE WED THU FRI SAT".split()
LAST_YEAR = 2199
"""The last year that an expression may name."""
MOST_DAYS = 366 * 30
"""How far ahead a time is looked for: 29 February on a certain day of the week comes every 28 years."""

Days = Callable[[date], bool]


def check_rule(expression: str) -> None:
    """Raises ValueError for a schedule that no rule of EventBridge can have.

    EventBridge Scheduler documents no such limit of its units:
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rate-expressions.html and
    https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html.
    """
    rate = _RATE(expression)
    if rate is not None and (int(rate[1]) == 1) == bool(rate[3]):
        raise ValueError(f"{expression}: the unit must be singular after 1, and plural after a greater number")
    if rate is None and _CRON(expression) is None:
        raise ValueError(f"{expression}: {_NEITHER}")


def next_time(expression: str, after: datetime) -> datetime | None:
    """The first moment after `after` (in UTC) at which a schedule is due; None if there is none.

    Raises ValueError for an expression that is not valid.
    """
    rate = _RATE(expression)
    if rate is not None:
        number = int(rate[1])
        if not number:
            raise ValueError(f"{expression}: the number must be positive")
        try:
            return after + timedelta(**{f"{rate[2]}s": number})
        except OverflowError:
            raise ValueError(f"{expression}: the number is too large") from None
    cron = _CRON(expression)
    fields = cron[1].split() if cron is not None else []
    if len(fields) != 6:
        raise ValueError(f"{expression}: {_NEITHER}")
    minutes, hours = _numbers(fields[0], 0, 59), _numbers(fields[1], 0, 23)
    months, years = _numbers(fields[3], 1, 12, _MONTHS), _numbers(fields[5], 1970, LAST_YEAR)
    if "?" not in (fields[2], fields[4]):
        raise ValueError(f"{expression}: one of day and weekday must be ?")
    days = _days_of_month(fields[2]) if fields[4] == "?" else _days_of_week(fields[4])
    start = (after + timedelta(minutes=1)).replace(second=0, microsecond=0)
    day = start.date()
    for _ in range(MOST_DAYS):
        if day.year in years and day.month in months and days(day):
            for hour in sorted(hours):
                for minute in sorted(minutes):
                    moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=timezone.utc)
                    if moment >= start:
                        return moment
        if day.year >= LAST_YEAR:
            break
        day += timedelta(days=1)
    return None


def _numbers(field: str, least: int, most: int, names: list[str] | None = None) -> set[int]:
    """The numbers that a field means: `*`, `1,5`, `1-5`, `0/15`, and names."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        if span in ("*", "?"):
            first, last = least, most
        else:
            begin, _, end = span.partition("-")
            first = _number(begin, least, names)
            last = _number(end, least, names) if end else (most if step else first)
        if not (least <= first <= last <= most) or (step and not step.isdecimal()) or step == "0":
            raise ValueError(f"{part} is not within {least} to {most}")
        found.update(range(first, last + 1, int(step or 1)))
    return found


def _number(text: str, least: int, names: list[str] | None) -> int:
    if names is not None and text.upper() in names:
        return names.index(text.upper()) + least
    if not text.isdecimal():
        raise ValueError(f"{text} is not a number")
    return int(text)


def _days_of_month(field: str) -> Days:
    if field == "L":
        return lambda day: day.day == monthrange(day.year, day.month)[1]
    if re.fullmatch(r"\d+W", field):
        return lambda day: day == _nearest_weekday(day, int(field[:-1]))
    days = _numbers(field, 1, 31)
    return lambda day: day.day in days


def _nearest_weekday(day: date, wanted: int) -> date:
    """The weekday nearest to the wanted day, in the same month."""
    last = monthrange(day.year, day.month)[1]
    target = day.replace(day=min(wanted, last))
    if target.weekday() == 5:
        return target - timedelta(days=1) if target.day > 1 else target + timedelta(days=2)
    if target.weekday() == 6:
        return target + timedelta(days=1) if target.day < last else target - timedelta(days=2)
    return target


def _days_of_week(field: str) -> Days:
    """Sunday is 1. `L` is the last day of the week, `6L` the last Friday of the month, `3#2` the second Tuesday."""
    if field == "L":
        return lambda day: _weekday(day) == 7
    last = re.fullmatch(r"(\w+)L", field)
    if last is not None and last[1].upper() not in _DAYS:
        (wanted,) = _numbers(last[1], 1, 7, _DAYS)
        return lambda day: _weekday(day) == wanted and day.day + 7 > monthrange(day.year, day.month)[1]
    numbered = re.fullmatch(r"(\w+)#([1-5])", field)
    if numbered is not None:
        (wanted,) = _numbers(numbered[1], 1, 7, _DAYS)
        return lambda day: _weekday(day) == wanted and (day.day - 1) // 7 + 1 == int(numbered[2])
    days = _numbers(field, 1, 7, _DAYS)
    return lambda day: _weekday(day) in days


def _weekday(day: date) -> int:
    return day.isoweekday() % 7 + 1
