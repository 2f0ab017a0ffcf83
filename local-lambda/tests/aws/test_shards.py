"""Shards of a stream that are split and merged, and an event source that reads on in their children."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from local_lambda.aws.client import ServiceClient
from local_lambda.aws.services import Services
from local_lambda.aws.shards import end_closed_shards
from local_lambda.environment.invocation import InvocationResponse
from local_lambda.sources.event_sources import EventSources
from local_lambda.sources.ports import Surroundings

ACCOUNT, REGION = "123456789012", "us-east-1"
STREAM = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/resharded"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
MIDDLE = str(2**127)
LOW, HIGH = "1", str(2**128 - 2)


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """moto with a Kinesis whose shards end."""
    from moto.kinesis.models import KinesisBackend, Stream, kinesis_backends

    for name in ("split_shard", "merge_shards", "get_shard_for_key"):
        monkeypatch.setattr(Stream, name, getattr(Stream, name))  # so that it is as it was afterwards
    monkeypatch.setattr(KinesisBackend, "get_records", KinesisBackend.get_records)
    services = Services()
    services.run(kinesis_backends.reset).result()
    services.run(end_closed_shards).result()
    yield services
    services.close()


def test_event_source_reads_on_in_the_children_of_closed_shards(services: Services) -> None:
    """Each record comes once and from its own shard: a parent to its end, then its children."""
    got: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    async def invoke(arn: str, payload: bytes, seconds: float) -> InvocationResponse:
        for record in json.loads(payload)["Records"]:
            shard = int(record["eventID"].partition(":")[0].rpartition("-")[2])
            got.put_nowait((b64decode(record["kinesis"]["data"]).decode(), shard))
        return InvocationResponse(b"null", False)

    async def scenario() -> None:
        client = ServiceClient(services, REGION)
        said: list[str] = []

        async def put(text: str, key: str) -> None:
            data = b64encode(text.encode()).decode()
            record = {"PartitionKey": "p", "ExplicitHashKey": key, "Data": data}
            await client("kinesis", "PutRecord", {"StreamName": "resharded", **record})

        await client("kinesis", "CreateStream", {"StreamName": "resharded", "ShardCount": 1})
        sources = EventSources(
            Surroundings(
                REGION, ACCOUNT, client, invoke, services.activity, lambda text, bad: said.append(text), lambda arn: 1
            )
        )
        await put("before", LOW)
        request = {"EventSourceArn": STREAM, "FunctionName": "f", "StartingPosition": "TRIM_HORIZON"}
        await sources.create(request, FUNCTION, 3)
        parent = "shardId-000000000000"
        split = {"StreamName": "resharded", "ShardToSplit": parent, "NewStartingHashKey": MIDDLE}
        await client("kinesis", "SplitShard", split)
        await put("low", LOW)
        await put("high", HIGH)
        async with asyncio.timeout(30):
            assert await got.get() == ("before", 0)
            assert sorted([await got.get(), await got.get()]) == [("high", 2), ("low", 1)]
        merged = {"ShardToMerge": "shardId-000000000001", "AdjacentShardToMerge": "shardId-000000000002"}
        await client("kinesis", "MergeShards", {"StreamName": "resharded", **merged})
        await put("after", HIGH)
        async with asyncio.timeout(30):
            assert await got.get() == ("after", 3)
        services.stir()
        await sources.stop()
        assert got.empty()
        assert said == []

    asyncio.run(scenario())


def test_iterator_of_a_closed_shard_ends_after_its_last_record(services: Services) -> None:
    """Not before: a page with records may have a next one."""

    async def scenario() -> None:
        client = ServiceClient(services, REGION)
        stream = {"StreamName": "resharded"}
        await client("kinesis", "CreateStream", {**stream, "ShardCount": 1})
        for text in ("YQ==", "Yg=="):
            await client("kinesis", "PutRecord", {**stream, "PartitionKey": "p", "Data": text})
        parent = "shardId-000000000000"
        split = {**stream, "ShardToSplit": parent, "NewStartingHashKey": MIDDLE}
        await client("kinesis", "SplitShard", split)
        wanted = {**stream, "ShardId": parent, "ShardIteratorType": "TRIM_HORIZON"}
        iterator: Any = (await client("kinesis", "GetShardIterator", wanted))["ShardIterator"]
        pages = []
        while iterator is not None and len(pages) < 4:
            page = await client("kinesis", "GetRecords", {"ShardIterator": iterator, "Limit": 1})
            pages.append([record["Data"] for record in page["Records"]])
            iterator = page.get("NextShardIterator")
        assert pages == [["YQ=="], ["Yg=="]]

    asyncio.run(scenario())
