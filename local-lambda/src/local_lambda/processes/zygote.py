"""The tool's side of the helper process that forks a supervisor for each environment; see `programs/supervisor.py`."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from local_lambda.processes.group import ProcessGroup, send


class Zygote:
    """The helper process that forks one supervisor per environment, and removes `workspace`; see `supervisor.py`."""

    def __init__(self, workspace: Path) -> None:
        self._control, theirs = socket.socketpair()
        self._groups: list[socket.socket] = []
        script = str(Path(__file__).parent / "programs/supervisor.py")
        number = 3 if theirs.fileno() != 3 else 4
        with theirs:
            self.pid = os.posix_spawn(
                sys.executable,
                [sys.executable, "-I", "-S", "-X", "utf8", script, str(number), str(workspace)],
                {"PATH": os.environ.get("PATH", os.defpath)},
                file_actions=[(os.POSIX_SPAWN_DUP2, theirs.fileno(), number)],
                setsid=sys.platform == "linux",
            )

    def open(self) -> ProcessGroup:
        """The process group of a new environment."""
        ours, theirs = socket.socketpair()
        with theirs:
            send(self._control, (), [theirs.fileno()])
        self._groups = [*filter(_is_open, self._groups), ours]
        return ProcessGroup(ours)

    def close(self) -> None:
        """End the helper, and with it every environment that has not been closed."""
        for group in self._groups:
            group.close()
        self._control.close()
        try:
            os.waitpid(self.pid, 0)
        except ChildProcessError:
            pass


def _is_open(control: socket.socket) -> bool:
    return control.fileno() >= 0
