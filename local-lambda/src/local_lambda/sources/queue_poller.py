"""Reads a queue of SQS and invokes a function with batches of its messages.

Rules: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html and services-sqs-errorhandling.html. Messages that
were processed, or that no filter matches, are deleted. The others become visible again after the queue's visibility
timeout; the queue itself moves a message to its dead letter queue. A FIFO queue hands out no message of a group while
another one of it is in flight, so order is kept.
"""

from __future__ import annotations

import asyncio
from itertools import compress
from typing import Any

from local_lambda.errors import ApiError
from local_lambda.sources.batches import (
    event_of,
    failed_items,
    invoke_when_possible,
    matching,
    parsed,
    reason,
    split,
)
from local_lambda.sources.ports import Document, Matches, Surroundings

IDLE_SECONDS = 0.5
"""How long a message that becomes visible after a delay or a timeout may stay unnoticed."""
MOST_RECEIVED = 10


class QueuePoller:
    """The poller of one mapping. `settings` is its document in the API; `filters` are compiled."""

    def __init__(self, settings: Document, filters: list[Matches], around: Surroundings) -> None:
        self._around = around
        self._filters = filters
        self._arn: str = settings["EventSourceArn"]
        self._function: str = settings["FunctionArn"]
        self._size: int = settings["BatchSize"]
        self._window: float = settings["MaximumBatchingWindowInSeconds"]
        self._reporting = "ReportBatchItemFailures" in settings.get("FunctionResponseTypes", ())
        self._concurrency: int | None = (settings.get("ScalingConfig") or {}).get("MaximumConcurrency")
        account, name = self._arn.split(":")[4:6]
        self._url = f"http://127.0.0.1/{account}/{name}"
        self._stopping = False
        self._delivering: set[asyncio.Task[None]] = set()
        self._faults: set[str] = set()

    async def run(self) -> None:
        """Poll until `stop`; batches that were received are delivered to the end."""
        while not self._stopping:
            if len(self._delivering) >= self._most():
                await asyncio.wait(self._delivering, timeout=IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                continue
            try:
                batch, received = await self._collect()
            except Exception as error:  # polling continues
                self._complain(reason(error))
                batch, received = [], 0.0
            if batch:
                task = asyncio.get_running_loop().create_task(self._deliver(batch, received))
                self._delivering.add(task)
                task.add_done_callback(self._delivering.discard)
            elif not self._stopping:
                await self._around.activity(IDLE_SECONDS)
        if self._delivering:
            await asyncio.wait(self._delivering)

    def stop(self) -> None:
        """Receive no more."""
        self._stopping = True

    def _most(self) -> int:
        """How many batches may be in flight. One, if the function may not run: it is throttled, and comes back."""
        limit = max(self._around.limit(self._function), 1)
        return limit if self._concurrency is None else min(limit, self._concurrency)

    async def _collect(self) -> tuple[list[Document], float]:
        """A batch: full, or what came before the batching window was over; and when its first message was received.

        A message that becomes visible again meanwhile replaces itself: only its last receipt handle deletes it.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        batch = {record["messageId"]: (record, began) for record in await self._receive(self._size)}
        until = loop.time() + self._window
        while batch and len(batch) < self._size and not self._stopping:
            now, known = loop.time(), len(batch)
            if self._window and now >= until:
                break
            batch |= {record["messageId"]: (record, now) for record in await self._receive(self._size - known)}
            if len(batch) == known:
                if not self._window:
                    break
                await self._around.activity(min(max(until - loop.time(), 0.0), IDLE_SECONDS))
        return [record for record, _ in batch.values()], min((moment for _, moment in batch.values()), default=began)

    async def _receive(self, most: int) -> list[Document]:
        """Receive messages as records; delete those that no filter matches."""
        answer = await self._around.client(
            "sqs",
            "ReceiveMessage",
            {
                "QueueUrl": self._url,
                "MaxNumberOfMessages": min(most, MOST_RECEIVED),
                "AttributeNames": ["All"],
                "MessageAttributeNames": ["All"],
                "WaitTimeSeconds": 0,
            },
        )
        records = [self._record(message) for message in answer.get("Messages") or ()]
        wanted = matching(
            [{**record, "body": parsed(record["body"])} for record in records], self._filters, self._complain
        )
        await self._delete(list(compress(records, (not matches for matches in wanted))))
        return list(compress(records, wanted))

    def _record(self, message: Document) -> Document:
        record: Document = {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": {
                name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()
            },
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self._arn,
            "awsRegion": self._around.region,
        }
        if "MD5OfMessageAttributes" in message:
            record["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
        return record

    async def _deliver(self, batch: list[Document], received: float) -> None:
        for part in split(batch):
            await self._deliver_part(part, received)

    async def _deliver_part(self, records: list[Document], received: float) -> None:
        identifiers = [record["messageId"] for record in records]

        async def left() -> float:  # until the messages are visible to others again
            return received + await self._visibility_timeout() - asyncio.get_running_loop().time()

        try:
            response = await invoke_when_possible(self._around, self._function, event_of(records), left)
            self._faults.clear()
            failed = failed_items(response, identifiers, self._reporting, self._complain)
            await self._delete([record for record in records if record["messageId"] not in failed])
        except ApiError as error:  # no environment, no function: the messages come again
            self._complain(error.message)
        except Exception as error:  # the same for any other fault
            self._complain(reason(error))

    async def _visibility_timeout(self) -> int:
        wanted = {"QueueUrl": self._url, "AttributeNames": ["VisibilityTimeout"]}
        found = await self._around.client("sqs", "GetQueueAttributes", wanted)
        return int(found["Attributes"]["VisibilityTimeout"])

    async def _delete(self, records: list[Document]) -> None:
        for first in range(0, len(records), MOST_RECEIVED):
            entries = [
                {"Id": str(number), "ReceiptHandle": record["receiptHandle"]}
                for number, record in enumerate(records[first : first + MOST_RECEIVED])
            ]
            await self._around.client("sqs", "DeleteMessageBatch", {"QueueUrl": self._url, "Entries": entries})

    def _complain(self, fault: str) -> None:
        """Report a fault once, until something has worked again."""
        if fault not in self._faults:
            self._faults.add(fault)
            self._around.say(f"{self._arn}: {fault}", True)


def _attribute(attribute: dict[str, Any]) -> Document:
    converted: Document = {"dataType": attribute["DataType"], "stringListValues": [], "binaryListValues": []}
    for name in ("StringValue", "BinaryValue"):
        if name in attribute:
            converted[name[0].lower() + name[1:]] = attribute[name]
    return converted
