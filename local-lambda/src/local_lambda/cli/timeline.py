"""`local-lambda timeline`: draw a recorded run."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class TimelineOptions(NamedTuple):
    """`recording` is a file that `--record` wrote; without `output` the drawing is text on standard output."""

    recording: Path
    output: Path | None = None


def timeline(options: TimelineOptions) -> int:
    """Run the command; returns the exit status."""
    from local_lambda.cli.streams import check_output

    if options.output is None:
        check_output()
    from local_lambda.timeline.drawing import draw_recording

    draw_recording(options.recording, options.output)
    return 0
