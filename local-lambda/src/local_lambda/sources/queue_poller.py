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
from local_lambda.sources.batches import event_of, failed_items, matching, parsed, split
from local_lambda.sources.ports import Document, Matches, SourceFault, Surroundings

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
        concurrency = settings.get("ScalingConfig", {}).get("MaximumConcurrency")
        self._slots = asyncio.Semaphore(min(concurrency or around.limit, around.limit))
        account, name = self._arn.split(":")[4:6]
        self._url = f"http://127.0.0.1/{account}/{name}"
        self._stopping = False
        self._delivering: set[asyncio.Task[None]] = set()
        self._fault = ""

    async def run(self) -> None:
        """Poll until `stop`; batches that were received are delivered to the end."""
        while not self._stopping:
            await self._slots.acquire()
            try:
                batch = [] if self._stopping else await self._collect()
            except SourceFault as fault:
                self._complain(str(fault))
                batch = []
            if batch:
                self._fault = ""
                task = asyncio.get_running_loop().create_task(self._deliver(batch))
                self._delivering.add(task)
                task.add_done_callback(self._delivered)
                continue
            self._slots.release()
            if not self._stopping:
                await self._around.activity(IDLE_SECONDS)
        if self._delivering:
            await asyncio.wait(self._delivering)

    def stop(self) -> None:
        """Receive no more."""
        self._stopping = True

    def _delivered(self, task: asyncio.Task[None]) -> None:
        self._delivering.discard(task)
        self._slots.release()

    async def _collect(self) -> list[Document]:
        """A batch: full, or what came before the batching window was over."""
        batch = await self._receive(self._size)
        if not batch or not self._window:
            while batch and len(batch) < self._size and (more := await self._receive(self._size - len(batch))):
                batch += more
            return batch
        loop = asyncio.get_running_loop()
        until = loop.time() + self._window
        while len(batch) < self._size and not self._stopping and (left := until - loop.time()) > 0:
            more = await self._receive(self._size - len(batch))
            batch += more
            if not more:
                await self._around.activity(min(left, IDLE_SECONDS))
        return batch

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
        wanted = matching([{**record, "body": parsed(record["body"])} for record in records], self._filters)
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

    async def _deliver(self, batch: list[Document]) -> None:
        for part in split(batch):
            await self._deliver_part(part)

    async def _deliver_part(self, records: list[Document]) -> None:
        identifiers = [record["messageId"] for record in records]
        try:
            response = await self._around.invoke(self._function, event_of(records))
            failed = failed_items(response, identifiers, self._reporting, self._complain)
            await self._delete([record for record in records if record["messageId"] not in failed])
        except ApiError as error:  # no environment, no function: the messages come again
            self._complain(error.message)
        except SourceFault as fault:
            self._complain(str(fault))

    async def _delete(self, records: list[Document]) -> None:
        for first in range(0, len(records), MOST_RECEIVED):
            entries = [
                {"Id": str(number), "ReceiptHandle": record["receiptHandle"]}
                for number, record in enumerate(records[first : first + MOST_RECEIVED])
            ]
            await self._around.client("sqs", "DeleteMessageBatch", {"QueueUrl": self._url, "Entries": entries})

    def _complain(self, fault: str) -> None:
        """Report a fault once, until something has worked again."""
        if fault != self._fault:
            self._fault = fault
            self._around.say(f"{self._arn}: {fault}", True)


def _attribute(attribute: dict[str, Any]) -> Document:
    converted: Document = {"dataType": attribute["DataType"], "stringListValues": [], "binaryListValues": []}
    for name in ("StringValue", "BinaryValue"):
        if name in attribute:
            converted[name[0].lower() + name[1:]] = attribute[name]
    return converted
