"""The batches of tool 2: when an object is full, and what happens while S3 is out of reach."""

import json
import math
import time
import uuid
from collections import deque
from typing import Any, Callable, Deque, List, Tuple

from aws_call import TIMEOUT_SECONDS
from lambda_api import plural


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
