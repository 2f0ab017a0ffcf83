"""The error for a function's result that is not a valid HTTP response."""

from __future__ import annotations

import json

_MOST_SHOWN = 100


class Malformed(Exception):
    """The result is not a valid HTTP response; the text gives the reason, for the user of the tool."""


def shown(value: object) -> str:
    """A value as JSON, shortened if it is long."""
    try:
        text = json.dumps(value)
    except RecursionError:
        return "nested too deeply"
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."
