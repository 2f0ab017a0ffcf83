"""Tool 2: what the function and Lambda log, to S3 in objects of useful size.

An object is written when it has so many records or bytes, when its first record is so many seconds old, or when the
environment ends: whatever comes first.
"""

import os
import queue
import sys
import threading
import time
from typing import Any, List

from aws_call import call_aws
from batcher import Batcher
from lambda_api import Extension, number, plural
from listener import DELIVERY_SECONDS, Listener

MARGIN_SECONDS = 0.2


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
