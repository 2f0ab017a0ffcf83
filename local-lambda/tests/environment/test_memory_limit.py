"""When the memory of an environment is measured, and what follows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from local_lambda.environment.memory_limit import CLOSE_SECONDS, SECONDS, MemoryLimit


class Timers:
    """A loop whose timers the test fires."""

    def __init__(self) -> None:
        self.waiting: list[tuple[float, Callable[[], object]]] = []

    def call_soon(self, action: Callable[[], object]) -> None:
        """Not used."""
        raise NotImplementedError

    def call_later(self, seconds: float, action: Callable[[], object]) -> Timers:
        """Wait until the test fires it."""
        self.waiting.append((seconds, action))
        return self

    def cancel(self) -> None:
        """Not used."""
        raise NotImplementedError

    def fire(self) -> float:
        """Let the time of the only timer come; its seconds."""
        ((seconds, action),) = self.waiting
        self.waiting.clear()
        action()
        return seconds


class Used:
    """Memory of which `now` MB are in use."""

    now = 10

    def current(self, exact: bool = False) -> int:
        """As `PeakMemory`."""
        return self.now

    def add(self, kilobytes: int) -> None:
        """As `PeakMemory`."""

    def watch(self, pid: int | None) -> None:
        """Not used."""

    forget = measure = watch
    megabytes = 0


@pytest.fixture
def loop() -> Timers:
    """The loop of all limits."""
    return Timers()


def test_memory_is_measured_more_often_when_half_of_it_is_in_use(loop: Timers) -> None:
    """And not at all when the environment is idle."""
    used, exceeded = Used(), []
    limit = MemoryLimit(used, 100, lambda: None, lambda: exceeded.append(used.now))  # type: ignore[arg-type]
    limit.attach(loop)
    limit.watch()
    assert loop.fire() == SECONDS
    used.now = 51
    loop.fire()
    assert loop.fire() == CLOSE_SECONDS
    limit.rest()
    loop.fire()
    assert (loop.waiting, exceeded) == ([], [])


@pytest.mark.parametrize("resting", [False, True])
def test_memory_that_an_invocation_keeps_counts_after_it(loop: Timers, resting: bool) -> None:
    """An invocation may be over before its memory was measured; it is then measured once."""
    used, exceeded = Used(), []
    limit = MemoryLimit(used, 100, lambda: None, lambda: exceeded.append(used.now))  # type: ignore[arg-type]
    limit.attach(loop)
    limit.watch()
    used.now = 101
    if resting:
        limit.rest()
    loop.fire()
    assert (loop.waiting, exceeded) == ([], [101])
