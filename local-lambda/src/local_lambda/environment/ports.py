"""What the core needs from outside, as Protocols: time, timers, processes and their memory.

The factory passes the real ones, and the tests pass fakes; nothing in this package imports a clock, an event loop, a
process or a socket. Functions called for every invocation are kept bound, instead of being looked up each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

OnLine = Callable[[str, float | None], None]
"""Gets a line as written and, for framed log records, the time (seconds since the epoch) the writer gave it."""


class Clock(Protocol):
    """Two clocks, in seconds. The module `time` is one."""

    @property
    def time(self) -> Callable[[], float]:
        """Seconds since the epoch, for reports."""

    @property
    def perf_counter(self) -> Callable[[], float]:
        """Seconds since an arbitrary moment, for durations."""


class Timer(Protocol):
    """A call that is scheduled for later."""

    def cancel(self) -> None:
        """Cancel the call."""


class Loop(Protocol):
    """Schedules calls for later. An asyncio event loop is one."""

    def call_soon(self, callback: Callable[[], object], /) -> object:
        """Call after the current work."""

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Timer:
        """Call in `delay` seconds."""


class Process(Protocol):
    """A program of the environment. `exit_code` is None while it runs, negative when a signal ended it."""

    @property
    def name(self) -> str:
        """`runtime` or `extension:NAME`."""

    @property
    def pid(self) -> int | None:
        """None until it has started."""

    @property
    def exit_code(self) -> int | None:
        """How it ended; 127 when it could not be started."""

    @property
    def launch_error(self) -> tuple[int, str] | None:
        """Number and text of the error, when it could not be started."""

    @property
    def peak_kilobytes(self) -> int:
        """The highest memory it had, known when it has ended."""

    @property
    def started(self) -> float:
        """When its start was requested (`perf_counter` seconds)."""

    def connect(self, on_line: OnLine, on_exit: Callable[[Process], None]) -> None:
        """Set where its output goes, and what to call when it has ended or could not be started."""

    def drain(self) -> None:
        """Pass on everything it has written so far."""


class Launch(Protocol):
    """The part of an environment's programs that is reported."""

    @property
    def program(self) -> str:
        """The runtime's program."""

    @property
    def extensions(self) -> tuple[str, ...]:
        """File names of the external extensions, sorted."""

    @property
    def log_stream(self) -> str:
        """The environment's log stream."""

    @property
    def runtime_version(self) -> str | None:
        """None when it is not a managed runtime."""

    @property
    def runtime_version_arn(self) -> str | None:
        """None when it is not a managed runtime."""


class Processes(Protocol):
    """All processes of one environment."""

    @property
    def launch(self) -> Launch:
        """The programs that are run."""

    def spawn_runtime(self) -> Process:
        """Start the runtime."""

    def spawn_extension(self, name: str) -> Process:
        """Start an external extension."""

    def names(self) -> Iterable[str]:
        """The ids of the processes that have not ended."""

    def signal(self, name: str, number: int) -> None:
        """Signal a process and its process group."""

    def freeze(self) -> None:
        """Stop all processes, as Lambda does between invocations."""

    def thaw(self) -> None:
        """Let them continue."""

    def kill_all(self, when_killed: Callable[[], None]) -> None:
        """SIGKILL everything the environment ever started; `when_killed` is called when nothing is left."""

    def close(self) -> None:
        """Give the group up."""


class Memory(Protocol):
    """The peak memory of an environment. It survives a reset, as the service's figure does."""

    @property
    def megabytes(self) -> int:
        """The highest reading so far."""

    def watch(self, pid: int | None) -> None:
        """Measure this process too from now on."""

    def measure(self, tree: bool = False) -> None:
        """Take a reading: of the processes alone, or with `tree` of all processes below them as well."""

    def current(self, exact: bool = False) -> int:
        """What all processes use now, in MB. Memory that several share counts once only if this is `exact`."""

    def add(self, kilobytes: int) -> None:
        """Take a reading made elsewhere."""

    def forget(self) -> None:
        """Forget the processes, which have ended; keep the peak."""
