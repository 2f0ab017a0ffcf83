"""Marks in a lane: one shape and one color for each kind. Marks that would overlap are merged into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from local_lambda.timeline.model import MARKS, Mark
from local_lambda.timeline.scale import Row, milliseconds

NEAREST = 6.0
"""Marks of one kind that are closer to each other than this many pixels are merged."""
_LINES_IN_HINT = 8
WORDS = {
    "log": "log line",
    "delivery": "log delivery",
    "signal": "SIGTERM",
    "kill": "killed",
    "exit": "process ended",
    "error": "error",
    "dropped": "logs dropped",
}
_SHAPES = {
    "log": "M-0.75 -4 h1.5 v8 h-1.5 z",
    "delivery": "M0 -5 L5 4 L-5 4 z",
    "signal": "M0 -5 L5 0 L0 5 L-5 0 z",
    "kill": "M-4 -4 L4 4 M4 -4 L-4 4",
    "exit": "M-3.5 -3.5 h7 v7 h-7 z",
    "error": "M0 -5 a5 5 0 1 0 0.01 0 z",
    "dropped": "M0 5 L5 -4 L-5 -4 z",
}


@dataclass(frozen=True, slots=True)
class Gathered:
    """One or more marks of a kind at one place of a row."""

    kind: str
    place: float
    marks: tuple[Mark, ...]


def gathered(found: Sequence[Mark], row: Row) -> list[Gathered]:
    """The marks of a row, with those close together merged."""
    groups: list[tuple[str, float, list[Mark]]] = []
    last: dict[str, int] = {}
    for mark in sorted(found, key=lambda mark: mark.time):
        if not row.start <= mark.time <= row.end:
            continue
        place = row.place(mark.time)
        index = last.get(mark.kind)
        if index is not None and place - groups[index][1] < NEAREST:
            groups[index][2].append(mark)
        else:
            last[mark.kind] = len(groups)
            groups.append((mark.kind, place, [mark]))
    return [Gathered(kind, place, tuple(found)) for kind, place, found in groups]


def draw(mark: Gathered, x: float, y: float) -> str:
    """The mark's shape, with what happened as its tooltip."""
    lines = [f"{milliseconds(each.time)}  {each.detail or WORDS[each.kind]}" for each in mark.marks[:_LINES_IN_HINT]]
    if len(mark.marks) > 1:
        lines.insert(0, f"{len(mark.marks)} × {WORDS[mark.kind]}")
    if len(mark.marks) > _LINES_IN_HINT:
        lines.append(f"and {len(mark.marks) - _LINES_IN_HINT} more")
    return shape(mark.kind, x, y, f' data-mark="{mark.kind}"', "\n".join(lines))


def shape(kind: str, x: float, y: float, more: str = "", hint: str = "") -> str:
    """The shape of a kind of mark."""
    assert kind in MARKS
    stroke = ' stroke-width="2.2" fill="none"' if kind == "kill" else ' stroke-width="0.5"'
    hollow = ' fill-opacity="0"' if kind == "exit" else ""
    width = ' stroke-width="1.5"' if kind == "exit" else stroke
    tip = f"<title>{escape(hint)}</title>" if hint else ""
    return (
        f'<path class="mark-{kind}"{more} transform="translate({x:.1f} {y:.1f})" d="{_SHAPES[kind]}"{width}{hollow}>'
        f"{tip}</path>"
    )
