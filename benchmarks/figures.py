"""Figures: the lines of the table, their comparison with targets, and their output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import nan
from statistics import median

SCALE = {"µs": 1e6, "ms": 1e3, "s": 1.0, "/s": 1.0, "MB": 1.0, "MB/s": 1.0}
"""For each unit, the factor for seconds, invocations per second or MB."""
ENOUGH = 100
"""Number of samples from which a p99 is meaningful."""


@dataclass
class Samples:
    """The measurements of one candidate: seconds, invocations per second, or MB; and how often it failed."""

    values: list[float] = field(default_factory=list)
    errors: int = 0


@dataclass(frozen=True)
class Figure:
    """One line of the table: a candidate's median, and its target if it has one."""

    what: str
    candidate: str
    unit: str
    value: float
    """The median, in the unit; NaN if every invocation failed."""
    p99: float | None = None
    ratio: float | None = None
    """The ratio of the value to that of the candidate `against`."""
    against: str = ""
    bar: float | None = None
    """The target for the ratio, or for the value without a ratio: a minimum for throughput, else a maximum."""
    errors: int = 0

    @property
    def passed(self) -> bool | None:
        """Whether the target is reached without failures; None without a target."""
        if self.bar is None:
            return None
        reached = self.value if self.ratio is None else self.ratio
        return not self.errors and (reached >= self.bar if self.unit == "/s" else reached <= self.bar)


def compare(what: str, unit: str, measured: dict[str, Samples], bar: float | None = None) -> list[Figure]:
    """Return a figure for each candidate, compared with the first; only local-lambda gets the target."""
    scale = SCALE[unit]
    first, *_ = measured
    base = middle(measured[first]) * scale
    figures = []
    for name, samples in measured.items():
        value = middle(samples) * scale
        p99 = percentile(samples.values, 0.99) * scale if len(samples.values) >= ENOUGH else None
        ratio, against = (None, "") if name == first else (value / base, first)
        limit = bar if name.startswith("local-lambda") else None
        figures.append(Figure(what, name, unit, value, p99, ratio, against, limit, samples.errors))
    return figures


def middle(samples: Samples) -> float:
    """Return the median; NaN without values."""
    return median(samples.values) if samples.values else nan


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0 to 1) of the values lie."""
    return sorted(values)[int((len(values) - 1) * share)]


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a Markdown table with aligned columns."""
    lines = [["what", "candidate", "median", "p99", "ratio", "target", "", "errors"]]
    shown = ""
    for figure in figures:
        lines.append([figure.what if figure.what != shown else "", *cells(figure)])
        shown = figure.what
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def cells(figure: Figure) -> list[str]:
    """Return the cells of the figure's line, without the first."""
    bar = ""
    if figure.bar is not None:
        sign = "≥" if figure.unit == "/s" else "≤"
        bar = f"{sign} {figure.bar:g} {figure.unit if figure.ratio is None else '×'}"
    return [
        figure.candidate,
        f"{number(figure.value)} {figure.unit}",
        f"{number(figure.p99)} {figure.unit}" if figure.p99 is not None else "",
        f"{figure.ratio:.2f} × {figure.against}" if figure.ratio is not None else "",
        bar,
        {None: "", True: "pass", False: "missed"}[figure.passed],
        str(figure.errors) if figure.errors else "",
    ]


def number(value: float) -> str:
    """Return the value with three digits, or with all digits before the decimal point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
