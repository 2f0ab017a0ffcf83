"""Makes execution environments: sockets, processes, event stream and sinks of one, put together.

One host serves all functions of a tool. An environment can be made, and its runtime spawned, before the event loop
exists; `attach` (or creating it later) lets the loop carry it on. What is said on the sockets is not known here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local_lambda.config import MAX_PAYLOAD_BYTES, FunctionConfig
from local_lambda.environment import ExecutionEnvironment
from local_lambda.interpreter import Interpreter
from local_lambda.processes import Zygote
from local_lambda.sinks.console import Console
from local_lambda.sinks.log_lines import LogLines
from local_lambda.sockets import listen, listen_udp
from local_lambda.stream import EventStream, Sink
from local_lambda.variables import Endpoints, Folders, Launch, command_launch, managed_launch

if TYPE_CHECKING:
    import socket

    from local_lambda.http_server import Server
    from local_lambda.sinks.trace import SegmentDocuments, Trace
    from local_lambda.xray import SegmentReceiver

LOOPBACK = "127.0.0.1"
EVENT_SECONDS = 0.002
CONSOLE_SECONDS = 0.01
"""Events go to the sinks, and lines to the terminal, in batches: one by one they would cost more than an invocation."""


@dataclass(frozen=True)
class Program:
    """What a function's environments run: its code and merged layers as folders; no `interpreter` runs its command."""

    function: FunctionConfig
    code: Path
    layers: Path | None
    interpreter: Interpreter | None


class EnvironmentHost:
    """Creates the environments of all functions. `on_trace` gets each traced invocation's documents."""

    def __init__(self, zygote: Zygote, console: Console, shell: Mapping[str, str]) -> None:
        self.console = console
        self.sinks: list[Sink] = []
        """Further sinks every environment gets (recorder, report)."""
        self.on_trace: list[Callable[[Trace], object]] = []
        self.on_late_document: list[Callable[[dict[str, Any]], object]] = []
        self._zygote = zygote
        self._shell = shell
        self._loop: Any = None
        self._xray = listen_udp(LOOPBACK)
        self._receiver: SegmentReceiver | None = None
        self._documents: SegmentDocuments | None = None
        self._made: dict[ExecutionEnvironment, socket.socket] = {}
        self._servers: list[Server] = []

    def create(self, program: Program, label: str = "") -> ExecutionEnvironment:
        """A new environment with a Runtime API port of its own; `label` marks its lanes on the console."""
        listener = listen(LOOPBACK, 0)
        launch = self._launch(program, f"{LOOPBACK}:{listener.getsockname()[1]}")
        stream = EventStream(self._defer, self._broken)
        log_lines = LogLines(program.function.logging, self.console.lane(label))
        stream.add(log_lines)
        for sink in self.sinks:
            stream.add(sink)
        environment = ExecutionEnvironment(program.function, launch, self._zygote.open(), stream, log_lines.tail)
        self._made[environment] = listener
        if self._loop is not None:
            self._carry_on(environment)
        return environment

    def attach(self, loop: Any) -> None:
        """Let `loop` carry on from now on what was made before it existed."""
        from local_lambda.sinks.trace import SegmentDocuments
        from local_lambda.xray import SegmentReceiver

        self._loop = loop
        self.console.defer = partial(loop.call_later, CONSOLE_SECONDS)
        self._documents = SegmentDocuments(self._late)
        self._receiver = SegmentReceiver(loop, self._xray, self._documents.add, self._bad_datagram)
        for environment in list(self._made):
            self._carry_on(environment)

    def close(self) -> None:
        """Give back every port. Environments are shut down before."""
        for server in self._servers:
            server.close()
        if self._receiver is not None and self._documents is not None:
            self._receiver.close()
            self._documents.close()
        self.console.flush()

    def _carry_on(self, environment: ExecutionEnvironment) -> None:
        from local_lambda.apis.runtime_2018_06_01 import runtime_api
        from local_lambda.http_server import Server
        from local_lambda.sinks.trace import TraceSink

        assert self._documents is not None
        assert self._receiver is not None
        server = Server(runtime_api(environment), self._made.pop(environment), MAX_PAYLOAD_BYTES)
        self._servers.append(server)
        environment.stream.add(TraceSink(self._documents, self._traced, self._receiver.drain))
        environment.attach(self._loop)
        self._loop.create_task(server.start())
        environment.stream.flush()

    def _launch(self, program: Program, runtime_api: str) -> Launch:
        endpoints = Endpoints(runtime_api, self._xray.getsockname())
        layers = None if program.layers is None else str(program.layers)
        folders = Folders(str(program.code), layers, _extensions(program.layers))
        if program.interpreter is None:
            return command_launch(program.function, folders, endpoints, self._shell)
        return managed_launch(program.function, program.interpreter, folders, endpoints, self._shell)

    def _defer(self, action: Callable[[], None]) -> None:
        if self._loop is not None:
            self._loop.call_later(EVENT_SECONDS, action)

    def _traced(self, trace: Trace) -> None:
        for act in self.on_trace:
            act(trace)

    def _late(self, document: dict[str, Any]) -> None:
        name, trace_id = document.get("name"), document.get("trace_id")
        self.console.write("trace", f"subsegment {name!r} of trace {trace_id} belongs to no invocation seen", bad=True)
        for act in self.on_late_document:
            act(document)

    def _bad_datagram(self, reason: str) -> None:
        self.console.write("trace", f"a datagram on the X-Ray port is no segment document: {reason}", bad=True)

    def _broken(self, sink: Sink, error: Exception) -> None:
        name = getattr(sink, "__name__", type(sink).__name__)
        print(f"local-lambda: {name} is switched off: {type(error).__name__}: {error}", file=sys.stderr)


def _extensions(layers: Path | None) -> tuple[str, ...]:
    """The regular files directly in `extensions/` of the layers, sorted by name."""
    folder = layers / "extensions" if layers is not None else None
    if folder is None or not folder.is_dir():
        return ()
    return tuple(sorted(entry.name for entry in folder.iterdir() if entry.is_file()))
