"""Tool 2: what the function and Lambda log, to S3 in objects of useful size.

An object is written when it has so many records or bytes, when its first record is so many seconds old, or when the
environment ends: whatever comes first.
"""

import json
import math
import os
import queue
import sys
import threading
import time
import uuid
from collections import deque
from typing import Any, Callable, Deque, List, Tuple

from aws_call import TIMEOUT_SECONDS, call_aws
from lambda_api import Extension, number, plural
from listener import DELIVERY_SECONDS, Listener

MARGIN_SECONDS = 0.2


class Batcher:
    """Collects records, and uploads them in objects of one JSON document a line."""

    def __init__(self, upload: Callable[[str, bytes], None], records: float, size: float, seconds: float) -> None:
        self.upload, self.records, self.size, self.seconds = upload, records, size, seconds
        self.lines: List[bytes] = []
        self.bytes = 0
        self.since = 0.0
        # No two environments write the same object.
        self.prefix = f"{time.strftime('%Y/%m/%d', time.gmtime())}/{uuid.uuid4().hex[:8]}"
        self.number = 0
        # While S3 is out of reach, keep a few objects and forget the oldest: memory is the function's, too.
        self.waiting: Deque[Tuple[str, bytes]] = deque(maxlen=5)
        self.forgotten = 0
        self.begin(math.inf)

    def begin(self, deadline: float) -> None:
        """An event has come, which must be done by the deadline: try again to reach S3, and not beyond that time."""
        self.deadline, self.reachable = deadline, True

    def add(self, records: List[Any]) -> None:
        """Take records, and write as many objects as they fill."""
        for record in records:
            line = json.dumps(record).encode() + b"\n"
            if self.lines and self.bytes + len(line) > self.size:
                self.flush("size")
            self.since = self.since if self.lines else time.time()
            self.lines.append(line)
            self.bytes += len(line)
            if len(self.lines) >= self.records:
                self.flush("count")

    def age_left(self) -> float:
        """Seconds until the object is old enough."""
        return max(0.0, self.since + self.seconds - time.time()) if self.lines else math.inf

    def flush(self, reason: str) -> None:
        """Write what there is, with what could not be written earlier."""
        if self.lines:
            self.number += 1
            self.forgotten += len(self.waiting) == self.waiting.maxlen
            self.waiting.append((f"{self.prefix}-{self.number:04}.jsonl", b"".join(self.lines)))
            print(f"[telemetry-to-s3] {reason}: an object of {plural(len(self.lines), 'record')}", flush=True)
            self.lines, self.bytes = [], 0
        try:
            # After one failure, and without time for a whole attempt, the rest waits for the next event.
            while self.waiting and self.reachable and time.time() + TIMEOUT_SECONDS <= self.deadline:
                self.upload(*self.waiting[0])  # the same key at each attempt, so there are no duplicates
                self.waiting.popleft()
        except OSError as error:
            self.reachable = False
            print(f"[telemetry-to-s3] S3: {error}; waiting: {plural(len(self.waiting), 'object')}", flush=True)


def main() -> None:
    """Take one event after the other until SHUTDOWN."""
    bucket = os.environ.get("S3_BUCKET") or sys.exit("S3_BUCKET is missing: name the bucket for the telemetry")

    def upload(key: str, body: bytes) -> None:
        call_aws("s3", "PUT", f"/{bucket}/{key}", body, {"Content-Type": "application/x-ndjson"})

    batcher = Batcher(upload, number("S3_RECORDS", 1000), number("S3_BYTES", 1000000), number("S3_SECONDS", 60))
    listener = Listener()
    extension = Extension("telemetry-to-s3", ["INVOKE", "SHUTDOWN"])
    extension.call("PUT", "/2022-07-01/telemetry", listener.subscription)
    naive = os.environ.get("S3_FLUSH") == "timer"
    if naive:
        threading.Thread(target=flush_on_a_timer, args=(batcher,), daemon=True).start()
    while True:
        event = extension.next_event()
        deadline = event["deadlineMs"] / 1000 - MARGIN_SECONDS
        batcher.begin(deadline)
        if naive:
            if event["eventType"] == "SHUTDOWN":
                return extension.say(f"leaving with {plural(len(batcher.lines), 'record')}")
            while not listener.batches.empty():
                batcher.add(listener.batches.get())
        elif event["eventType"] == "INVOKE":
            # All work is done before the next event is asked for: an upload is never frozen half-way.
            take(batcher, listener.batches, deadline, event["requestId"])
        else:
            take(batcher, listener.batches, min(deadline, time.time() + DELIVERY_SECONDS + 0.1), "")
            batcher.flush("shutdown")
            lost = batcher.forgotten + len(batcher.waiting)
            return extension.say(f"leaving: {plural(batcher.number, 'object')}, {lost} of them lost")


def take(batcher: Batcher, batches: "queue.Queue[List[Any]]", deadline: float, request_id: str) -> None:
    """Take batches until the function is done with a request and its records are here, or until the deadline."""
    done = False
    while not done and (time.time() < deadline or not batches.empty()):
        try:
            records = batches.get(timeout=max(0.0, min(batcher.age_left(), deadline - time.time())))
            batcher.add(records)
            done = any(
                each["type"] == "platform.runtimeDone" and each["record"]["requestId"] == request_id for each in records
            )
        except queue.Empty:
            pass
        if batcher.age_left() == 0:
            batcher.flush("time")


def flush_on_a_timer(batcher: Batcher) -> None:
    """The usual way elsewhere, and wrong here: a frozen timer does not fire, and the end comes between two ticks."""
    while True:
        time.sleep(batcher.seconds)
        batcher.flush("timer")


if __name__ == "__main__":
    main()
