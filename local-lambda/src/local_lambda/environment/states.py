"""The states of a runtime, an extension and an environment, and every transition that is legal. Tables only.

Names of the runtime's and the extensions' states are those of AWS's own supervisor
(https://github.com/aws/aws-lambda-runtime-interface-emulator); what has no row is refused and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from local_lambda.errors import InvalidStateTransition

Table = Mapping[tuple[str, str], str]

RUNTIME: Table = {
    ("Started", "next"): "Ready",
    ("Started", "init/error"): "InitError",
    ("Ready", "next"): "Ready",
    ("Ready", "invoke"): "Running",
    ("Running", "next"): "Running",
    ("Running", "response"): "RuntimeResponseSentState",
    ("Running", "error"): "RuntimeResponseSentState",
    ("RuntimeResponseSentState", "next"): "Ready",
}

EXTENSION: Table = {
    ("Started", "register"): "Registered",
    ("Registered", "next"): "Ready",
    ("Ready", "event"): "Running",
    ("Running", "next"): "Ready",
    ("Registered", "init/error"): "InitError",
    ("InitError", "init/error"): "InitError",
    ("Registered", "exit/error"): "ExitError",
    ("Ready", "exit/error"): "ExitError",
    ("Running", "exit/error"): "ExitError",
    ("ExitError", "exit/error"): "ExitError",
    ("Started", "launch failed"): "LaunchError",
    ("Started", "exit"): "Exited",
    ("Registered", "exit"): "Exited",
    ("Ready", "exit"): "Exited",
    ("Running", "exit"): "Exited",
    ("InitError", "exit"): "InitError",
    ("ExitError", "exit"): "ExitError",
}

ENVIRONMENT: Table = {
    ("New", "init"): "Initializing",
    ("Initializing", "ready"): "Idle",
    ("Initializing", "reset"): "Resetting",
    ("Idle", "invoke"): "Busy",
    ("Idle", "reset"): "Resetting",
    ("Busy", "done"): "Idle",
    ("Busy", "reset"): "Resetting",
    ("Resetting", "stopped"): "Stopped",
    ("Stopped", "init"): "Initializing",
    ("New", "shutdown"): "Terminated",
    ("Initializing", "shutdown"): "ShuttingDown",
    ("Idle", "shutdown"): "ShuttingDown",
    ("Busy", "shutdown"): "ShuttingDown",
    ("Resetting", "shutdown"): "ShuttingDown",
    ("Stopped", "shutdown"): "ShuttingDown",
    ("ShuttingDown", "stopped"): "Terminated",
}

TARGETS = {
    "next": "Ready",
    "invoke": "Running",
    "response": "InvocationResponse",
    "error": "InvocationErrorResponse",
    "init/error": "InitError",
    "exit/error": "ExitError",
    "register": "Registered",
}
"""The state a verb leads to, as the service names it in the message of a refusal."""


class Machine:
    """A table and the state something is in."""

    __slots__ = ("error_type", "state", "table", "what")

    def __init__(self, what: str, table: Table, state: str, error_type: str = "InvalidStateTransition") -> None:
        self.what = what
        self.table = table
        self.state = state
        self.error_type = error_type

    def advance(self, verb: str) -> None:
        """Take the transition `verb`; raises InvalidStateTransition, and changes nothing, when there is none."""
        target = self.table.get((self.state, verb))
        if target is None:
            raise InvalidStateTransition(self.what, self.state, TARGETS.get(verb, verb), self.error_type)
        self.state = target
