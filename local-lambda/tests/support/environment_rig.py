"""An execution environment without sockets and processes: the test plays its runtime, clock and event loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from local_lambda.environment.environment import ExecutionEnvironment
from local_lambda.environment.invocation import Invocation, InvocationResponse
from local_lambda.environment.restore_phase import WhenReady
from local_lambda.events.platform import Event
from local_lambda.events.stream import EventStream
from local_lambda.functions.config import FunctionConfig
from local_lambda.processes.memory import PeakMemory
from local_lambda.telemetry.registry import Subscriptions
from local_lambda.xray.header import new_tracing

EPOCH = 1_700_000_000.0
TIMEOUT = 3


class Clock:
    """Time that passes when the test says so, with the timers and callbacks that are then due."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._soon: list[Callable[[], object]] = []
        self._later: list[Timer] = []

    def time(self) -> float:
        """Seconds since the epoch."""
        return EPOCH + self.now

    def perf_counter(self) -> float:
        """Seconds."""
        return self.now

    def call_soon(self, action: Callable[..., object], *arguments: Any) -> None:
        """As asyncio's."""
        self._soon.append(lambda: action(*arguments))

    def call_later(self, seconds: float, action: Callable[[], object]) -> Timer:
        """As asyncio's."""
        self._later.append(Timer(self.now + seconds, action))
        return self._later[-1]

    def run(self) -> None:
        """Run everything that is due now."""
        while self._soon:
            self._soon.pop(0)()

    def advance(self, seconds: float) -> None:
        """Let time pass, and run everything that becomes due."""
        self.run()
        end = self.now + seconds
        while due := [timer for timer in self._later if not timer.cancelled and timer.when <= end]:
            timer = min(due, key=lambda timer: timer.when)
            self._later.remove(timer)
            self.now = max(self.now, timer.when)
            timer.action()
            self.run()
        self.now = end


class Timer:
    """The result of `call_later`."""

    def __init__(self, when: float, action: Callable[[], object]) -> None:
        self.when = when
        self.action = action
        self.cancelled = False

    def cancel(self) -> None:
        """Cancel the call."""
        self.cancelled = True


class FakeProcess:
    """A process that does what the test says."""

    def __init__(self, group: FakeGroup, name: str) -> None:
        self.name = name
        self.started = group.clock.now
        self.pid = None
        self.exit_code: int | None = None
        self.peak_kilobytes = 20 * 1024
        self.launch_error: tuple[int, str] | None = None
        self._group = group
        self._on_line: Callable[..., None] = lambda *line: None
        self._on_exit: Callable[[Any], None] = lambda process: None
        self._written: list[str] = []

    def connect(self, on_line: Callable[..., None], on_exit: Callable[[Any], None]) -> None:
        """As the real one's."""
        self._on_line, self._on_exit = on_line, on_exit

    def write(self, line: str) -> None:
        """Write a line that has not been read yet."""
        self._written.append(line)

    def drain(self) -> None:
        """Pass on what was written."""
        while self._written:
            self._on_line(self._written.pop(0), None)

    def exit(self, code: int, launch_error: tuple[int, str] | None = None) -> None:
        """End without a signal."""
        self.drain()
        self._group.running.remove(self)
        self.exit_code, self.launch_error = code, launch_error
        self._on_exit(self)


class FakeLaunch(NamedTuple):
    """The programs that are run."""

    extensions: tuple[str, ...] = ()
    program: str = "python"
    log_stream: str = "stream"
    runtime_version: str | None = None
    runtime_version_arn: str | None = None


class FakeGroup:
    """The processes of the environment, none of which is real."""

    def __init__(self, clock: Clock, external: Sequence[str] = ()) -> None:
        self.launch = FakeLaunch(tuple(external))
        self.running: list[FakeProcess] = []
        self.closed = False
        self.clock = clock

    def spawn_runtime(self) -> FakeProcess:
        """As the real one's."""
        return self.spawn("runtime")

    def spawn_extension(self, name: str) -> FakeProcess:
        """As the real one's."""
        return self.spawn(f"extension:{name}")

    def spawn(self, name: str) -> FakeProcess:
        """A process that runs until the test says otherwise."""
        process = FakeProcess(self, name)
        self.running.append(process)
        return process

    def names(self) -> Iterable[str]:
        """As the real one's."""
        return [process.name for process in self.running]

    def signal(self, name: str, number: int) -> None:
        """No process minds."""

    def freeze(self) -> None:
        """No process minds."""

    def thaw(self) -> None:
        """No process minds."""

    def kill_all(self, when_killed: Callable[[], None]) -> None:
        """Kill; the ends of the processes are reported first."""

        def kill() -> None:
            for process in list(self.running):
                process.exit(-9)
            when_killed()

        self.clock.call_soon(kill)

    def close(self) -> None:
        """The group is given up."""
        self.closed = True


class Call:
    """An invocation and the responses to it."""

    def __init__(self, tail: bool) -> None:
        self.responses: list[InvocationResponse] = []
        context = new_tracing(None, False)
        self.invocation = Invocation(
            b"{}", "arn:hello", context, lambda *got: self.responses.append(got[-1]), tail=tail
        )

    @property
    def id(self) -> str:
        return self.invocation.request_id

    @property
    def response(self) -> InvocationResponse:
        """The only response."""
        (response,) = self.responses
        return response


class Rig:
    """The environment, and all verbs of its runtime."""

    def __init__(
        self,
        group: Callable[[Clock], FakeGroup] = FakeGroup,
        freeze: bool = False,
        listening: bool = True,
        restored_when: WhenReady | None = None,
    ) -> None:
        self.clock = Clock()
        self.group: Any = group(self.clock)
        self.events: list[Event] = []
        self.delivered: list[Invocation] = []
        self.freed = 0
        stream = EventStream(self.clock.call_soon, self._broken)
        if listening:
            stream.add(self.events.append)
        nobody = Subscriptions(stream.emit, lambda host: "127.0.0.1")
        self.environment = ExecutionEnvironment(
            FunctionConfig("hello", "app.handler", timeout=TIMEOUT),
            self.group,
            PeakMemory(),
            self.clock,
            stream,
            lambda: b"the tail",
            nobody,
            freeze=freeze,
            restored_when=restored_when,
        )
        self.environment.attach(self.clock)
        self.environment.on_free = self._freed

    def _broken(self, sink: object, error: Exception) -> None:
        raise error

    def _freed(self, environment: object) -> None:
        self.freed += 1

    @property
    def state(self) -> tuple[str, str]:
        """The states of environment and runtime."""
        return self.environment.machine.state, self.environment.runtime.machine.state

    @property
    def process(self) -> FakeProcess:
        """The runtime's process."""
        (process,) = self.group.running
        assert isinstance(process, FakeProcess)
        return process

    def call(self, tail: bool = False) -> Call:
        """Invoke the function."""
        call = Call(tail)
        self.environment.invoke(call.invocation)
        self.clock.run()
        return call

    def ask(self) -> None:
        """The runtime asks for the next invocation."""
        self.environment.runtime.next(self.delivered.append)
        self.clock.run()

    def respond(self, call: Call, payload: bytes = b"1") -> None:
        """The runtime has a result."""
        self.environment.runtime.respond(call.id, payload, self.clock.now)
        self.clock.run()

    def warm(self) -> None:
        """Complete a first invocation; its events are forgotten."""
        call = self.call()
        self.ask()
        self.respond(call)
        self.ask()
        self.events.clear()
        self.delivered.clear()
        self.freed = 0

    def shut_down(self) -> list[str]:
        """Shut down; the list is empty until the environment has terminated."""
        ended: list[str] = []
        self.environment.shutdown(lambda: ended.append("terminated"))
        self.clock.run()
        return ended

    def story(self) -> list[str]:
        """What was reported: the type, then phase, status and error type if present, or the line."""
        self.clock.run()
        told = []
        for event in self.events:
            facts = [getattr(event, name, None) for name in ("phase", "status", "error_type", "text")]
            told.append(" ".join([event.type.removeprefix("platform."), *[fact for fact in facts if fact]]))
        return told

    def last(self, kind: type[Any]) -> Any:
        """The last event of a type."""
        return [event for event in self.events if isinstance(event, kind)][-1]
