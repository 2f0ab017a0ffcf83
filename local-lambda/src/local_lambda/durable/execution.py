"""One durable execution: its operations, its token, and what its function has seen of both.

It knows no clock and no HTTP; `now` is seconds since the epoch. Rules: see `operations.py`.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from hmac import compare_digest

from local_lambda.durable.history import History
from local_lambda.durable.operations import (
    CANCELLED,
    FAILED,
    PENDING,
    READY,
    STARTED,
    SUCCEEDED,
    TIMED_OUT,
    Document,
    Operation,
    check_updates,
    refused,
)
from local_lambda.environment.documents import encode
from local_lambda.errors import ApiError
from local_lambda.limits import MAX_EXECUTION_BYTES

RUNNING = "RUNNING"
PAGE_BYTES = 5 * 1024 * 1024
"""How much of the operations an event or a page of `GetDurableExecutionState` holds."""
MAX_EVENTS = 25_000
"""How long a history may become, for instance by a step that is tried again and again."""
_WORDS = {SUCCEEDED: "Succeeded", FAILED: "Failed", TIMED_OUT: "TimedOut", CANCELLED: "Cancelled", STARTED: "Started"}
_KINDS = {"STEP": "Step", "CONTEXT": "Context", "WAIT": "Wait", "CALLBACK": "Callback"}
_KINDS["CHAINED_INVOKE"] = "ChainedInvoke"


class Execution:
    """One execution of the function `function_arn`, which its caller has named `name`.

    The last part of its ARN is the id of the operation that stands for the execution; SDKs look for it there.
    `on_chained` is called for each chained invocation that begins, `on_changed` when the function has a reason to be
    invoked again, or the execution has ended.
    """

    def __init__(
        self,
        arn: str,
        name: str,
        function_arn: str,
        payload: str,
        timeout: int,
        now: float,
        on_chained: Callable[[Execution, Operation, Document], None],
        on_changed: Callable[[Execution], None],
    ) -> None:
        self.arn, self.name, self.function_arn = arn, name, function_arn
        self.payload, self.timeout = payload, timeout
        self.status, self.start = RUNNING, now
        self.end: float | None = None
        self.result: str | None = None
        self.error: Document | None = None
        self.history = History()
        self.operations: dict[str, Operation] = {}
        self.callbacks: dict[str, Operation] = {}
        self._on_chained, self._on_changed = on_chained, on_changed
        self._changes = self._seen = 0
        self._bytes = len(payload)
        self._token = ""
        self._last: tuple[str, str, Document] | None = None
        own = Operation(arn.rpartition("/")[2], "EXECUTION", {}, now)
        own.details = {"InputPayload": payload}
        self.operations[own.id] = own
        self.history.add("ExecutionStarted", now, {"Input": payload, "ExecutionTimeout": timeout})

    # --- invocations

    def begin(self) -> Document:
        """The event of the next invocation: the saved operations, and the token for the next checkpoint."""
        known = list(self.operations.values())
        updated = [each.id for each in known if each.touched > self._seen] if self._seen else []
        self._seen = self._changes
        self._token = _random()
        first, marker = self._page(known, 0, len(known))
        return {
            "DurableExecutionArn": self.arn,
            "CheckpointToken": self._token,
            "InitialExecutionState": {
                "Operations": [each.document(milliseconds=True) for each in first],
                "NextMarker": marker or "",
            },
            "UpdatedOperationIds": updated,
        }

    def invoked(self, request_id: str, start: float, end: float, error: Document | None) -> None:
        """Note the end of an invocation, whose token is worth nothing from now on."""
        self._token = ""
        details: Document = {"StartTimestamp": start, "EndTimestamp": end, "RequestId": request_id}
        self.history.add("InvocationCompleted", end, details if error is None else {**details, "Error": error})

    @property
    def has_news(self) -> bool:
        """Whether something has changed that the function has not seen."""
        return self._changes > self._seen

    @property
    def waits(self) -> bool:
        """Whether something will change without the function."""
        return any(each.waits for each in self.operations.values())

    def finish(self, status: str, now: float, result: str | None = None, error: Document | None = None) -> None:
        """End the execution. The first end counts."""
        if self.status != RUNNING:
            return
        self.status, self.end, self.result, self.error = status, now, result, error
        self._token = ""
        kind = {SUCCEEDED: "Succeeded", FAILED: "Failed", TIMED_OUT: "TimedOut"}.get(status, "Stopped")
        self.history.add(
            f"Execution{kind}", now, {"Result": result or ""} if status == SUCCEEDED else {"Error": error or {}}
        )
        self._on_changed(self)

    # --- checkpoints

    def checkpoint(self, token: object, updates: list[Document], client_token: object, now: float) -> Document:
        """Save progress; return the new token and the operations that the function has not seen yet. Raises ApiError.

        A request that is repeated with the same client token gets the same response, and has no effect.
        """
        if self._last is not None and client_token and self._last[:2] == (client_token, token):
            return self._last[2]
        self.check_token(token)
        check_updates(updates, self.operations)
        if len(self.history) > MAX_EVENTS:
            raise refused(f"The history of a durable execution can have {MAX_EVENTS} events at most here.")
        size = sum(len(str(update.get("Payload") or "")) for update in updates)
        if self._bytes + size > MAX_EXECUTION_BYTES:
            raise refused(f"A durable execution can store {MAX_EXECUTION_BYTES} bytes at most.")
        self._bytes += size
        for update in updates:
            self._apply(update, now)
        self.complete_due(now)
        news = [each.document() for each in self.operations.values() if each.touched > self._seen]
        self._seen = self._changes
        response: Document = {"NewExecutionState": {"Operations": news}}
        if self.status == RUNNING:
            self._token = response["CheckpointToken"] = _random()
        self._last = str(client_token), str(token), response
        return response

    def check_token(self, token: object) -> None:
        """Raises ApiError if this is not the token of the invocation that runs."""
        if not (self._token and isinstance(token, str) and compare_digest(token.encode(), self._token.encode())):
            raise refused("Invalid checkpoint token")

    def state(self, marker: str, count: int) -> Document:
        """A page of the operations. Raises ApiError for a marker that it has not given out."""
        known = list(self.operations.values())
        if marker and not (marker.isdecimal() and int(marker) < len(known)):
            raise refused("Invalid marker")
        found, after = self._page(known, int(marker or 0), count)
        document: Document = {"Operations": [each.document() for each in found]}
        return document if after is None else {**document, "NextMarker": after}

    def _page(self, known: list[Operation], start: int, count: int) -> tuple[list[Operation], str | None]:
        size, end = 0, start
        while end < min(len(known), start + count):
            size += len(encode(known[end].document()))
            if size > PAGE_BYTES and end > start:
                break
            end += 1
        return known[start:end], str(end) if end < len(known) else None

    def _apply(self, update: Document, now: float) -> None:
        kind, action, payload, error = update["Type"], update["Action"], update.get("Payload"), update.get("Error")
        if kind == "EXECUTION":
            self.finish(SUCCEEDED if action == "SUCCEED" else FAILED, now, payload, error)
            return
        operation = self.operations.get(update["Id"])
        if operation is None:
            operation = self.operations[update["Id"]] = Operation(update["Id"], kind, update, now)
            if action != "START":
                self._note(operation, STARTED, now)
        self._touch(operation)
        if action == "START":
            operation.status = STARTED
            self._begin(operation, update, now)
        elif action == "RETRY":
            self._retry(operation, update, now)
        elif action == "CANCEL":
            operation.finish(CANCELLED, now)
            self._note(operation, CANCELLED, now)
        else:
            operation.details.pop("Error", None)
            operation.finish(SUCCEEDED if action == "SUCCEED" else FAILED, now, payload, error)
            details: Document = {"Result": payload or ""} if action == "SUCCEED" else {"Error": error or {}}
            if kind == "STEP":
                operation.details["Attempt"] = attempt = operation.details.get("Attempt", 0) + 1
                details["RetryDetails"] = {"CurrentAttempt": attempt}
            elif kind == "CONTEXT":
                replay = (update.get("ContextOptions") or {}).get("ReplayChildren", False)
                operation.details["ReplayChildren"] = replay
            self._note(operation, operation.status, now, details)

    def _begin(self, operation: Operation, update: Document, now: float) -> None:
        details: Document = {}
        if operation.kind == "WAIT":
            seconds = update["WaitOptions"]["WaitSeconds"]
            operation.details["ScheduledEndTimestamp"] = now + seconds
            details = {"Duration": seconds, "ScheduledEndTimestamp": now + seconds}
        elif operation.kind == "CALLBACK":
            options = update.get("CallbackOptions") or {}
            total, operation.heartbeat = options.get("TimeoutSeconds") or 0, options.get("HeartbeatTimeoutSeconds") or 0
            operation.details["CallbackId"] = identifier = _random()
            self.callbacks[identifier] = operation
            if total:
                operation.deadlines["Callback.Timeout"] = now + total
            if operation.heartbeat:
                operation.deadlines["Callback.Heartbeat"] = now + operation.heartbeat
            details = {"CallbackId": identifier, "Timeout": total, "HeartbeatTimeout": operation.heartbeat}
        elif operation.kind == "CHAINED_INVOKE":
            details = {"FunctionName": update["ChainedInvokeOptions"]["FunctionName"], "Input": update.get("Payload")}
        self._note(operation, STARTED, now, details)
        if operation.kind == "CHAINED_INVOKE":
            self._on_chained(self, operation, update)

    def _retry(self, operation: Operation, update: Document, now: float) -> None:
        delay, error = update["StepOptions"]["NextAttemptDelaySeconds"], update.get("Error")
        operation.status = PENDING
        attempt = operation.details.get("Attempt", 0) + 1
        operation.details = {"Attempt": attempt, "NextAttemptTimestamp": now + delay}
        operation.details |= {"Error": error} if error is not None else {"Result": update.get("Payload")}
        details: Document = {"RetryDetails": {"CurrentAttempt": attempt, "NextAttemptDelaySeconds": delay}}
        details |= {"Error": error} if error is not None else {"Result": update.get("Payload") or ""}
        self._note(operation, FAILED if error is not None else SUCCEEDED, now, details)

    # --- what happens without the function

    def next_due(self) -> float | None:
        """When the time will change something."""
        return min((due for each in self.operations.values() if (due := each.due) is not None), default=None)

    def complete_due(self, now: float) -> None:
        """Let the waits end, the retries become ready and the callbacks time out whose time has come."""
        for operation in self.operations.values():
            due = operation.due
            if due is None or due > now or self.status != RUNNING:
                continue
            self._touch(operation)
            if operation.kind == "WAIT":
                operation.finish(SUCCEEDED, now)
                self._note(operation, SUCCEEDED, now, {"Duration": round(due - operation.start)})
            elif operation.kind == "STEP":
                operation.status = READY
            else:
                kind = min(operation.deadlines, key=operation.deadlines.__getitem__)
                text = "Callback timed out" + (" on heartbeat" if kind == "Callback.Heartbeat" else "")
                error = {"ErrorType": kind, "ErrorMessage": text}
                operation.finish(TIMED_OUT, now, error=error)
                self._note(operation, TIMED_OUT, now, {"Error": error})

    def complete(
        self, operation: Operation, status: str, now: float, result: str | None = None, error: Document | None = None
    ) -> None:
        """End a callback or a chained invocation, and wake the function. Raises ApiError if it has ended before."""
        if operation.status == TIMED_OUT:
            raise ApiError(400, "CallbackTimeoutException", "The callback has timed out")
        if operation.status != STARTED or self.status != RUNNING:
            raise ApiError(404, "ResourceNotFoundException", "The callback has been completed, or its execution ended")
        self._touch(operation)
        operation.finish(status, now, result, error)
        self._note(operation, status, now, {"Result": result or ""} if status == SUCCEEDED else {"Error": error or {}})
        self._on_changed(self)

    def heartbeat(self, operation: Operation, now: float) -> None:
        """Keep a callback alive. Raises ApiError if it has ended."""
        if operation.status == TIMED_OUT:
            raise ApiError(400, "CallbackTimeoutException", "The callback has timed out")
        if operation.status != STARTED or self.status != RUNNING:
            raise ApiError(404, "ResourceNotFoundException", "The callback has been completed, or its execution ended")
        if operation.heartbeat:
            operation.deadlines["Callback.Heartbeat"] = now + operation.heartbeat
            self._on_changed(self)

    # --- documents

    def summary(self) -> Document:
        """It as `ListDurableExecutionsByFunction` shows it."""
        document: Document = {
            "DurableExecutionArn": self.arn,
            "DurableExecutionName": self.name,
            "FunctionArn": self.function_arn,
            "Status": self.status,
            "StartTimestamp": self.start,
        }
        return document if self.end is None else {**document, "EndTimestamp": self.end}

    def _touch(self, operation: Operation) -> None:
        self._changes += 1
        operation.touched = self._changes

    def _note(self, operation: Operation, status: str, now: float, details: Document | None = None) -> None:
        self.history.add(f"{_KINDS[operation.kind]}{_WORDS[status]}", now, details or {}, operation)


def _random() -> str:
    return base64.b64encode(os.urandom(24)).decode()
