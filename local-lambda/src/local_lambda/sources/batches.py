"""What happened to a batch: which of its records a function has failed on.

Rules: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

from local_lambda.environment.invocation import InvocationResponse
from local_lambda.errors import Throttled
from local_lambda.sources.ports import Document, Matches, SourceFault, Surroundings

MAX_EVENT_BYTES = 6 * 1024 * 1024
WAIT_SECONDS = 0.5
"""How long a batch waits for an environment before its poller looks whether it may still wait."""


def failed_items(
    response: InvocationResponse, identifiers: Collection[str], reporting: bool, complain: Callable[[str], None]
) -> frozenset[str]:
    """The identifiers of the records that failed.

    With `reporting` (`ReportBatchItemFailures`) the response may name some. One that is malformed, or names records
    that are not in the batch, fails all of them, and `complain` gets the reason; an empty one means success.
    """
    everything = frozenset(identifiers)
    if response.failed:
        return everything
    if not reporting:
        return frozenset()
    try:
        return frozenset(_named(response.payload, everything))
    except _Malformed as fault:
        complain(f"{fault}, so the whole batch counts as failed")
        return everything


class _Malformed(Exception):
    """What is wrong with a response."""


def _named(payload: bytes, identifiers: frozenset[str]) -> list[str]:
    """The identifiers that a response names. Raises _Malformed."""
    try:
        document = json.loads(payload or b"null")
    except ValueError:
        raise _Malformed("the response is not JSON") from None
    if document is None:
        return []
    if not isinstance(document, dict):
        raise _Malformed("the response is not an object with batchItemFailures")
    failures = document.get("batchItemFailures") or []
    if not isinstance(failures, list):
        raise _Malformed("batchItemFailures in the response is not a list")
    named = []
    for item in failures:
        identifier = item.get("itemIdentifier") if isinstance(item, dict) else None
        if not isinstance(identifier, str):
            raise _Malformed("an entry of batchItemFailures in the response has no itemIdentifier")
        if identifier not in identifiers:
            raise _Malformed(f"the response names {identifier!r}, which is not in the batch")
        named.append(identifier)
    return named


def matching(views: Sequence[Document], filters: Sequence[Matches], complain: Callable[[str], None]) -> list[bool]:
    """For each record, as filters see it, whether at least one filter matches it. Without filters all do.

    A filter that fails on a record does not match it, and `complain` gets the reason.
    """
    return [not filters or any(_matches(matches, view, complain) for matches in filters) for view in views]


def _matches(matches: Matches, view: Document, complain: Callable[[str], None]) -> bool:
    try:
        return matches(view)
    except Exception as error:
        complain(f"a filter does not match a record on which it fails: {reason(error)}")
        return False


def reason(error: Exception) -> str:
    """What is wrong, for a message. The text of a service's fault is enough."""
    return str(error) if isinstance(error, SourceFault) else f"{type(error).__name__}: {error}"


def parsed(text: str) -> Any:
    """JSON parsed, and any other text as it is: a filter on its members does not match that."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # RecursionError: lists nested more deeply than the parser can read
        return text


async def invoke_when_possible(
    around: Surroundings, function_arn: str, event: bytes, left: Callable[[], Awaitable[float]]
) -> InvocationResponse:
    """Invoke a function as soon as it has a free environment. Raises Throttled if it can have none, or not in time.

    `left` gives the seconds to wait that are left; it is asked each time when a short wait was not enough.
    """
    seconds = WAIT_SECONDS
    while True:
        try:
            return await around.invoke(function_arn, event, seconds)
        except Throttled:
            if around.limit(function_arn) < 1 or (seconds := min(await left(), WAIT_SECONDS)) <= 0:
                raise


def event_of(records: Sequence[Document]) -> bytes:
    """The event with these records."""
    return json.dumps({"Records": records}, separators=(",", ":"), ensure_ascii=False).encode()


def split(records: Sequence[Document]) -> list[list[Document]]:
    """Parts of a batch that are not larger than an event may be."""
    parts: list[list[Document]] = [[]]
    size = 0
    for record in records:
        own = len(json.dumps(record, ensure_ascii=False).encode()) + 1
        if parts[-1] and size + own > MAX_EVENT_BYTES - 100:
            parts.append([])
            size = 0
        parts[-1].append(record)
        size += own
    return parts
