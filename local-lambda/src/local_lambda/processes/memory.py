"""The measured peak memory of a process tree: `Max Memory Used` in REPORT. Reads /proc, or asks `ps`."""

from __future__ import annotations

import os
import re

from local_lambda.processes.programs.supervisor import descendants

_PAGE_KILOBYTES = os.sysconf("SC_PAGE_SIZE") // 1024
_SHARE = re.compile(rb"Pss:\s+(\d+) kB")
_PEAK = re.compile(rb"VmHWM:\s+(\d+) kB")


class PeakMemory:
    """The peak memory of one environment. It survives invocations, as the service's figure does.

    With a limit in MB the peak is never above it: what is beyond was used for a moment, until the runtime was killed.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.megabytes = 0
        self._limit = limit
        self._watched: dict[int, int] = {}

    def watch(self, pid: int | None) -> None:
        """Measure this process too from now on."""
        if pid is not None and pid not in self._watched:
            try:
                self._watched[pid] = os.open(f"/proc/{pid}/status", os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                self._watched[pid] = -1

    def forget(self) -> None:
        """Forget the processes, which have ended; keep the peak."""
        for status in self._watched.values():
            if status >= 0:
                os.close(status)
        self._watched.clear()

    def measure(self, tree: bool = False) -> None:
        """Take a reading: of the processes alone (2 us each), or with `tree` of all processes below them as well."""
        kilobytes = 0
        for pid, status in self._watched.items():
            try:
                kilobytes += _peak(os.pread(status, 4096, 0)) if status >= 0 else _resident(pid)
                for child in descendants(pid) if tree else ():
                    with open(f"/proc/{child}/status", "rb") as file:
                        kilobytes += _peak(file.read())
            except OSError:
                continue
        self.add(kilobytes)

    def current(self, exact: bool = False) -> int:
        """What all processes use now, in MB. Memory that several share counts once only if this is `exact`."""
        measure = _proportional if exact else _resident_pages
        kilobytes = sum(measure(each) for pid in self._watched for each in (pid, *descendants(pid)))
        return -(-kilobytes // 1024)

    def add(self, kilobytes: int) -> None:
        """Take a reading made elsewhere."""
        self.megabytes = max(self.megabytes, -(-kilobytes // 1024))
        if self._limit is not None:
            self.megabytes = min(self.megabytes, self._limit)


def _peak(status: bytes) -> int:
    found = _PEAK.search(status)
    return int(found[1]) if found else 0


def _resident_pages(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE_KILOBYTES
    except (OSError, IndexError):  # it has ended, or this is not Linux
        return 0


def _proportional(pid: int) -> int:
    """Its share of the memory it uses, which takes the kernel as long as twenty other readings."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            found = _SHARE.search(file.read())
    except OSError:
        return _resident_pages(pid)
    return int(found[1]) if found else _resident_pages(pid)


def _resident(pid: int) -> int:
    import subprocess

    answer = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return int(answer.stdout.strip() or 0)
