"""A recording of a run: every event as one line of JSON in Telemetry API shape, written while it happens."""

from __future__ import annotations

import json
from pathlib import Path

from local_lambda.errors import UsageError
from local_lambda.events import Event


class Recorder:
    """A sink that appends to a file. Each line is complete on disk before the next event is taken."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("w", encoding="utf-8", buffering=1)
        except OSError as error:
            raise UsageError(f"cannot write the recording {path}: {error.strerror}") from None

    def __call__(self, event: Event) -> None:
        self._file.write(json.dumps(event.wire(), separators=(",", ":")) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()
