"""Sizes of the picture in pixels, and the room that text needs."""

from __future__ import annotations

WIDTH = 900
MARGIN = 12
LABELS = 176
PLOT = WIDTH - 2 * MARGIN - LABELS
SIZE = 11
"""Of the smallest text, in pixels."""
HEAD, LANE, BAR, PART = 48, 34, 16, 19
"""Heights: of a row's head with its ruler, of a lane, of a span in it, of a line of subsegments."""
RULER = 9
"""Size of the text on a ruler."""
MAX_TRACED = 6
"""Only so many invocations get their subsegments drawn."""
GAP, LONG_GAP, LONG_MS = 8, 74, 200
"""Widths of what is between two phases, and from how many milliseconds on it is said how long that was."""
CHARACTER = 0.58
"""Width of a character, in parts of its size; generous for proportional fonts."""


def text_width(text: str, size: float = SIZE) -> float:
    """The room a text needs, in pixels, a little more than most fonts take."""
    return len(text) * size * CHARACTER
