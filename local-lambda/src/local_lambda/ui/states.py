"""The state of an environment, read from its events, so that a recording has the same states as a live run.

`environment/states.py` decides what may follow what; here a state is only recognized.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from local_lambda.functions.config import SNAP_START

COLD: Final = "cold"
INITIALIZING: Final = "initializing"
RESTORING: Final = "restoring"
SNAPSHOT: Final = "snapshot"
IDLE: Final = "idle"
FROZEN: Final = "frozen"
BUSY: Final = "busy"
ENDING: Final = "ending"
ENDED: Final = "ended"

TELLING = frozenset(
    {
        "platform.initStart",
        "platform.initReport",
        "platform.restoreStart",
        "platform.restoreReport",
        "platform.runtimeDone",
        "local.freeze",
        "local.stop",
        "local.stopped",
    }
)
"""The types of event whose record is needed."""


class StateReader:
    """The state of one environment after the events that it was given, in the order in which they were emitted.

    `invocations`, `failures` and `inits` count what has ended or begun since the environment exists; `duration` is that
    of the last invocation, in milliseconds.
    """

    def __init__(self) -> None:
        self.state = COLD
        self.since = 0.0
        """When the state began, in seconds since the epoch."""
        self.function = ""
        self.version = ""
        self.invocations = 0
        self.failures = 0
        self.inits = 0
        self.duration: float | None = None

    def take(self, kind: str, at: float, record: Mapping[str, Any], failed: bool = False) -> None:
        """Read one event. `record` may be empty for a type that is not in `TELLING`."""
        if kind == "platform.start":
            self._become(BUSY, at)
        elif kind == "platform.report":
            if self.state == BUSY:
                self._become(IDLE, at)
        elif kind == "platform.runtimeDone":
            self.invocations += 1
            self.failures += failed or record["status"] != "success"
            self.duration = record["metrics"]["durationMs"]
        elif kind in ("platform.initStart", "platform.restoreStart"):
            self.function, self.version = record["functionName"], record["functionVersion"]
            self.inits += 1
            self._become(INITIALIZING if kind == "platform.initStart" else RESTORING, at)
        elif kind in ("platform.initReport", "platform.restoreReport"):
            if record["status"] == "success":
                # with SnapStart only the snapshot has an Init phase; its environments are restored
                self._become(SNAPSHOT if record.get("initializationType") == SNAP_START else IDLE, at)
        elif kind == "local.freeze":
            if self.state in (IDLE, FROZEN):
                self._become(FROZEN if record["frozen"] else IDLE, at)
        elif kind == "local.stop":
            self._become(ENDING, at)
        elif kind == "local.stopped":
            self._become(ENDED if record["final"] else COLD, at)

    def _become(self, state: str, at: float) -> None:
        self.state = state
        self.since = at
