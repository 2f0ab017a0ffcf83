"""Traces as the page shows them: the tree that the terminal prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_lambda.xray.collecting import Trace
from local_lambda.xray.tree import draw

MAX_DOCUMENTS = 100
"""How many documents of a trace are kept."""


def draw_trace(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The tree of a `local.trace`: its lines, and which of them report trouble."""
    record = entry["record"]
    request_id, documents = record["requestId"], record["documents"]
    lines = draw(Trace(request_id, str(documents[0]["trace_id"]), documents))
    return {
        "environment": entry["environment"],
        "at": entry["at"],
        "request": request_id,
        "lines": [{"text": line.text, "bad": line.is_bad} for line in lines],
    }
