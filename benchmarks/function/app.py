"""The function every candidate runs: it answers with the event it was given."""

from typing import Any


def handler(event: Any, context: Any) -> Any:
    """Return the event."""
    return event
