"""Reads a recording into the model that pictures are drawn from. `sinks/recorder.py` writes the lines.

A recording may end anywhere, because the tool that wrote it may have been killed. What was open then ends with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from local_lambda.errors import UsageError
from local_lambda.timeline.environment_reader import EnvironmentReader
from local_lambda.timeline.model import Timeline


def read(lines: Iterable[str], name: str = "the recording") -> Timeline:
    """The recorded run. Raises UsageError for an invalid line; only the last line may be cut off."""
    events = list(events_of(lines, name))
    if not events:
        raise UsageError(f"{name} is empty; make one with `local-lambda invoke --record FILE`")
    complete = events[-1] is not None
    found = [event for event in events if event is not None]
    if not found:
        raise UsageError(f"{name}: line 1 is not an event of a recording")
    return timeline_of(found, complete)


def timeline_of(
    found: Sequence[dict[str, Any]],
    complete: bool = True,
    began: float | None = None,
    end: float | None = None,
    left_out: Mapping[int, int] | None = None,
) -> Timeline:
    """The timeline of at least one event. `began` and `end` are seconds since the epoch, if events are not all of it.

    `left_out` has the number of invocations that are missing, by environment.
    """
    began = min(event["at"] for event in found) if began is None else began
    readers: dict[int, EnvironmentReader] = {}
    for event in sorted(found, key=lambda event: event["at"]):
        number = event["environment"]
        if number not in readers:
            readers[number] = EnvironmentReader(number, began, (left_out or {}).get(number, 0))
        readers[number].take(event)
    end = max(event["at"] for event in found) if end is None else end
    environments = tuple(reader.finish(end) for _, reader in sorted(readers.items()))
    complete = complete and all(reader.ended for reader in readers.values())
    return Timeline(began, environments, complete)


def events_of(lines: Iterable[str], name: str) -> Iterator[dict[str, Any] | None]:
    """The events; None instead of a last line that is incomplete."""
    for number, line in enumerate(lines, 1):
        try:
            event = json.loads(line)
            whole = isinstance(event["at"], float | int) and isinstance(event["environment"], int)
            if not whole or not isinstance(event["type"], str) or "record" not in event:
                raise ValueError
        except (ValueError, TypeError, KeyError, RecursionError):
            if line.endswith("\n"):
                message = f"{name}: line {number} is not an event of a recording (see `local-lambda invoke --record`)"
                raise UsageError(message) from None
            yield None
            return
        yield event
