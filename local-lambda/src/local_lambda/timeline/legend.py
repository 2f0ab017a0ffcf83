"""The legend: it explains only what occurs in the picture."""

from __future__ import annotations

from collections.abc import Iterator

from local_lambda.timeline import marks
from local_lambda.timeline.elements import dashes, draw_text
from local_lambda.timeline.layout import MARGIN, WIDTH, text_width
from local_lambda.timeline.model import Timeline

_WORDS = {
    "start": "starting",
    "register": "registered, starting",
    "handler": "handler",
    "response": "streamed response",
    "overhead": "runtime after the response",
    "event": "extension at work",
    "shutdown": "ending",
    "frozen": "frozen",
    "failed": "failed",
}


def legend_rows(timeline: Timeline) -> list[list[tuple[str, str, str]]]:
    """The entries for what occurs in the picture, in lines: kind, name and description of each."""
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


def draw_legend(timeline: Timeline, top: float) -> Iterator[str]:
    for index, line in enumerate(legend_rows(timeline)):
        x, y = float(MARGIN), top + 22 * index
        for kind, name, words in line:
            if kind == "span":
                place = f'x="{x:.1f}" y="{y + 3:.1f}" width="14" height="10" rx="2"'
                yield f'<rect class="{name}" {place}{dashes(name)}/>'
            else:
                yield marks.shape(name, x + 7, y + 8)
            yield draw_text(x + 20, y + 12, words, "text")
            x += 34 + text_width(words)
