"""Tool 2: what the function and Lambda log, to S3 in objects of useful size.

An object is written when it has so many records or bytes, when its first record is so many seconds old, or when the
environment ends: whatever comes first.
"""

import json
import os
import queue
import socket
import socketserver
import threading
import time
import uuid
from collections import deque
from http.server import BaseHTTPRequestHandler
from typing import Any, Callable, Deque, List, Mapping, Tuple

import aws
from lambda_api import Extension

DELIVERY_SECONDS = 0.025  # how long Lambda may keep a record before it sends it; 25 ms is the shortest
MARGIN_SECONDS = 0.2


class Batcher:
    """Collects records, and uploads them in objects of one JSON document a line."""

    def __init__(self, upload: Callable[[str, bytes], None], records: int, size: int, seconds: float) -> None:
        self.upload, self.records, self.size, self.seconds = upload, records, size, seconds
        self.lines: List[bytes] = []
        self.bytes = 0
        self.since = 0.0
        self.prefix = f"{time.strftime('%Y/%m/%d', time.gmtime())}/{uuid.uuid4().hex[:8]}"  # no two environments write the same object
        self.number = 0
        # While S3 is out of reach, keep a few objects and forget the oldest: memory is the function's, too.
        self.waiting: Deque[Tuple[str, bytes]] = deque(maxlen=5)

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
        return max(0.0, self.since + self.seconds - time.time()) if self.lines else self.seconds

    def flush(self, reason: str) -> None:
        """Write what there is, with what could not be written earlier."""
        if self.lines:
            self.number += 1
            self.waiting.append((f"{self.prefix}-{self.number:04}.jsonl", b"".join(self.lines)))
            print(f"[telemetry-to-s3] {reason}: an object of {len(self.lines)} records", flush=True)
            self.lines, self.bytes = [], 0
        try:
            while self.waiting:
                self.upload(*self.waiting[0])  # the same key at each attempt, so there are no duplicates
                self.waiting.popleft()
        except OSError as error:
            print(f"[telemetry-to-s3] S3: {error}; {len(self.waiting)} objects wait", flush=True)


def main(settings: Mapping[str, str]) -> None:
    """Take one event after the other until SHUTDOWN."""

    def upload(key: str, body: bytes) -> None:
        aws.call("s3", "PUT", f"/{settings['S3_BUCKET']}/{key}", body, {})

    batcher = Batcher(
        upload,
        int(settings.get("S3_RECORDS", "1000")),
        int(settings.get("S3_BYTES", "1000000")),
        float(settings.get("S3_SECONDS", "60")),
    )
    listener = Listener()
    extension = Extension("telemetry-to-s3", ["INVOKE", "SHUTDOWN"])
    extension.call("PUT", "/2022-07-01/telemetry", listener.subscription)
    naive = settings.get("S3_FLUSH") == "timer"
    if naive:
        threading.Thread(target=flush_on_a_timer, args=(batcher,), daemon=True).start()
    while True:
        event = extension.next_event()
        deadline = event["deadlineMs"] / 1000 - MARGIN_SECONDS
        if naive:
            if event["eventType"] == "SHUTDOWN":
                return extension.say(f"leaving with {len(batcher.lines)} records")
            while not listener.batches.empty():
                batcher.add(listener.batches.get())
        elif event["eventType"] == "INVOKE":
            # All work is done before the next event is asked for: an upload is never frozen half-way.
            take(batcher, listener.batches, deadline, event["requestId"])
        else:
            take(batcher, listener.batches, min(deadline, time.time() + DELIVERY_SECONDS + 0.1), "")
            batcher.flush("shutdown")
            return extension.say(f"leaving: {batcher.number} objects, {len(batcher.waiting)} of them lost")


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
    """The usual way elsewhere, and wrong here: a frozen timer does not fire, and the end comes between two of its ticks."""
    while True:
        time.sleep(batcher.seconds)
        batcher.flush("timer")


class Listener(socketserver.ThreadingTCPServer):
    """The HTTP server that Lambda sends batches to; logs-api-extension explains it."""

    daemon_threads = True

    def __init__(self) -> None:
        host = "sandbox.localdomain"
        try:
            address = socket.gethostbyname(host)
        except OSError:
            host = address = "127.0.0.1"  # neither Lambda nor a sandbox like it
        super().__init__((address, 0), Receiver)
        self.batches: "queue.Queue[List[Any]]" = queue.Queue()
        self.subscription = {
            "schemaVersion": "2022-12-13",
            "types": ["platform", "function"],  # not "extension": our own lines would come back, and make new ones
            "buffering": {"timeoutMs": int(DELIVERY_SECONDS * 1000), "maxItems": 1000, "maxBytes": 262144},
            "destination": {"protocol": "HTTP", "URI": f"http://{host}:{self.server_address[1]}"},
        }
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Receiver(BaseHTTPRequestHandler):
    """Takes one batch after the other from one connection."""

    protocol_version = "HTTP/1.1"
    server: Listener

    def do_POST(self) -> None:
        self.server.batches.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response_only(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Write no line for each request."""


if __name__ == "__main__":
    main(os.environ)
