"""Shards of moto's Kinesis that were split or merged: they keep their records, get no more, and come to an end.

moto keeps putting records into the parents, puts the old ones into the children as well, and never ends a shard. So
consumers would wait for the end of a parent forever. Rules:
https://docs.aws.amazon.com/streams/latest/dev/kinesis-using-sdk-java-after-resharding.html
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any


def end_closed_shards() -> None:
    """Let moto's Kinesis in this process treat closed shards as the service does."""
    from moto.kinesis.models import KinesisBackend, Stream
    from moto.kinesis.utils import decompose_shard_iterator

    split, merge, find, read = (
        Stream.split_shard,
        Stream.merge_shards,
        Stream.get_shard_for_key,
        KinesisBackend.get_records,
    )

    def splitting(self: Any, shard_to_split: str, new_starting_hash_key: str) -> None:
        _without_records(split, self, (shard_to_split,), new_starting_hash_key)

    def merging(self: Any, shard_to_merge: str, adjacent_shard_to_merge: str) -> None:
        _without_records(merge, self, (shard_to_merge, adjacent_shard_to_merge))

    def finding(self: Any, partition_key: str, explicit_hash_key: str) -> Any:
        every = self.shards
        self.shards = {name: shard for name, shard in every.items() if shard.is_open}
        try:
            return find(self, partition_key, explicit_hash_key)
        finally:
            self.shards = every

    def reading(self: Any, stream_arn: str | None, shard_iterator: str, limit: int | None) -> Any:
        following, records, behind = read(self, stream_arn, shard_iterator, limit)
        stream, name, last = decompose_shard_iterator(following)
        shard = self.describe_stream(stream_arn=stream_arn, stream_name=stream).get_shard(name)
        ended = not shard.is_open and int(last) >= shard.get_max_sequence_number()
        return None if ended else following, records, behind

    Stream.split_shard, Stream.merge_shards, Stream.get_shard_for_key = splitting, merging, finding
    KinesisBackend.get_records = reading


def _without_records(reshard: Any, stream: Any, names: tuple[str, ...], *more: str) -> None:
    """Close shards while they seem to be empty, so that nothing is put into their children."""
    kept = [(shard, shard.records) for shard in map(stream.shards.__getitem__, names)]
    for shard, _ in kept:
        shard.records = OrderedDict()
    try:
        reshard(stream, *names, *more)
    finally:
        for shard, records in kept:
            shard.records = records
