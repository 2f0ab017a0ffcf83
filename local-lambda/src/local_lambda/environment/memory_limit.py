"""The limit of an environment's memory: what all of its processes use is measured, and the runtime killed beyond it.

Lambda's sandbox has that much memory and no more. Here the processes are measured, the more often the closer they are
to the limit, so they can exceed it for a moment.
"""

from __future__ import annotations

from collections.abc import Callable

from local_lambda.environment.ports import Loop, Memory, Timer

SECONDS, CLOSE_SECONDS = 0.05, 0.005
"""How often the memory is measured, and how often when more than half of it is in use."""


class MemoryLimit:
    """Measures while an environment is at work, and once after that: `look` finds its processes.

    `on_exceeded` is called when they use more than `megabytes`.
    """

    def __init__(
        self, memory: Memory, megabytes: int, look: Callable[[], None], on_exceeded: Callable[[], None]
    ) -> None:
        self._memory = memory
        self._look = look
        self._megabytes = megabytes
        self._on_exceeded = on_exceeded
        self._loop: Loop | None = None
        self._timer: Timer | None = None
        self._wanted = False

    def attach(self, loop: Loop) -> None:
        """Measure in `loop` from now on."""
        self._loop = loop
        if self._wanted:
            self.watch()

    def watch(self) -> None:
        """The environment begins to work. This is called for every invocation, so a timer that runs is left alone."""
        self._wanted = True
        if self._timer is None and self._loop is not None:
            self._timer = self._loop.call_later(SECONDS, self._measure)

    def rest(self) -> None:
        """The environment has nothing to do. What it has kept of an invocation that was short is measured once."""
        self._wanted = False

    def _measure(self) -> None:
        self._timer = None
        if self._loop is None:
            return
        self._look()
        used = self._memory.current()
        if used > self._megabytes and self._memory.current(exact=True) > self._megabytes:
            self._wanted = False
            self._memory.add(self._megabytes * 1024)
            self._on_exceeded()
            return
        if not self._wanted:
            return
        close = used * 2 > self._megabytes
        self._timer = self._loop.call_later(CLOSE_SECONDS if close else SECONDS, self._measure)
