"""Prints the batches that the listener has got, and knows which invocation they are complete for."""

import json
import queue
import time
from typing import Any, Dict

from subscription import RUNTIME_DONE

MARGIN_SECONDS = 0.1


class Log:
    """Counts what it prints: `lines` of the function, `records` of all kinds. `name` is the extension's own."""

    def __init__(self, name: str, batches: "queue.Queue[bytes]") -> None:
        self.lines = 0
        self.records = 0
        self._own = (f"[{name}]", "BATCH RECEIVED:", "PART OF A BATCH RECEIVED:")
        self._batches = batches
        self._done = ""

    def print_queued(self) -> None:
        """Print what is there, and wait for nothing."""
        while not self._batches.empty():
            self._print(self._batches.get())

    def print_until_done(self, request_id: str, deadline: float) -> bool:
        """Print until the function is through with a request; False if its record has not come by the deadline.

        Records come in the order in which they were written, so what the function wrote is there before that one.
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
            # What we print is a record, too. To print those as well would go on forever.
            records = [record for record in json.loads(batch) if not self._is_own(record)]
        except ValueError:
            # A record larger than maxBytes is cut: it comes in two batches, and neither of them is JSON.
            print("PART OF A BATCH RECEIVED:", batch.decode("utf-8", "replace"), flush=True)
            return
        if records:
            print("BATCH RECEIVED:", json.dumps(records), flush=True)
        for record in records:
            self.records += 1
            self.lines += record["type"] == "function"
            if record["type"] == RUNTIME_DONE:
                self._done = record["record"]["requestId"]

    def _is_own(self, record: Dict[str, Any]) -> bool:
        """Tell whether a record is a line of ours; other extensions may write JSON, which comes as an object."""
        return record["type"] == "extension" and str(record["record"]).startswith(self._own)
