"""The processes of one environment as its core sees them. This module knows how runtime and extensions are started."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from local_lambda.processes.group import ProcessGroup
from local_lambda.processes.launch import Launch
from local_lambda.processes.process import Process


class LaunchedProcesses:
    """The processes that `launch` starts in `group`. Each has a name, `runtime` or `extension:NAME`."""

    def __init__(self, launch: Launch, group: ProcessGroup, more: Sequence[int] = ()) -> None:
        self.launch = launch
        self._more = more
        """Descriptors that the runtime gets too."""
        self.group = group
        self._by_name: dict[str, Process] = {}

    def attach(self, loop: Any) -> None:
        """Let `loop` (asyncio) watch for output and exits from now on."""
        self.group.attach(loop)

    def spawn_runtime(self) -> Process:
        """Start the runtime; the caller connects to the process to get its output and its end."""
        launch = self.launch
        return self._known(
            self.group.spawn("runtime", launch.argv, launch.env, launch.cwd, framed_log=True, more=self._more)
        )

    def spawn_extension(self, name: str) -> Process:
        """Start an external extension."""
        path = f"{self.launch.extension_folder}/{name}"
        return self._known(self.group.spawn(f"extension:{name}", (path,), self.launch.extension_env, "/"))

    def names(self) -> Iterable[str]:
        """The ids of the processes that have not ended."""
        return [name for name, process in self._by_name.items() if process.exit_code is None]

    def signal(self, name: str, number: int) -> None:
        """Signal a process and its process group."""
        self.group.signal(self._by_name[name], number)

    def freeze(self) -> None:
        """Stop all processes."""
        self.group.freeze()

    def thaw(self) -> None:
        """Let them continue."""
        self.group.thaw()

    def kill_all(self, when_killed: Callable[[], None]) -> None:
        """SIGKILL everything the environment ever started; `when_killed` is called when nothing is left."""
        self.group.kill_all(when_killed)

    def close(self) -> None:
        """Give the group up."""
        self.group.close()

    def _known(self, process: Process) -> Process:
        self._by_name[process.name] = process
        return process
