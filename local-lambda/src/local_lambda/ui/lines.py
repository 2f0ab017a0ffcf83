"""The log lanes: events as lines of text. What the platform says is shortened; the terminal has it in full."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from local_lambda.events.printable import visible

LONGEST = 2_000
"""Characters of a line that are shown."""
SHOWN = frozenset(
    {
        "function",
        "extension",
        "platform.initStart",
        "platform.initReport",
        "platform.restoreReport",
        "platform.start",
        "platform.report",
        "platform.extension",
        "platform.logsDropped",
        "local.processSignalled",
        "local.processExited",
        "local.freeze",
        "local.stop",
        "local.stopped",
    }
)
"""The types of event that are lines."""


class Line(NamedTuple):
    """One line of a lane. `bad` marks a failure."""

    lane: str
    text: str
    bad: bool = False


def line_of(entry: Mapping[str, Any]) -> Line:
    """The line for an entry whose type is in `SHOWN`."""
    kind, record = entry["type"], entry["record"]
    if kind == "function":
        text = _text(record)
        return Line("function", text, text.startswith(("[ERROR]", "[CRITICAL]")))
    if kind == "extension":
        return Line(f"extension:{entry.get('source', '')}", _text(record))
    return _platform(kind.partition(".")[2], record)


def _text(record: Any) -> str:
    text = record if isinstance(record, str) else str(record)
    return visible(shortened(text.rstrip("\n")))


def shortened(text: str, longest: int = LONGEST) -> str:
    """The beginning of a text that is too long, with its length."""
    return text if len(text) <= longest else f"{text[: longest - 40]}… ({len(text)} characters)"


def _platform(kind: str, record: Mapping[str, Any]) -> Line:
    metrics = record.get("metrics", {})
    status = record.get("status", "success")
    failure = "" if status == "success" else f" {status}"  # an exception of the handler is a success for the platform
    words: dict[str, Callable[[], str]] = {
        "initStart": lambda: "Init phase begins",
        "initReport": lambda: f"Init phase {status}: {metrics['durationMs']} ms",
        "restoreReport": lambda: f"restore {status}: {metrics['durationMs']} ms",
        "start": lambda: f"START {record['requestId']}",
        "report": lambda: (
            f"REPORT {record['requestId']}{failure}: {metrics['durationMs']} ms,"
            f" billed {metrics['billedDurationMs']} ms, {metrics['maxMemoryUsedMB']} MB used"
        ),
        "extension": lambda: f"extension {record['name']}: {record['state']}",
        "logsDropped": lambda: f"{record['droppedRecords']} log records dropped: {record['reason']}",
        "processSignalled": lambda: f"{record['process']}: {record['signal']}",
        "processExited": lambda: f"{record['process']} ended, exit status {record['exitCode']}",
        "freeze": lambda: "all processes are frozen" if record["frozen"] else "all processes continue",
        "stop": lambda: f"all processes have to end: {record['reason']}",
        "stopped": lambda: "the environment has ended" if record["final"] else "all processes have ended",
    }
    text = words[kind]()
    if record.get("errorType"):
        text += f" ({record['errorType']})"
    return Line("platform", visible(text), status != "success" or "errorType" in record or kind == "logsDropped")
