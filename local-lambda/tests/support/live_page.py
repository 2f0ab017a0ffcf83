"""The live page of a tool as its scripts see it: requests with the token, and the events that the server sends."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from typing import Any

from support.tool import DEADLINE_SECONDS, Reply, Tool

HEADER = "X-Local-Lambda-Token"


class Messages:
    """The server-sent events of one page, in order."""

    def __init__(self, response: HTTPResponse) -> None:
        self._response = response

    def next(self) -> tuple[str, Any]:
        """The next one: its name and its data."""
        event = self._response.readline().decode().removeprefix("event: ").rstrip("\n")
        assert event, "the stream has ended"
        data = json.loads(self._response.readline().decode().removeprefix("data: "))
        assert self._response.readline() == b"\n"
        return event, data

    def until(self, wanted: Callable[[str, Any], bool]) -> Any:
        """The data of the first one that is wanted."""
        while True:
            event, data = self.next()
            if wanted(event, data):
                return data

    def until_states(self, *states: str) -> list[dict[str, Any]]:
        """The environments as soon as they have these states, in the order in which they were made."""

        def reached(event: str, data: Any) -> bool:
            return event == "snapshot" and [each["state"] for each in data["environments"]] == list(states)

        found: list[dict[str, Any]] = self.until(reached)["environments"]
        return found

    def until_idle_after(self, invocations: int) -> None:
        """Return when the only environment is idle after so many. It is idle for a moment after Init, too."""

        def reached(event: str, data: Any) -> bool:
            return event == "snapshot" and [(each["state"], each["invocations"]) for each in data["environments"]] == [
                ("idle", invocations)
            ]

        self.until(reached)


class LivePage:
    """The page of a tool that serves with `--ui`."""

    def __init__(self, tool: Tool) -> None:
        self.host, port, self.token = tool.wait_for(r"live page: http://(\S+):(\d+)/#(\w+)").groups()
        self.port = int(port)

    @property
    def link(self) -> str:
        """What is printed."""
        return f"http://{self.host}:{self.port}/#{self.token}"

    def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
    ) -> Reply:
        """One request, with the right token unless another is given."""
        connection = self._connect()
        try:
            token = self.token if token is None else token
            connection.request(method, path, body, {HEADER: token, **(headers or {})})
            answer = connection.getresponse()
            return Reply(answer.status, answer.msg, answer.read())
        finally:
            connection.close()

    def invoke(self, name: str = "Hello", event: object = None) -> Reply:
        """What the button does."""
        return self.request("POST", f"/2015-03-31/functions/{name}/invocations", json.dumps(event).encode())

    @contextmanager
    def messages(self) -> Iterator[Messages]:
        """A page that is open while the block runs."""
        connection = self._connect()
        try:
            connection.request("GET", "/api/stream", headers={HEADER: self.token})
            response = connection.getresponse()
            assert (response.status, response.getheader("Content-Type")) == (200, "text/event-stream")
            try:
                yield Messages(response)
            finally:
                response.close()
        finally:
            connection.close()

    def _connect(self) -> HTTPConnection:
        return HTTPConnection(self.host, self.port, timeout=DEADLINE_SECONDS)
