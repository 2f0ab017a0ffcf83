"""Draws the sequence diagrams of pages, which GitHub draws itself: from a `mermaid` block to an SVG picture.

It knows participants and messages with `->>`. Any other line is an error, so that no picture lacks a part.
"""

from __future__ import annotations

import re
from html import escape
from itertools import pairwise
from typing import NamedTuple

MARGIN = 16
HEAD = 36
"""The height of a participant's box."""
ROW = 38
CHARACTER = 6.9
"""The width of a character, on average; a little too much rather than too little."""
MESSAGE = re.compile(r"(.+?)->>(.+?): (.+)")
STYLE = """
  svg { color-scheme: light dark; font: 13px system-ui, "Segoe UI", Helvetica, Arial, sans-serif }
  .page { fill: #ffffff }
  .box { fill: #ddf4ff; stroke: #0969da; stroke-width: 1.5 }
  .name { fill: #1f2328; text-anchor: middle; font-weight: 600 }
  .life { stroke: #59636e; stroke-dasharray: 3 4 }
  .arrow { fill: none; stroke: #59636e; stroke-width: 1.4 }
  .head { fill: #59636e }
  .message { fill: #1f2328; paint-order: stroke; stroke: #ffffff; stroke-width: 4 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 }
    .box { fill: #0c2d6b; stroke: #58a6ff }
    .name { fill: #f0f6fc }
    .life, .arrow { stroke: #9198a1 }
    .head { fill: #9198a1 }
    .message { fill: #f0f6fc; stroke: #0d1117 }
  }
"""


class Message(NamedTuple):
    """An arrow from one participant to another, or to itself; both by their number from the left."""

    start: int
    end: int
    text: str


class Sequence(NamedTuple):
    """A sequence diagram."""

    participants: list[str]
    messages: list[Message]

    def in_words(self) -> str:
        """The messages in order, for those who do not see the picture."""
        names = self.participants
        return "; ".join(f"{names[start]} to {names[end]}: {text}" for start, end, text in self.messages)


def read(lines: list[str]) -> Sequence:
    """The diagram of a `mermaid` block; raises ValueError for a line that it cannot draw."""
    participants: list[str] = []
    messages = []
    if not lines or lines[0] != "sequenceDiagram":
        raise ValueError("only sequence diagrams are drawn")
    for line in map(str.strip, lines[1:]):
        if line.startswith("participant "):
            participants.append(line.removeprefix("participant "))
        elif (found := MESSAGE.fullmatch(line)) and {found[1], found[2]} <= set(participants):
            messages.append(Message(participants.index(found[1]), participants.index(found[2]), found[3]))
        else:
            raise ValueError(f"cannot draw: {line}")
    return Sequence(participants, messages)


def draw(sequence: Sequence) -> str:
    """The picture."""
    places = _places(sequence)
    ends = [places[message.start] + 40 + _width(message.text) for message in sequence.messages if _is_loop(message)]
    width = round(max(places[-1] + _box(sequence.participants[-1]) / 2, *ends, 0)) + MARGIN
    bottom = MARGIN + HEAD + ROW * len(sequence.messages) + 14
    parts = []
    for name, x in zip(sequence.participants, places, strict=True):
        box = _box(name)
        parts += [
            f'<path class="life" d="M{x:.0f} {MARGIN + HEAD}V{bottom}"/>',
            f'<rect class="box" x="{x - box / 2:.0f}" y="{MARGIN}" width="{box:.0f}" height="{HEAD}" rx="8"/>',
            f'<text class="name" x="{x:.0f}" y="{MARGIN + 23}">{escape(name)}</text>',
        ]
    for number, message in enumerate(sequence.messages, 1):
        parts += _arrow(message, places, MARGIN + HEAD + ROW * number)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {bottom + MARGIN}" width="{width}"'
            f' height="{bottom + MARGIN}">',
            f"<style>{STYLE}</style>",
            '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
            'orient="auto"><path class="head" d="M0 0 10 5 0 10z"/></marker></defs>',
            f'<rect class="page" width="{width}" height="{bottom + MARGIN}" rx="8"/>',
            *parts,
            "</svg>\n",
        ]
    )


def _width(text: str) -> float:
    return CHARACTER * len(text)


def _box(name: str) -> float:
    """The width of a participant's box; its name is bold."""
    return 1.1 * _width(name) + 24


def _is_loop(message: Message) -> bool:
    return message.start == message.end


def _places(sequence: Sequence) -> list[float]:
    """Where the participants are: apart enough for their names, and for the messages between them."""
    names = sequence.participants
    gaps = [(_box(one) + _box(other)) / 2 + 16 for one, other in pairwise(names)]
    for message in sorted(sequence.messages, key=lambda message: abs(message.start - message.end)):
        first, last = sorted((message.start, message.end))
        missing = _width(message.text) + 24 - sum(gaps[first:last])
        if first < last and missing > 0:
            gaps[first:last] = [gap + missing / (last - first) for gap in gaps[first:last]]
    places = [MARGIN + _box(names[0]) / 2]
    for gap in gaps:
        places.append(places[-1] + gap)
    return places


def _arrow(message: Message, places: list[float], y: int) -> list[str]:
    start, end = places[message.start], places[message.end]
    if _is_loop(message):
        line, x, anchor, base = f"M{start:.0f} {y - 12}h24v16h-22", start + 34, "start", y + 1
    else:
        line, x, anchor, base = f"M{start:.0f} {y}H{end:.0f}", (start + end) / 2, "middle", y - 8
    return [
        f'<path class="arrow" marker-end="url(#head)" d="{line}"/>',
        f'<text class="message" x="{x:.0f}" y="{base}" text-anchor="{anchor}">{escape(message.text)}</text>',
    ]
