"""The state of all environments as the page gets it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from local_lambda.ui.history import History
from local_lambda.ui.states import StateReader


def snapshot(histories: Iterable[History], until: float | None = None) -> list[dict[str, Any]]:
    """One object for each environment, now or at a time of a recording; without those that have not begun by then."""
    found = []
    for history in histories:
        reader = history.reader if until is None else history.at(until)
        if until is None or reader.inits:
            found.append(_environment(history.number, reader))
    return found


def _environment(number: int, reader: StateReader) -> dict[str, Any]:
    return {
        "number": number,
        "function": reader.function,
        "version": reader.version,
        "state": reader.state,
        "since": reader.since,
        "invocations": reader.invocations,
        "failures": reader.failures,
        "inits": reader.inits,
        "durationMs": reader.duration,
    }
