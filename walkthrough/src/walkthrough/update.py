"""Rewrite transcripts: lines that still match stay as their author wrote them, the rest comes from the run."""

from __future__ import annotations

import difflib
import getpass
import re
import socket
from pathlib import Path

from . import match
from .copies import ROOT
from .walk import Walk

VARYING = [
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "[ID]"),
    (re.compile(r"\b1-[0-9a-f]{8}-[0-9a-f]{24}\b"), "[ID]"),
    (re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{16,64}\b"), "[ID]"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"), "[TIME]"),
    (re.compile(r"-?\b\d+(?:\.\d+)? ms\b"), "[MS]"),
    (re.compile(r"\b127\.\d+\.\d+\.\d+:\d{5}\b"), "[ADDRESS]"),
    (re.compile(r"(?<=Makefile:)\d+"), "[LINE]"),
    (re.compile(r"(?<=Max Memory Used: )\d+"), "[N]"),
    (re.compile(r"\b1\d{12}\b"), "[N]"),
    (re.compile(r"(?<=[Pp]ython[:= ])3\.\d+(?:\.\w+)?"), "[VERSION]"),
    (re.compile(r"(?<=[Pp]ython)3\.\d+(?:\.\w+)?(?! )"), "[VERSION]"),
]

# A text timeline: the lengths of its bars and the positions of its phases differ between runs.
BARS = re.compile(r"^(timeline +\| [^│]*?) *│.*[░▒█▄✗].*")
PHASES = re.compile(r"^timeline +\| +│(?=\w)")


def normalize(line: str, folder: Path) -> str:
    """Put wildcards in place of what varies between runs, and of everything that shows where it ran."""
    for told in (str(folder), str(folder.parents[0]), str(Path.home()), socket.gethostname()):
        if len(told) > 2:
            line = line.replace(told, "...")
    if (user := getpass.getuser()) != "root":
        line = re.sub(rf"\b{re.escape(user)}\b", "...", line)
    for pattern, wildcard in VARYING:
        line = pattern.sub(wildcard, line)
    if PHASES.match(line):
        return re.sub(r" *│", " ...│", line).rstrip()
    return BARS.sub(r"\1 ...", line).rstrip()


def likeness(expected: str, actual: str) -> float:
    """Score a line of the README: 2 if it is worth keeping, 0 to 1 if this line of the run should replace it."""
    if match.same(expected, actual):
        return 2.0
    matcher = difflib.SequenceMatcher(None, expected, actual, autojunk=False)
    close = matcher.quick_ratio() > 0.6 and matcher.ratio() > 0.6
    return matcher.ratio() if close else 0.0


def merge(expected: list[str], actual: list[str], folder: Path) -> list[str]:
    """Return the transcript for this output: lines and gaps of the author where they fit, else lines of the run."""
    if match.matches(expected, actual):
        return expected
    literal = [index for index, line in enumerate(expected) if not match.is_gap(line)]
    worth = [[likeness(expected[index], line) for line in actual] for index in literal]
    # best[i][j]: the highest score of the lines from i on, with the output from j on
    best = [[0.0] * (len(actual) + 1) for _ in range(len(literal) + 1)]
    for i in reversed(range(len(literal))):
        for j in reversed(range(len(actual))):
            best[i][j] = max(best[i + 1][j], best[i][j + 1], worth[i][j] and worth[i][j] + best[i + 1][j + 1])
    merged: list[str] = []
    i = j = shown = 0  # shown: how much of `expected` and its gaps is done

    def close_gap(upto: int, start: int, end: int) -> None:
        if any(match.is_gap(line) for line in expected[shown:upto]):
            merged.append("...")
        else:
            merged.extend(normalize(line, folder) for line in actual[start:end])

    start = 0
    while i < len(literal) and j < len(actual):
        if worth[i][j] and best[i][j] == worth[i][j] + best[i + 1][j + 1]:
            close_gap(literal[i], start, j)
            kept = worth[i][j] == 2.0
            merged.append(expected[literal[i]] if kept else normalize(actual[j], folder))
            shown, i, j = literal[i] + 1, i + 1, j + 1
            start = j
        elif best[i][j] == best[i][j + 1]:
            j += 1
        else:
            i += 1
    close_gap(len(expected), start, len(actual))
    return merged


def update(walk: Walk) -> list[str]:
    """Write the transcripts of a walk into its README; return the commands whose transcripts changed."""
    path = ROOT / walk.name
    lines = path.read_text(encoding="utf-8").splitlines()
    changed = []
    for step in reversed(walk.steps):
        first = step.command.line - 1 + len(step.command.source)
        merged = merge(step.command.expected, step.actual, walk.folder)
        if merged != step.command.expected:
            changed.append(f"{walk.name}:{step.command.line}: {step.command.source[0]}")
            lines[first : first + len(step.command.expected)] = merged
    if changed:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return changed[::-1]
