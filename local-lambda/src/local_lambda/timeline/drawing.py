"""Draws a run as text or as a file; the file's extension selects the format."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from local_lambda.errors import UsageError
from local_lambda.events.printable import print_line
from local_lambda.timeline.model import Timeline
from local_lambda.timeline.reading import read

TERMINAL = Path("-")
WIDTH = 100
_SUFFIXES = (".svg", ".html", ".json")


def draw_recording(recording: Path, output: Path | None) -> None:
    """`local-lambda timeline`: draw a recording to a file, or as text without one. Raises UsageError."""
    try:
        with recording.open(encoding="utf-8") as file:
            timeline = read(file, str(recording))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a text file"
        raise UsageError(f"cannot read the recording {recording}: {reason}") from None
    if output is None:
        _print(timeline, sys.stdout, os.environ)
    else:
        _check(output, _SUFFIXES)
        _write(output, _drawing(output)(timeline))


def check_drawings(drawing: Path | None, trace_events: Path | None) -> None:
    """Raises UsageError if one of them cannot be drawn; `-` means text on standard error."""
    if drawing is not None and drawing != TERMINAL:
        _check(drawing, _SUFFIXES[:2])
    if trace_events is not None:
        _check(trace_events, _SUFFIXES[2:])


def draw_run(
    recording: Sequence[str], drawing: Path | None, trace_events: Path | None, shell: Mapping[str, str]
) -> None:
    """Draw the run in these lines as requested. Without lines nothing has run, and an error has said why."""
    if not recording or (drawing is None and trace_events is None):
        return
    timeline = read(recording)
    if drawing == TERMINAL:
        _print(timeline, sys.stderr, shell)
    elif drawing:
        _write(drawing, _drawing(drawing)(timeline))
    if trace_events:
        _write(trace_events, _drawing(trace_events)(timeline))


def _drawing(path: Path) -> Callable[[Timeline], str]:
    if path.suffix == ".svg":
        from local_lambda.timeline.svg import draw_svg

        return draw_svg
    if path.suffix == ".html":
        from local_lambda.timeline.html import draw_html

        return draw_html
    from local_lambda.timeline.trace_events import draw_trace_events

    return draw_trace_events


def _print(timeline: Timeline, file: TextIO, shell: Mapping[str, str]) -> None:
    from local_lambda.timeline.terminal import draw_terminal

    print(draw_terminal(timeline, WIDTH, color=file.isatty() and not shell.get("NO_COLOR")), file=file, flush=True)


def _check(path: Path, suffixes: tuple[str, ...]) -> None:
    """Raises UsageError if a drawing cannot be written to `path`; nothing is changed there yet."""
    if path.suffix not in suffixes:
        raise UsageError(f"cannot draw {path}: its name must end with {' or '.join(suffixes)}")
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UsageError(f"cannot write {path}: there is no such folder, or it may not be written to")


def _write(path: Path, text: str) -> None:
    """Replace the file in one step, so that it never holds half a drawing."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        new.write_text(text, encoding="utf-8")
        os.replace(new, path)
        print_line(f"drew {path}")
    except OSError as error:
        new.unlink(missing_ok=True)
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
