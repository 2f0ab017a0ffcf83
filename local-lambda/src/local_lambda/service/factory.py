"""Makes execution environments by putting together foundation, event stream, sinks and ports.

One factory serves all functions of a tool. An environment can be made, and its runtime spawned, before the event loop
exists; `attach` (or creating it later) hands it to the loop. This module does not know the protocols on the sockets.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local_lambda.events.printable import print_line
from local_lambda.http.sockets import listen_udp
from local_lambda.limits import MAX_PAYLOAD_BYTES
from local_lambda.processes.zygote import Zygote
from local_lambda.service.foundation import LOOPBACK, Foundation, Ground, Program, remove
from local_lambda.service.observers import Observers
from local_lambda.sinks.console import Console

if TYPE_CHECKING:
    from local_lambda.environment.environment import ExecutionEnvironment
    from local_lambda.events.platform import Event
    from local_lambda.events.stream import EventStream, Sink
    from local_lambda.http.server import Application, Server
    from local_lambda.telemetry.buffer import Batch
    from local_lambda.telemetry.delivery import DeliveryFailed
    from local_lambda.xray.collecting import SegmentDocuments, Trace
    from local_lambda.xray.receiver import SegmentReceiver

EVENT_SECONDS = 0.002
CONSOLE_SECONDS = 0.01
"""Events go to the sinks, and lines to the terminal, in batches: singly they would cost more than an invocation."""


class EnvironmentFactory:
    """Creates the environments of all functions.

    `runtime_api` makes the applications behind an environment's Runtime API port: for requests, and for heads of
    requests whose bodies are still to come. `workspace` is the folder for the environments' files; it is created when
    the first one is.
    """

    bandwidth_limit = True
    """Whether streamed responses have the service's bandwidth."""
    retry_pauses: tuple[float, ...] | None = None
    """Seconds before the second and third attempt at an asynchronous invocation; None: the pool's own."""
    memory_limit = True
    """Whether an environment's runtime is killed when it uses more memory than the function has."""

    def __init__(
        self,
        zygote: Zygote,
        console: Console,
        shell: Mapping[str, str],
        workspace: Path,
        runtime_api: Callable[[ExecutionEnvironment], tuple[Application, Application]],
        observers: Observers,
        freeze: bool = False,
    ) -> None:
        self.console = console
        self.workspace = workspace
        self._runtime_api = runtime_api
        self._observers = observers
        self._freeze = freeze
        self._recorded = 0
        self._loop: Any = None
        self._xray = listen_udp(LOOPBACK)
        self._ground = Ground(zygote, console, shell, workspace, self._xray.getsockname())
        self._receiver: SegmentReceiver | None = None
        self._documents: SegmentDocuments | None = None
        self._made: dict[ExecutionEnvironment, Foundation] = {}
        self._serving: dict[ExecutionEnvironment, tuple[Server, Foundation]] = {}

    def point_to(self, aws_endpoint: str) -> None:
        """Point the AWS SDKs of functions to the local AWS endpoint at this URL, in environments made from now on."""
        self._ground.aws_endpoint = aws_endpoint

    def create(self, program: Program, label: str = "") -> ExecutionEnvironment:
        """A new environment; `label` marks its lanes on the console. Raises StartError if there cannot be one now."""
        base = self.lay(program, label)
        try:
            return self.build(base)
        except BaseException:
            base.abandon()
            raise

    def lay(
        self, program: Program, label: str = "", spawn: bool = False, meanwhile: Iterable[object] = ()
    ) -> Foundation:
        """The first half of `create`. With `spawn` the runtime starts at once, unless extensions come first.

        Everything that costs import time is left to `build`, so that it happens while the runtime starts, or to
        `meanwhile`, whose steps are taken while the sandbox is being built.
        """
        return self._ground.lay(program, label, spawn, meanwhile)

    def build(self, base: Foundation) -> ExecutionEnvironment:
        """The environment on its foundation; if that has a runtime, the Init phase has begun."""
        from local_lambda.environment.environment import ExecutionEnvironment
        from local_lambda.events.platform import LogsDropped
        from local_lambda.events.stream import EventStream
        from local_lambda.processes.memory import PeakMemory
        from local_lambda.sinks.log_lines import LogLines
        from local_lambda.telemetry.registry import Subscriptions

        stream = EventStream(self._defer, self._broken)
        log_lines = LogLines(base.function.logging, self._log_writer(base))
        subscriptions = Subscriptions(stream.emit, lambda host: base.address, private_hosts=base.address != LOOPBACK)
        sinks: list[Sink] = [log_lines, *self._observers.sinks, subscriptions]
        for sink in sinks:
            stream.add(sink)
        stream.add(self._dropped, kinds=(LogsDropped,))
        if self._observers.recorders:
            self._recorded += 1
            for recorder in self._observers.recorders:
                stream.add(recorder.sink(self._recorded), recorder=True)
            subscriptions.on_offered = partial(_record_delivery, stream)
        memory_limit = self.memory_limit and not (base.debugging is not None and base.debugging.takes_memory)
        environment = ExecutionEnvironment(
            base.function,
            base.processes,
            PeakMemory(base.function.memory_mb if memory_limit else None),
            time,
            stream,
            log_lines.tail,
            subscriptions,
            freeze=self._freeze and not base.is_snapshot,
            bandwidth_limit=self.bandwidth_limit,
            memory_limit=memory_limit,
            restored_when=base.restored_when,
        )
        for act in self._observers.on_environment:
            act(self._recorded, environment)
        if base.debugging is not None:
            base.debugging.watch(environment)
        if base.runtime is not None:
            environment.init(base.runtime)
        self._made[environment] = base
        if self._loop is not None:
            self._carry_on(environment)
        return environment

    def release(self, environment: ExecutionEnvironment) -> None:
        """Release the port and the `/tmp` of an environment that was shut down, while others keep running."""
        server, base = self._serving.pop(environment)
        server.close()
        self._loop.run_in_executor(None, remove, base.tmp)

    def attach(self, loop: Any) -> None:
        """Hand everything that was made before `loop` existed to it."""
        from local_lambda.xray.collecting import SegmentDocuments
        from local_lambda.xray.receiver import SegmentReceiver

        self._loop = loop
        self.console.defer = partial(loop.call_later, CONSOLE_SECONDS)
        self._documents = SegmentDocuments(self._late)
        self._receiver = SegmentReceiver(loop, self._xray, self._documents.add, self._bad_datagram)
        for environment in list(self._made):
            self._carry_on(environment)

    def close(self) -> None:
        """Release every port, while the loop still runs. Shut down the environments first. May be called twice."""
        for server, _ in self._serving.values():
            server.close()
        for base in self._made.values():
            base.abandon()
        self._serving.clear()
        self._made.clear()
        if self._receiver is not None and self._documents is not None:
            self._receiver.close()
            self._documents.close()
        self._xray.close()
        self.console.defer = None
        self.console.flush()

    def _carry_on(self, environment: ExecutionEnvironment) -> None:
        from local_lambda.http.access import Access
        from local_lambda.http.server import Server
        from local_lambda.processes.peers import Peers
        from local_lambda.telemetry.registry import PRIVATE_HOSTS
        from local_lambda.xray.collecting import TraceSink

        assert self._documents is not None
        assert self._receiver is not None
        base = self._made.pop(environment)
        app, on_head = self._runtime_api(environment)
        server = Server(
            app,
            base.listener,
            MAX_PAYLOAD_BYTES,
            Access(PRIVATE_HOSTS),
            on_head,
            is_own=Peers(base.processes.group).include,
        )
        self._serving[environment] = server, base
        traces = TraceSink(self._documents, partial(self._traced, environment.stream), self._receiver.drain)
        environment.stream.add(traces, kinds=traces.kinds)
        environment.attach(self._loop)
        environment.subscriptions.attach(self._loop)
        base.processes.attach(self._loop)
        self._loop.create_task(server.start())
        environment.stream.flush()

    def _log_writer(self, base: Foundation) -> Callable[[str, str], None]:
        console = self.console.lane(base.label)
        if not self._observers.log_writers:
            return console
        writers = [console, *(make(base.function, base.launch.log_stream) for make in self._observers.log_writers)]

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

            stream.emit(Traced(time.time(), trace.request_id, trace.documents))
        for act in self._observers.on_trace:
            act(trace)

    def _late(self, document: dict[str, Any]) -> None:
        name, trace_id = document.get("name"), document.get("trace_id")
        self.console.write("trace", f"subsegment {name!r} of trace {trace_id} belongs to no invocation seen", bad=True)
        for act in self._observers.on_late_document:
            act(document)

    def _bad_datagram(self, reason: str) -> None:
        self.console.write("trace", f"a datagram on the X-Ray port is not a segment document: {reason}", bad=True)

    def _dropped(self, event: Event) -> None:
        """Print a line: CloudWatch has none for this, but you should know if you wait for logs."""
        record: Any = event.record()
        text = f"{record['droppedRecords']} records not delivered: {record['reason']}"
        self.console.write("platform", text, bad=True)

    def _broken(self, sink: Sink, error: Exception) -> None:
        name = getattr(sink, "__name__", type(sink).__name__)
        print_line(f"{name} is switched off: {type(error).__name__}: {error}")


def _record_delivery(stream: EventStream, name: str, batch: Batch, began: float, error: DeliveryFailed | None) -> None:
    from local_lambda.events.local import Delivery

    duration, reason = (time.time() - began) * 1000, str(error) if error else None
    records, size = batch.worth.records, len(batch.body)
    stream.emit(Delivery(began, f"extension:{name}", records, size, duration, reason))
