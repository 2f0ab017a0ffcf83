"""What the tool holds, counted in `/proc`: descriptors, processes, memory. And waiting until a count is right."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

SETTLING_SECONDS = 5.0
"""How long a count may take to come back. What is given back at all is given back in a fraction of that."""


def descriptors(pid: int) -> int:
    """How many files, pipes and sockets a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def sockets(pid: int) -> int:
    """How many of its descriptors are sockets."""
    found = 0
    for name in os.listdir(f"/proc/{pid}/fd"):
        with suppress(OSError):
            found += os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:")
    return found


def megabytes(pid: int) -> float:
    """The resident memory of a process (MB)."""
    return _kilobytes(pid, "VmRSS") / 1024


def peak_megabytes(pid: int) -> float:
    """The most resident memory a process has had (MB)."""
    return _kilobytes(pid, "VmHWM") / 1024


def forget_peak(pid: int) -> None:
    """Reset `peak_megabytes`."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _kilobytes(pid: int, name: str) -> int:
    return int(Path(f"/proc/{pid}/status").read_text().partition(f"{name}:")[2].split()[0])


def processor_seconds(pid: int) -> float:
    """The time a process has spent computing."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def command_line(pid: int) -> str:
    """The arguments of a process, separated by spaces; empty when it has ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    return ""


def parents() -> dict[int, int]:
    """The parent of every running process; those that have ended and were not waited for are left out."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            with suppress(OSError):
                state, parent, *_ = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
                if state != "Z":
                    found[int(entry)] = int(parent)
    return found


def descendants(pid: int) -> list[int]:
    """All processes below one, children before grandchildren."""
    above = parents()
    found = [pid]
    for parent in found:
        found += [child for child, its_parent in above.items() if its_parent == parent]
    return found[1:]


def children(pid: int) -> list[int]:
    """The processes that one has started itself."""
    return [child for child, parent in parents().items() if parent == pid]


def running(pids: list[int]) -> list[int]:
    """Those of the processes that have not ended."""
    there = parents()
    return [pid for pid in pids if pid in there]


def settles(count: Callable[[], float], at_most: float, seconds: float = SETTLING_SECONDS) -> float:
    """The count as soon as it is `at_most` that, or what it still is after the time is up."""
    deadline = time.monotonic() + seconds
    while (now := count()) > at_most and time.monotonic() < deadline:
        time.sleep(0.02)
    return now
