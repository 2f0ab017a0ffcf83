"""The command behind `make learn`: one exercise after the other, checked each time a file changes.

python -m learn [--list | --hint | --reset NN | --once]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import select
import signal
import sys
import time
from pathlib import Path

from learn.checks import Failed, ToolFault
from learn.exercise import LEARNING, ROOT, Exercise, NoCopy, find_exercises
from learn.files import state
from learn.progress import Damaged, Progress
from learn.texts import printable, shorten, wrap, wrap_markdown

LOOK_EVERY = 0.2
"""Seconds between two looks at what is saved."""
LONGEST = 2000
"""How many characters of a failure are shown."""


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when all is done or the learner leaves, 1 when a check fails with --once, 2 for what cannot be used."""
    parser = argparse.ArgumentParser(prog="learn", description="Learn Lambda by doing: exercises with a checker.")
    parser.add_argument("--list", action="store_true", help="list the exercises, and which are done")
    parser.add_argument("--hint", action="store_true", help="show the next hint for the current exercise")
    parser.add_argument("--reset", metavar="NN", help="begin exercise NN again")
    parser.add_argument("--once", action="store_true", help="check the current exercise once, and end")
    parser.add_argument("--in", dest="folder", type=Path, default=LEARNING, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    end_in_order()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            return run(options)
        except KeyboardInterrupt:
            say("\nLeft. Everything is where you left it: `make learn` continues.")
            return 0
    except BrokenPipeError:  # the reader has enough, such as `head`
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Damaged, ToolFault) as error:
        print(printable(str(error)), file=sys.stderr)
        return 1 if isinstance(error, ToolFault) else 2
    except OSError as error:
        print(printable(f"{error.filename or 'learn'}: {error.strerror or error}"), file=sys.stderr)
        return 2


def end_in_order() -> None:
    """Let Ctrl-C, SIGTERM and the end of the terminal leave all `with` blocks, which end what was started."""

    def leave(number: int, _: object) -> None:
        for each in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        sys.exit(128 + number)

    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the caller has it ignored
    signal.signal(signal.SIGTERM, leave)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup does
        signal.signal(signal.SIGHUP, leave)


def run(options: argparse.Namespace) -> int:
    """Do what the options ask for."""
    exercises = find_exercises(options.folder)
    progress = Progress(options.folder / "progress.json", [exercise.name for exercise in exercises])
    if options.list:
        return show_list(exercises, progress)
    if options.reset is not None:
        return reset(exercises, progress, options.reset)
    if options.hint:
        return show_hint(current(exercises, progress), progress)
    return learn(exercises, progress, options.once)


def current(exercises: list[Exercise], progress: Progress) -> Exercise | None:
    """The first exercise that is not done."""
    return next((each for each in exercises if each.name not in progress.done), None)


def learn(exercises: list[Exercise], progress: Progress, once: bool) -> int:
    """Take the exercises that are not done, one after the other."""
    while (exercise := current(exercises, progress)) is not None:
        exercise.begin()
        introduce(exercise)
        while current(exercises, progress) is exercise:
            seen = state(exercise.copy)
            if passes(exercise):
                progress.finish(exercise.name)
                say(f"\nExercise {exercise.number} is done. On AWS: {' '.join(exercise.on_aws.split())}\n")
                if once:
                    return 0
                break
            if once:
                return 1
            say("Waiting for you to save a file. Hints: `make learn HINT=1`. Leave: Ctrl-C.")
            while state(exercise.copy) == seen and current(exercises, progress) is exercise:
                wait(LOOK_EVERY)
                progress.read()  # a RESET in a different terminal
    say(f"All {len(exercises)} exercises are done.")
    return 0


def wait(seconds: float) -> None:
    """Wait. Raises BrokenPipeError if nothing can read the output any more: a program, or a terminal that was closed.

    make does not pass on that its terminal was closed.
    """
    time.sleep(seconds)
    output = select.poll()
    output.register(sys.stdout.fileno(), 0)
    if any(event & (select.POLLHUP | select.POLLERR) for _, event in output.poll(0)):
        raise BrokenPipeError


def introduce(exercise: Exercise) -> None:
    """Say what is to be done, and where."""
    say(f"{exercise.number}. {exercise.title}")
    show_markdown(exercise.goal)
    say(f"Open {' and '.join(shown(exercise.copy / file) for file in exercise.files)}\n")


def passes(exercise: Exercise) -> bool:
    """Check the learner's copy, and say what was seen."""
    try:
        exercise.check(exercise.copy)
    except NoCopy as missing:
        say(str(missing))
        return False
    except Failed as failure:
        say(shorten(f"Not yet. {failure.saw}", LONGEST))
        say(f"Expected: {failure.expected}.{f' See hint {failure.hint}.' if failure.hint else ''}")
        for line in failure.output:
            print(printable(f"  {line}"), flush=True)
        return False
    except ToolFault as fault:
        raise ToolFault(f"the exercise could not be run: {fault}") from None
    return True


def show_list(exercises: list[Exercise], progress: Progress) -> int:
    """List all exercises."""
    here = current(exercises, progress)
    for exercise in exercises:
        mark = "done" if exercise.name in progress.done else "now " if exercise is here else "    "
        print(f"{exercise.number}  {mark}  {exercise.title}", flush=True)
    return 0


def show_hint(exercise: Exercise | None, progress: Progress) -> int:
    """Show the next hint."""
    if exercise is None:
        say("All exercises are done.")
        return 0
    most = len(exercise.hints)
    last = progress.hints.get(exercise.name) == most
    number = progress.next_hint(exercise.name, most)
    say(f"Exercise {exercise.number}, hint {number} of {most}{', which was the last one' if last else ''}:")
    show_markdown(exercise.hints[number - 1])
    return 0


def reset(exercises: list[Exercise], progress: Progress, wanted: str) -> int:
    """Begin an exercise again."""
    for exercise in exercises:
        if wanted.zfill(2) in (exercise.number, exercise.name):
            begun = exercise.copy.exists() or exercise.copy.is_symlink()
            kept = exercise.reset()
            progress.forget(exercise.name)
            if not begun:
                say(f"Exercise {exercise.number} had not been started. Its files are now in {shown(exercise.copy)}.")
            else:
                say(f"Exercise {exercise.number} begins again.{f' Your code is in {shown(kept)}.' if kept else ''}")
            return 0
    print(printable(f"there is no exercise {wanted}; `make learn LIST=1` lists them"), file=sys.stderr)
    return 2


def shown(path: Path) -> str:
    """A path as the learner sees it."""
    return str(path.relative_to(ROOT)) if ROOT in path.parents else str(path)


def say(text: str) -> None:
    """Print a text; lines that are too wide are broken."""
    print(wrap(printable(text)), flush=True)


def show_markdown(text: str) -> None:
    """Print a text from a page."""
    print(wrap_markdown(printable(text)), flush=True)


if __name__ == "__main__":
    sys.exit(main())
