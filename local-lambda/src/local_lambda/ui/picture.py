"""The timeline picture of the page: histories, through the model of `timeline/`, as an SVG element.

Zoom is a choice of what the model has: fewer phases, or one alone, get more pixels each. Nothing is laid out here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from local_lambda.timeline.html import with_hints
from local_lambda.timeline.model import Environment, Timeline
from local_lambda.timeline.reading import timeline_of
from local_lambda.timeline.svg import draw_svg
from local_lambda.ui.history import CHAPTERS, History

MAX_ENVIRONMENTS = 6
"""How many environments a picture has."""


class Wish(NamedTuple):
    """What a picture is to show: these environments, the `last` phases of each, or the one `phase`, such as `Invoke 3`.

    `until` (seconds since the epoch) is where a replay is.
    """

    environments: tuple[int, ...]
    last: int = 8
    phase: str = ""
    until: float | None = None


class Picture(NamedTuple):
    """An SVG element, empty if there is nothing to show, and how many invocations and other events it leaves out."""

    svg: str
    left_out: int = 0
    events_left_out: int = 0


def draw_picture(histories: Sequence[History], wish: Wish, now: float) -> Picture:
    """Draw those histories that are wished for; what is still open ends `now` (seconds since the epoch)."""
    chosen = [each for each in histories if each.number in wish.environments][-MAX_ENVIRONMENTS:]
    last = CHAPTERS if wish.phase else min(max(wish.last, 1), CHAPTERS)
    views = {each.number: each.view(last, wish.until) for each in chosen}
    entries = [entry for view in views.values() for entry in view.entries]
    if not entries:
        return Picture("")
    left_out = {number: view.left_out for number, view in views.items()}
    end = max(now, max(entry["at"] for entry in entries))
    timeline = timeline_of(entries, end=end, left_out=left_out)
    shown = tuple(_zoomed(each, wish.phase) for each in timeline.environments)
    shown = tuple(each for each in shown if each.phases)
    if not shown:
        return Picture("")
    svg = draw_svg(Timeline(timeline.began, shown), "Timeline", styled=False)
    return Picture(with_hints(svg), sum(left_out.values()), sum(view.events_left_out for view in views.values()))


def _zoomed(environment: Environment, phase: str) -> Environment:
    if not phase:
        return environment
    return replace(environment, phases=tuple(each for each in environment.phases if each.name == phase))
