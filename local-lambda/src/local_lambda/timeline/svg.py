"""A run as a self-contained SVG picture: no script, no embedded font, light or dark by the reader's system.

Data attributes give its structure: `data-environment` on the group of an environment; in it `data-phase` on phases,
`data-subsegment`, and `data-lane` on the group of a process; in that `data-span` and `data-mark`. See `structure.py`.
The same run gives the same picture, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from local_lambda.events.printable import visible
from local_lambda.timeline import palette
from local_lambda.timeline.elements import (
    draw_lane,
    draw_pause,
    draw_phase,
    draw_rule,
    draw_subsegment,
    draw_text,
    duration_of,
)
from local_lambda.timeline.layout import (
    GAP,
    HEAD,
    LABELS,
    LANE,
    LONG_GAP,
    LONG_MS,
    MARGIN,
    MAX_TRACED,
    PART,
    PLOT,
    SIZE,
    WIDTH,
    text_width,
)
from local_lambda.timeline.legend import draw_legend, legend_rows
from local_lambda.timeline.model import Environment, Lane, Phase, Timeline
from local_lambda.timeline.scale import Row, milliseconds, rows


def draw_svg(timeline: Timeline, title: str = "", *, styled: bool = True) -> str:
    """The picture, 900 pixels wide. The default title is the names of the functions."""
    title = title or "Timeline of " + ", ".join(dict.fromkeys(each.function for each in timeline.environments))
    body: list[str] = []
    top = float(MARGIN)
    for environment in timeline.environments:
        drawing = _EnvironmentDrawing(environment, len(timeline.environments) > 1)
        body += drawing.lines(top)
        top = drawing.bottom + 10
    body += draw_legend(timeline, top)
    top += 22 * len(legend_rows(timeline))
    notes = ["Every phase has its own scale, which its ruler shows. // is where the scale changes."]
    if not timeline.complete:
        notes.append("The recording was cut off.")
    body += [draw_text(MARGIN, top + 14, " ".join(notes), "quiet")]
    height = round(top + 14 + MARGIN)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"'
        f' viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="title description"'
        f' font-family="system-ui, -apple-system, Segoe UI, sans-serif" font-size="{SIZE}">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="description">{escape(_description(timeline))}</desc>',
        *((f"<style>\n{palette.style_sheet()}\n</style>",) if styled else ()),
        f'<rect class="back" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="6"/>',
        *body,
        "</svg>\n",
    ]
    return visible("\n".join(lines))  # whatever was recorded: XML has no place for most control characters


def _description(timeline: Timeline) -> str:
    parts = []
    for each in timeline.environments:
        phases = ", ".join(f"{phase.name} {milliseconds(phase.duration)}" for phase in each.phases)
        parts.append(f"Environment {each.number} of {each.function}: {phases}.")
    return " ".join(parts)


class _EnvironmentDrawing:
    """The rows of one environment; `bottom` is known once `lines` has been called."""

    def __init__(self, environment: Environment, named: bool) -> None:
        self.environment = environment
        self.bottom = 0.0
        self._named = named
        traced = list(dict.fromkeys(part.phase for part in environment.subsegments))
        self._traced = traced[:MAX_TRACED]
        self._left_out = len(traced) - len(self._traced)

    def lines(self, top: float) -> list[str]:
        """The elements, from `top` down."""
        environment = self.environment
        found = [f'<g data-environment="{environment.number}">']
        if self._named:
            began = environment.phases[0].start if environment.phases else 0.0
            text = f"Environment {environment.number}: {environment.function}, from {milliseconds(began)}"
            found.append(draw_text(MARGIN, top + 13, text, "text", weight=600, size=13))
            top += 24
        lanes = [lane for lane in environment.lanes if lane.spans or lane.marks]
        for row in rows(environment, PLOT, self._narrowest, _gap):
            found += self._row(row, lanes, top)
            top = self.bottom + 8
        if self._left_out:
            text = f"The subsegments of {self._left_out} more invocations are not drawn."
            found.append(draw_text(MARGIN + LABELS, top + 8, text, "quiet"))
            top += 18
        self.bottom = top
        return [*found, "</g>"]

    def _narrowest(self, phase: Phase) -> float:
        words = max(text_width(phase.title, 12), text_width(duration_of(phase), 13))
        return max(words + 12, 150 if phase.name in self._traced else 0)

    def _row(self, row: Row, lanes: Sequence[Lane], top: float) -> Iterator[str]:
        parts = {
            phase.name: [p for p in self.environment.subsegments if p.phase == phase.name] for _, phase in row.phases()
        }
        depth = max((len(parts[name]) for name in parts if name in self._traced), default=0)
        bottom = top + HEAD + LANE * len(lanes) + (PART * depth + 6 if depth else 0)
        self.bottom = bottom
        for number, (segment, phase) in enumerate(row.phases()):
            yield from draw_phase(segment, phase, top, bottom, number)
        for segment in row.segments:
            if segment.phase is None:
                yield from draw_pause(segment, top)
        for index, lane in enumerate(lanes):
            yield from draw_lane(lane, row, top + HEAD + LANE * index)
        if depth:
            y = top + HEAD + LANE * len(lanes)
            yield draw_rule(y)
            yield draw_text(MARGIN, y + 15, "X-Ray subsegments", "text")
            for segment, phase in row.phases():
                if phase.name in self._traced:
                    for number, part in enumerate(parts[phase.name]):
                        yield from draw_subsegment(part, segment, y + 5 + PART * number)


def _gap(pause: float) -> float:
    return LONG_GAP if pause >= LONG_MS else GAP
