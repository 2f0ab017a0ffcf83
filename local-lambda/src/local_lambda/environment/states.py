"""The states of a runtime, an extension and an environment, and every legal transition. Tables only.

The names of the runtime's and the extensions' states are those of AWS's own supervisor
(https://github.com/aws/aws-lambda-runtime-interface-emulator). A verb without a row is refused and changes nothing.
A state is one of the objects below, so it can be compared with `is`, which takes half as long as `==` when compiled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from local_lambda.errors import InvalidStateTransition

Rows = Mapping[tuple[str, str], str]

# --- runtime and extensions

STARTED: Final = "Started"
REGISTERED: Final = "Registered"
READY: Final = "Ready"
RUNNING: Final = "Running"
RESPONDING: Final = "InvocationResponse"
RESPONSE_SENT: Final = "RuntimeResponseSentState"
INIT_ERROR: Final = "InitError"
EXIT_ERROR: Final = "ExitError"
RESTORING: Final = "Restoring"
RESTORE_ERROR: Final = "RuntimeRestoreErrorState"
LAUNCH_ERROR: Final = "LaunchError"
EXITED: Final = "Exited"

# --- environment

NEW: Final = "New"
INITIALIZING: Final = "Initializing"
IDLE: Final = "Idle"
BUSY: Final = "Busy"
RESETTING: Final = "Resetting"
STOPPED: Final = "Stopped"
SHUTTING_DOWN: Final = "ShuttingDown"
TERMINATED: Final = "Terminated"


class Table:
    """Legal transitions: `rows` maps a state and a verb to the state that follows."""

    def __init__(self, what: str, rows: Rows) -> None:
        self.what = what
        self.rows = rows
        self.moves: dict[str, dict[str, str]] = {}
        """The same by state, then by verb, for a lookup that creates no tuple."""
        for (state, verb), target in rows.items():
            self.moves.setdefault(state, {})[verb] = target
            self.moves.setdefault(target, {})


RUNTIME: Final = Table(
    "runtime",
    {
        (STARTED, "next"): READY,
        (STARTED, "init/error"): INIT_ERROR,
        (STARTED, "restore/next"): RESTORING,
        (RESTORING, "next"): READY,
        (RESTORING, "restore/error"): RESTORE_ERROR,
        (READY, "next"): READY,
        (READY, "invoke"): RUNNING,
        (RUNNING, "next"): RUNNING,
        (RUNNING, "response"): RESPONSE_SENT,
        (RUNNING, "error"): RESPONSE_SENT,
        (RUNNING, "stream"): RESPONDING,
        (RESPONDING, "streamed"): RESPONSE_SENT,
        (RESPONSE_SENT, "next"): READY,
    },
)

EXTENSION: Final = Table(
    "extension",
    {
        (STARTED, "register"): REGISTERED,
        (REGISTERED, "next"): READY,
        (READY, "event"): RUNNING,
        (RUNNING, "next"): READY,
        (REGISTERED, "init/error"): INIT_ERROR,
        (INIT_ERROR, "init/error"): INIT_ERROR,
        (REGISTERED, "exit/error"): EXIT_ERROR,
        (READY, "exit/error"): EXIT_ERROR,
        (RUNNING, "exit/error"): EXIT_ERROR,
        (EXIT_ERROR, "exit/error"): EXIT_ERROR,
        (STARTED, "launch failed"): LAUNCH_ERROR,
        (STARTED, "exit"): EXITED,
        (REGISTERED, "exit"): EXITED,
        (READY, "exit"): EXITED,
        (RUNNING, "exit"): EXITED,
        (INIT_ERROR, "exit"): INIT_ERROR,
        (EXIT_ERROR, "exit"): EXIT_ERROR,
    },
)

ENVIRONMENT: Final = Table(
    "environment",
    {
        (NEW, "init"): INITIALIZING,
        (INITIALIZING, "ready"): IDLE,
        (INITIALIZING, "reset"): RESETTING,
        (IDLE, "invoke"): BUSY,
        (IDLE, "reset"): RESETTING,
        (BUSY, "done"): IDLE,
        (BUSY, "reset"): RESETTING,
        (RESETTING, "stopped"): STOPPED,
        (STOPPED, "init"): INITIALIZING,
        (NEW, "shutdown"): TERMINATED,
        (INITIALIZING, "shutdown"): SHUTTING_DOWN,
        (IDLE, "shutdown"): SHUTTING_DOWN,
        (BUSY, "shutdown"): SHUTTING_DOWN,
        (RESETTING, "shutdown"): SHUTTING_DOWN,
        (STOPPED, "shutdown"): SHUTTING_DOWN,
        (SHUTTING_DOWN, "stopped"): TERMINATED,
    },
)

TARGETS = {
    "next": READY,
    "invoke": RUNNING,
    "response": RESPONDING,
    "stream": RESPONDING,
    "error": "InvocationErrorResponse",
    "init/error": INIT_ERROR,
    "restore/next": RESTORING,
    "restore/error": RESTORE_ERROR,
    "exit/error": EXIT_ERROR,
    "register": REGISTERED,
}
"""The state that a verb leads to, under the name that the service uses when it refuses."""


class Machine:
    """A table, and a current state in it."""

    __slots__ = ("_moves", "error_type", "state", "what")

    def __init__(self, what: str, table: Table, state: str, error_type: str = "InvalidStateTransition") -> None:
        self.what = what
        self.state = state
        self.error_type = error_type
        self._moves = table.moves

    def advance(self, verb: str) -> None:
        """Take the transition `verb`. Raises InvalidStateTransition, and changes nothing, if there is none."""
        target = self._moves[self.state].get(verb)
        if target is None:
            raise InvalidStateTransition(self.what, self.state, TARGETS.get(verb, verb), self.error_type)
        self.state = target

    def restart(self, state: str) -> None:
        """Return to the table's first state, whatever the current one is."""
        self.state = state
