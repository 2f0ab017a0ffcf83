"""A run as a few lines of text, for the end of a command's output."""

from __future__ import annotations

from local_lambda.events.printable import one_line
from local_lambda.timeline.model import Environment, Lane, Phase, Timeline
from local_lambda.timeline.scale import Row, milliseconds, rows

LANE = "timeline"
MAX_NAME = 24
MAX_PHASES = 6
_BARS = {"start": "░", "register": "▒", "handler": "█", "response": "▓", "overhead": "▒", "event": "█", "shutdown": "▄"}
_MARKS = {"delivery": "▲", "signal": "◆", "kill": "✗", "error": "!", "dropped": "▼"}
_WORDS = {
    "░": "starting",
    "▒": "getting ready",
    "█": "at work",
    "▓": "sending the response",
    "▄": "ending",
    "▲": "logs delivered",
    "◆": "SIGTERM",
    "✗": "killed",
    "!": "error",
    "▼": "logs dropped",
}
_DIM, _RED, _RESET = "\x1b[2m", "\x1b[31m", "\x1b[0m"


def draw_terminal(timeline: Timeline, width: int, color: bool) -> str:
    """One line for the phases and one for each process, at most `width` characters wide; then the legend."""
    lines: list[str] = []
    for environment in timeline.environments:
        if len(timeline.environments) > 1:
            began = environment.phases[0].start if environment.phases else 0.0
            name = one_line(environment.function)
            lines.append(f"environment {environment.number}, {name}, from {milliseconds(began)}")
        lines += _environment(environment, width - len(LANE) - 3)
    if not timeline.complete:
        lines.append("The recording was cut off.")
    seen = [f"{sign} {word}" for sign, word in _WORDS.items() if any(sign in line for line in lines)]
    text = "\n".join(f"{LANE} | {line.rstrip()}" for line in (*lines, "  ".join(seen)))
    if not color:
        return text
    for sign in "✗!▼":
        text = text.replace(sign, f"{_RED}{sign}{_RESET}")
    return text.replace(f"{LANE} |", f"{_DIM}{LANE} |{_RESET}")


def _environment(environment: Environment, width: int) -> list[str]:
    shown, left_out = _shortened(environment)
    names = {lane.name: one_line(lane.name) for lane in environment.lanes if lane.spans or lane.marks}
    names = {name: text if len(text) <= MAX_NAME else text[: MAX_NAME - 1] + "…" for name, text in names.items()}
    indent = max([len(text) for text in names.values()], default=0) + 1
    lines: list[str] = []
    for row in rows(shown, width - indent, _narrowest, lambda pause: 1):
        lines.append(" " * indent + _head(row, width - indent))
        for lane in environment.lanes:
            if lane.name in names and lane.name != "platform":
                lines.append(f"{names[lane.name]:{indent}}" + _bar(lane, row, width - indent))
    if left_out:
        times = sorted(phase.duration for phase in left_out)
        least, middle, most = (milliseconds(times[place]) for place in (0, len(times) // 2, -1))
        first, last = left_out[0].name, left_out[-1].name.split()[-1]
        if len(left_out) == 1:
            lines.append(f"{first} is not shown: {middle}")
        else:
            lines.append(f"{first} to {last} are not shown: {least} to {most}, median {middle}")
    return lines


def _shortened(environment: Environment) -> tuple[Environment, list[Phase]]:
    """The environment without the middle of many invocations, and those phases; all are kept if one of them failed."""
    phases = environment.phases
    invoked = [phase for phase in phases if phase.name.startswith("Invoke ")]
    if len(phases) <= MAX_PHASES or len(invoked) < 4 or any(phase.failed for phase in invoked[2:-1]):
        return environment, []
    left_out = [phase for phase in invoked[2:-1] if not phase.failed]
    rest = tuple(phase for phase in phases if phase not in left_out)
    shown = Environment(environment.number, environment.function, rest, environment.lanes, environment.subsegments)
    return shown, left_out


def _title(phase: Phase) -> str:
    return f"{phase.title} {milliseconds(phase.duration)}"


def _narrowest(phase: Phase) -> float:
    return len(_title(phase)) + 1


def _head(row: Row, width: int) -> str:
    line = [" "] * width
    for segment, phase in row.phases():
        left = round(segment.left)
        for offset, sign in enumerate("│" + _title(phase)):
            if left + offset < width:
                line[left + offset] = sign
    return "".join(line)


def _bar(lane: Lane, row: Row, width: int) -> str:
    line = [" "] * width
    phases = [(segment, phase) for segment, phase in row.phases()]
    for segment, _ in phases:
        line[min(round(segment.left), width - 1)] = "│"
    for span in sorted(lane.spans, key=lambda span: span.name == "handler"):  # last, so it wins a shared column
        for segment, phase in phases:
            if span.start > phase.end or span.end < phase.start or (span.duration and span.start == phase.end):
                continue
            first = round(segment.left) + 1
            last = min(round(segment.right), width) - 1
            start = min(max(round(segment.place(span.start)), first), last)
            end = min(max(round(segment.place(span.end)), start), last)
            for column in range(start, end + 1):
                line[column] = _BARS.get(span.name, "█")
    for mark in lane.marks:
        for segment, phase in phases:
            if mark.kind in _MARKS and phase.start <= mark.time <= phase.end:
                column = max(round(segment.place(mark.time)), round(segment.left) + 1)
                line[min(column, round(segment.right) - 1, width - 1)] = _MARKS[mark.kind]
    return "".join(line)
