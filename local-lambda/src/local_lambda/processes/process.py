"""A program of an environment as the tool sees it: whether it runs, how it ended, and what it writes."""

from __future__ import annotations

import select
from collections.abc import Callable
from time import perf_counter

from local_lambda.processes.outputs import OnLine, Output

_PIPE_BYTES = 1_048_576
"""More than a pipe holds, so everything that was written before the reading began is read."""


class Process:
    """A program of the environment. `exit_code` is None while it runs, negative when a signal ended it.

    `number` is unique among the programs that a group has started. `pid` is set once it runs and is the machine's; a
    process in a sandbox sees a different one. `peak_kilobytes` is the kernel's figure for its peak memory, set when it
    has ended.
    """

    def __init__(self, name: str, number: int = 0) -> None:
        self.name = name
        self.number = number
        self.pid: int | None = None
        self.exit_code: int | None = None
        self.peak_kilobytes = 0
        self.launch_error: tuple[int, str] | None = None
        self.started = perf_counter()
        """When its start was requested (`perf_counter` seconds)."""
        self.on_line: OnLine = lambda line, written: None
        self.on_exit: Callable[[Process], None] = lambda process: None
        self.outputs: list[Output] = []
        self._poll = select.poll()

    def connect(self, on_line: OnLine, on_exit: Callable[[Process], None]) -> None:
        """Set who gets its output and who is notified of its end. Nothing is read before the loop is attached."""
        self.on_line, self.on_exit = on_line, on_exit

    def add_output(self, output: Output) -> None:
        """Add a pipe to read from."""
        self.outputs.append(output)
        self._poll.register(output.descriptor, select.POLLIN)

    def drain(self) -> None:
        """Read everything the process has written so far; if that is nothing, this takes one system call.

        An unfinished line is kept until its end arrives.
        """
        if self._poll.poll(0):
            for output in self.outputs:
                output.read(_PIPE_BYTES)
                if output.closed:
                    self._poll.register(output.descriptor, 0)
