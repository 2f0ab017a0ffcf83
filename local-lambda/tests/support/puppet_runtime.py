"""A runtime whose requests to the Runtime API all come from the test."""

from __future__ import annotations

import os
import signal
from concurrent.futures import Future, ThreadPoolExecutor

from support.tool import DEADLINE_SECONDS, Reply, Tool
from support.watching import on_machine
from support.wire import Response, Wire

PATH = "/2018-06-01/runtime/"


class Puppet:
    """One `local-lambda exec` whose runtime does nothing; `begin` starts an invocation, which starts the runtime."""

    def __init__(self, tool: Tool) -> None:
        self.tool = tool
        self.address = ""
        self.pid = 0
        self.reply: Future[Reply] = Future()
        self._threads = ThreadPoolExecutor(4)
        self._wires: list[Wire] = []
        self._since = len(tool.lines)

    def begin(self, event: object = None, **headers: str) -> Future[Reply]:
        """Invoke; the response comes when the test has responded in place of the runtime."""
        self.reply = self._threads.submit(self.tool.invoke, "function", event, **headers)  # type: ignore[arg-type]
        if not self.pid:
            pid, self.address = self.tool.wait_for(r"runtime (\d+) at (\S+)", self._since).groups()
            (self.pid,) = on_machine([pid], self.tool.process.pid)
        return self.reply

    def wire(self) -> Wire:
        """A new connection to the Runtime API."""
        wire = Wire(self.address)
        self._wires.append(wire)
        return wire

    def next(self) -> Response:
        """Ask for the next invocation and wait for it."""
        return self.wire().request("GET", f"{PATH}invocation/next").answer()

    def post(self, path: str, body: bytes = b"", **headers: str) -> Response:
        """Post something to the Runtime API, on a new connection."""
        return self.wire().request("POST", PATH + path, body, **headers).answer()

    def respond(self, request_id: str, body: bytes = b"{}", **headers: str) -> Response:
        """Post a response."""
        return self.post(f"invocation/{request_id}/response", body, **headers)

    def ready(self) -> Wire:
        """Ask for the next invocation, without waiting; this ends the previous one."""
        return self.wire().request("GET", f"{PATH}invocation/next")

    def die(self) -> None:
        """Kill the runtime, if there is one, and return when the tool has noticed; an init comes next."""
        if not self.pid:
            return
        if self.reply.done():  # the end of an idle runtime cannot be seen from outside
            waiting = self.ready()
            self.begin()
            waiting.answer()
        self.kill()
        self.reply.result(DEADLINE_SECONDS)
        for wire in self._wires:
            wire.hang_up()
        self._wires = []

    def kill(self) -> None:
        """Kill the runtime in the middle of an invocation."""
        self._since = len(self.tool.lines)
        os.kill(self.pid, signal.SIGKILL)
        self.pid = 0
