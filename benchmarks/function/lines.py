"""The function for the log rows: it writes numbered lines of 200 bytes and returns its event."""

import sys
from typing import Any

TEXT = "x" * 189
"""Together with nine digits, a space and the line end, these are 200 bytes."""


def handler(event: Any, context: Any) -> Any:
    """Write `lines` lines numbered from `first`: one by one with `print`, or all with one write (`at once`)."""
    first = event.get("first", 0)
    numbers = range(first, first + event.get("lines", 0))
    if event.get("at once"):
        sys.stdout.write("".join([f"{number:09d} {TEXT}\n" for number in numbers]))
    else:
        for number in numbers:
            print(f"{number:09d} {TEXT}")
    return event
