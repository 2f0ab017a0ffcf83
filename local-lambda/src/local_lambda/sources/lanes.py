"""Batches of a shard that are under way at the same time: records of the same partition key stay in their order.

Source: `ParallelizationFactor`, https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-create.html.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable

from local_lambda.sources.ports import Document

MAX_RECORDS_AHEAD = 10_000
"""With several lanes, how many records may be under way before no more are read: AWS does not document its limit."""


class _Batch:
    """Records that were read together: how many, in how many lanes they are not done, and where they end."""

    def __init__(self, records: int, place: str | None) -> None:
        self.records = records
        self.lanes = 0
        self.place = place


class Lanes:
    """`count` lanes, each for some of the partition keys. A lane that fails holds up none of the others.

    `process` gets the records of a lane and returns whether they are done; False means that the poller was stopped.
    `reached` gets the place in the shard (an iterator, None at its end) up to which all records are done.
    """

    def __init__(
        self,
        count: int,
        process: Callable[[list[Document]], Awaitable[bool]],
        reached: Callable[[str | None], None],
    ) -> None:
        self._process = process
        self._reached = reached
        self._last: list[asyncio.Task[bool] | None] = [None] * count
        self._batches: deque[_Batch] = deque()
        self._most = MAX_RECORDS_AHEAD if count > 1 else 1
        self._records = 0
        self._changed = asyncio.Event()
        self._halted = False
        self._error: Exception | None = None

    def add(self, records: list[Document], place: str | None) -> None:
        """Let records follow those that are under way. They end at `place`."""
        batch = _Batch(len(records), place)
        lanes: dict[int, list[Document]] = {}
        for record in records:
            lanes.setdefault(hash(_key(record)) % len(self._last), []).append(record)
        for number, lane in lanes.items():
            batch.lanes += 1
            task = asyncio.get_running_loop().create_task(self._follow(self._last[number], lane, batch))
            self._last[number] = task
        self._records += batch.records
        self._batches.append(batch)

    def skip_to(self, place: str | None) -> None:
        """No record that has to be processed lies between the last one and `place`."""
        if self._batches:
            self._batches[-1].place = place
        else:
            self._reached(place)

    async def has_room(self) -> bool:
        """Wait until more may be read. False if the poller was stopped. Raises what `process` has raised."""
        while self._records >= self._most and not self._halted:
            self._changed.clear()
            await self._changed.wait()
        if self._error is not None:
            raise self._error
        return not self._halted

    async def end(self) -> None:
        """Wait until nothing is under way. Raises what `process` has raised."""
        under_way = [task for task in self._last if task is not None]
        if under_way:
            await asyncio.wait(under_way)
        if self._error is not None:
            raise self._error

    async def _follow(self, previous: asyncio.Task[bool] | None, records: list[Document], batch: _Batch) -> bool:
        done = False
        try:
            done = (previous is None or await previous) and await self._process(records)
        except Exception as error:
            self._error = self._error or error
        if done:
            batch.lanes -= 1
            self._advance()
        else:
            self._halted = True
        self._changed.set()
        return done

    def _advance(self) -> None:
        while self._batches and not self._batches[0].lanes:
            batch = self._batches.popleft()
            self._records -= batch.records
            self._reached(batch.place)


def _key(record: Document) -> str:
    change = record.get("kinesis")
    return str(change["partitionKey"]) if change else json.dumps(record["dynamodb"]["Keys"], sort_keys=True)
