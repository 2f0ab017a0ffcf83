"""Records a command's run and draws it at the end, with options that most commands have."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import TextIO

from local_lambda.cli.options import RecordingOptions
from local_lambda.sinks.recorder import Recorder, open_recording
from local_lambda.timeline.drawing import check_drawings, draw_run


@contextmanager
def recorded(options: RecordingOptions) -> Iterator[Recorder]:
    """The recorder of a run, which is drawn when it ends. Raises UsageError before it begins.

    A command that fails before there is an environment leaves an earlier recording as it was, and no new file.
    """
    check_drawings(options.timeline, options.trace_events)
    is_new = options.record is not None and not options.record.exists()
    with open_recording(options.record) if options.record else TemporaryFile("w+", encoding="utf-8") as file:
        recorder = Recorder(file)
        try:
            yield recorder
            recorder.begin()
        finally:
            file.flush()
            if recorder.has_begun:
                if options.timeline or options.trace_events:
                    draw_run(_lines(options.record, file), options.timeline, options.trace_events, os.environ)
            elif options.record is not None and is_new:
                options.record.unlink(missing_ok=True)


def _lines(record: Path | None, file: TextIO) -> list[str]:
    if record:
        with record.open(encoding="utf-8") as lines:
            return lines.readlines()
    file.seek(0)
    return file.readlines()
