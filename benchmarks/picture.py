"""Draws the figures of a run as bars: `python -m benchmarks.picture benchmarks/results/FILE.json > FILE.svg`.

Every group is one measurement. The longest bar of a group fills the width; each bar is labeled with its figure, so
there is no scale. A mark shows the target of local-lambda.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

WIDTH, LABEL, BAR, ROW, GAP, RIGHT = 1000, 370, 400, 22, 34, 230
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.what { font-weight: 600; font-size: 14px }
.quiet { fill: #59636e }
.tool { fill: #c8480a } .other { fill: #8c959f } .target { stroke: #1f2328; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .quiet { fill: #9198a1 } .tool { fill: #f0883e } .other { fill: #6e7681 }
  .target { stroke: #e6edf3 }
}
"""

Row = Mapping[str, Any]


def groups(figures: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the figures of each measurement that has a target, in their order."""
    found: dict[str, list[Row]] = {}
    for figure in figures:
        found.setdefault(figure["what"], []).append(figure)
    return {what: rows for what, rows in found.items() if any(row["bar"] is not None for row in rows)}


def target(row: Row, rows: Sequence[Row]) -> float | None:
    """Return the value that the row should reach; None without a target."""
    if row["bar"] is None:
        return None
    bar = float(row["bar"])
    return bar if row["ratio"] is None else bar * float(rows[0]["value"])


def draw(document: Mapping[str, Any]) -> str:
    """Return the SVG of a run's JSON document."""
    y, parts = 8, []
    for what, rows in groups(document["figures"]).items():
        better = "more is better" if rows[0]["unit"] == "/s" else "less is better"
        y += GAP
        parts.append(f'<text class="what" x="8" y="{y - 10}">{escape(what)}</text>')
        parts.append(f'<text class="quiet" x="{WIDTH - 8}" y="{y - 10}" text-anchor="end">{better}</text>')
        longest = max([*(row["value"] for row in rows), *(target(row, rows) or 0 for row in rows)]) or 1
        for row in rows:
            parts += bar(row, target(row, rows), longest, y)
            y += ROW
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 12}" role="img"'
    return "\n".join([f'{head} aria-label="Benchmark figures">', f"<style>{STYLE}</style>", *parts, "</svg>"]) + "\n"


def bar(row: Row, wanted: float | None, longest: float, y: int) -> list[str]:
    """Return the elements of one bar: name, bar, figure, and the target's mark."""
    kind = "tool" if row["candidate"].startswith("local-lambda") else "other"
    length = max(BAR * row["value"] / longest, 1)
    text = f"{row['value']:,.0f}" if row["value"] >= 100 else f"{row['value']:.3g}"
    ratio = "" if row["ratio"] is None else f" ({row['ratio']:.2f} ×)"
    found = [
        f'<text x="{LABEL - 8}" y="{y + 12}" text-anchor="end">{escape(row["candidate"])}</text>',
        f'<rect class="{kind}" x="{LABEL}" y="{y}" width="{length:.1f}" height="{ROW - 6}" rx="2"/>',
        f'<text x="{LABEL + BAR + 12}" y="{y + 12}">{text} {escape(row["unit"])}{ratio}</text>',
    ]
    if wanted is not None:
        x = LABEL + BAR * wanted / longest
        found.append(f'<line class="target" x1="{x:.1f}" x2="{x:.1f}" y1="{y - 2}" y2="{y + ROW - 4}"/>')
    return found


if __name__ == "__main__":
    sys.stdout.write(draw(json.loads(Path(sys.argv[1]).read_text())))
