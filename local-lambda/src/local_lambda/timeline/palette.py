"""The colors of drawings in light and dark mode, as the rules of a style sheet.

Text has a contrast of at least 4.5 on every fill (a test computes it), and color is never the only difference.
"""

from __future__ import annotations

from typing import NamedTuple


class Theme(NamedTuple):
    """Colors of the background, text, quieter text, lines and phases, and of the fills with their edges."""

    background: str
    text: str
    quiet: str
    line: str
    band: str
    fillings: dict[str, tuple[str, str]]


LIGHT = Theme(
    "#ffffff",
    "#1f2328",
    "#59636e",
    "#d1d9e0",
    "#f6f8fa",
    {
        "start": ("#e3e8ee", "#8593a3"),
        "register": ("#cfeeee", "#2f8f96"),
        "handler": ("#cde3fb", "#0969da"),
        "response": ("#d9f0fb", "#2b8cc4"),
        "overhead": ("#e6e4f3", "#8d85b8"),
        "event": ("#cdeedb", "#1a7f4b"),
        "shutdown": ("#fbe2c2", "#bc6c00"),
        "frozen": ("#d3dae2", "#59636e"),
        "subsegment": ("#eadff8", "#8250df"),
        "failed": ("#ffd7d3", "#cf222e"),
    },
)
DARK = Theme(
    "#0d1117",
    "#e6edf3",
    "#9aa5b1",
    "#3d444d",
    "#151b23",
    {
        "start": ("#2b3441", "#7d8a99"),
        "register": ("#123f42", "#43a8b0"),
        "handler": ("#0f3a6e", "#58a6ff"),
        "response": ("#123a50", "#5cb8e4"),
        "overhead": ("#312e4a", "#9a91c9"),
        "event": ("#12432b", "#3fb96f"),
        "shutdown": ("#522f07", "#db8f2c"),
        "frozen": ("#39434f", "#aab4c0"),
        "subsegment": ("#3a2663", "#b48cf2"),
        "failed": ("#611b20", "#ff7b72"),
    },
)
MARK_COLORS = {
    "log": "quiet",
    "delivery": "subsegment",
    "signal": "shutdown",
    "exit": "quiet",
    "kill": "failed",
    "error": "failed",
    "dropped": "failed",
}
"""The fill whose edge color a mark has, or `quiet`."""


def style_sheet() -> str:
    """The rules: light ones, then dark ones for readers whose system prefers them."""
    return f"{_rules(LIGHT)}\n@media (prefers-color-scheme: dark) {{\n{_rules(DARK)}\n}}"


def _rules(theme: Theme) -> str:
    rules = [
        f".back {{ fill: {theme.background}; stroke: {theme.line} }}",
        f".text {{ fill: {theme.text} }}",
        f".quiet {{ fill: {theme.quiet} }}",
        f".band {{ fill: {theme.band} }}",
        f".line {{ stroke: {theme.line} }}",
        f".break {{ stroke: {theme.quiet} }}",
    ]
    for name, (filling, edge) in theme.fillings.items():
        rules.append(f".{name} {{ fill: {filling}; stroke: {edge} }}")
    for name, color in MARK_COLORS.items():
        edge = theme.quiet if color == "quiet" else theme.fillings[color][1]
        rules.append(f".mark-{name} {{ fill: {edge}; stroke: {edge} }}")
    return "\n".join(rules)
