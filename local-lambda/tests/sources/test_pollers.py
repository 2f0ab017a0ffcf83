"""Pollers alone, with services and a function that are functions of the test."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from local_lambda.environment.invocation import InvocationResponse
from local_lambda.errors import ApiError, Throttled
from local_lambda.sources.event_sources import EventSources
from local_lambda.sources.ports import SourceFault, Surroundings

ACCOUNT = "123456789012"
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
STREAM = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s"
LIMIT_SECONDS = 20.0


class World:
    """A queue, a stream with one shard, and a function that notes the events it gets."""

    def __init__(self) -> None:
        self.limit = 5
        self.receives: list[list[dict[str, Any]]] = []
        self.deleted: list[str] = []
        self.records: list[dict[str, Any]] = []
        self.visibility = 30
        self.fault: Exception | None = None
        self.events: list[list[Any]] = []
        self.said: list[str] = []
        self.calls = 0
        self.changed = asyncio.Event()
        self.respond: Callable[[], Awaitable[InvocationResponse]] = self._succeed
        self.sources = EventSources(
            Surroundings(
                "us-east-1", ACCOUNT, self.client, self.invoke, self.activity, self.say, lambda arn: self.limit
            )
        )

    async def until(self, condition: Callable[[], object]) -> None:
        """Return when the condition holds."""
        async with asyncio.timeout(LIMIT_SECONDS):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def create(self, arn: str, **settings: Any) -> str:
        """The UUID of a new mapping."""
        request = {"EventSourceArn": arn, "FunctionName": "f", **settings}
        return str((await self.sources.create(request, FUNCTION, 3))["UUID"])

    def put(self, *texts: str, arrived: float | None = None, key: str = "p") -> None:
        """Put records into the stream."""
        for text in texts:
            self.records.append(
                {
                    "PartitionKey": key,
                    "SequenceNumber": str(len(self.records) + 1),
                    "Data": b64encode(text.encode()).decode(),
                    "ApproximateArrivalTimestamp": time.time() if arrived is None else arrived,
                }
            )

    async def client(self, service: str, operation: str, document: Any) -> dict[str, Any]:
        """The services."""
        await asyncio.sleep(0)
        self.calls += 1
        self.changed.set()
        if self.fault is not None and operation in ("ReceiveMessage", "GetRecords"):
            raise self.fault
        if operation == "GetQueueAttributes":
            return {"Attributes": {"VisibilityTimeout": str(self.visibility)}}
        if operation == "ReceiveMessage":
            return {"Messages": self.receives.pop(0) if self.receives else []}
        if operation == "DeleteMessageBatch":
            self.deleted += [entry["ReceiptHandle"] for entry in document["Entries"]]
        if operation == "ListShards":
            return {"Shards": [{"ShardId": "shard"}]}
        if operation == "GetShardIterator":
            return {"ShardIterator": "0" if document["ShardIteratorType"] == "TRIM_HORIZON" else str(len(self.records))}
        if operation == "GetRecords":
            first = int(document["ShardIterator"])
            found = self.records[first : first + document["Limit"]]
            return {"Records": found, "NextShardIterator": str(first + len(found))}
        return {}

    async def invoke(self, arn: str, payload: bytes, seconds: float) -> InvocationResponse:
        """The function."""
        if not self.limit:
            raise Throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
        self.events.append(json.loads(payload)["Records"])
        self.changed.set()
        return await self.respond()

    async def activity(self, seconds: float) -> None:
        """Something may always have changed."""
        await asyncio.sleep(0)

    def say(self, text: str, is_fault: bool) -> None:
        """Note a line."""
        self.said.append(text)
        self.changed.set()

    async def _succeed(self) -> InvocationResponse:
        return InvocationResponse(b"null", False)


def message(text: str, receipt: str = "") -> dict[str, Any]:
    """A message of SQS; its text is also its ID."""
    return {"MessageId": text[:20], "ReceiptHandle": receipt or text[:20], "Body": text, "MD5OfBody": ""}


def sequences(world: World) -> list[list[str]]:
    """The sequence numbers of the batches so far."""
    return [[record["kinesis"]["sequenceNumber"] for record in batch] for batch in world.events]


def running(test: Callable[[World], Awaitable[None]]) -> None:
    """Run a test in a world, then stop all pollers."""

    async def run() -> None:
        world = World()
        async with asyncio.timeout(LIMIT_SECONDS):
            await test(world)
            await world.sources.stop()

    asyncio.run(run())


@pytest.mark.parametrize("position", ["TRIM_HORIZON", "LATEST"])
def test_stream_continues_where_it_was_when_it_is_enabled_again(position: str) -> None:
    """Nothing comes twice, and what was put meanwhile is not lost."""

    async def test(world: World) -> None:
        mapping = await world.create(STREAM, StartingPosition=position)
        await world.until(lambda: world.calls > 4)
        world.put("a")
        await world.until(lambda: sequences(world) == [["1"]])
        world.sources.update(mapping, {"Enabled": False}, None)
        world.put("b")
        world.sources.update(mapping, {"Enabled": True}, None)
        await world.until(lambda: len(world.events) > 1)
        assert sequences(world) == [["1"], ["2"]]

    running(test)


def test_stream_at_its_end_keeps_a_batch_that_fails_when_it_is_updated() -> None:
    """`LATEST` is a place in the stream from the beginning, not the end at the time of the update."""

    async def test(world: World) -> None:
        async def fail() -> InvocationResponse:
            return InvocationResponse(b"{}", True)

        world.respond = fail
        mapping = await world.create(STREAM, StartingPosition="LATEST")
        await world.until(lambda: world.calls > 4)
        world.put("a")
        await world.until(lambda: world.events)
        world.sources.update(mapping, {"BatchSize": 7}, None)
        seen = len(world.events)
        await world.until(lambda: len(world.events) > seen)
        assert sequences(world)[-1] == ["1"]

    running(test)


def test_stream_continues_at_its_position_after_a_fault() -> None:
    """It is named once, in plain words, and the stream is not read from its beginning."""

    async def test(world: World) -> None:
        world.put("old")
        await world.create(STREAM, StartingPosition="LATEST")
        await world.until(lambda: world.calls > 4)
        world.fault = SourceFault("ResourceNotFoundException", "no stream s")
        await world.until(lambda: world.said)
        world.put("new")
        world.fault = None
        await world.until(lambda: world.events)
        assert sequences(world) == [["2"]]
        assert world.said == [f"{STREAM}: ResourceNotFoundException: no stream s"]

    running(test)


def keys_of_two_lanes() -> tuple[str, str]:
    """Partition keys that are not in the same of two lanes."""
    first, *others = (str(number) for number in range(100))
    return first, next(key for key in others if hash(key) % 2 != hash(first) % 2)


def test_stream_with_two_lanes_goes_on_while_a_partition_key_fails() -> None:
    """Records of the other key are processed in their order; an update continues at the oldest that is not done."""

    async def test(world: World) -> None:
        poison, fine = keys_of_two_lanes()
        failing = asyncio.Event()

        async def respond() -> InvocationResponse:
            if world.events[-1][0]["kinesis"]["partitionKey"] == poison:
                failing.set()
                return InvocationResponse(b"{}", True)
            return InvocationResponse(b"null", False)

        world.respond = respond
        world.put("fine", key=fine)
        world.put("poison", key=poison)
        mapping = await world.create(STREAM, StartingPosition="TRIM_HORIZON", ParallelizationFactor=2, BatchSize=2)
        await failing.wait()
        for _ in range(3):
            world.put("fine", "fine", key=fine)
        await world.until(lambda: ["7", "8"] in sequences(world) or ["8"] in sequences(world))
        of_fine = [batch for batch in sequences(world) if batch != ["2"]]
        assert [number for batch in of_fine for number in batch] == ["1", "3", "4", "5", "6", "7", "8"]
        world.sources.update(mapping, {"MaximumRetryAttempts": 0}, None)
        await world.until(lambda: any("RetryAttemptsExhausted" in line for line in world.said))
        assert world.said == [f"{STREAM}: given up with RetryAttemptsExhausted; records: 1, attempts: 1"]

    running(test)


def test_stream_with_two_lanes_is_read_on_after_any_exception() -> None:
    """Also if the last batch of a shard raises it: the exception is named, and the batch comes again."""

    async def test(world: World) -> None:
        async def fail_once() -> InvocationResponse:
            world.respond = succeed
            raise RuntimeError("no such thing")

        async def succeed() -> InvocationResponse:
            return InvocationResponse(b"null", False)

        world.respond = fail_once
        world.put("a")
        await world.create(STREAM, StartingPosition="TRIM_HORIZON", ParallelizationFactor=2)
        await world.until(lambda: len(world.events) == 2)
        assert sequences(world) == [["1"], ["1"]]
        assert world.said == [f"{STREAM}: RuntimeError: no such thing"]

    running(test)


def test_stream_gives_up_records_that_are_too_old_before_the_first_attempt() -> None:
    """The function gets the others only; the line says why."""

    async def test(world: World) -> None:
        world.put("old", arrived=time.time() - 100)
        world.put("new")
        await world.create(STREAM, StartingPosition="TRIM_HORIZON", MaximumRecordAgeInSeconds=60)
        await world.until(lambda: world.events)
        assert sequences(world) == [["2"]]
        assert world.said == [f"{STREAM}: given up with RecordAgeExceeded; records: 1, attempts: 0"]

    running(test)


@pytest.mark.parametrize("arn", [QUEUE, STREAM])
def test_sources_stop_while_the_function_has_no_concurrency(arn: str) -> None:
    """A throttled batch stays in its source; `stop` does not wait for it."""

    async def test(world: World) -> None:
        world.limit = 0
        world.put("a")
        world.receives = [[message("a")]]
        await world.create(arn, **({"StartingPosition": "TRIM_HORIZON"} if arn == STREAM else {}))
        await world.until(lambda: world.said)
        await world.sources.stop()
        assert (world.events, world.deleted, world.said) == ([], [], [f"{arn}: Rate Exceeded."])

    running(test)


def test_queue_has_no_more_batches_in_flight_than_the_function_has_environments_now() -> None:
    """The limit of the function counts, also when it changes."""

    async def test(world: World) -> None:
        free = asyncio.Semaphore(0)

        async def wait() -> InvocationResponse:
            await free.acquire()
            return InvocationResponse(b"null", False)

        world.respond, world.limit = wait, 1
        world.receives = [[message("a")], [message("b")], [message("c")]]
        await world.create(QUEUE, BatchSize=1)
        await world.until(lambda: world.events)
        assert len(world.receives) == 2
        world.limit = 2
        free.release()
        await world.until(lambda: len(world.events) == 3)
        free.release()
        free.release()
        await world.until(lambda: len(world.deleted) == 3)

    running(test)


def test_queue_does_not_run_a_batch_that_is_visible_again() -> None:
    """Its messages come again, so the batch that waited until then is dropped with one line."""

    async def test(world: World) -> None:
        async def throttle() -> InvocationResponse:
            raise Throttled("ReservedFunctionConcurrentInvocationLimitExceeded")

        world.respond = throttle
        world.receives = [[message("a")]]
        await world.create(QUEUE)
        await world.until(lambda: len(world.events) > 3)
        assert world.said == []  # it waits
        world.visibility = 0
        await world.until(lambda: world.said)
        assert (world.said, world.deleted) == ([f"{QUEUE}: Rate Exceeded."], [])

    running(test)


def test_queue_has_a_message_once_in_a_batch_with_its_last_receipt() -> None:
    """The batching window is longer than the visibility timeout."""

    async def test(world: World) -> None:
        world.receives = [[message("a", "first")], [message("a", "second")], [message("b")]]
        await world.create(QUEUE, BatchSize=2, MaximumBatchingWindowInSeconds=300)
        await world.until(lambda: len(world.deleted) == 2)
        assert [[record["body"] for record in batch] for batch in world.events] == [["a", "b"]]
        assert world.deleted == ["second", "b"]

    running(test)


def test_queue_is_still_polled_after_a_message_that_no_parser_can_read() -> None:
    """Lists nested more deeply than Python can read are a text, which the filter does not match."""

    async def test(world: World) -> None:
        world.receives = [[message("[" * 100_000), message('{"a": 1}')]]
        await world.create(QUEUE, FilterCriteria={"Filters": [{"Pattern": '{"body": {"a": [1]}}'}]})
        await world.until(lambda: len(world.deleted) == 2)
        assert [record["body"] for record in world.events[0]] == ['{"a": 1}']

    running(test)


@pytest.mark.parametrize("arn", [QUEUE, STREAM])
def test_polling_continues_after_any_exception(arn: str) -> None:
    """One line names it."""

    async def test(world: World) -> None:
        world.fault = TypeError("broken")
        await world.create(arn, **({"StartingPosition": "TRIM_HORIZON"} if arn == STREAM else {}))
        await world.until(lambda: world.said)
        world.fault = None
        world.put("a")
        world.receives = [[message("a")]]
        await world.until(lambda: world.events)
        assert world.said == [f"{arn}: TypeError: broken"]

    running(test)


def test_update_is_checked_together_with_what_the_mapping_has() -> None:
    """A batch size above 10 needs a window, which the mapping has."""

    async def test(world: World) -> None:
        mapping = await world.create(QUEUE, BatchSize=20, MaximumBatchingWindowInSeconds=1)
        changed = world.sources.update(mapping, {"Enabled": False}, None)
        assert (changed["BatchSize"], changed["State"]) == (20, "Updating")
        with pytest.raises(ApiError, match="Maximum batch window"):
            world.sources.update(mapping, {"MaximumBatchingWindowInSeconds": 0}, None)

    running(test)


INVALID, MALFORMED = "InvalidParameterValueException", "SerializationException"


@pytest.mark.parametrize(
    ("arn", "settings", "error", "text"),
    [
        (QUEUE.replace("us-east-1", "eu-west-1"), {}, INVALID, "Event source region must match Lambda region"),
        (QUEUE.replace(ACCOUNT, "111111111111"), {}, INVALID, "is not in the account 123456789012"),
        (QUEUE, {"FilterCriteria": {"Filters": [{"Pattern": '{"a": 5}'}]}}, INVALID, "Invalid filter pattern"),
        (QUEUE, {"ScalingConfig": "x"}, MALFORMED, "ScalingConfig must be a structure"),
        (QUEUE, {"DestinationConfig": {"OnFailure": {"Destination": QUEUE}}}, INVALID, "is not served .* for sqs"),
        (STREAM, {"DestinationConfig": "x"}, MALFORMED, "DestinationConfig must be a structure"),
        (STREAM, {"DestinationConfig": {"OnFailure": "x"}}, MALFORMED, "OnFailure must be a structure"),
        (STREAM, {"DestinationConfig": {"OnSuccess": {"Destination": QUEUE}}}, INVALID, "OnSuccess is not supported"),
        (STREAM, {"MaximumRecordAgeInSeconds": 59}, INVALID, "must be -1, or a whole number from 60 to 604800"),
    ],
)
def test_setting_that_is_not_valid_is_refused(arn: str, settings: dict[str, Any], error: str, text: str) -> None:
    """With the service's error."""

    async def test(world: World) -> None:
        with pytest.raises(ApiError, match=text) as caught:
            await world.create(arn, StartingPosition="LATEST" if arn == STREAM else None, **settings)
        assert caught.value.error_type == error

    running(test)


@pytest.mark.parametrize(
    ("arn", "settings"),
    [
        (QUEUE, {"DestinationConfig": {"OnFailure": {}}}),
        (QUEUE, {"Tags": {"team": "a"}}),
        (STREAM, {"DestinationConfig": {"OnFailure": None}, "StartingPosition": "LATEST"}),
    ],
)
def test_setting_without_effect_is_accepted(arn: str, settings: dict[str, Any]) -> None:
    """As by the service."""

    async def test(world: World) -> None:
        await world.create(arn, **settings)

    running(test)
