"""The tool's side of the helper process that forks a supervisor for each environment; see `programs/zygote.py`."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from local_lambda.processes.group import ProcessGroup
from local_lambda.processes.programs import wire

CLOSE_SECONDS = 3.0
"""How long the helper may take to end everything that is left, before it is killed."""
_PASS_CREDENTIALS = getattr(socket, "SO_PASSCRED", None)


class Zygote:
    """The helper process. It removes `workspace` when the tool has ended. It is started again if it is lost."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._groups: list[ProcessGroup] = []
        self._control, self.pid = self._start()

    def _start(self) -> tuple[socket.socket, int]:
        ours, theirs = socket.socketpair()
        script = str(Path(__file__).parent / "programs/zygote.py")
        number = 3 if theirs.fileno() != 3 else 4
        with theirs:
            pid = os.posix_spawn(
                sys.executable,
                [sys.executable, "-I", "-S", "-X", "utf8", script, str(number), str(self._workspace)],
                {"PATH": os.environ.get("PATH", os.defpath)},
                file_actions=[(os.POSIX_SPAWN_DUP2, theirs.fileno(), number)],
                setsid=sys.platform == "linux",
            )
        return ours, pid

    def open(self, connect: Callable[[], socket.socket] | None = None) -> ProcessGroup:
        """The process group of a new environment; `connect` returns the control socket of a supervisor."""
        group = ProcessGroup(connect or self._fork_supervisor)
        self._groups = [*(other for other in self._groups if not other.closed), group]
        return group

    def close(self) -> None:
        """End the helper, and with it every environment that has not been closed."""
        for group in self._groups:
            group.close()
        self._end()
        if self._workspace.is_dir():  # it was killed
            from local_lambda.processes.programs.removal import remove_tree

            remove_tree(str(self._workspace))

    def _fork_supervisor(self) -> socket.socket:
        """The control socket of a new supervisor."""
        ours, theirs = control_sockets()
        with theirs:
            if not wire.send(self._control, (), [theirs.fileno()]):
                self._end()
                self._control, self.pid = self._start()
                wire.send(self._control, (), [theirs.fileno()])
        return ours

    def _end(self) -> None:
        """End the helper; wait until it has cleaned up, or kill it if that takes too long."""
        with self._control as control:
            control.settimeout(CLOSE_SECONDS)
            try:
                control.shutdown(socket.SHUT_WR)
                control.recv(1)  # it never sends anything, so this returns when it has ended
            except OSError:
                os.kill(self.pid, signal.SIGKILL)
        try:
            os.waitpid(self.pid, 0)
        except ChildProcessError:
            pass


def control_sockets() -> tuple[socket.socket, socket.socket]:
    """The two ends of the socket that controls a supervisor: ours, which sees who speaks, and the supervisor's."""
    ours, theirs = socket.socketpair()
    if _PASS_CREDENTIALS is not None:
        ours.setsockopt(socket.SOL_SOCKET, _PASS_CREDENTIALS, 1)
    return ours, theirs
