"""One bash for all commands of a README, in a private network with only the loopback interface.

Each command's standard output and standard error share one pipe, so that their order is that of a terminal.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 600.0
"""Seconds a command may take on a busy machine."""

# Reads commands from descriptor 9 and reports the exit status of each. `eval` keeps folder, variables and $?.
LOOP = r"""
status=0
while IFS= read -r -d '' -u 9 command; do
    (exit $status)
    eval "$command" </dev/null 9<&-
    status=$?
    printf '\036%d\036' $status
done
"""
END = re.compile(rb"\x1e(\d+)\x1e$")

# A new network has a loopback interface that is down. (35092 is 0x8914, SIOCSIFFLAGS; 1 is IFF_UP.)
LOOPBACK_UP = """
import fcntl, os, socket, struct, sys
with socket.socket() as any:
    fcntl.ioctl(any, 35092, struct.pack("16sh22x", b"lo", 1))
os.execvp(sys.argv[1], sys.argv[1:])
"""


class Stuck(Exception):
    """A command did not end or did not show the expected output; `text` is what it has printed so far."""

    def __init__(self, text: str, reason: str = "took too long") -> None:
        """Keep the text."""
        super().__init__(reason)
        self.text = text


def network_of_its_own() -> list[str]:
    """The words before a command that give it a private network; empty if the system does not allow it."""
    words = ["unshare", "--user", "--map-root-user", "--net", sys.executable, "-c", LOOPBACK_UP]
    if shutil.which("unshare") and subprocess.run([*words, "true"], capture_output=True).returncode == 0:
        return words
    return []


def is_alive(process: str) -> bool:
    """Return whether a process with this id exists."""
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    return True


@dataclass
class Job:
    """A background command and how much of its output has been shown."""

    process: str
    output: Path
    shown: int = 0

    def rest(self) -> str:
        """Return what it has written since."""
        return self.output.read_bytes()[self.shown :].decode(errors="replace")


class Session:
    """The shell, a context manager: no process it started outlives it."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        """Start bash in the folder."""
        self._outputs = tempfile.TemporaryDirectory()
        self.jobs: dict[int, Job] = {}
        reading, self._commands = os.pipe()
        shell = ["bash", "--noprofile", "--norc", "-c", f"exec 9<&{reading} {reading}<&-\n{LOOP}"]
        self._shell = subprocess.Popen(
            [*network_of_its_own(), *shell],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[reading],
            start_new_session=True,
        )
        os.close(reading)

    def __enter__(self) -> Session:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the shell and the processes it left."""
        with contextlib.suppress(Exception):
            self.stop_jobs()
        os.close(self._commands)
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._shell.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._shell.wait(5)
        assert self._shell.stdout
        self._shell.stdout.close()
        self._outputs.cleanup()

    def run(self, command: str, patience: float = PATIENCE) -> tuple[str, int]:
        """Run a command to its end; return output and exit status."""
        assert self._shell.stdout
        os.write(self._commands, command.encode() + b"\0")
        output, deadline = b"", time.monotonic() + patience
        while not (ended := END.search(output)):
            ready, _, _ = select.select([self._shell.stdout], [], [], max(0.0, deadline - time.monotonic()))
            more = os.read(self._shell.stdout.fileno(), 65536) if ready else b""
            if not more:
                raise Stuck(output.decode(errors="replace"))
            output += more
        return output[: ended.start()].decode(errors="replace"), int(ended[1])

    def start(self, command: str, enough: Callable[[str], bool], patience: float = PATIENCE) -> str:
        """Run a command in the background until its output is enough; return that output."""
        number = max(self.jobs, default=0) + 1
        output = Path(self._outputs.name, f"job-{len(os.listdir(self._outputs.name))}")
        output.touch()
        self.run(f"{command.rstrip().removesuffix('&')} >{output} 2>&1 &")
        process, _ = self.run("echo $!")
        job = self.jobs[number] = Job(process.strip(), output)
        deadline = time.monotonic() + patience
        while not enough(job.rest()):
            if not is_alive(job.process):
                raise Stuck(job.rest(), "ended before it showed the lines below")
            if time.monotonic() > deadline:
                raise Stuck(job.rest())
            time.sleep(0.05)
        text = job.rest()
        job.shown += len(text.encode())
        return text

    def kill(self, words: str, number: int) -> str:
        """End a background command; return what it wrote since the last read."""
        if number not in self.jobs:
            return f"bash: kill: %{number}: no such job\n"
        job = self.jobs.pop(number)
        self.run(f"kill {words} {job.process}; wait {job.process}", 60)
        return job.rest()

    def stop_jobs(self) -> None:
        """End all background commands."""
        for number in list(self.jobs):
            self.kill("", number)
