"""The command behind `make learn`: one exercise after the other, checked each time a file changes.

python -m learn [--list | --hint | --reset NN | --once]
"""

from __future__ import annotations

import argparse
import signal
import sys
import textwrap
from pathlib import Path

from learn.checks import Failed, ToolFault
from learn.exercise import LEARNING, ROOT, Exercise, find_exercises
from learn.progress import Damaged, Progress

WIDTH = 80


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when all is done or the learner leaves, 1 when a check fails with --once, 2 for wrong use."""
    parser = argparse.ArgumentParser(prog="learn", description="Learn Lambda by doing: exercises with a checker.")
    parser.add_argument("--list", action="store_true", help="list the exercises, and which are done")
    parser.add_argument("--hint", action="store_true", help="show the next hint for the current exercise")
    parser.add_argument("--reset", metavar="NN", help="begin exercise NN again")
    parser.add_argument("--once", action="store_true", help="check the current exercise once, and end")
    parser.add_argument("--in", dest="folder", type=Path, default=LEARNING, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the caller has it ignored
    exercises = find_exercises(options.folder)
    try:
        progress = Progress(options.folder / "progress.json")
    except Damaged as error:
        print(error, file=sys.stderr)
        return 2
    if options.list:
        return show_list(exercises, progress)
    if options.reset is not None:
        return reset(exercises, progress, options.reset)
    current = next((each for each in exercises if each.name not in progress.done), None)
    if options.hint:
        return show_hint(current, progress)
    try:
        return learn(exercises, progress, options.once)
    except KeyboardInterrupt:
        say("\nLeft. Everything is where you left it: `make learn` continues.")
        return 0


def learn(exercises: list[Exercise], progress: Progress, once: bool) -> int:
    """Take the exercises that are not done, one after the other."""
    for exercise in exercises:
        if exercise.name in progress.done:
            continue
        exercise.begin()
        introduce(exercise)
        while True:
            seen = state(exercise.copy)
            if passes(exercise):
                break
            if once:
                return 1
            say("Waiting for you to save a file. Hints: `make learn HINT=1`. Leave: Ctrl-C.")
            wait_for_change(exercise.copy, seen)
        progress.finish(exercise.name)
        say(f"\nExercise {exercise.number} is done. On AWS: {exercise.on_aws}\n")
        if once:
            return 0
    say(f"All {len(exercises)} exercises are done.")
    return 0


def introduce(exercise: Exercise) -> None:
    """Say what is to be done, and where."""
    say(f"{exercise.number}. {exercise.title}")
    for paragraph in exercise.goal.split("\n\n"):
        say(paragraph if paragraph.startswith("    ") else " ".join(paragraph.split()))
    say(f"Open {shown(exercise.copy / 'app.py')}\n")


def passes(exercise: Exercise) -> bool:
    """Check the learner's copy, and say what was seen."""
    try:
        exercise.check(exercise.copy)
    except Failed as failure:
        say(f"Not yet. {failure.saw}")
        say(f"Expected: {failure.expected}.{f' See hint {failure.hint}.' if failure.hint else ''}")
        return False
    except ToolFault as fault:
        raise SystemExit(f"the exercise could not be run: {fault}") from None
    return True


def state(folder: Path) -> dict[Path, int]:
    """What is saved below the folder: file and time."""
    files = (file for file in folder.rglob("*") if "__pycache__" not in file.parts)
    return {file: file.stat().st_mtime_ns for file in files if file.is_file()}


def wait_for_change(folder: Path, seen: dict[Path, int]) -> None:
    """Return when what is saved is no longer what was checked, also if that happened during the check."""
    import watchfiles

    for _ in watchfiles.watch(folder, yield_on_timeout=True, rust_timeout=500, raise_interrupt=True):
        if state(folder) != seen:
            return


def show_list(exercises: list[Exercise], progress: Progress) -> int:
    """List all exercises."""
    for exercise in exercises:
        mark = "done" if exercise.name in progress.done else "    "
        print(f"{exercise.number}  {mark}  {exercise.title}")
    return 0


def show_hint(current: Exercise | None, progress: Progress) -> int:
    """Show the next hint."""
    if current is None:
        say("All exercises are done.")
        return 0
    number = progress.next_hint(current.name, len(current.hints))
    say(f"Exercise {current.number}, hint {number} of {len(current.hints)}:")
    print(current.hints[number - 1])
    return 0


def reset(exercises: list[Exercise], progress: Progress, wanted: str) -> int:
    """Begin an exercise again."""
    for exercise in exercises:
        if wanted.zfill(2) in (exercise.number, exercise.name):
            kept = exercise.reset()
            progress.forget(exercise.name)
            say(f"Exercise {exercise.number} begins again.{f' Your code is in {shown(kept)}.' if kept else ''}")
            return 0
    print(f"there is no exercise {wanted}; `make learn LIST=1` lists them", file=sys.stderr)
    return 2


def shown(path: Path) -> str:
    """A path as the learner sees it."""
    return str(path.relative_to(ROOT)) if ROOT in path.parents else str(path)


def say(text: str) -> None:
    """Print a paragraph; lines of more than a terminal's width are broken."""
    for line in text.split("\n"):
        print(line if len(line) <= WIDTH else textwrap.fill(line, WIDTH, break_long_words=False), flush=True)


if __name__ == "__main__":
    sys.exit(main())
