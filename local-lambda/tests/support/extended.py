"""Functions with extensions that do what a test says: the scripted extension of `layers/`, under the given names."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from support.tool import LAYERS, Outcome

SCRIPTED = LAYERS / "scripted" / "extensions" / "scripted"
Told = dict[str, Any]

ECHO = """
def handler(event, context):
    print("handling", event)
    return event
"""


def make_layer(folder: Path, names: Iterable[str]) -> Path:
    """A layer with the scripted extension, once for each name."""
    extensions = folder / "extensions"
    extensions.mkdir(parents=True)
    for name in names:
        shutil.copy(SCRIPTED, extensions / name)
    return folder


def told(outcome: Outcome, name: str = "one") -> list[Told]:
    """What an extension has printed, in order."""
    return said(outcome.records("extension"), name)


def said(lines: Iterable[str], name: str = "one") -> list[Told]:
    """What an extension has printed in these lines."""
    found = [json.loads(line) for line in lines if line.startswith("{")]
    return [line for line in found if line["name"] == name]


def words(found: Iterable[Told]) -> list[str]:
    """Only the subjects; for events, their types."""
    return [
        one["event"].get("eventType", str(one["status"])) if one["what"] == "event" else one["what"] for one in found
    ]


def states(outcome: Outcome) -> list[tuple[str, str | None]]:
    """State and error type of the extension at the end of each init."""
    return [(record["state"], record.get("errorType")) for record in outcome.records("platform.extension")]


def inits(outcome: Outcome) -> list[tuple[str, str | None]]:
    """Status and error type of each init."""
    return [(record["status"], record.get("errorType")) for record in outcome.records("platform.initReport")]


def reports(outcome: Outcome) -> list[tuple[str, str | None]]:
    """Status and error type of each invocation."""
    return [(record["status"], record.get("errorType")) for record in outcome.records("platform.report")]


def message(outcome: Outcome, number: int = 0) -> tuple[str, str]:
    """Error type and message of a response; the message without the request id."""
    invocation = outcome.report["invocations"][number]
    assert invocation["functionError"] == "Unhandled"
    error = invocation["payload"]
    assert list(error) == ["errorType", "errorMessage"]
    before = f"RequestId: {invocation['requestId']} Error: "
    assert error["errorMessage"].startswith(before)
    return error["errorType"], error["errorMessage"].removeprefix(before)
