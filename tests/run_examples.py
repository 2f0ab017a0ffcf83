"""Runs every example in the order of the learning path and prints a line for each: this is what `make run` does.

    python3 tests/run_examples.py [--verbose] [--jobs N]

The output of an example goes to run-logs/EXAMPLE.log. If the example fails, the end of that file is shown. Exit status:
0, 1 if an example failed, 130 after Ctrl-C. Runs before anything is installed, on Python 3.8 or newer.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from examples import ROOT, find_examples

LOGS = ROOT / "run-logs"
LAST_LINES = 20
"""How many lines of a failed example's log are shown."""
PATIENCE = 10
"""Seconds that the commands have to clean up after Ctrl-C, before they are killed."""
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Failed(Exception):
    """A command ended with an exit status other than 0, or could not start."""


class Commands:
    """Starts commands, each in its own process group, and can end all of them."""

    def __init__(self, verbose: bool) -> None:
        """With `verbose`, what the commands print is also shown."""
        self._verbose = verbose
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def run(self, command: list[str], log: Path) -> None:
        """Run a command and add its output to the log; raises Failed."""
        with log.open("ab") as file:
            with self._lock:
                if self._stopped:
                    raise Failed("stopped")
                process = subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env=environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE if self._verbose else file,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
                self._running.add(process)
            for line in process.stdout or ():
                file.write(line)
                print(printable(line), flush=True)
            status = process.wait()
            with self._lock:
                self._running.discard(process)
        if status:
            raise Failed(f"exit status {status}" if status > 0 else f"killed by signal {-status}")

    def stop(self) -> None:
        """End the commands that run, with time to clean up, and start no others."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for process in running:
            send(process, signal.SIGTERM)
        end = time.monotonic() + PATIENCE
        try:
            for process in running:
                process.wait(max(0.0, end - time.monotonic()))
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            pass
        for process in running:  # also what the commands left running
            send(process, signal.SIGKILL)


def send(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to the process group, if any of its processes is left."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


def environment() -> dict[str, str]:
    """The environment variables of the commands. Of make's own flags, only variables from its command line remain."""
    variables = dict(os.environ)
    given = variables.get("MAKEFLAGS", "").partition("-- ")
    variables["MAKEFLAGS"] = given[1] + given[2]  # without -j: these commands cannot use make's job slots
    if variables.get("UV") and not os.access(variables["UV"], os.X_OK):
        variables["UV"] = ""
    # An example that needs the AWS endpoint must not install it while another one is running.
    variables.setdefault("EXTRAS", "aws")
    return variables


def printable(line: bytes) -> str:
    """A line of a log without control characters and line end."""
    return CONTROL.sub("", line.decode(errors="replace").rstrip("\n"))


def make(*arguments: str) -> list[str]:
    """The command line of make."""
    return [os.environ.get("MAKE", "make"), "--no-print-directory", *arguments]


class Example:
    """A folder that is installed and run: its log, what is being done, and since when."""

    def __init__(self, folder: str, targets: dict[str, str], commands: Commands) -> None:
        """`targets` are make's, each with the word for what it does. The log of an earlier run is emptied."""
        self.folder = folder
        self.log = LOGS / f"{folder}.log"
        self.log.write_bytes(b"")
        self.doing = ""
        self.started = time.monotonic()
        self._targets = targets
        self._commands = commands

    @property
    def seconds(self) -> float:
        """How long the current target has taken."""
        return time.monotonic() - self.started

    def run(self) -> float:
        """Make the targets in their order; returns the seconds that the last one took. Raises Failed."""
        for target, doing in self._targets.items():
            self.doing, self.started = doing, time.monotonic()
            self._commands.run(make("-C", self.folder, target), self.log)
        return self.seconds

    def last_lines(self) -> list[str]:
        """The end of the log."""
        with self.log.open("rb") as file:
            return [printable(line) for line in deque(file, LAST_LINES)]


class Line:
    """A line of the report. On a terminal it is rewritten while the example runs, elsewhere it only grows."""

    def __init__(self, begin: str, verbose: bool) -> None:
        """Print the beginning. With `verbose`, other lines come between beginning and end."""
        self._live = sys.stdout.isatty() and not verbose
        self._verbose = verbose
        self._again = f"{begin} " if verbose else f"\r\x1b[K{begin} " if self._live else ""
        print(begin, end="\n" if verbose else " ", flush=True)

    def wait(self, future: Future[float], example: Example) -> None:
        """Show what the example does until it has ended."""
        ended = threading.Event()
        future.add_done_callback(lambda _: ended.set())
        shown = ""
        while not ended.wait(0.2):
            doing, seconds = example.doing, int(example.seconds)
            text = f"{doing} ({seconds} s)" if self._live else f"{doing} … "
            if shown == text or seconds < 1 or self._verbose or not (self._live or doing == "installing"):
                continue
            shown = text
            print(self._again + text, end="", flush=True)

    def end(self, words: str) -> None:
        """Complete the line."""
        print(self._again + words, flush=True)


class Report:
    """Runs examples, several at a time, and prints their lines in order."""

    def __init__(self, jobs: int, verbose: bool) -> None:
        """At most `jobs` run at the same time; with `verbose` one after the other."""
        self._commands = Commands(verbose)
        self._pool = ThreadPoolExecutor(1 if verbose else jobs)
        self._verbose = verbose

    def run(self, folders: dict[str, str], targets: dict[str, str]) -> list[str]:
        """Run the folders, each given with the beginning of its line; returns those that failed."""
        examples = [Example(folder, targets, self._commands) for folder in folders]
        if self._verbose:  # the next one begins when the line of the last one has its end
            return [example.folder for example in examples if not self._succeeds(example, None, folders)]
        futures = [(example, self._pool.submit(example.run)) for example in examples]
        return [example.folder for example, future in futures if not self._succeeds(example, future, folders)]

    def _succeeds(self, example: Example, future: Future[float] | None, folders: dict[str, str]) -> bool:
        line = Line(folders[example.folder], self._verbose)
        future = future or self._pool.submit(example.run)
        line.wait(future, example)
        try:
            line.end(f"ok ({future.result():.1f} s)")
            return True
        except Failed as error:
            line.end(f"FAILED while {example.doing}, {error}. The end of {example.log.relative_to(ROOT)}:")
        for text in example.last_lines():
            print("   ", text)
        return False

    def stop(self) -> None:
        """End everything."""
        self._commands.stop()


def main(arguments: list[str]) -> int:
    """Run the examples; returns the exit status."""
    parser = argparse.ArgumentParser(description="Runs every example in the order of the learning path.")
    parser.add_argument("--verbose", action="store_true", help="also print what the examples print")
    parser.add_argument("--jobs", type=int, default=2, help="examples that run at the same time (%(default)s)")
    options = parser.parse_args(arguments)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    LOGS.mkdir(exist_ok=True)
    folders = find_examples()
    lines = {folder: f"[{number}/{len(folders)}] {folder} …" for number, folder in enumerate(folders, 1)}
    report = Report(options.jobs, options.verbose)
    try:
        if report.run({"local-lambda": "local-lambda …"}, {"install": "installing"}):
            return 1
        failed = report.run(lines, {"install": "installing", "run": "running"})
    except KeyboardInterrupt:
        print("\nstopped", flush=True)
        report.stop()
        return 130
    except BrokenPipeError:  # `make run | head`
        report.stop()
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    if failed:
        print(f"{len(failed)} of {len(folders)} examples failed: {', '.join(failed)}")
        return 1
    print(f"All {len(folders)} examples ran. Their full output is in {LOGS.name}/; make run VERBOSE=1 prints it here.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
