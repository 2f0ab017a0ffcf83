"""A client of the Debug Adapter Protocol, as an editor is one: https://microsoft.github.io/debug-adapter-protocol/."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

SECONDS = 60


class Editor:
    """Attached to a debug port. Events and responses are read when they are waited for."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), SECONDS)
        self._file = self._socket.makefile("rb")
        self._sequence = 0
        self._unread: list[dict[str, Any]] = []

    def attach(self, breakpoints: dict[str, list[int]], **settings: Any) -> None:
        """Attach as VS Code does, with breakpoints by file and line, and let the program go on."""
        self.call("initialize", clientID="test", adapterID="debugpy", pathFormat="path", linesStartAt1=True)
        attached = self.send("attach", justMyCode=False, **settings)
        self.event("initialized")
        for path, lines in breakpoints.items():
            answer = self.call("setBreakpoints", source={"path": path}, breakpoints=[{"line": line} for line in lines])
            assert len(answer["breakpoints"]) == len(lines)
        self.call("configurationDone")
        self.response(attached)

    def stopped(self) -> tuple[int, dict[str, Any]]:
        """Wait until the program stands still; the thread, and the frame on top of its stack."""
        thread = self.event("stopped")["threadId"]
        frames = self.call("stackTrace", threadId=thread)["stackFrames"]
        return thread, frames[0]

    def variables(self, frame: dict[str, Any]) -> dict[str, str]:
        """The local variables of a frame."""
        scopes = self.call("scopes", frameId=frame["id"])["scopes"]
        found = self.call("variables", variablesReference=scopes[0]["variablesReference"])["variables"]
        return {each["name"]: each["value"] for each in found}

    def send(self, command: str, **arguments: Any) -> int:
        """Send a request; returns its number."""
        self._sequence += 1
        request = {"seq": self._sequence, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(request).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        return self._sequence

    def call(self, command: str, **arguments: Any) -> Any:
        """Send a request and wait for its response."""
        return self.response(self.send(command, **arguments))

    def response(self, number: int) -> Any:
        """Wait for the response to a request; returns its body."""
        answer = self._wait(lambda message: message["type"] == "response" and message["request_seq"] == number)
        assert answer["success"], answer
        return answer.get("body")

    def event(self, name: str) -> Any:
        """Wait for an event; returns its body."""
        return self._wait(lambda message: message["type"] == "event" and message["event"] == name).get("body")

    def leave(self) -> None:
        """Detach."""
        self.call("disconnect", terminateDebuggee=False)
        self._file.close()
        self._socket.close()

    def _wait(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        for number, message in enumerate(self._unread):
            if wanted(message):
                return self._unread.pop(number)
        while True:
            message = self._read()
            if wanted(message):
                return message
            self._unread.append(message)

    def _read(self) -> dict[str, Any]:
        size = 0
        while line := self._file.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                size = int(value)
        assert size, "the debug port ended the connection"
        message: dict[str, Any] = json.loads(self._file.read(size))
        return message
