"""The operations of a durable execution: steps, waits, callbacks and others, and how an update changes one.

Members and their values: https://docs.aws.amazon.com/lambda/latest/api/API_CheckpointDurableExecution.html. What an
update may do to which operation, and the words of the errors, are those of AWS's local runner, the package
`aws-durable-execution-sdk-python-testing`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from local_lambda.errors import ApiError
from local_lambda.limits import MAX_OPERATIONS

Document = dict[str, Any]
SUCCEEDED, FAILED, TIMED_OUT, STOPPED = "SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED"
STARTED, PENDING, READY, CANCELLED = "STARTED", "PENDING", "READY", "CANCELLED"
_ACTIONS = {
    "EXECUTION": ("SUCCEED", "FAIL"),
    "CONTEXT": ("START", "SUCCEED", "FAIL"),
    "STEP": ("START", "SUCCEED", "FAIL", "RETRY"),
    "WAIT": ("START", "CANCEL"),
    "CALLBACK": ("START",),
    "CHAINED_INVOKE": ("START",),
}
_DETAILS = {
    "EXECUTION": "ExecutionDetails",
    "CONTEXT": "ContextDetails",
    "STEP": "StepDetails",
    "WAIT": "WaitDetails",
    "CALLBACK": "CallbackDetails",
    "CHAINED_INVOKE": "ChainedInvokeDetails",
}
_TIMES = ("StartTimestamp", "EndTimestamp", "NextAttemptTimestamp", "ScheduledEndTimestamp")


def refused(message: str) -> ApiError:
    """The error for a request that is not valid."""
    return ApiError(400, "InvalidParameterValueException", message)


class Operation:
    """One operation. Times are seconds since the epoch."""

    def __init__(self, identifier: str, kind: str, update: Document, now: float) -> None:
        self.id = identifier
        self.kind = kind
        self.name = update.get("Name")
        self.parent = update.get("ParentId")
        self.sub_type = update.get("SubType")
        self.status = STARTED
        self.start = now
        self.end: float | None = None
        self.details: Document = {}
        self.touched = 0
        """When it changed last, by the count of changes in its execution."""
        self.deadlines: dict[str, float] = {}
        """When a callback times out: `Callback.Timeout` and `Callback.Heartbeat`."""
        self.heartbeat = 0

    @property
    def waits(self) -> bool:
        """Whether it will change without the function."""
        if self.kind == "STEP":
            return self.status == PENDING
        return self.kind in ("WAIT", "CALLBACK", "CHAINED_INVOKE") and self.status == STARTED

    @property
    def due(self) -> float | None:
        """When it changes because of the time."""
        if self.kind == "WAIT" and self.status == STARTED:
            return float(self.details["ScheduledEndTimestamp"])
        if self.kind == "STEP" and self.status == PENDING:
            return float(self.details["NextAttemptTimestamp"])
        if self.kind == "CALLBACK" and self.status == STARTED and self.deadlines:
            return min(self.deadlines.values())
        return None

    def finish(self, status: str, now: float, result: str | None = None, error: Document | None = None) -> None:
        """Give it its last status."""
        self.status, self.end = status, now
        for member, value in (("Result", result), ("Error", error)):
            if value is not None:
                self.details[member] = value

    def document(self, *, milliseconds: bool = False) -> Document:
        """It in the form of the API. In events, times are milliseconds; in responses of the API they are seconds."""
        document: Document = {"Id": self.id, "Type": self.kind, "Status": self.status, "StartTimestamp": self.start}
        optional = {"EndTimestamp": self.end, "ParentId": self.parent, "Name": self.name, "SubType": self.sub_type}
        document |= {member: value for member, value in optional.items() if value is not None}
        document[_DETAILS[self.kind]] = details = dict(self.details)
        if milliseconds:
            for each in (document, details):
                each.update({member: round(each[member] * 1000) for member in _TIMES if member in each})
        return document


def check_updates(updates: Iterable[Document], known: dict[str, Operation]) -> None:
    """Check all updates of one request before any of them has an effect. Raises ApiError."""
    updates = list(updates)
    kinds = [update.get("Type") for update in updates]
    if kinds.count("EXECUTION") > 1:
        raise refused("Cannot checkpoint multiple EXECUTION updates.")
    if "EXECUTION" in kinds[:-1]:
        raise refused("EXECUTION checkpoint must be the last update.")
    last: dict[str, Document] = {}
    for update in updates:
        _check_members(update)
        identifier, previous = update["Id"], last.get(update["Id"])
        if previous is not None and not (
            update["Type"] in ("STEP", "CONTEXT") and previous["Action"] == "START" != update["Action"]
        ):
            raise refused("Cannot checkpoint multiple operations with the same ID.")
        parent = update.get("ParentId")
        if parent is not None:
            kind = last[parent]["Type"] if parent in last else known[parent].kind if parent in known else None
            if kind != "CONTEXT":
                raise refused("Invalid parent operation id.")
        _check_transition(update, known.get(identifier), started_now=previous is not None)
        last[identifier] = update
    if len(known) + sum(identifier not in known for identifier in last) > MAX_OPERATIONS:
        raise refused(f"A durable execution can have {MAX_OPERATIONS} operations at most.")


def _check_members(update: Document) -> None:
    kind, action = update.get("Type"), update.get("Action")
    if not (isinstance(update.get("Id"), str) and update["Id"]):
        raise refused("An update needs an Id.")
    if kind not in _ACTIONS:
        raise refused("Unknown operation type.")
    if action not in _ACTIONS[kind]:
        raise refused("Invalid action for the given operation type.")
    if action == "SUCCEED" and update.get("Error") is not None:
        raise refused("Cannot provide an Error for SUCCEED action.")
    if action == "FAIL" and update.get("Payload") is not None:
        raise refused("Cannot provide a Payload for FAIL action.")
    if action == "RETRY" and update.get("Payload") is not None and update.get("Error") is not None:
        raise refused("Cannot provide both error and payload to RETRY a STEP.")
    for member, options, needed in (
        ("NextAttemptDelaySeconds", "StepOptions", action == "RETRY"),
        ("WaitSeconds", "WaitOptions", kind == "WAIT" and action == "START"),
        ("FunctionName", "ChainedInvokeOptions", kind == "CHAINED_INVOKE"),
    ):
        if needed and not isinstance((update.get(options) or {}).get(member), str if kind[0] == "C" else int):
            raise refused(f"Invalid {options} for the given action.")


def _check_transition(update: Document, current: Operation | None, *, started_now: bool) -> None:
    kind, action = update["Type"], update["Action"]
    if current is not None:
        for member, value in (("type", current.kind), ("subtype", current.sub_type), ("name", current.name)):
            given = update.get({"type": "Type", "subtype": "SubType", "name": "Name"}[member])
            if given is not None and given != value:
                raise refused(f"Inconsistent operation {member}.")
        if update.get("ParentId") is not None and update["ParentId"] != current.parent:
            raise refused("Inconsistent parent operation id.")
    if kind == "EXECUTION" or started_now:
        return
    status = current.status if current is not None else None
    if action == "START" and status is not None and not (kind == "STEP" and status == READY):
        raise refused(
            "Invalid current STEP state to start." if kind == "STEP" else f"Cannot start a {kind} that already exist."
        )
    if action in ("SUCCEED", "FAIL") and status not in (None, STARTED, READY):
        raise refused(f"Invalid current {kind} state to close.")
    if action == "RETRY" and status not in (None, STARTED, READY):
        raise refused("Invalid current STEP state to re-attempt.")
    if action == "CANCEL" and status != STARTED:
        raise refused("Cannot cancel a WAIT that does not exist or has already completed.")
