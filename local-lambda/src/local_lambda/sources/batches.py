"""What happened to a batch: which of its records a function has failed on.

Rules: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from local_lambda.environment.invocation import InvocationResponse
from local_lambda.sources.ports import Document, Matches

MAX_EVENT_BYTES = 6 * 1024 * 1024


def failed_items(response: InvocationResponse, identifiers: Collection[str], reporting: bool) -> frozenset[str]:
    """The identifiers of the records that failed.

    With `reporting` (`ReportBatchItemFailures`) the response may name some. One that is malformed, or names records
    that are not in the batch, fails all of them; an empty one means success.
    """
    everything = frozenset(identifiers)
    if response.failed:
        return everything
    if not reporting:
        return frozenset()
    try:
        document = json.loads(response.payload or b"null")
    except ValueError:
        return everything
    if document is None:
        return frozenset()
    failures = document.get("batchItemFailures") or [] if isinstance(document, dict) else None
    if not isinstance(failures, list):
        return everything
    named: list[Any] = [item.get("itemIdentifier") if isinstance(item, dict) else None for item in failures]
    return frozenset(named) if all(isinstance(item, str) and item in everything for item in named) else everything


def matching(views: Sequence[Document], filters: Sequence[Matches]) -> list[bool]:
    """For each record, as filters see it, whether at least one filter matches it. Without filters all do."""
    return [not filters or any(matches(view) for matches in filters) for view in views]


def parsed(text: str) -> Any:
    """JSON parsed, and any other text as it is: a filter on its members does not match that."""
    try:
        return json.loads(text)
    except ValueError:
        return text


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
