"""Sizes of the picture in pixels, and the width of text."""

from __future__ import annotations

WIDTH = 900
MARGIN = 12
LABELS = 176
PLOT = WIDTH - 2 * MARGIN - LABELS
SIZE = 11
"""Size of the smallest text, in pixels."""
HEAD, LANE, BAR, PART = 48, 34, 16, 19
"""Heights of a row's head with its ruler, of a lane, of a span in it, of a line of subsegments."""
RULER = 9
"""Size of the text on a ruler."""
MAX_TRACED = 6
"""Subsegments are drawn for at most this many invocations."""
GAP, LONG_GAP, LONG_MS = 8, 74, 200
"""Widths of a short and a long pause between two phases, and the milliseconds from which a pause is long."""
CHARACTER = 0.58
"""Width of a character as a fraction of its size; generous for proportional fonts."""


def text_width(text: str, size: float = SIZE) -> float:
    """The width of a text in pixels, a little more than most fonts need."""
    return len(text) * size * CHARACTER
