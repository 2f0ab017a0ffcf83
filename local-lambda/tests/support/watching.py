"""What the system knows about a tool under test: its processes and its descriptors."""

from __future__ import annotations

import os
import select
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from support.tool import DEADLINE_SECONDS, Tool


class Processes:
    """Processes to wait for by their pidfd, whatever their parent is."""

    def __init__(self, pids: list[int]) -> None:
        self.descriptors = [os.pidfd_open(pid) for pid in pids]

    def ended(self) -> bool:
        """Wait until all have ended."""
        return all(select.select([descriptor], [], [], DEADLINE_SECONDS)[0] for descriptor in self.descriptors)

    def close(self) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)


def descendants(pid: int) -> list[int]:
    """All processes below one."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for parent in found:
        found += [child for child, above in parents.items() if above == parent]
    return found[1:]


def on_machine(said: Iterable[int | str], ancestor: int) -> list[int]:
    """The machine's ids of processes below `ancestor` that printed their own: a sandbox numbers them from 1.

    With several environments a process prints its namespace as well: `PID@NAMESPACE`.
    """
    known: dict[str, list[int]] = {}
    for pid in descendants(ancestor):
        with suppress(OSError):
            status = Path(f"/proc/{pid}/status").read_text()
            inside = status.partition("NSpid:")[2].splitlines()[0].split()[-1]
            for name in (inside, f"{inside}@{os.readlink(f'/proc/{pid}/ns/pid')}"):
                known.setdefault(name, []).append(pid)
    found = [known[str(name)] for name in said]
    assert all(len(candidates) == 1 for candidates in found), f"several environments have the processes {said}"
    return [pid for (pid,) in found]


def descriptors(tool: Tool) -> int:
    """How many files and sockets the tool has open."""
    return len(list(Path(f"/proc/{tool.process.pid}/fd").iterdir()))
