"""Where in a picture a moment is. Phases are laid out in rows like words of text; each has its own scale.

An Init of 150 ms sits next to invocations of half a millisecond, and minutes may pass between two of them. A single
scale would make the picture unreadable. So a longer phase is wider, but not in proportion, and the pause between two
phases has a fixed width. Drawings give every phase a ruler and print the milliseconds of everything. This module knows
neither pixels nor characters: the unit is that of the widths it is given.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from local_lambda.timeline.model import Environment, Phase

_EXPONENT = 0.35
_SHORTEST_MS = 0.05


@dataclass(frozen=True, slots=True)
class Segment:
    """An interval of time and the part of a row it is drawn in. Without a phase it is a gap."""

    start: float
    end: float
    left: float
    right: float
    phase: Phase | None

    def place(self, time: float) -> float:
        """The position of a moment; a moment outside is at the nearer end."""
        if self.end <= self.start:
            return self.left
        share = min(max((time - self.start) / (self.end - self.start), 0.0), 1.0)
        return self.left + share * (self.right - self.left)


@dataclass(frozen=True, slots=True)
class Row:
    """Adjacent segments, in order."""

    segments: tuple[Segment, ...]

    @property
    def start(self) -> float:
        """The first moment."""
        return self.segments[0].start

    @property
    def end(self) -> float:
        """The last moment."""
        return self.segments[-1].end

    def phases(self) -> Iterator[tuple[Segment, Phase]]:
        """The segments that are phases."""
        for segment in self.segments:
            if segment.phase is not None:
                yield segment, segment.phase

    def place(self, time: float) -> float:
        """The position of a moment in the row."""
        index = bisect_right([segment.start for segment in self.segments], time) - 1
        return self.segments[max(index, 0)].place(time)


def rows(
    environment: Environment, width: float, narrowest: Callable[[Phase], float], gap: Callable[[float], float]
) -> list[Row]:
    """The phases of an environment in rows of `width`.

    `narrowest` gives the least width of a phase, `gap` the width of a pause between two phases by its milliseconds.
    """
    phases = environment.phases
    if not phases:
        return []
    gaps = [0.0, *(gap(max(after.start - before.end, 0.0)) for before, after in pairwise(phases))]
    needs = [narrowest(phase) + before for phase, before in zip(phases, gaps, strict=True)]
    number = max(math.ceil(sum(needs) / width), 1)
    target = sum(needs) / number
    groups: list[list[int]] = [[]]
    used = 0.0
    for index, need in enumerate(needs):
        full = used + need > width or (used + need / 2 > target and len(groups) < number)
        if groups[-1] and full:
            groups.append([])
            used = 0.0
        groups[-1].append(index)
        used += need
    return [_row([phases[index] for index in group], width, narrowest, gap, len(groups) > 1) for group in groups]


def _row(
    phases: Sequence[Phase],
    width: float,
    narrowest: Callable[[Phase], float],
    gap: Callable[[float], float],
    several: bool,
) -> Row:
    least = [narrowest(phase) for phase in phases]
    pauses = [max(after.start - before.end, 0.0) for before, after in pairwise(phases)]
    spare = max(width - sum(least) - sum(map(gap, pauses)), 0.0)
    weights = [max(phase.duration, _SHORTEST_MS) ** _EXPONENT for phase in phases]
    shares = [spare * weight / sum(weights) for weight in weights]
    if several:  # the phases of a shorter last row are not stretched more than those above
        shares = [min(share, 1.5 * need) for share, need in zip(shares, least, strict=True)]
    segments: list[Segment] = []
    left = 0.0
    for index, phase in enumerate(phases):
        if segments:
            before = segments[-1].end
            right = left + gap(pauses[index - 1])
            segments.append(Segment(before, max(phase.start, before), left, right, None))
            left = right
        right = left + least[index] + shares[index]
        segments.append(Segment(phase.start, phase.end, left, right, phase))
        left = right
    return Row(tuple(segments))


def division(duration: float, width: float, room: Callable[[str], float]) -> tuple[float, str] | None:
    """The step of a ruler for `duration` milliseconds in `width`, and its label: 1, 2 or 5 times a power of ten.

    It is the smallest step whose label fits; None if the label of no step within the duration fits.
    """
    if duration <= 0:
        return None
    exponent = math.floor(math.log10(duration)) - 2
    for power in range(exponent, exponent + 4):
        for digit in (1, 2, 5):
            step = digit * 10.0**power
            if step > duration:
                return None
            label = _round_number(step)
            if width * step / duration >= room(label):
                return step, label
    return None


def _round_number(value: float) -> str:
    if value < 1:
        return f"{value:g} ms" if value >= 0.01 else f"{value * 1000:g} µs"
    return f"{value:g} ms" if value < 1000 else f"{value / 1000:g} s"


def milliseconds(value: float) -> str:
    """A duration with at most four digits and its unit: `0.42 ms`, `93 ms`, `2.31 s`, `2 min 5 s`."""
    if value < 9.995:
        return f"{value:.2f} ms"
    if value < 99.95:
        return f"{value:.1f} ms"
    if value < 9_999.5:
        return f"{value:.0f} ms"
    seconds = value / 1000
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
