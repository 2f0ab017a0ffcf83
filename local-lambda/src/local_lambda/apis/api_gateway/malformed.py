"""The error for what a function returned when it cannot be made into an HTTP response."""

from __future__ import annotations

import json

_MOST_SHOWN = 100


class Malformed(Exception):
    """It cannot be made into an HTTP response; the text says why, for the person who runs the tool."""


def shown(value: object) -> str:
    """A value as JSON, cut where it gets long."""
    try:
        text = json.dumps(value)
    except RecursionError:
        return "nested too deeply"
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."
