"""The Invoke phase: an invocation goes to runtime and extensions, and is over when all of them have finished.

Every warm invocation takes this path, so the functions it calls are kept bound, and events are written later, if
anything wants them. Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from local_lambda.environment import reporting
from local_lambda.environment.extensions import Extensions
from local_lambda.environment.failures import TRUNCATED, Failure
from local_lambda.environment.invocation import Invocation, InvocationResponse
from local_lambda.environment.ports import Clock, Loop, Memory, Timer
from local_lambda.environment.process_control import ProcessControl
from local_lambda.environment.response_stream import Bandwidth, Finish, Hold, ResponseStream
from local_lambda.events import platform
from local_lambda.events.stream import EventStream
from local_lambda.functions.config import FunctionConfig

TICK_SECONDS = 0.05
"""How often a running invocation's deadline and memory are checked. A process that it starts and that ends sooner may
be missed in `Max Memory Used`."""
MEMORY_SECONDS = 0.05
"""The shortest time between two memory readings after responses: a reading costs as much as half an invocation."""


class InvokePhase:
    """Serves one invocation after another; `on_timeout` is called when one has used up the function's timeout.

    `limited` says whether streamed responses have the service's bandwidth.
    """

    def __init__(
        self,
        function: FunctionConfig,
        extensions: Extensions,
        control: ProcessControl,
        memory: Memory,
        stream: EventStream,
        clock: Clock,
        log_tail: Callable[[], bytes],
        on_timeout: Callable[[], None],
        limited: bool = True,
    ) -> None:
        self._function = function
        self._extensions = extensions
        self._control = control
        self._memory = memory
        self._measure = partial(memory.measure, tree=True)
        self._emit = stream.emit
        self._stream = stream
        self._time = clock.time
        self._perf_counter = clock.perf_counter
        self._log_tail = log_tail
        self._on_timeout = on_timeout
        self._limited = limited
        self._loop: Loop | None = None
        self._timer: Timer | None = None
        self._serving = False
        self._held_left: float | None = None
        """What is left of the timeout, in seconds, while the clock stands still."""
        self._deadline = 0.0
        self._measure_after = 0.0

    def attach(self, loop: Loop) -> None:
        """Measure time in `loop` from now on."""
        self._loop = loop

    def begin(self, invocation: Invocation, cold_init: float | None, since: float | None) -> None:
        """Begin: the invocation is about to go to the runtime, and to the extensions that want INVOKE events.

        `cold_init` is the duration in milliseconds of the init it began with. A suppressed init began at `since`: it
        is part of the duration, but the handler still has its whole timeout.
        """
        timeout = self._function.timeout
        invocation.started_at = now = self._time()
        invocation.started = started = self._perf_counter()
        invocation.clock_offset = now - started
        invocation.deadline_ms = int((now + timeout) * 1000)
        invocation.cold_init = cold_init
        if self._stream.wanted(platform.Start):
            self._emit(partial(reporting.start, invocation, self._function.version))
        self._serving = True
        self._deadline = started + timeout
        if since is not None:
            invocation.started = since
        if self._held_left is not None:
            self._held_left = timeout
        elif self._timer is None:
            self._arm(min(timeout, TICK_SECONDS))

    def hold(self) -> None:
        """Let the timeout stand still."""
        if self._held_left is None:
            self._held_left = self._deadline - self._perf_counter()
            self._cancel()

    def resume(self) -> None:
        """Let the timeout continue with what was left of it."""
        if self._held_left is not None:
            left, self._held_left = self._held_left, None
            self._deadline = self._perf_counter() + left
            if self._serving:
                self._arm(min(left, TICK_SECONDS))

    def respond(self, invocation: Invocation, payload: bytes, began: float, failed: bool) -> None:
        """The runtime has sent a response, which began to arrive at `began` (`perf_counter` seconds)."""
        invocation.response_began = began
        invocation.responded = now = self._perf_counter()
        if now > self._measure_after and self._loop is not None:
            self._measure_after = now + MEMORY_SECONDS
            self._loop.call_soon(self._measure)
        self.answer(invocation, payload, failed)

    def stream(self, invocation: Invocation, content_type: str, hold: Hold, finish: Finish) -> ResponseStream:
        """The runtime begins a streamed response."""
        assert self._loop is not None
        bandwidth = Bandwidth(self._perf_counter) if self._limited else None
        return ResponseStream(invocation, content_type, hold, finish, self._loop, bandwidth)

    def answer(self, invocation: Invocation, payload: bytes, failed: bool) -> None:
        """Pass the response to the caller; one that wants the log tail gets it with the report, see `send_tail`."""
        invocation.failed = failed
        invocation.response = response = InvocationResponse(payload, failed)
        if not invocation.tail:
            invocation.on_response(invocation, response)

    def runtime_done(self, invocation: Invocation, failure: Failure | None) -> None:
        """The runtime has finished the invocation, or was stopped during it because of `failure`."""
        if invocation.done:
            return
        invocation.done = self._perf_counter()
        runtime = self._control.runtime
        if runtime is not None:
            runtime.drain()
        if failure is not None and invocation.response is None:
            cut_off = invocation.streamed and failure.status == "error"
            self.answer(invocation, TRUNCATED if cut_off else failure.body_for(invocation.request_id), failed=True)
        if invocation.tracing.sampled or self._stream.wanted(platform.RuntimeDone):
            invocation.done_at = self._time()
            self._emit(partial(reporting.runtime_done, invocation, failure))

    def report(self, invocation: Invocation, failure: Failure | None) -> None:
        """The invocation is over for runtime and extensions."""
        self._serving = False
        invocation.ended = self._perf_counter()
        extended = bool(self._extensions)
        if extended:
            self._extensions.drain()
        if self._stream.wanted(platform.Report):
            invocation.ended_at = self._time()
            self._emit(partial(reporting.report, invocation, failure, self._function, self._memory, extended))

    def send_tail(self, invocation: Invocation) -> None:
        """Send the response to a caller that wants the log tail, now that the report is in the log."""
        response = invocation.response
        if response is not None:
            self._stream.flush()
            invocation.on_response(invocation, response._replace(log_tail=self._log_tail()))

    def stop(self) -> None:
        """Stop serving until the next invocation."""
        self._serving = False
        self._cancel()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, seconds: float) -> None:
        assert self._loop is not None
        self._timer = self._loop.call_later(max(seconds, 0.0), self._tick)

    def _tick(self) -> None:
        """Check the deadline, and the memory of processes that run long enough to have children worth measuring."""
        self._timer = None
        if not self._serving:
            return
        self._memory.measure(tree=True)
        left = self._deadline - self._perf_counter()
        if left <= 0:
            self._on_timeout()
        else:
            self._arm(min(left, TICK_SECONDS))
