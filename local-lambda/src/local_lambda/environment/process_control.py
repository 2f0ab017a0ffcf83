"""The processes of one environment as the phases see them: starts, signals and watches them, and reports what they do.

This module makes no decisions. It calls `on_runtime_exit` and `on_extension_exit` when a process has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from signal import Signals

from local_lambda.environment.extensions import Extension
from local_lambda.environment.ports import Clock, Memory, Process, Processes
from local_lambda.events import local, platform
from local_lambda.events.stream import EventStream


def runs(process: Process | None) -> bool:
    """Whether the process exists and has not ended."""
    return process is not None and process.exit_code is None


class ProcessControl:
    """Starts and signals the processes of `processes`, and reports that to `stream`."""

    def __init__(
        self,
        processes: Processes,
        memory: Memory,
        stream: EventStream,
        clock: Clock,
        json_logs: bool,
        on_runtime_exit: Callable[[Process], None],
        on_extension_exit: Callable[[Extension, Process], None],
    ) -> None:
        self.runtime: Process | None = None
        self.frozen = False
        self._processes = processes
        self._memory = memory
        self._stream = stream
        self._time = clock.time
        self._perf_counter = clock.perf_counter
        self._json_logs = json_logs
        self._on_runtime_exit = on_runtime_exit
        self._on_extension_exit = on_extension_exit

    def start_runtime(self, process: Process | None = None) -> None:
        """Start the runtime's process, or take over the one given."""
        self.runtime = process or self._processes.spawn_runtime()
        self.runtime.connect(self._runtime_wrote, self._runtime_exited)
        self._record_start(self.runtime)

    def start_extension(self, extension: Extension) -> None:
        """Start an external extension's process."""
        extension.process = process = self._processes.spawn_extension(extension.name)
        process.connect(partial(self._extension_wrote, extension.name), partial(self._extension_exited, extension))
        self._record_start(process)

    def signal(self, process: Process, number: int) -> None:
        """Signal a process and its process group."""
        if self._stream.recording:
            self._stream.emit(local.ProcessSignalled(self._time(), process.name, Signals(number).name))
        self._processes.signal(process.name, number)

    def freeze(self) -> None:
        """Stop all processes until `thaw`."""
        self.frozen = True
        self._processes.freeze()
        self._stream.emit(local.Freeze(self._time(), frozen=True))

    def thaw(self) -> None:
        """Let them continue."""
        self.frozen = False
        self._processes.thaw()
        self._stream.emit(local.Freeze(self._time(), frozen=False))

    def watch_memory(self, extensions: Iterable[Extension]) -> None:
        """Measure the memory of all processes from now on."""
        for process in (self.runtime, *(extension.process for extension in extensions)):
            if process is not None:
                self._memory.watch(process.pid)

    def kill_all(self, when_killed: Callable[[], None]) -> None:
        """SIGKILL everything that is left, then call `when_killed`."""
        if self._stream.recording:
            for name in self._processes.names():
                self._stream.emit(local.ProcessSignalled(self._time(), name, "SIGKILL"))
        self._processes.kill_all(when_killed)

    def gone(self) -> None:
        """No process is left."""
        self.runtime = None
        self._memory.forget()

    def _record_start(self, process: Process) -> None:
        if self._stream.recording:
            started = self._time() - (self._perf_counter() - process.started)
            self._stream.emit(local.ProcessStarted(started, process.name))

    def _runtime_wrote(self, line: str, written: float | None) -> None:
        self._stream.emit(platform.FunctionLog(written or self._time(), line, "function", self._json_logs))

    def _extension_wrote(self, name: str, line: str, written: float | None) -> None:
        self._stream.emit(platform.ExtensionLog(written or self._time(), line, name, self._json_logs))

    def _runtime_exited(self, process: Process) -> None:
        self._ended(process)
        self._on_runtime_exit(process)

    def _extension_exited(self, extension: Extension, process: Process) -> None:
        self._ended(process)
        self._on_extension_exit(extension, process)

    def _ended(self, process: Process) -> None:
        self._memory.add(process.peak_kilobytes)
        if self._stream.recording:
            self._stream.emit(local.ProcessExited(self._time(), process.name, process.pid, process.exit_code or 0))
