"""A function that is served for the tests: invoked in environments that stay warm from test to test."""

from __future__ import annotations

import json
from http.client import HTTPConnection, HTTPException, HTTPMessage
from types import TracebackType
from typing import Any, Callable, Dict, List, Optional, Tuple, Type

from pytest_local_lambda.http import Routes
from pytest_local_lambda.recording import Recording
from pytest_local_lambda.result import (
    Event,
    ExtensionRecord,
    Result,
    Segment,
    extension_record,
    invocation_events,
    tree,
)
from pytest_local_lambda.tool import Process

SECONDS = 960.0
"""Longer than any timeout of a function."""


class Function:
    """A function of a template. In a `with` statement it has its own environments, which are shut down at the end."""

    def __init__(self, name: str, start: Callable[[], Process], restart: Callable[[], Process]) -> None:
        self.name = name
        self._start = start
        self._restart = restart
        self._running: Optional[Process] = None
        self._connection: Optional[HTTPConnection] = None
        self._owns = False

    def invoke(self, event: Any = None, client_context: Optional[str] = None) -> Result:
        """Invoke it and wait for the response and for the end of the invocation. `event` is any JSON value."""
        headers = {"X-Amz-Log-Type": "Tail"}  # the response comes when everything has been logged
        if client_context is not None:
            headers["X-Amz-Client-Context"] = client_context
        status, answered, body = self._call(event, headers)
        request_id = answered["x-amzn-RequestId"]
        if status != 200:
            raise RuntimeError(f"{self.name} was not invoked: {status} {body.decode('utf-8', 'replace')}")
        return self._result(request_id, status, bool(answered.get("X-Amz-Function-Error")), body)

    def send(self, event: Any = None) -> Sent:
        """Invoke it asynchronously, with the invocation type Event, which tries again when the function fails."""
        status, answered, _ = self._call(event, {"X-Amz-Invocation-Type": "Event"})
        if status != 202:
            raise RuntimeError(f"{self.name} did not accept the event: {status}")
        return Sent(answered["x-amzn-RequestId"], self._process.recording)

    def reset(self) -> None:
        """Begin anew: the next invocation is a cold start."""
        self._close()
        if self._owns:
            self._process.stop()
        self._running, self._owns = self._restart(), True

    @property
    def http(self) -> Routes:
        """The routes of the template."""
        return Routes(self._process.address)

    @property
    def port(self) -> int:
        """The port that serves it."""
        return int(self._process.address.rpartition(":")[2])

    @property
    def exit_status(self) -> int:
        """The exit status of `local-lambda start`, after a `with` statement; it is shut down if it still runs."""
        return self._process.stop()

    @property
    def log(self) -> str:
        """What local-lambda has written so far."""
        return self._process.log

    def events(self, prefix: str = "") -> List[Event]:
        """All events so far, of all environments, whose type begins with the prefix."""
        return [each for each in self._process.recording.all_events() if each["type"].startswith(prefix)]

    def extension(self, name: str) -> ExtensionRecord:
        """What the extension of this name got and wrote so far, after a `with` statement up to its shutdown."""
        return extension_record(self.events(), name)

    def __enter__(self) -> Function:
        self.reset()
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._close()
        self._process.stop()

    @property
    def _process(self) -> Process:
        """Its own process, or the shared one, which another function may have started."""
        if not self._owns or self._running is None:
            self._running = self._start()
        return self._running

    def _call(self, event: Any, headers: Dict[str, str]) -> Tuple[int, HTTPMessage, bytes]:
        connection = self._connected()
        path = f"/2015-03-31/functions/{self.name}/invocations"
        try:
            connection.request("POST", path, json.dumps(event).encode(), headers)
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        except (OSError, HTTPException):
            self._close()
            raise

    def _connected(self) -> HTTPConnection:
        address = self._process.address
        if self._connection is None or f"{self._connection.host}:{self._connection.port}" != address:
            self._close()
            self._connection = HTTPConnection(address, timeout=SECONDS)
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _result(self, request_id: str, status: int, failed: bool, body: bytes) -> Result:
        recording = self._process.recording
        environment = recording.environment_of(request_id)
        events = invocation_events(recording.events(environment), request_id)

        def trace() -> Segment:
            start = next(event for event in events if event["type"] == "platform.start")
            if "Sampled=1" not in str(start["record"].get("tracing", {}).get("value")):
                raise LookupError(f"{self.name} is not traced; set Tracing: Active in the template")
            return tree(recording.trace(request_id))

        try:
            payload = json.loads(body) if body else None
        except ValueError:
            payload = body
        return Result(request_id, status, failed, payload, events, trace)


class Sent:
    """An asynchronous invocation. Its attempts all have the same `request_id`."""

    def __init__(self, request_id: str, recording: Recording) -> None:
        self.request_id = request_id
        self._recording = recording

    def wait(self, attempts: int = 1, seconds: float = 60.0) -> List[Dict[str, Any]]:
        """The records of `platform.report` of that many attempts. Raises TimeoutError if there are fewer."""

        def reports() -> Optional[List[Dict[str, Any]]]:
            found = [
                event["record"]
                for event in self._recording.all_events()
                if event["type"] == "platform.report" and event["record"]["requestId"] == self.request_id
            ]
            return found if len(found) >= attempts else None

        return list(self._recording.wait(reports, f"{attempts} attempts of {self.request_id}", seconds))
