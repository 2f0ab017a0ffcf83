"""Peak memory of a process tree, measured: the `Max Memory Used` of REPORT. Reads /proc; asks `ps` where there is none."""

from __future__ import annotations

import os
import re

from local_lambda.supervisor import descendants

_PEAK = re.compile(rb"VmHWM:\s+(\d+) kB")


class PeakMemory:
    """The highest memory seen of one environment. It survives invocations, as the service's figure does."""

    def __init__(self) -> None:
        self.megabytes = 0
        self._pid: int | None = None
        self._status = -1

    def watch(self, pid: int | None) -> None:
        """Measure the tree below `pid` from now on; None stops measuring."""
        if self._status >= 0:
            os.close(self._status)
            self._status = -1
        self._pid = pid
        if pid is not None:
            try:
                self._status = os.open(f"/proc/{pid}/status", os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                self._status = -1

    def measure(self, tree: bool = False) -> None:
        """Take a reading: of the process alone (2 us), or with `tree` of all processes below it as well."""
        if self._pid is None:
            return
        try:
            kilobytes = _peak(os.pread(self._status, 4096, 0)) if self._status >= 0 else _resident(self._pid)
            for child in descendants(self._pid) if tree else ():
                with open(f"/proc/{child}/status", "rb") as status:
                    kilobytes += _peak(status.read())
        except OSError:
            return
        self.add(kilobytes)

    def add(self, kilobytes: int) -> None:
        """Take a reading somebody else made."""
        self.megabytes = max(self.megabytes, -(-kilobytes // 1024))


def _peak(status: bytes) -> int:
    found = _PEAK.search(status)
    return int(found[1]) if found else 0


def _resident(pid: int) -> int:
    import subprocess

    answer = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return int(answer.stdout.strip() or 0)
