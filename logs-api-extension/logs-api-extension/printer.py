"""Prints the batches that the listener has received, and knows when they are complete for an invocation."""

import json
import queue
import time

RUNTIME_DONE = "platform.runtimeDone"
"""The record that says that the function is done with an invocation."""

MARGIN_SECONDS = 0.1


class BatchPrinter:
    """Counts what it prints: `lines` of the function, `records` of all kinds."""

    def __init__(self, batches: "queue.Queue[bytes]") -> None:
        self.lines = 0
        self.records = 0
        self._batches = batches
        self._done = ""

    def print_queued(self) -> None:
        """Print what has arrived, and wait for nothing."""
        while not self._batches.empty():
            self._print(self._batches.get())

    def print_until_done(self, request_id: str, deadline: float) -> bool:
        """Print until the function is done with a request; False if that record has not come by the deadline.

        Records arrive in the order in which they were written, so what the function wrote is there before that one.
        """
        while self._done != request_id:
            try:
                self._print(self._batches.get(timeout=max(0.0, deadline - time.time())))
            except queue.Empty:
                return False
        return True

    def print_the_rest(self, longest_wait: float, deadline: float) -> None:
        """Print until nothing has come for longer than Lambda keeps a record, or until the deadline."""
        while True:
            try:
                seconds = min(longest_wait + MARGIN_SECONDS, deadline - time.time())
                self._print(self._batches.get(timeout=max(0.0, seconds)))
            except queue.Empty:
                return

    def _print(self, batch: bytes) -> None:
        try:
            records = json.loads(batch)
        except ValueError:
            # A record larger than maxBytes is cut in two: it comes in two batches, and neither of them is JSON.
            print("PART OF A BATCH RECEIVED:", batch.decode("utf-8", "replace"), flush=True)
            return
        print("BATCH RECEIVED:", json.dumps(records), flush=True)
        for record in records:
            self.records += 1
            self.lines += record["type"] == "function"
            if record["type"] == RUNTIME_DONE:
                self._done = record["record"]["requestId"]
