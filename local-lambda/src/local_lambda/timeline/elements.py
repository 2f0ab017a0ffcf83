"""The elements of the picture as SVG: phases, pauses, lanes with their spans and marks, subsegments, text."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from local_lambda.timeline import marks
from local_lambda.timeline.layout import BAR, CHARACTER, HEAD, LABELS, LONG_MS, MARGIN, RULER, SIZE, WIDTH, text_width
from local_lambda.timeline.model import SPANS, Lane, LaneSpan, Phase, Subsegment
from local_lambda.timeline.scale import Row, Segment, division, milliseconds


def draw_phase(segment: Segment, phase: Phase, top: float, bottom: float, number: int) -> Iterator[str]:
    x, width = MARGIN + LABELS + segment.left, segment.right - segment.left
    hint = f"{phase.name}, {duration_of(phase)}" + (f", {phase.detail}" if phase.detail else "")
    yield f"<g data-phase={quoteattr(phase.name)}><title>{escape(hint)}</title>"
    yield f'<rect class="band" x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" height="{bottom - top:.1f}" rx="3"/>'
    yield draw_text(x + 6, top + 14, phase.title, "text", weight=600, size=12)
    yield draw_text(x + 6, top + 30, duration_of(phase), "text", weight=600, size=13)
    yield from _ruler(segment, top + HEAD)
    yield "</g>"


def _ruler(segment: Segment, bottom: float) -> Iterator[str]:
    """The scale of a phase: ticks a round number of milliseconds apart; the first division is labeled with it."""
    duration, width = segment.end - segment.start, segment.right - segment.left
    found = division(duration, width, lambda label: text_width(label, RULER) + 4)
    if found is None:
        return
    step, label = found
    x = MARGIN + LABELS + segment.left
    ticks = " ".join(
        f"M{x + width * step * tick / duration:.1f} {bottom - 12} v8" for tick in range(int(duration / step) + 1)
    )
    yield f'<path class="line" d="{ticks}"/>'
    yield draw_text(x + width * step / duration / 2, bottom - 5, label, "quiet", size=RULER, anchor="middle")


def draw_pause(segment: Segment, top: float) -> Iterator[str]:
    """The pause between two phases: the two strokes of a broken axis, and its duration if it was long."""
    pause = segment.end - segment.start
    x = MARGIN + LABELS + (segment.left + segment.right) / 2
    for offset in (-4, 0):
        yield f'<path class="break" d="M{x + offset:.1f} {top + HEAD - 4:.1f} l4 -9"/>'
    if pause >= LONG_MS:
        yield draw_text(x, top + 30, milliseconds(pause), "quiet", anchor="middle")


def draw_lane(lane: Lane, row: Row, top: float) -> Iterator[str]:
    yield f"<g data-lane={quoteattr(lane.name)}>"
    yield draw_rule(top)
    kind, _, name = lane.name.partition(":")
    room = int((LABELS - 8) / (SIZE * CHARACTER))
    if name:
        yield draw_text(MARGIN, top + 14, _short(name, room), "text", hint=lane.name)
        yield draw_text(MARGIN, top + 28, kind, "quiet")
    else:
        yield draw_text(MARGIN, top + 20, kind, "text")
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
        f' rx="2"{dashes(span.name)}><title>{escape(hint)}</title></rect>'
    )
    if text_width(label) + 6 <= width:
        yield draw_text(x + width / 2, top + 12, label, "text", anchor="middle", hint=hint)


def dashes(name: str) -> str:
    return ' stroke-dasharray="3 2"' if name == "frozen" else ""


def draw_subsegment(part: Subsegment, segment: Segment, top: float) -> Iterator[str]:
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
    room = int((end - x - 4) / (SIZE * CHARACTER))
    if len(label) <= room or room >= len(took) + 5:
        yield draw_text(x + 4, top + 11.5, _label(part.name, took, room), "text", hint=hint)
    else:
        before = int((x - MARGIN - LABELS - segment.left - 6) / (SIZE * CHARACTER))
        if before >= len(took) + 5:
            yield draw_text(x - 3, top + 11.5, _label(part.name, took, before), "text", anchor="end", hint=hint)


def _label(name: str, took: str, room: int) -> str:
    """A label that fits in `room`; the name is shortened before the time."""
    return f"{_short(name, room - len(took) - 1)} {took}"


def draw_rule(top: float) -> str:
    return f'<path class="line" d="M{MARGIN} {top:.1f} H{WIDTH - MARGIN}"/>'


def _short(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(room - 1, 1)] + "…"


def draw_text(
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


def duration_of(phase: Phase) -> str:
    return milliseconds(phase.duration)
