"""The processes of a candidate: starts, watches, measures and stops them. It reads /proc, so it needs Linux.

This process is their subreaper: it inherits whatever a candidate leaves behind, and kills it at the end.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

PR_SET_CHILD_SUBREAPER = 36
STOP_SECONDS = 5.0
"""Seconds a candidate has to stop after SIGTERM."""


def free_port() -> int:
    """Return a TCP port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def start(
    command: Sequence[str], folder: Path, log: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start `command` in `folder`, in a new session, with its output appended to the file `log`."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | (environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stop the process gracefully, then kill it and all processes that it started."""
    family = [process.pid, *descendants(process.pid)]
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        family += descendants(process.pid)
    kill(family)
    process.wait()


def kill(processes: Sequence[int]) -> None:
    """Kill those of these processes that still exist."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


@contextlib.contextmanager
def no_survivors() -> Iterator[None]:
    """At the end, also after Ctrl-C, SIGTERM or SIGHUP, kill every process that was started inside the block."""

    def leave(number: int, frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        while family := descendants(os.getpid()):
            kill(family)
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            time.sleep(0.01)


def descendants(ancestor: int) -> list[int]:
    """Return the ids of all processes that `ancestor` started, directly or not."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    family = [ancestor]
    for process in family:
        family += children.get(process, [])
    return family[1:]


def own_processes(process: subprocess.Popen[bytes]) -> Iterator[int]:
    """Yield the ids of the candidate's own processes: all except the runtimes and extensions that it started.

    Those are recognized by their environment variable for the Runtime API.
    """
    for member in [process.pid, *descendants(process.pid)]:
        with contextlib.suppress(OSError):
            if b"\0AWS_LAMBDA_RUNTIME_API=" not in b"\0" + Path(f"/proc/{member}/environ").read_bytes():
                yield member


def cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    """Return the CPU time that all threads of the candidate's own processes have used so far, in seconds."""
    nanoseconds = 0
    for member in own_processes(process):
        for schedstat in Path(f"/proc/{member}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):
                nanoseconds += int(schedstat.read_text().split()[0])
    return nanoseconds / 1e9


def resident(process: subprocess.Popen[bytes]) -> float:
    """Return the resident memory of the candidate's own processes in MB. Pages that two of them share count twice."""
    pages = 0
    for member in own_processes(process):
        with contextlib.suppress(OSError):
            pages += int(Path(f"/proc/{member}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def peak(process: subprocess.Popen[bytes]) -> float:
    """Return the sum of each own process's highest resident memory since `forget_peak`, in MB."""
    kilobytes = 0
    for member in own_processes(process):
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{member}/status").read_text()
            kilobytes += int(status.partition("VmHWM:")[2].split()[0])
    return kilobytes * 1024 / 1e6


def forget_peak(process: subprocess.Popen[bytes]) -> None:
    """Reset the peak to the current resident memory; if the kernel refuses, it remains the peak since the start."""
    for member in own_processes(process):
        with contextlib.suppress(OSError):
            Path(f"/proc/{member}/clear_refs").write_text("5")
