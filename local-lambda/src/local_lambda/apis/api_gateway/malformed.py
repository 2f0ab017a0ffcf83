"""The error for a function's answer of which no HTTP response can be made."""

from __future__ import annotations

import json

_MOST_SHOWN = 100


class Malformed(Exception):
    """An answer of which no HTTP response can be made; the text says why, for whoever runs the tool."""


def shown(value: object) -> str:
    """A value as JSON, cut where it gets long."""
    try:
        text = json.dumps(value)
    except RecursionError:
        return "nested too deeply"
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."
