"""Where the outcome of an asynchronous invocation goes: the record of a destination, and dead letters.

Format: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html and, for dead letters,
https://docs.aws.amazon.com/lambda/latest/dg/invocation-dlq.html.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, NamedTuple, Protocol

from local_lambda.environment.documents import decode
from local_lambda.environment.invocation import Invocation, InvocationResponse
from local_lambda.functions.config import FunctionConfig

SUCCESS, RETRIES_EXHAUSTED, EVENT_AGE_EXCEEDED = "Success", "RetriesExhausted", "EventAgeExceeded"
ZERO_CONCURRENCY = "ZeroReservedConcurrency"
"""The function may not run at all. The developer guide names no condition for that; LocalStack's recordings do."""
MAX_ERROR_MESSAGE = 1024
"""How much of an error message a dead letter has."""


class Outcome(NamedTuple):
    """The end of an asynchronous invocation: the last response, if there was any, and how often it was tried."""

    condition: str
    response: InvocationResponse | None
    attempts: int


class Destinations(Protocol):
    """Sends to the destinations that an endpoint has. Raises an error whose text is the reason."""

    async def send(self, arn: str, record: dict[str, Any], function_arn: str) -> None:
        """Send a record to a function, a queue, a topic or an event bus."""

    async def send_dead_letter(self, arn: str, event: bytes, request_id: str, status: int, error: str) -> None:
        """Send an event that has failed to a queue or a topic, with the HTTP status of its last attempt."""


def record_of(outcome: Outcome, invocation: Invocation, function: FunctionConfig) -> dict[str, Any]:
    """The record that a destination gets."""
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": now,
        "requestContext": {
            "requestId": invocation.request_id,
            "functionArn": _qualified(invocation.function_arn),
            "condition": outcome.condition,
            "approximateInvokeCount": outcome.attempts,
        },
        "requestPayload": _document(invocation.payload),
    }
    if outcome.response is not None:
        record["responseContext"] = {"statusCode": 200, "executedVersion": function.version}
        if outcome.response.failed:
            record["responseContext"]["functionError"] = "Unhandled"
        record["responsePayload"] = _document(outcome.response.payload)
    return record


def error_message(outcome: Outcome) -> str:
    """The error of a dead letter."""
    if outcome.response is None:
        return outcome.condition
    document = _document(outcome.response.payload)
    message = document.get("errorMessage") if isinstance(document, dict) else None
    return str(document if message is None else message)[:MAX_ERROR_MESSAGE]


def qualifier_of(arn: str) -> str:
    """The version or alias in the ARN of a function; `$LATEST` if it has none."""
    return ":".join(arn.split(":")[7:]) or "$LATEST"


def _qualified(arn: str) -> str:
    return arn if arn.count(":") > 6 else f"{arn}:$LATEST"


def _document(payload: bytes) -> Any:
    """A payload as JSON, or as text if it is not JSON."""
    try:
        return decode(payload)
    except ValueError:
        return payload.decode("utf-8", "replace")
