"""Lines of recordings written by hand."""

from __future__ import annotations

import json
from typing import Any


def line(at: float, kind: str, record: Any, environment: int = 1, **more: Any) -> str:
    """A line of a recording."""
    return json.dumps({"time": "", "at": at, "environment": environment, "type": kind, "record": record, **more}) + "\n"


START = line(10.0, "platform.initStart", {"functionName": "Hello"})
