"""Reads what a running local-lambda records, as it happens, through a pipe with a name."""

from __future__ import annotations

import json
import os
import select
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

Event = Dict[str, Any]
SECONDS = 60.0
"""How long to wait for an event that has to come."""


class Recording:
    """The events so far, by environment. `raw` is a file with everything, for a picture."""

    def __init__(self, folder: Path) -> None:
        self.pipe = folder / "events"
        self.raw = folder / "recording.jsonl"
        os.mkfifo(str(self.pipe), 0o600)
        self._descriptor = os.open(str(self.pipe), os.O_RDONLY | os.O_NONBLOCK)
        self._stop, self._stopper = os.pipe()
        self._environments: Dict[int, List[Event]] = {}
        self._seen: Dict[Tuple[str, str], int] = {}
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def environment_of(self, request_id: str) -> int:
        """The environment that served an invocation, once its report is there."""
        found = self.wait(lambda: self._seen.get(("platform.report", request_id)), f"the report of {request_id}")
        return int(found)

    def events(self, environment: int) -> List[Event]:
        """The events of an environment so far."""
        with self._changed:
            return list(self._environments.get(environment, ()))

    def all_events(self) -> List[Event]:
        """The events of all environments so far, in the order of time."""
        with self._changed:
            events = [event for each in self._environments.values() for event in each]
        return sorted(events, key=lambda event: float(event["at"]))

    def wait(self, find: Callable[[], Optional[Any]], what: str, seconds: float = SECONDS) -> Any:
        """Wait until `find` finds something. Raises TimeoutError."""
        end = time.monotonic() + seconds
        with self._changed:
            while True:
                found = find()
                if found is not None:
                    return found
                left = end - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    raise TimeoutError(f"local-lambda did not record {what} within {seconds:g} seconds")

    def trace(self, request_id: str) -> List[Dict[str, Any]]:
        """The segment documents of an invocation."""

        def documents() -> Optional[List[Dict[str, Any]]]:
            for events in self._environments.values():
                for event in reversed(events):
                    if event["type"] == "local.trace" and event["record"]["requestId"] == request_id:
                        return list(event["record"]["documents"])
            return None

        return list(self.wait(documents, f"the trace of {request_id}"))

    def close(self) -> None:
        """Read what is left, and stop. Call this when local-lambda has ended."""
        os.write(self._stopper, b"x")
        self._thread.join()
        for descriptor in (self._descriptor, self._stop, self._stopper):
            os.close(descriptor)

    def _read(self) -> None:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        poll.register(self._stop, select.POLLIN)
        rest = b""
        with self.raw.open("wb") as raw:
            while True:
                ready = dict(poll.poll())
                try:
                    data = os.read(self._descriptor, 1 << 20)
                except BlockingIOError:
                    data = b""
                if data:
                    raw.write(data)
                    raw.flush()
                    *lines, rest = (rest + data).split(b"\n")
                    self._add(lines)
                elif self._stop in ready:
                    return
                elif ready.get(self._descriptor, 0) & select.POLLHUP:
                    poll.unregister(self._descriptor)  # local-lambda has ended; close() is still to come

    def _add(self, lines: List[bytes]) -> None:
        with self._changed:
            for line in lines:
                event = json.loads(line)
                environment = event["environment"]
                self._environments.setdefault(environment, []).append(event)
                record = event["record"]
                if isinstance(record, dict) and "requestId" in record:
                    self._seen[event["type"], record["requestId"]] = environment
            self._changed.notify_all()
