"""Walk through a README: run its commands in order in a clean copy, and compare."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import changes, match
from .copies import ROOT, Copies
from .parse import Command, parse
from .session import Session, Stuck

# A command that fails must show that it failed: in its output, or with `echo $?` after it.
FAILURE = re.compile(r"error|there is no|missing|refused|failed|cannot|no such|needs ", re.IGNORECASE)


@dataclass
class Step:
    """A command that was run. `problem` is empty if it did what the README shows."""

    command: Command
    actual: list[str]
    problem: str = ""


@dataclass
class Walk:
    """A README that was walked through. `problems` are those of its changes."""

    name: str
    folder: Path
    steps: list[Step]
    problems: list[str]

    def report(self) -> str:
        """All problems, each with file, line and command; empty without problems."""
        found = [
            f"{self.name}:{step.command.line}: {step.command.source[0]}\n{step.problem}"
            for step in self.steps
            if step.problem
        ]
        return "\n\n".join([*self.problems, *found])


def walk(name: str, copies: Copies) -> Walk:
    """Run the commands of a README."""
    document = parse(ROOT / name)
    folder = copies.make(name)
    result = Walk(name, folder, [], [])
    before: dict[Path, bytes] = {}
    section = part = 0
    with Session(folder, copies.environment()) as session:
        for block in document.blocks:
            if block.section != section:
                changes.undo(before)
                before, section = {}, block.section
            if block.part != part:
                session.stop_jobs()
                part = block.part
            if block.language == "diff" and not block.reason:
                try:
                    before |= changes.apply(block.lines, folder)
                except changes.DiffError as error:
                    result.problems.append(f"{name}:{block.line}: {error}")
            elif block.is_run:
                try:
                    result.steps += run_block(session, block.commands())
                except (Stuck, BrokenPipeError):
                    result.problems.append(f"{name}: the walk ended here")
                    return result
    return result


def run_block(session: Session, commands: list[Command]) -> Iterator[Step]:
    """Run the commands of one block."""
    for index, command in enumerate(commands):
        status = 0
        stuck = None
        try:
            if command.text.rstrip().endswith("&"):
                output = session.start(command.text, functools.partial(is_shown, command.expected))
            elif kill := re.fullmatch(r"kill *(-\w+)? %(\d+)", command.text):
                output = session.kill(kill[1] or "", int(kill[2]))
            else:
                output, status = session.run(command.text)
        except Stuck as error:
            stuck, output = error, error.text
        step = Step(command, output.splitlines())
        if not match.matches(command.expected, step.actual):
            step.problem = match.explain(command.expected, step.actual)
        elif status and not FAILURE.search("\n".join(command.expected)):
            following = commands[index + 1].text if index + 1 < len(commands) else ""
            if following != "echo $?":
                shown = "\n".join(f"    {line}" for line in step.actual[-20:])
                step.problem = f"    ends with exit status {status}, which the README does not show\n{shown}"
        if stuck:
            step.problem = f"    {stuck}\n{step.problem}"
        yield step
        if stuck:
            raise stuck


def is_shown(expected: list[str], output: str) -> bool:
    """Return whether a background command has shown the expected output, or at least its last line."""
    lines = output.splitlines()
    if match.matches(expected, lines):
        return True
    shown = [line for line in expected if not match.is_gap(line)]
    return any(match.same(shown[-1], line) for line in lines) if shown else "listening on" in output
