"""A run as a self-contained SVG picture: no script, no font of its own, light and dark by the reader's system.

Its structure can be read from data attributes: `data-environment` on the group of an environment, in it `data-phase` on
phases, `data-lane` on the group of a process, in that `data-span` and `data-mark`, and `data-subsegment`; see
`structure.py`. The same run gives the same picture, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

from local_lambda.timeline import marks, palette
from local_lambda.timeline.model import SPANS, Environment, Lane, LaneSpan, Phase, Subsegment, Timeline
from local_lambda.timeline.scale import Row, Segment, milliseconds, rows

WIDTH = 900
MARGIN = 12
LABELS = 176
PLOT = WIDTH - 2 * MARGIN - LABELS
SIZE = 11
"""Of the smallest text, in pixels."""
HEAD, LANE, BAR, PART = 34, 34, 16, 19
"""Heights: of a row's head, of a lane, of a span in it, of a line of subsegments."""
MAX_TRACED = 6
"""Only so many invocations get their subsegments drawn."""
GAP, LONG_GAP, LONG_MS = 8, 74, 200
"""Widths of what is between two phases, and from how many milliseconds on it is said how long that was."""
_CHARACTER = 0.58
"""Width of a character, in parts of its size; generous for proportional fonts."""
_WORDS = {
    "start": "starting",
    "register": "registered, starting",
    "handler": "handler",
    "overhead": "runtime after the answer",
    "event": "extension at work",
    "shutdown": "ending",
    "frozen": "frozen",
    "failed": "failed",
}


def draw_svg(timeline: Timeline, title: str = "") -> str:
    """The picture, 900 pixels wide. Without a title it has the names of the functions."""
    title = title or "Timeline of " + ", ".join(dict.fromkeys(each.function for each in timeline.environments))
    body: list[str] = []
    top = float(MARGIN)
    for environment in timeline.environments:
        drawing = _EnvironmentDrawing(environment, len(timeline.environments) > 1)
        body += drawing.lines(top)
        top = drawing.bottom + 10
    body += _legend(timeline, top)
    top += 22 * len(_legend_rows(timeline))
    notes = ["Every phase has a scale of its own: the longer one is wider, but not in proportion."]
    if not timeline.complete:
        notes.append("The recording was cut off.")
    body += [_text(MARGIN, top + 14, " ".join(notes), "quiet")]
    height = round(top + 14 + MARGIN)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"'
            f' viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="title description"'
            f' font-family="system-ui, -apple-system, Segoe UI, sans-serif" font-size="{SIZE}">',
            f'<title id="title">{escape(title)}</title>',
            f'<desc id="description">{escape(_description(timeline))}</desc>',
            f"<style>\n{palette.style_sheet()}\n</style>",
            f'<rect class="back" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="6"/>',
            *body,
            "</svg>\n",
        ]
    )


def text_width(text: str, size: float = SIZE) -> float:
    """The room a text needs, in pixels, a little more than most fonts take."""
    return len(text) * size * _CHARACTER


def _description(timeline: Timeline) -> str:
    parts = []
    for each in timeline.environments:
        phases = ", ".join(f"{phase.name} {milliseconds(phase.duration)}" for phase in each.phases)
        parts.append(f"Environment {each.number} of {each.function}: {phases}.")
    return " ".join(parts)


class _EnvironmentDrawing:
    """The rows of one environment; `bottom` is known when the lines have been made."""

    def __init__(self, environment: Environment, named: bool) -> None:
        self.environment = environment
        self.bottom = 0.0
        self._named = named
        traced = list(dict.fromkeys(part.phase for part in environment.subsegments))
        self._traced = traced[:MAX_TRACED]
        self._left_out = len(traced) - len(self._traced)

    def lines(self, top: float) -> list[str]:
        """The elements, from `top` on."""
        environment = self.environment
        found = [f'<g data-environment="{environment.number}">']
        if self._named:
            began = environment.phases[0].start if environment.phases else 0.0
            text = f"Environment {environment.number}: {environment.function}, from {milliseconds(began)}"
            found.append(_text(MARGIN, top + 13, text, "text", weight=600, size=13))
            top += 24
        lanes = [lane for lane in environment.lanes if lane.spans or lane.marks]
        for row in rows(environment, PLOT, self._narrowest, _gap):
            found += self._row(row, lanes, top)
            top = self.bottom + 8
        if self._left_out:
            text = f"The subsegments of {self._left_out} more invocations are not drawn."
            found.append(_text(MARGIN + LABELS, top + 8, text, "quiet"))
            top += 18
        self.bottom = top
        return [*found, "</g>"]

    def _narrowest(self, phase: Phase) -> float:
        words = max(text_width(phase.title, 12), text_width(_time(phase)))
        return max(words + 12, 150 if phase.name in self._traced else 0)

    def _row(self, row: Row, lanes: Sequence[Lane], top: float) -> Iterator[str]:
        parts = {
            phase.name: [p for p in self.environment.subsegments if p.phase == phase.name] for _, phase in row.phases()
        }
        depth = max((len(parts[name]) for name in parts if name in self._traced), default=0)
        bottom = top + HEAD + LANE * len(lanes) + (PART * depth + 6 if depth else 0)
        self.bottom = bottom
        for number, (segment, phase) in enumerate(row.phases()):
            yield from _phase(segment, phase, top, bottom, number)
        for segment in row.segments:
            if segment.phase is None:
                yield from _pause(segment, top)
        for index, lane in enumerate(lanes):
            yield from _lane(lane, row, top + HEAD + LANE * index)
        if depth:
            y = top + HEAD + LANE * len(lanes)
            yield _rule(y)
            yield _text(MARGIN, y + 15, "X-Ray subsegments", "text")
            for segment, phase in row.phases():
                if phase.name in self._traced:
                    for number, part in enumerate(parts[phase.name]):
                        yield from _subsegment(part, segment, y + 5 + PART * number)


def _gap(pause: float) -> float:
    return LONG_GAP if pause >= LONG_MS else GAP


def _time(phase: Phase) -> str:
    return milliseconds(phase.duration)


def _phase(segment: Segment, phase: Phase, top: float, bottom: float, number: int) -> Iterator[str]:
    x, width = MARGIN + LABELS + segment.left, segment.right - segment.left
    hint = f"{phase.name}, {_time(phase)}" + (f", {phase.detail}" if phase.detail else "")
    yield f"<g data-phase={quoteattr(phase.name)}><title>{escape(hint)}</title>"
    yield f'<rect class="band" x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" height="{bottom - top:.1f}" rx="3"/>'
    yield _text(x + 6, top + 14, phase.title, "text", weight=600, size=12)
    yield _text(x + 6, top + 28, _time(phase), "quiet")
    yield "</g>"


def _pause(segment: Segment, top: float) -> Iterator[str]:
    """What is between two phases; when it is long it says how long, with the two strokes of a broken axis."""
    pause = segment.end - segment.start
    if pause < LONG_MS:
        return
    x = MARGIN + LABELS + (segment.left + segment.right) / 2
    text = milliseconds(pause)
    yield _text(x, top + 28, text, "quiet", anchor="middle")
    for offset in (-4, 2):
        yield f'<path class="line" d="M{x + offset:.1f} {top + HEAD + 11:.1f} l4 -9"/>'


def _lane(lane: Lane, row: Row, top: float) -> Iterator[str]:
    yield f"<g data-lane={quoteattr(lane.name)}>"
    yield _rule(top)
    kind, _, name = lane.name.partition(":")
    room = int((LABELS - 8) / (SIZE * _CHARACTER))
    if name:
        yield _text(MARGIN, top + 14, _short(name, room), "text", hint=lane.name)
        yield _text(MARGIN, top + 28, kind, "quiet")
    else:
        yield _text(MARGIN, top + 20, kind, "text")
    for span in lane.spans:
        yield from _span(span, row, top + 4)
    for mark in marks.gathered(lane.marks, row):
        yield marks.draw(mark, MARGIN + LABELS + mark.place, top + 27)
    yield "</g>"


def _span(span: LaneSpan, row: Row, top: float) -> Iterator[str]:
    if span.end < row.start or span.start > row.end or (span.start == row.end and span.duration > 0):
        return
    left, right = row.place(span.start), row.place(span.end)
    x, width = MARGIN + LABELS + left, max(right - left, 2.5)
    kind = "failed" if span.failed else span.name
    label = milliseconds(span.duration)
    hint = f"{SPANS.get(span.name, span.name)}: {label}" + (f" ({span.detail})" if span.detail else "")
    yield (
        f'<rect class="{kind}" data-span="{span.name}" x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" height="{BAR}"'
        f' rx="2"{_dashes(span.name)}><title>{escape(hint)}</title></rect>'
    )
    if text_width(label) + 6 <= width:
        yield _text(x + width / 2, top + 12, label, "text", anchor="middle", hint=hint)


def _dashes(name: str) -> str:
    return ' stroke-dasharray="3 2"' if name == "frozen" else ""


def _subsegment(part: Subsegment, segment: Segment, top: float) -> Iterator[str]:
    left, right = segment.place(part.start), segment.place(part.end)
    x, width = MARGIN + LABELS + left, max(right - left, 2.5)
    end = MARGIN + LABELS + segment.right - 3
    took = milliseconds(part.duration) + (" failed" if part.failed else "")
    label = f"{part.name} {took}"
    hint = label + (f", {part.detail}" if part.detail else "")
    yield (
        f'<rect class="{"failed" if part.failed else "subsegment"}" data-subsegment={quoteattr(part.name)}'
        f' x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" height="15" rx="2"><title>{escape(hint)}</title></rect>'
    )
    room = int((end - x - 4) / (SIZE * _CHARACTER))
    if len(label) <= room or room >= len(took) + 5:
        yield _text(x + 4, top + 11.5, _label(part.name, took, room), "text", hint=hint)
    else:
        before = int((x - MARGIN - LABELS - segment.left - 6) / (SIZE * _CHARACTER))
        if before >= len(took) + 5:
            yield _text(x - 3, top + 11.5, _label(part.name, took, before), "text", anchor="end", hint=hint)


def _label(name: str, took: str, room: int) -> str:
    """The name is shortened before its time is."""
    return f"{_short(name, room - len(took) - 1)} {took}"


def _legend_rows(timeline: Timeline) -> list[list[tuple[str, str, str]]]:
    """What occurs in the picture, as entries of kind, name and words, as many in a line as there is room for."""
    lanes = [lane for each in timeline.environments for lane in each.lanes]
    spans = {span.name for lane in lanes for span in lane.spans}
    kinds = {mark.kind for lane in lanes for mark in lane.marks}
    failed = any(span.failed for lane in lanes for span in lane.spans)
    failed |= any(part.failed for each in timeline.environments for part in each.subsegments)
    entries = [
        ("span", name, words) for name, words in _WORDS.items() if name in spans or (name == "failed" and failed)
    ]
    entries += [("mark", kind, words) for kind, words in marks.WORDS.items() if kind in kinds]
    lines: list[list[tuple[str, str, str]]] = [[]]
    used = 0.0
    for entry in entries:
        need = 34 + text_width(entry[2])
        if used + need > WIDTH - 2 * MARGIN and lines[-1]:
            lines.append([])
            used = 0.0
        lines[-1].append(entry)
        used += need
    return lines


def _legend(timeline: Timeline, top: float) -> Iterator[str]:
    for index, line in enumerate(_legend_rows(timeline)):
        x, y = float(MARGIN), top + 22 * index
        for kind, name, words in line:
            if kind == "span":
                place = f'x="{x:.1f}" y="{y + 3:.1f}" width="14" height="10" rx="2"'
                yield f'<rect class="{name}" {place}{_dashes(name)}/>'
            else:
                yield marks.shape(name, x + 7, y + 8)
            yield _text(x + 20, y + 12, words, "text")
            x += 34 + text_width(words)


def _rule(top: float) -> str:
    return f'<path class="line" d="M{MARGIN} {top:.1f} H{WIDTH - MARGIN}"/>'


def _short(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(room - 1, 1)] + "…"


def _text(
    x: float,
    y: float,
    text: str,
    kind: str,
    *,
    weight: int = 400,
    size: int = SIZE,
    anchor: str = "start",
    hint: str = "",
) -> str:
    more = (f' font-weight="{weight}"' if weight != 400 else "") + (f' font-size="{size}"' if size != SIZE else "")
    more += f' text-anchor="{anchor}"' if anchor != "start" else ""
    tip = f"<title>{escape(hint)}</title>" if hint and hint != text else ""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}"{more}>{escape(text)}{tip}</text>'
