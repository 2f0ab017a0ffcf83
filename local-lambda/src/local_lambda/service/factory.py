"""Makes execution environments: sandbox, sockets, processes, event stream and sinks of one, put together.

One factory serves all functions of a tool. An environment can be made, and its runtime spawned, before the event loop
exists; `attach` (or creating it later) lets the loop carry it on. What is said on the sockets is not known here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any, NamedTuple

from local_lambda.functions.config import FunctionConfig
from local_lambda.functions.interpreter import Interpreter
from local_lambda.http.sockets import listen, listen_udp
from local_lambda.limits import MAX_PAYLOAD_BYTES
from local_lambda.processes.group import ProcessGroup
from local_lambda.processes.launch import Folders, Launch, command_launch, managed_launch
from local_lambda.processes.process import Process
from local_lambda.processes.sandbox_specification import spec
from local_lambda.processes.variables import Endpoints
from local_lambda.processes.zygote import Zygote
from local_lambda.sinks.console import Console

if TYPE_CHECKING:
    import socket

    from local_lambda.environment.environment import ExecutionEnvironment
    from local_lambda.events.platform import Event
    from local_lambda.events.stream import EventStream, Sink
    from local_lambda.http.server import Server
    from local_lambda.sinks.recorder import Recorder
    from local_lambda.telemetry.buffer import Batch
    from local_lambda.telemetry.delivery import DeliveryFailed
    from local_lambda.xray.collecting import SegmentDocuments, Trace
    from local_lambda.xray.receiver import SegmentReceiver

LogWriter = Callable[[FunctionConfig, str], Callable[[str, str], None]]
"""Makes, for a function and the name of a log stream, what takes an environment's lines: source and line."""

LOOPBACK = "127.0.0.1"
EVENT_SECONDS = 0.002
CONSOLE_SECONDS = 0.01
"""Events go to the sinks, and lines to the terminal, in batches: one by one they would cost more than an invocation."""


class Program(NamedTuple):
    """What a function's environments run: its code and merged layers as folders; no `interpreter` runs its command.

    `needs` are further programs a sandbox has to keep in reach.
    """

    function: FunctionConfig
    code: Path
    layers: Path | None
    interpreter: Interpreter | None
    sandboxed: bool = True
    needs: tuple[Interpreter, ...] = ()

    @property
    def interpreters(self) -> tuple[Interpreter, ...]:
        """All programs a sandbox has to keep in reach."""
        return self.needs if self.interpreter is None else (self.interpreter, *self.needs)


class Foundation(NamedTuple):
    """What an environment stands on. `runtime` is a runtime process that was started already."""

    function: FunctionConfig
    label: str
    listener: socket.socket
    processes: ProcessGroup
    address: str
    launch: Launch
    runtime: Process | None
    tmp: Path
    """The folder that is `/tmp` in a sandbox."""


class EnvironmentFactory:
    """Creates the environments of all functions. `on_trace` gets each traced invocation's documents."""

    def __init__(
        self, zygote: Zygote, console: Console, shell: Mapping[str, str], workspace: Path, freeze: bool = False
    ) -> None:
        self.freeze = freeze
        self.workspace = workspace
        self._count = 0
        self._no_sandbox = False
        self.console = console
        self.sinks: list[Sink] = []
        """Further sinks every environment gets (the report)."""
        self.recorder: Recorder | None = None
        self._recorded = 0
        self.on_trace: list[Callable[[Trace], object]] = []
        self.on_late_document: list[Callable[[dict[str, Any]], object]] = []
        self._zygote = zygote
        self._shell = shell
        self._loop: Any = None
        self._xray = listen_udp(LOOPBACK)
        self._receiver: SegmentReceiver | None = None
        self._documents: SegmentDocuments | None = None
        self._made: dict[ExecutionEnvironment, Foundation] = {}
        self.log_writers: list[LogWriter] = []
        """Further places each environment's log lines go to, beside the console."""
        self._serving: dict[ExecutionEnvironment, tuple[Server, Foundation]] = {}

    def lay(self, program: Program, label: str = "", spawn: bool = False) -> Foundation:
        """Sockets, sandbox and processes of a new environment; `label` marks its lanes on the console.

        With `spawn` the runtime is started at once, unless extensions come first. All that costs import time is left
        for `build`, so that it happens while the runtime starts.
        """
        self._count += 1
        listener = listen(LOOPBACK, 0)
        processes = self._zygote.open()
        tmp = self.workspace / f"tmp-{self._count}"
        address, folders = self._folders(program, processes, tmp)
        endpoints = Endpoints(f"{LOOPBACK}:{listener.getsockname()[1]}", self._xray.getsockname())
        launch = _launch(program, folders, endpoints, self._shell)
        runtime = launch.spawn_runtime(processes) if spawn and not launch.extensions else None
        return Foundation(program.function, label, listener, processes, address, launch, runtime, tmp)

    def build(self, base: Foundation) -> ExecutionEnvironment:
        """The environment on its foundation; one with a runtime has begun its Init phase."""
        from local_lambda.environment.environment import ExecutionEnvironment
        from local_lambda.events.stream import EventStream
        from local_lambda.sinks.log_lines import LogLines
        from local_lambda.telemetry.registry import Subscriptions

        stream = EventStream(self._defer, self._broken)
        log_lines = LogLines(base.function.logging, self._log_writer(base))
        subscriptions = Subscriptions(stream.emit, lambda host: base.address, private_hosts=base.address != LOOPBACK)
        sinks: list[Sink] = [log_lines, *self.sinks, subscriptions, self._dropped]
        for sink in sinks:
            stream.add(sink)
        if self.recorder is not None:
            self._recorded += 1
            stream.add(self.recorder.sink(self._recorded), recorder=True)
            subscriptions.on_offered = partial(_record_delivery, stream)
        environment = ExecutionEnvironment(
            base.function, base.launch, base.processes, stream, log_lines.tail, subscriptions, freeze=self.freeze
        )
        if base.runtime is not None:
            environment.init(base.runtime)
        self._made[environment] = base
        if self._loop is not None:
            self._carry_on(environment)
        return environment

    def release(self, environment: ExecutionEnvironment) -> None:
        """Give back the port and the `/tmp` of an environment that was shut down, while others go on."""
        from shutil import rmtree

        server, base = self._serving.pop(environment)
        server.close()
        self._loop.run_in_executor(None, partial(rmtree, base.tmp, ignore_errors=True))

    def attach(self, loop: Any) -> None:
        """Let `loop` carry on from now on what was made before it existed."""
        from local_lambda.xray.collecting import SegmentDocuments
        from local_lambda.xray.receiver import SegmentReceiver

        self._loop = loop
        self.console.defer = partial(loop.call_later, CONSOLE_SECONDS)
        self._documents = SegmentDocuments(self._late)
        self._receiver = SegmentReceiver(loop, self._xray, self._documents.add, self._bad_datagram)
        for environment in list(self._made):
            self._carry_on(environment)

    def close(self) -> None:
        """Give back every port. Environments are shut down before."""
        for server, _ in self._serving.values():
            server.close()
        if self._receiver is not None and self._documents is not None:
            self._receiver.close()
            self._documents.close()
        self.console.flush()

    def _carry_on(self, environment: ExecutionEnvironment) -> None:
        from local_lambda.apis.runtime_2018_06_01 import runtime_api
        from local_lambda.http.server import Server
        from local_lambda.xray.collecting import TraceSink

        assert self._documents is not None
        assert self._receiver is not None
        base = self._made.pop(environment)
        server = Server(runtime_api(environment), base.listener, MAX_PAYLOAD_BYTES)
        self._serving[environment] = server, base
        environment.stream.add(
            TraceSink(self._documents, partial(self._traced, environment.stream), self._receiver.drain)
        )
        environment.attach(self._loop)
        self._loop.create_task(server.start())
        environment.stream.flush()

    def _folders(self, program: Program, processes: ProcessGroup, tmp: Path) -> tuple[str, Folders]:
        """The address of `sandbox.localdomain`, and code and layers: in a sandbox of its own, or where they lie."""
        extensions = _extensions(program.layers)
        layers = None if program.layers is None else str(program.layers)
        plain = Folders(str(program.code), layers, extensions)
        if not program.sandboxed or self._no_sandbox:
            return LOOPBACK, plain
        address = _loopback_address(self._count)
        self.workspace.mkdir(mode=0o700, exist_ok=True)
        tmp.mkdir()
        tmp.chmod(0o1777)
        reason = processes.enter_sandbox(spec(program.code, program.layers, tmp, address, program.interpreters))
        if reason is None:
            return address, Folders("/var/task", "/opt", extensions)
        self._no_sandbox = True
        self.console.write("platform", f"no sandbox, so code and layers stay in their own folders: {reason}")
        return LOOPBACK, plain

    def _log_writer(self, base: Foundation) -> Callable[[str, str], None]:
        console = self.console.lane(base.label)
        if not self.log_writers:
            return console
        writers = [console, *(make(base.function, base.launch.log_stream) for make in self.log_writers)]

        def write(source: str, line: str) -> None:
            for each in writers:
                each(source, line)

        return write

    def _defer(self, action: Callable[[], None]) -> None:
        if self._loop is not None:
            self._loop.call_later(EVENT_SECONDS, action)

    def _traced(self, stream: EventStream, trace: Trace) -> None:
        if stream.recording:
            from local_lambda.events.local import Traced

            stream.emit(Traced(time(), trace.request_id, trace.documents))
        for act in self.on_trace:
            act(trace)

    def _late(self, document: dict[str, Any]) -> None:
        name, trace_id = document.get("name"), document.get("trace_id")
        self.console.write("trace", f"subsegment {name!r} of trace {trace_id} belongs to no invocation seen", bad=True)
        for act in self.on_late_document:
            act(document)

    def _bad_datagram(self, reason: str) -> None:
        self.console.write("trace", f"a datagram on the X-Ray port is no segment document: {reason}", bad=True)

    def _dropped(self, event: Event) -> None:
        """CloudWatch has no line for this, but somebody who waits for logs should know."""
        if event.type == "platform.logsDropped":
            record: Any = event.record()
            text = f"{record['droppedRecords']} records not delivered: {record['reason']}"
            self.console.write("platform", text, bad=True)

    def _broken(self, sink: Sink, error: Exception) -> None:
        name = getattr(sink, "__name__", type(sink).__name__)
        print(f"local-lambda: {name} is switched off: {type(error).__name__}: {error}", file=sys.stderr)


def _record_delivery(stream: EventStream, name: str, batch: Batch, began: float, error: DeliveryFailed | None) -> None:
    from local_lambda.events.local import Delivery

    duration, reason = (time() - began) * 1000, str(error) if error else None
    records, size = batch.worth.records, len(batch.body)
    stream.emit(Delivery(began, f"extension:{name}", records, size, duration, reason))


def _loopback_address(number: int) -> str:
    """An address for environment `number`: no other one's, of this tool or of one that runs beside it."""
    suffix = (os.getpid() % 0xFFFE + 1) * 256 + number
    return f"127.{suffix >> 16 & 255}.{suffix >> 8 & 255}.{suffix & 255}"


def _launch(program: Program, folders: Folders, endpoints: Endpoints, shell: Mapping[str, str]) -> Launch:
    if program.interpreter is None:
        return command_launch(program.function, folders, endpoints, shell)
    return managed_launch(program.function, program.interpreter, folders, endpoints, shell)


def _extensions(layers: Path | None) -> tuple[str, ...]:
    """The regular files directly in `extensions/` of the layers, sorted by name."""
    folder = layers / "extensions" if layers is not None else None
    if folder is None or not folder.is_dir():
        return ()
    return tuple(sorted(entry.name for entry in folder.iterdir() if entry.is_file()))
