"""Reads a stream of Kinesis or DynamoDB, shard by shard, and invokes a function with batches of its records.

Rules: https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html, services-kinesis-create.html and with-ddb.html.
Records of a shard come in their order. A batch that fails is tried again, and holds up its shard, until it succeeds, is
too old or was tried often enough; then it is named to the on-failure destination. Records that no filter matches are
passed over.
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from datetime import datetime, timezone
from itertools import compress
from math import inf
from time import time
from typing import Any

from local_lambda.environment.invocation import InvocationResponse
from local_lambda.errors import ApiError
from local_lambda.events.identifiers import new_uuid
from local_lambda.sources.batches import (
    event_of,
    failed_items,
    invoke_when_possible,
    matching,
    parsed,
    reason,
    split,
)
from local_lambda.sources.lanes import Lanes
from local_lambda.sources.ports import Document, Matches, Positions, SourceFault, Surroundings
from local_lambda.sources.settings import destination, service_of

IDLE_SECONDS = 1.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
"""The first and the longest pause before a failed batch is tried again."""


class StreamPoller:
    """The poller of one mapping. `settings` is its document in the API; `filters` are compiled.

    It begins when the `previous` poller has ended, at the `positions` which that one has left, and keeps them current.
    Shards that had none are read from the starting position if the stream is new, and else from their beginning.
    """

    def __init__(
        self,
        settings: Document,
        filters: list[Matches],
        around: Surroundings,
        positions: Positions,
        previous: asyncio.Task[None] | None = None,
    ) -> None:
        self._positions = positions
        self._around = around
        self._filters = filters
        self._settings = settings
        self._arn: str = settings["EventSourceArn"]
        self._kinesis = service_of(self._arn) == "kinesis"
        self._service = "kinesis" if self._kinesis else "dynamodbstreams"
        self._stream = {"StreamName": self._arn.rpartition("/")[2]} if self._kinesis else {"StreamArn": self._arn}
        self._reporting = "ReportBatchItemFailures" in settings.get("FunctionResponseTypes", ())
        self._previous = previous
        self._stopping = asyncio.Event()
        self._shards: dict[str, asyncio.Task[None]] = {}
        self._faults: set[str] = set()

    async def run(self) -> None:
        """Poll until `stop`; a batch in flight ends its attempt."""
        if self._previous is not None:
            await asyncio.wait([self._previous])
        while not self._stopping.is_set():
            try:
                await self._look_for_shards()
            except Exception as error:  # polling continues
                self._complain(reason(error))
            await self._wait(IDLE_SECONDS)
        if self._shards:
            await asyncio.wait(self._shards.values())

    def stop(self) -> None:
        """Read no more."""
        self._stopping.set()

    async def _look_for_shards(self) -> None:
        """Read each shard that is new, a child only after its parents."""
        if self._kinesis:
            shards = (await self._around.client("kinesis", "ListShards", self._stream))["Shards"]
        else:
            described = await self._around.client(self._service, "DescribeStream", self._stream)
            shards = described["StreamDescription"]["Shards"]
        await self._place({shard["ShardId"] for shard in shards} - self._positions.keys())
        for shard in shards:
            parents = [shard.get(name) for name in ("ParentShardId", "AdjacentParentShardId")]
            open_parents = [name for name in parents if name in self._shards and not self._shards[name].done()]
            if shard["ShardId"] not in self._shards and not open_parents:
                self._shards[shard["ShardId"]] = asyncio.get_running_loop().create_task(self._read(shard["ShardId"]))

    async def _place(self, shards: set[str]) -> None:
        """Remember where shards begin that have no position: for `LATEST` that is a place in the stream from now on."""
        first = not self._positions
        self._positions.update({shard: await self._iterator(shard, first) for shard in shards})

    async def _iterator(self, shard: str, first: bool) -> str:
        """An iterator at the beginning of a shard; at the starting position if it is one of the `first`."""
        wanted: Document = {"ShardId": shard, **self._stream}
        if first:
            wanted["ShardIteratorType"] = self._settings["StartingPosition"]
            if "StartingPositionTimestamp" in self._settings:
                wanted["Timestamp"] = self._settings["StartingPositionTimestamp"]
        else:  # a shard that came later is read from its beginning
            wanted["ShardIteratorType"] = "TRIM_HORIZON"
        return str((await self._around.client(self._service, "GetShardIterator", wanted))["ShardIterator"])

    async def _read(self, shard: str) -> None:
        """Read a shard to its end, or until the poller is stopped; after a fault again from what is not done."""
        while not self._stopping.is_set() and self._positions[shard] is not None:
            lanes = self._lanes(shard)
            try:
                try:
                    await self._read_on(shard, lanes)
                finally:
                    await lanes.end()
            except Exception as error:  # reading continues
                self._complain(reason(error))
                await self._wait(IDLE_SECONDS)

    def _lanes(self, shard: str) -> Lanes:
        def reached(place: str | None) -> None:
            self._positions[shard] = place

        async def process(records: list[Document]) -> bool:
            for part in split(records):
                if not await self._process(shard, part, 0):
                    return False
            return True

        return Lanes(self._settings["ParallelizationFactor"], process, reached)

    async def _read_on(self, shard: str, lanes: Lanes) -> None:
        size, window = self._settings["BatchSize"], self._settings["MaximumBatchingWindowInSeconds"]
        loop = asyncio.get_running_loop()
        batch: list[Document] = []
        until = 0.0
        iterator = self._positions[shard]
        while not self._stopping.is_set() and await lanes.has_room():
            wanted = {"ShardIterator": iterator, "Limit": max(size - len(batch), 1)}
            try:
                answer = await self._around.client(self._service, "GetRecords", wanted)
            except Exception as error:  # what is under way continues
                self._complain(reason(error))
                await self._wait(IDLE_SECONDS)
                continue
            iterator = answer.get("NextShardIterator")
            records = [self._record(shard, record) for record in answer["Records"]]
            if records:
                wanted_ones = matching([self._view(record) for record in records], self._filters, self._complain)
                if not batch:
                    until = loop.time() + window
                batch += compress(records, wanted_ones)
            if batch and (len(batch) >= size or loop.time() >= until or iterator is None):
                lanes.add(batch, iterator)
                batch = []
            elif not batch:
                lanes.skip_to(iterator)
            if iterator is None:
                return
            if not records:
                await self._wait(min(IDLE_SECONDS, max(until - loop.time(), 0.01)) if batch else IDLE_SECONDS)

    def _record(self, shard: str, record: Document) -> Document:
        region = self._around.region
        if not self._kinesis:
            return {**record, "awsRegion": region, "eventSourceARN": self._arn}
        return {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": record["PartitionKey"],
                "sequenceNumber": record["SequenceNumber"],
                "data": record["Data"],
                "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"],
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{shard}:{record['SequenceNumber']}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": f"arn:aws:iam::{self._around.account}:role/local-lambda",
            "awsRegion": region,
            "eventSourceARN": self._arn,
        }

    def _view(self, record: Document) -> Document:
        """A record as filters see it: the data of Kinesis decoded."""
        if not self._kinesis:
            return record
        data = b64decode(record["kinesis"]["data"]).decode("utf-8", "replace")
        return {**record["kinesis"], "data": parsed(data)}

    async def _process(self, shard: str, records: list[Document], attempts: int) -> bool:
        """Try until all records are done or given up; return False if the poller was stopped before."""
        most, oldest = self._settings["MaximumRetryAttempts"], self._settings["MaximumRecordAgeInSeconds"]
        pause = FIRST_PAUSE_SECONDS
        while records:
            expired = [record for record in records if 0 <= oldest < time() - _arrived(record)]
            if expired:
                await self._give_up(shard, expired, attempts, "RecordAgeExceeded", None)
                records = [record for record in records if record not in expired]
                continue
            if self._stopping.is_set():
                return False
            response = None
            try:
                function = self._settings["FunctionArn"]
                response = await invoke_when_possible(self._around, function, event_of(records), self._left)
                self._faults.clear()
            except ApiError as error:  # no environment, no function: this is not the batch's fault
                self._complain(error.message)
                await self._wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
                continue
            identifiers = [_sequence(record) for record in records]
            failed = failed_items(response, identifiers, self._reporting, self._complain)
            if not failed:
                return True
            first = next(number for number, record in enumerate(records) if _sequence(record) in failed)
            records = records[first:]  # what is before the first failure is done
            if self._settings["BisectBatchOnFunctionError"] and (first or len(records) > 1):
                cut = len(records) if first else (len(records) + 1) // 2
                for part in (records[:cut], records[cut:]):  # splitting is not an attempt
                    if not await self._process(shard, part, attempts):
                        return False
                return True
            attempts += 1
            if 0 <= most < attempts:
                await self._give_up(shard, records, attempts, "RetryAttemptsExhausted", response)
                return True
            await self._wait(pause, stir=False)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        return True

    async def _left(self) -> float:
        """A batch waits for an environment until the poller is stopped."""
        return 0.0 if self._stopping.is_set() else inf

    async def _give_up(
        self, shard: str, records: list[Document], attempts: int, why: str, response: InvocationResponse | None
    ) -> None:
        """Name records to the on-failure destination: https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html"""
        arn = destination(self._settings)
        count = f"records: {len(records)}, attempts: {attempts}"
        self._around.say(f"{self._arn}: given up with {why}; {count}", True)
        if arn is None:
            return
        times = [datetime.fromtimestamp(_arrived(record), timezone.utc) for record in (records[0], records[-1])]
        stamps = [moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") for moment in times]
        document: Document = {
            "requestContext": {
                "requestId": new_uuid(),
                "functionArn": self._settings["FunctionArn"],
                "condition": why,
                "approximateInvokeCount": attempts,
            },
            "version": "1.0",
            "timestamp": datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "KinesisBatchInfo" if self._kinesis else "DDBStreamBatchInfo": {
                "shardId": shard,
                "startSequenceNumber": _sequence(records[0]),
                "endSequenceNumber": _sequence(records[-1]),
                "approximateArrivalOfFirstRecord": stamps[0],
                "approximateArrivalOfLastRecord": stamps[1],
                "batchSize": len(records),
                "streamArn": self._arn,
            },
        }
        if response is not None:
            error = {"functionError": "Unhandled"} if response.failed else {}
            document["responseContext"] = {"statusCode": 200, "executedVersion": "$LATEST", **error}
        try:
            await self._send(arn, json.dumps(document))
        except SourceFault as fault:
            self._complain(f"the destination {arn}: {fault}")

    async def _send(self, arn: str, text: str) -> None:
        account, name = arn.split(":")[4:6]
        if arn.split(":")[2] == "sqs":
            url = f"http://127.0.0.1/{account}/{name}"
            await self._around.client("sqs", "SendMessage", {"QueueUrl": url, "MessageBody": text})
        else:
            await self._around.client("sns", "Publish", {"TopicArn": arn, "Message": text})

    async def _wait(self, seconds: float, stir: bool = True) -> None:
        """Wait until something may have changed, or until the poller is stopped."""
        waiting: list[Any] = [asyncio.ensure_future(self._stopping.wait())]
        if stir:
            waiting.append(asyncio.ensure_future(self._around.activity(seconds)))
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for future in waiting:
                future.cancel()

    def _complain(self, fault: str) -> None:
        """Report a fault once, until something has worked again."""
        if fault not in self._faults:
            self._faults.add(fault)
            self._around.say(f"{self._arn}: {fault}", True)


def _sequence(record: Document) -> str:
    change = record.get("kinesis")
    return str(change["sequenceNumber"] if change else record["dynamodb"]["SequenceNumber"])


def _arrived(record: Document) -> float:
    change = record.get("kinesis")
    moment = change["approximateArrivalTimestamp"] if change else record["dynamodb"]["ApproximateCreationDateTime"]
    return float(moment)
