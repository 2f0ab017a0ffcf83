"""What the system knows of a tool under test: its processes and its descriptors."""

from __future__ import annotations

import os
import select
from contextlib import suppress
from pathlib import Path

from support.tool import DEADLINE_SECONDS, Tool


class Processes:
    """Processes that are waited for by their pidfd, whoever their parent is."""

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


def descriptors(tool: Tool) -> int:
    """How many files and sockets the tool has open."""
    return len(list(Path(f"/proc/{tool.process.pid}/fd").iterdir()))
