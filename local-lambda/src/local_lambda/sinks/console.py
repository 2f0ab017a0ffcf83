"""The terminal: one lane per process on standard error, in color if that is a terminal and `NO_COLOR` is not set.

Only the colors of the lanes reach it: control characters in what is written are shown as escape sequences.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import TextIO

from local_lambda.events.printable import one_line, visible

_PLAIN = {"platform": "", "function": "", "trace": "", "amqp": "", "extension": "", "bad": "", "end": ""}
_COLORED = {
    "platform": "\x1b[2m",
    "function": "\x1b[36m",
    "trace": "\x1b[34m",
    "amqp": "\x1b[33m",
    "extension": "\x1b[35m",
    "bad": "\x1b[31m",
    "end": "\x1b[0m",
}
LANE_WIDTH = 8
_WARNING = "LAMBDA_WARNING: Unhandled exception."
"""The runtime's own warning, the same 700 characters each time. It is shown once."""
_RUNTIME_ARN = re.compile(r"(?<=:runtime:[0-9a-f]{8})[0-9a-f]+")
"""What of the digest at the end of a runtime version's ARN is not shown; logs and reports have all of it."""
_FAILED = ("\tStatus: ", "\tError Type: ")
"""What only a `platform` line about a failure has."""


class Console:
    """Writes lanes. Lines are collected and written by `flush`, which `defer` calls soon (asyncio's `call_soon`).

    Of the lanes that are `hidden`, only lines about failures are written.
    """

    def __init__(self, out: TextIO, shell: Mapping[str, str], hidden: frozenset[str] = frozenset()) -> None:
        colored = out.isatty() and not shell.get("NO_COLOR") and shell.get("TERM") != "dumb"
        self._colors = _COLORED if colored else _PLAIN
        self._out = out
        self._hidden = hidden
        self._lines: list[str] = []
        self._scheduled = False
        self._warned = False
        self.defer: Callable[[Callable[[], None]], object] | None = None

    def lane(self, label: str = "") -> Callable[[str, str], None]:
        """A writer `write(source, text)` for one environment, identified by `label`. The text ends with `\\n`."""
        heads: dict[str, tuple[str, str]] = {}
        colored, hidden = self._colors is _COLORED, self._hidden

        def write(source: str, text: str) -> None:
            if source in hidden and not _is_bad(source, text):
                return
            head = heads.get(source)
            if head is None:
                head = heads[source] = self._head(source, label)
            start, end = head
            if len(text) > 400 and _WARNING in text:
                text = self._warning(text)
            elif source == "platform" and text.startswith(("INIT_START", "RESTORE_START")):
                text = _RUNTIME_ARN.sub("…", text)
            if colored and _is_bad(source, text):
                start = self._head(source, label, "bad")[0]
            self._add(start + visible(text)[:-1].replace("\n", f"{end}\n{start}") + end + "\n")

        return write

    def write(self, lane: str, text: str, *, bad: bool = False, needed: bool = False) -> None:
        """Write one line in the lane of something that is not a process, such as `trace`.

        A line that is `needed` is written even if its lane is hidden.
        """
        if lane in self._hidden and not (bad or needed):
            return
        start, end = self._head(lane, "", "bad" if bad else None)
        self._add(f"{start}{one_line(text)}{end}\n")

    def flush(self) -> None:
        """Write what was collected. If the reader has closed the stream, the run continues without output."""
        self._scheduled = False
        if self._lines:
            text, self._lines = "".join(self._lines), []
            try:
                self._out.write(text)
                self._out.flush()
            except OSError:
                self._out = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115

    def _warning(self, text: str) -> str:
        if self._warned:
            return text[: text.index(_WARNING) + len(_WARNING)] + " (the rest as above)\n"
        self._warned = True
        return text

    def _add(self, line: str) -> None:
        self._lines.append(line)
        if not self._scheduled and self.defer is not None:
            self._scheduled = True
            self.defer(self.flush)

    def _head(self, source: str, label: str, kind: str | None = None) -> tuple[str, str]:
        colors = self._colors
        color = colors[kind or source.partition(":")[0]]
        name = one_line(f"{source}{label}")
        return f"{color}{name:<{LANE_WIDTH}} | ", colors["end"]


def _is_bad(source: str, text: str) -> bool:
    """Whether this reports a failure: the function logs an error, or Lambda says that something failed."""
    if source == "platform":
        return any(mark in text for mark in _FAILED)
    return text.startswith(("[ERROR]", "[CRITICAL]"))
