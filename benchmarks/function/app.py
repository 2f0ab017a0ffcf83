"""The function that every candidate runs: it returns its event."""

from typing import Any


def handler(event: Any, context: Any) -> Any:
    """Return the event."""
    return event
