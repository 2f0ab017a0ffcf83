"""The tool's helper process: it forks a supervisor for every environment, and cleans up after all of them.

It runs as a script in an isolated interpreter (`python -I -S zygote.py FD WORKSPACE`) and imports almost nothing, so it
starts in a few milliseconds and forks cheaply. It forks one supervisor for every socket it receives. When the tool has
ended, for whatever reason, it makes sure that no process and no file of an environment is left.

It is the subreaper of its supervisors: when one of them is killed, that supervisor's processes become children of this
one, which kills them. This file must not import anything from the package.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # as in `supervisor.py`
import _socket
import gc
import os
import select
import sys
from time import monotonic

sys.path.append(os.path.dirname(os.path.abspath(__file__)))

import supervisor  # type: ignore[import-not-found]
import wire  # type: ignore[import-not-found]

if sys.platform == "linux":  # every fork inherits what is loaded now
    import sandbox  # type: ignore[import-not-found]  # noqa: F401

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

GRACE_SECONDS = 1.0
"""How long supervisors may take to kill their processes after the tool has ended, before they are killed as well."""


class Zygote:
    """Forks supervisors on request. `self.supervisors` are the children it expects to have."""

    def __init__(self, control: Any) -> None:
        self.control = control
        self.supervisors: set[int] = set()
        self.wakeup = supervisor.wake_on_exits()
        self.successors, self.report = os.pipe()
        os.set_blocking(self.successors, False)

    def serve(self) -> None:
        """Fork supervisors until the tool closes the socket; return when none of their processes is left."""
        supervisor.become_subreaper()
        poll = select.poll()
        for descriptor in (self.control.fileno(), self.wakeup):
            poll.register(descriptor, select.POLLIN)
        while True:
            ready = dict(poll.poll())
            if self.wakeup in ready:
                self.clean_up()
            if self.control.fileno() in ready:
                request = wire.receive(self.control)
                if request is None:
                    break
                for descriptor in request[1]:
                    self.fork(descriptor)
        poll.unregister(self.control.fileno())
        deadline = monotonic() + GRACE_SECONDS
        while self.clean_up():
            left = deadline - monotonic()
            if left <= 0:
                self.supervisors.clear()  # their time is over; from now on they are orphans like all the others
            poll.poll(max(left, 0.01) * 1000)

    def fork(self, descriptor: int) -> None:
        """Fork a supervisor that is controlled through `descriptor`."""
        pid = os.fork()
        if pid == 0:
            try:
                for inherited in (self.control.detach(), self.wakeup, self.successors):
                    os.close(inherited)
                supervisor.Supervisor(_socket.socket(fileno=descriptor), self.report).serve()
            finally:
                os._exit(0)
        self.supervisors.add(pid)
        os.close(descriptor)

    def clean_up(self) -> bool:
        """Reap what has ended and kill orphans that have lost their supervisor; return whether a child is left."""
        supervisor.drain(self.wakeup)
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            # A supervisor names its successor before it ends, so the successor is known when it is reaped.
            self.supervisors.update(map(int, supervisor.drain(self.successors).split()))
            if pid == 0:
                break
            self.supervisors.discard(pid)
        for pid in supervisor.children():
            if pid not in self.supervisors:
                supervisor.kill(pid)
        return True


def main(descriptor: int, workspace: str) -> None:
    """Serve, then remove the workspace, which must happen even when the tool is killed."""
    gc.disable()  # there is nothing to find, and looking would copy memory that forks share
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    Zygote(_socket.socket(fileno=descriptor)).serve()
    if os.path.isdir(workspace):
        import removal  # type: ignore[import-not-found]

        removal.remove_tree(workspace)
    os._exit(0)  # at once: the tool waits for it


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
