"""Draws `states.svg`: the states of environment, runtime and extension, from the tables the tool runs on.

`python docs/draw_states.py` writes the picture next to this file. The tables say which states and transitions there
are; this file says only where a state is put. A state without a place ends the drawing with an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import NamedTuple

from local_lambda.environment.states import ENVIRONMENT, EXTENSION, RUNTIME, Table

PICTURE = Path(__file__).with_name("states.svg")
CELL_WIDTH, CELL_HEIGHT = 190, 112
BOX_HEIGHT = 38
MARGIN = 32
TITLE_HEIGHT = 60
WIDTH = 5 * CELL_WIDTH + 2 * MARGIN

Point = tuple[float, float]

STYLE = """
  svg { color-scheme: light dark; font: 14px system-ui, "Segoe UI", Helvetica, Arial, sans-serif }
  .page { fill: #ffffff }
  .title { fill: #1f2328; font-size: 17px; font-weight: 600 }
  .note { fill: #59636e }
  .box { fill: #ddf4ff; stroke: #0969da; stroke-width: 1.5 }
  .end { fill: #f6f8fa; stroke: #59636e; stroke-width: 1.5 }
  .state { fill: #1f2328; text-anchor: middle; font-weight: 600 }
  .frame { fill: none; stroke: #59636e; stroke-width: 1.2; stroke-dasharray: 5 4 }
  .arrow { fill: none; stroke: #59636e; stroke-width: 1.4 }
  .head, .start { fill: #59636e }
  .verb { fill: #1f2328; text-anchor: middle; font-size: 13px; paint-order: stroke; stroke: #ffffff; stroke-width: 5 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 }
    .title, .state { fill: #f0f6fc }
    .note { fill: #9198a1 }
    .box { fill: #0c2d6b; stroke: #58a6ff }
    .end { fill: #21262d; stroke: #9198a1 }
    .frame, .arrow { stroke: #9198a1 }
    .head, .start { fill: #9198a1 }
    .verb { fill: #f0f6fc; stroke: #0d1117 }
  }
"""


class Chart(NamedTuple):
    """A table and the places of its states, in columns and rows.

    A verb that leads from all states in `framed` to one state is drawn once, from the frame around them. `detours` are
    the arrows that run along a row below the boxes; the others are straight.
    """

    table: Table
    note: str
    places: Mapping[str, tuple[float, float]]
    framed: tuple[str, ...] = ()
    detours: Mapping[tuple[str, str], float] = {}


CHARTS = (
    Chart(
        ENVIRONMENT,
        "ready and stopped: what its processes do; the other verbs are the tool's",
        {
            "New": (0, 0),
            "Initializing": (1, 0),
            "Idle": (2, 0),
            "Busy": (3, 0),
            "Stopped": (1, 1),
            "Resetting": (2.5, 1),
            "ShuttingDown": (4.15, 0.5),
            "Terminated": (4.15, 1.75),
        },
        ("Initializing", "Idle", "Busy", "Stopped", "Resetting"),
        {("New", "Terminated"): 1.75},
    ),
    Chart(
        RUNTIME,
        "its requests to the Runtime API; invoke: the environment gives it an invocation",
        {
            "Started": (0, 0.3),
            "Ready": (1, 0.3),
            "Running": (2.15, 0.3),
            "InvocationResponse": (3.0, 0.9),
            "RuntimeResponseSentState": (3.7, 0.3),
            "InitError": (0, 1.45),
            "Restoring": (1.5, 1.45),
            "RuntimeRestoreErrorState": (2.9, 1.45),
        },
        (),
        {("RuntimeResponseSentState", "Ready"): 2.0},
    ),
    Chart(
        EXTENSION,
        "its requests to the Extensions API; event: it is given one; exit: its process ends",
        {
            "Started": (0, 0.1),
            "Registered": (1, 0.1),
            "Ready": (2, 0.1),
            "Running": (3, 0.1),
            "Exited": (4.15, 0.1),
            "LaunchError": (0, 1.25),
            "InitError": (1, 1.25),
            "ExitError": (2.5, 1.25),
        },
        ("Started", "Registered", "Ready", "Running"),
    ),
)


class Box(NamedTuple):
    """A state's box: its middle and its width."""

    x: float
    y: float
    width: float

    def border(self, towards: Point) -> Point:
        """Where a line from the middle to `towards` leaves the box."""
        dx, dy = towards[0] - self.x, towards[1] - self.y
        scale = min(
            (self.width / 2 + 2) / abs(dx) if dx else 1e9,
            (BOX_HEIGHT / 2 + 2) / abs(dy) if dy else 1e9,
        )
        return self.x + dx * scale, self.y + dy * scale


def draw() -> str:
    """The whole picture."""
    parts: list[str] = []
    top = float(MARGIN)
    for chart in CHARTS:
        parts += _chart(chart, top)
        top += TITLE_HEIGHT + (max(row for _, row in chart.places.values()) + 1) * CELL_HEIGHT
    height = round(top + MARGIN / 2)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}"'
            f' height="{height}">',
            "<title>The states of an execution environment, its runtime and its extensions</title>",
            f"<style>{STYLE}</style>",
            '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
            'orient="auto-start-reverse"><path class="head" d="M0 0 10 5 0 10z"/></marker></defs>',
            f'<rect class="page" width="{WIDTH}" height="{height}" rx="8"/>',
            *parts,
            "</svg>\n",
        ]
    )


def _chart(chart: Chart, top: float) -> Iterator[str]:
    yield (
        f'<text class="title" x="{MARGIN}" y="{_number(top + 16)}">{chart.table.what.capitalize()}'
        f'<tspan class="note" font-size="14" font-weight="400" dx="12">{escape(chart.note)}</tspan></text>'
    )
    boxes = {state: _box(place, state, top) for state, place in chart.places.items()}
    arrows = _arrows(chart.table)
    shared = {
        (verb, target)
        for (state, verb), target in chart.table.rows.items()
        if chart.framed and all(chart.table.rows.get((each, verb)) == target for each in chart.framed)
    }
    if shared:
        yield from _framed(chart, boxes, shared)
    for (state, target), verbs in arrows.items():
        kept = [verb for verb in verbs if (verb, target) not in shared or state not in chart.framed]
        if not kept:
            continue
        text = ", ".join(kept)
        row = chart.detours.get((state, target))
        if state == target:
            yield from _loop(boxes[state], text, above=_leads_on(chart.table, state))
        elif row is not None:
            yield from _detour(boxes[state], boxes[target], text, top + TITLE_HEIGHT + (row + 0.25) * CELL_HEIGHT)
        else:
            yield from _arrow(boxes[state], boxes[target], text, apart=13 if (target, state) in arrows else 0)
    first = boxes[next(iter(chart.places))]
    left = first.x - first.width / 2
    yield f'<circle class="start" cx="{_number(left - 22)}" cy="{_number(first.y)}" r="4"/>'
    yield f'<path class="arrow" marker-end="url(#head)" d="M{_number(left - 18)} {_number(first.y)}h15"/>'
    for state, box in boxes.items():
        kind = "box" if _leads_on(chart.table, state) else "end"
        x, y = _number(box.x - box.width / 2), _number(box.y - BOX_HEIGHT / 2)
        yield f'<rect class="{kind}" x="{x}" y="{y}" width="{_number(box.width)}" height="{BOX_HEIGHT}" rx="8"/>'
        yield f'<text class="state" x="{_number(box.x)}" y="{_number(box.y + 5)}">{escape(state)}</text>'


def _box(place: tuple[float, float], state: str, top: float) -> Box:
    x = MARGIN + (place[0] + 0.5) * CELL_WIDTH
    return Box(x, top + TITLE_HEIGHT + (place[1] + 0.25) * CELL_HEIGHT, max(104, 9 * len(state) + 14))


def _arrows(table: Table) -> dict[tuple[str, str], list[str]]:
    """The verbs that lead from one state to another, in the order of the table."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for (state, verb), target in table.rows.items():
        arrows.setdefault((state, target), []).append(verb)
    return arrows


def _framed(chart: Chart, boxes: Mapping[str, Box], shared: set[tuple[str, str]]) -> Iterator[str]:
    """The frame around the states that share a transition, and the transition."""
    inside = [boxes[state] for state in chart.framed]
    left = min(box.x - box.width / 2 for box in inside) - 16
    right = max(box.x + box.width / 2 for box in inside) + 16
    above = min(box.y for box in inside) - BOX_HEIGHT / 2 - 26
    below = max(box.y for box in inside) + BOX_HEIGHT / 2 + 16
    yield (
        f'<rect class="frame" x="{_number(left)}" y="{_number(above)}" width="{_number(right - left)}" '
        f'height="{_number(below - above)}" rx="14"/>'
    )
    for verb, target in sorted(shared):
        box = boxes[target]
        end = box.x - box.width / 2 - 2
        yield _line(f"M{_number(right)} {_number(box.y)}H{_number(end)}")
        yield _label((right + end) / 2, box.y - 8, verb)


def _leads_on(table: Table, state: str) -> bool:
    """Whether something comes after this state."""
    return any(target != state for target in table.moves[state].values())


def _loop(box: Box, text: str, above: bool) -> Iterator[str]:
    """From a box to itself: above it, or below."""
    side = -1 if above else 1
    x, y = box.x + box.width / 2 - 26, box.y + side * (BOX_HEIGHT / 2 + 2)
    yield _line(f"M{_number(x - 9)} {_number(y)}c-4 {24 * side} 26 {24 * side} 20 0")
    yield _label(x + 2, y - 22 if above else y + 34, text)


def _detour(start: Box, end: Box, text: str, row: float) -> Iterator[str]:
    """Down from one box, along the row at `row`, and to the other: to its side where it stands in that row."""
    path = f"M{_number(start.x)} {_number(start.y + BOX_HEIGHT / 2 + 2)}V{_number(row)}"
    if end.y == row:
        path += f"H{_number(end.x - end.width / 2 - 2)}"
    else:
        path += f"H{_number(end.x)}V{_number(end.y + BOX_HEIGHT / 2 + 2)}"
    yield _line(path)
    yield _label((start.x + end.x) / 2, row + 5, text)


def _arrow(start: Box, end: Box, text: str, apart: float) -> Iterator[str]:
    """Straight from one box to another; `apart` to its left, where there is another in the other direction."""
    dx, dy = end.x - start.x, end.y - start.y
    length = (dx * dx + dy * dy) ** 0.5
    away = (dy / length * apart, -dx / length * apart)
    start, end = (box._replace(x=box.x + away[0], y=box.y + away[1]) for box in (start, end))
    first, last = start.border((end.x, end.y)), end.border((start.x, start.y))
    yield _line(f"M{_pair(first)}L{_pair(last)}")
    x, y = (first[0] + last[0]) / 2, (first[1] + last[1]) / 2
    if abs(dx) > abs(dy) and abs(dy) < CELL_HEIGHT / 2:
        yield _label(x, y + 17 if apart and dx < 0 else y - 7, text)
    else:
        yield _label(x, y + 5, text)


def _line(path: str) -> str:
    return f'<path class="arrow" marker-end="url(#head)" d="{path}"/>'


def _label(x: float, y: float, text: str) -> str:
    return f'<text class="verb" x="{_number(x)}" y="{_number(y)}">{escape(text)}</text>'


def _pair(point: Point) -> str:
    return f"{_number(point[0])} {_number(point[1])}"


def _number(value: float) -> str:
    """As short as it can be written, and the same everywhere."""
    return f"{value:.1f}".removesuffix(".0")


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
