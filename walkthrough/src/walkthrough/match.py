"""Compare what a transcript shows with what a command printed.

`...` on its own line stands for any lines, inside a line for any text. The names below stand for what differs between
runs. Several blanks in a row stand for any number of blanks, because columns move with the width of their figures, and
seconds in parentheses, such as `(2.1 s)`, for any seconds.

Processes that run at the same time write at the same time. So the order matters only within a lane (`platform | `,
`function | `, unmarked lines), not between lanes.
"""

from __future__ import annotations

import difflib
import functools
import re

WILDCARDS = {
    "...": r".*",
    "[ID]": r"[0-9A-Za-z]*\d[0-9A-Za-z]*(?:-[0-9A-Za-z]+)*|[0-9a-f]+(?:-[0-9a-f]+)*",
    "[TIME]": r"\d[0-9:.,TZ+ -]*",
    "[MS]": r"-?\d+(?:\.\d+)?(?: ms)?",
    "[N]": r"-?\d[\d.,]*",
    "[ADDRESS]": r"127\.\d+\.\d+\.\d+:\d+",
    "[LINE]": r"\d+",
    "[VERSION]": r"\d+\.\d+(?:\.\w+)?",
}
DURATION = r"\(\d+\.\d s\)"
"""Seconds in parentheses: how long a command took. A transcript can show those of a real run."""
LANE = re.compile(r"((?:platform|function|trace|extension:[\w.-]+) \S+|extension:[\w.-]+|[a-z]+) *\| ")
PIECES = re.compile("|".join([*map(re.escape, WILDCARDS), DURATION, " {2,}"]))


@functools.cache
def compile_line(expected: str) -> re.Pattern[str]:
    """Make the pattern for one line of a transcript."""
    pattern, end = "", 0
    for piece in PIECES.finditer(expected):
        other = DURATION if piece[0][0] == "(" else " +"
        pattern += re.escape(expected[end : piece.start()]) + f"(?:{WILDCARDS.get(piece[0], other)})"
        end = piece.end()
    return re.compile(pattern + re.escape(expected[end:]))


def same(expected: str, actual: str) -> bool:
    """Return whether a line is as expected; blanks at its end are ignored."""
    return compile_line(expected.rstrip()).fullmatch(actual.rstrip()) is not None


def is_gap(expected: str) -> bool:
    """Return whether this line of a transcript stands for any lines."""
    return expected.strip() == "..."


def reach(expected: list[str], actual: list[str]) -> list[set[int]]:
    """For each number of expected lines, return how many actual lines they can match."""
    reached = [{0}]
    for line in expected:
        before = reached[-1]
        if is_gap(line):
            after = set(range(min(before), len(actual) + 1)) if before else set()
        else:
            after = {count + 1 for count in before if count < len(actual) and same(line, actual[count])}
        reached.append(after)
    return reached


def lanes(expected: list[str], actual: list[str]) -> list[tuple[list[str], list[str]]]:
    """Split transcript and output by the processes that wrote them; a gap is in every lane."""
    names = dict.fromkeys(lane(line) for line in [*expected, *actual] if not is_gap(line))
    return [
        (
            [line for line in expected if is_gap(line) or lane(line) == name],
            [line for line in actual if lane(line) == name],
        )
        for name in names
    ]


def lane(line: str) -> str:
    """Return the name of the process that wrote a line, or an empty string."""
    mark = LANE.match(line)
    return mark[1] if mark else ""


def matches(expected: list[str], actual: list[str]) -> bool:
    """Return whether the output matches the transcript."""
    return all(len(there) in reach(shown, there)[-1] for shown, there in lanes(expected, actual))


def other_places(before: list[str], wanted: str, actual: list[str]) -> list[str]:
    """Say where else in the output a part of the last lines `before` the wanted one is, and what comes after it there.

    The place where the most lines match may be one that the transcript does not mean.
    """
    gaps = [number for number, line in enumerate(before) if is_gap(line)]
    lines = [*before[gaps[-1] + 1 if gaps else 0 :], wanted]
    found = []
    for start in range(len(actual)):
        count = 0
        while count < len(lines) and start + count < len(actual) and same(lines[count], actual[start + count]):
            count += 1
        if 0 < count < len(lines) and start + count < len(actual):
            found += [f"    or, after {actual[start + count - 1]}", f"        expected: {lines[count]}"]
            found.append(f"        got:      {actual[start + count]}")
    return found[:12]


def explain(expected: list[str], actual: list[str]) -> str:
    """Describe where output and transcript differ: the first lane that is not as shown."""
    whole = actual
    expected, actual = next(
        (pair for pair in lanes(expected, actual) if len(pair[1]) not in reach(*pair)[-1]), (expected, actual)
    )
    reached = reach(expected, actual)
    good = max(number for number, counts in enumerate(reached) if counts)
    count = min(reached[good])
    wanted = expected[good] if good < len(expected) else "(nothing more)"
    rest = actual[count:]
    shown = [f"    got:      {line}" for line in rest[:20]] or ["    got:      (nothing more)"]
    if len(rest) > 20:
        shown.append(f"    ({len(rest) - 20} lines more)")
    if good and is_gap(expected[good - 1]):
        close = difflib.get_close_matches(wanted, dict.fromkeys(rest), n=2)
        shown = [f"    close to: {line}" for line in close] + shown
    shown += other_places(expected[:good], wanted, actual[:count])
    if len(whole) > len(actual):
        shown += ["    the last lines of all, side by side:", *(f"        {line}" for line in whole[-15:])]
    return "\n".join([f"    expected: {wanted}", *shown])
