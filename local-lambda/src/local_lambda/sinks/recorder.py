"""A recording of a run: every event as one line of JSON, written as it happens.

A line has what the Telemetry API would deliver (`time`, `type`, `record`), `at` (seconds since the epoch, with
microsecond precision) and `environment` (1, 2, ...). Types that begin with `local.` are defined in `events/local.py`.
`timeline/reading.py` reads recordings.
"""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Any, TextIO

from local_lambda.errors import UsageError
from local_lambda.events.platform import Event, ExtensionLog, RuntimeDone

if TYPE_CHECKING:
    from local_lambda.events.stream import Sink


class Recorder:
    """Writes the events of all environments to one file. Each line is written completely before the next one."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.has_begun = False

    def begin(self) -> None:
        """Drop what an earlier run has left in the file, unless this run has begun before."""
        if not self.has_begun:
            self.has_begun = True
            if S_ISREG(os.fstat(self._file.fileno()).st_mode):  # pipes and devices have nothing to drop
                self._file.truncate(0)

    def sink(self, environment: int) -> Sink:
        """The sink for the events of one environment."""
        self.begin()
        return partial(self._write, environment)

    def _write(self, environment: int, event: Event) -> None:
        self._file.write(json.dumps(entry_of(environment, event), separators=(",", ":")) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def entry_of(environment: int, event: Event) -> dict[str, Any]:
    """What a recording has of one event."""
    entry = {"time": "", "at": round(event.time, 6), "environment": environment} | event.wire()
    if isinstance(event, RuntimeDone) and event.failed:
        entry["failed"] = True
    if isinstance(event, RuntimeDone) and event.streamed:
        entry["streamed"] = True
    elif isinstance(event, ExtensionLog):
        entry["source"] = event.source
    return entry


def open_recording(path: Path) -> TextIO:
    """Open the file of a recording, whose content stays until the run begins. Raises UsageError if that fails."""
    try:
        return path.open("a", encoding="utf-8", buffering=1)
    except OSError as error:
        raise UsageError(f"cannot write the recording {path}: {error.strerror}") from None
