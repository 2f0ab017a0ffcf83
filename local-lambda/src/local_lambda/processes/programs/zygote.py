"""The helper process of a tool: forks a supervisor for every environment, and cleans up after all of them.

Run as a script by an isolated interpreter (`python -I -S zygote.py FD WORKSPACE`), it imports almost nothing, so it is
up in a few milliseconds and forks cheaply. It forks one supervisor for every socket it is sent, and when the tool has
ended, however that came about, it sees to it that no process and no file of an environment is left.

It is the subreaper of its supervisors: when one of them is killed, the processes that it looked after come up to here
and are killed. This file must not import anything from the package.
"""

from __future__ import annotations

import _socket
import os
import select
import signal
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
"""What supervisors have for killing their processes when the tool has ended, before they are killed themselves."""


class Zygote:
    """Forks supervisors on request. `self.supervisors` are its children that are meant to be there."""

    def __init__(self, control: Any) -> None:
        self.control = control
        self.supervisors: set[int] = set()
        self.wakeup = supervisor.wake_on_exits()
        self.successors, self.report = os.pipe()
        os.set_blocking(self.successors, False)

    def serve(self) -> None:
        """Fork supervisors until the tool closes; return when nothing of them is left."""
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
                self.supervisors.clear()  # they had their time; from now on they are orphans like all the others
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
        """Reap what has ended and kill what came up here without a supervisor; whether there is a child left."""
        supervisor.drain(self.wakeup)
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            # A supervisor that names its successor does that before it ends, so this is known when it is reaped.
            self.supervisors.update(map(int, supervisor.drain(self.successors).split()))
            if pid == 0:
                break
            self.supervisors.discard(pid)
        for pid in supervisor.children():
            if pid not in self.supervisors:
                supervisor.kill(pid)
        return True


def main(descriptor: int, workspace: str) -> None:
    """Serve, then remove the workspace: that too must happen when the tool is killed."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    Zygote(_socket.socket(fileno=descriptor)).serve()
    if os.path.isdir(workspace):
        import removal  # type: ignore[import-not-found]

        removal.remove_tree(workspace)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
