"""When the memory of an environment is measured, and what follows."""

from __future__ import annotations

import pytest

from local_lambda.environment.memory_limit import CLOSE_SECONDS, SECONDS, MemoryLimit
from support.environment_rig import Clock

LIMIT = 100


class Used:
    """Memory of which `now` MB are in use; `readings` counts how often that was asked."""

    def __init__(self) -> None:
        self.now = 10
        self.readings = 0

    def current(self, exact: bool = False) -> int:
        """As `PeakMemory`."""
        self.readings += not exact
        return self.now

    def add(self, kilobytes: int) -> None:
        """As `PeakMemory`."""


class Watched:
    """A limit at work, and how often it was exceeded."""

    def __init__(self) -> None:
        self.clock, self.used, self.exceeded = Clock(), Used(), 0
        self.limit = MemoryLimit(self.used, LIMIT, lambda: None, self._exceed)  # type: ignore[arg-type]
        self.limit.attach(self.clock)
        self.limit.watch()

    def _exceed(self) -> None:
        self.exceeded += 1

    def readings(self, seconds: float) -> int:
        """How often it is measured in that time."""
        before = self.used.readings
        self.clock.advance(seconds + CLOSE_SECONDS / 10)  # sums of fractions are not exact
        return self.used.readings - before


def test_memory_is_measured_more_often_when_half_of_it_is_in_use() -> None:
    """And not at all when the environment is idle, except once after it was at work."""
    watched = Watched()
    assert watched.readings(4 * SECONDS) == 4
    watched.used.now = LIMIT // 2 + 1
    watched.readings(SECONDS)
    assert watched.readings(4 * CLOSE_SECONDS) == 4
    watched.limit.rest()
    assert watched.readings(SECONDS) == 1
    assert (watched.readings(10), watched.exceeded) == (0, 0)


@pytest.mark.parametrize("resting", [False, True])
def test_memory_that_an_invocation_keeps_counts_after_it(resting: bool) -> None:
    """An invocation may be over before its memory was measured; it is then measured once."""
    watched = Watched()
    watched.used.now = LIMIT + 1
    if resting:
        watched.limit.rest()
    watched.readings(SECONDS)
    assert (watched.readings(10), watched.exceeded) == (0, 1)
