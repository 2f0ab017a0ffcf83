"""The part of an invocation's X-Ray documents that a picture shows: those of the SDK, in the order of the tree."""

from __future__ import annotations

from typing import Any

from local_lambda.timeline.model import Subsegment
from local_lambda.xray.tree import by_parent, troubles


def read_subsegments(documents: list[dict[str, Any]], phase: str, began: float) -> list[Subsegment]:
    """The subsegments below the handler's. `began` is seconds since the epoch.

    A subsegment that is its own ancestor is shown once.
    """
    below = by_parent(documents)
    handler = next(part["id"] for part in documents[1]["subsegments"] if part["name"] == "Invocation")
    found: list[Subsegment] = []
    pending = [(0, part) for part in reversed(below.pop(handler, []))]
    while pending:
        depth, part = pending.pop()
        start, end = (
            round((float(part.get(name) or part["start_time"]) - began) * 1000, 3)
            for name in ("start_time", "end_time")
        )
        bad = troubles(part)
        found.append(Subsegment(phase, str(part["name"]), depth, start, end, ", ".join(bad), bool(bad)))
        pending += [(depth + 1, child) for child in reversed(below.pop(part["id"], []))]
    return found
