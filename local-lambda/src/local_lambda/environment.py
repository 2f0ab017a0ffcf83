"""The execution environment: one runtime process, one invocation at a time, and all the state there is.

Its methods are the protocol's verbs; the API modules call them and render what they return or raise. Phases, order of
events and what a failure leads to: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html.
No socket, no HTTP and no subprocess here, and no import that costs start-up time: a runtime is spawned before the event
loop exists.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from time import perf_counter, time
from typing import Any, Protocol

from local_lambda import events
from local_lambda.config import INIT_TIMEOUT_SECONDS, FunctionConfig
from local_lambda.errors import ApiError
from local_lambda.invocation import Answer, Failure, Invocation, exited, launch_failed, timed_out
from local_lambda.lifecycle import ENVIRONMENT, RUNTIME, Machine
from local_lambda.memory import PeakMemory
from local_lambda.processes import Process, ProcessGroup
from local_lambda.stream import EventStream
from local_lambda.variables import Launch

MEMORY_INTERVAL_SECONDS = 0.1
INITIALIZATION_TYPE = "on-demand"


class Timer(Protocol):
    """What asyncio's `call_later` returns."""

    def cancel(self) -> None:
        """Do not call after all."""


class ExecutionEnvironment:
    """One environment of `function`. `on_free(environment)` is called whenever it can take another invocation."""

    def __init__(
        self,
        function: FunctionConfig,
        launch: Launch,
        processes: ProcessGroup,
        stream: EventStream,
        log_tail: Callable[[], bytes],
        init_timeout: float = INIT_TIMEOUT_SECONDS,
    ) -> None:
        self.function = function
        self.launch = launch
        self.stream = stream
        self.machine = Machine("environment", ENVIRONMENT, "New")
        self.runtime = Machine("runtime", RUNTIME, "Started")
        self.current: Invocation | None = None
        self.on_free: Callable[[ExecutionEnvironment], None] = lambda environment: None
        self.init_failure: Failure | None = None
        """Why the last init failed; None after one that succeeded."""
        self._processes = processes
        self._log_tail = log_tail
        self._init_timeout = init_timeout
        self._memory = PeakMemory()
        self._process: Process | None = None
        self._loop: Any = None
        self._timer: Timer | None = None
        self._deadline = 0.0
        self._suppressed = False
        self._deliver: Callable[[Invocation], None] | None = None
        self._last_request_id: str | None = None
        self._phase = "init"
        self._init_began = 0.0
        self._init_duration: float | None = None
        self._on_terminated: list[Callable[[], None]] = []

    # --- init

    def attach(self, loop: Any) -> None:
        """Go on in `loop` (asyncio) from now on; an init that has begun gets its time limit."""
        self._loop = loop
        self._processes.attach(loop)
        if self.machine.state == "Initializing":
            self._set_timer(self._init_timeout - (perf_counter() - self._init_began), self._init_timed_out)

    def init(self) -> None:
        """Begin the Init phase: the first one, or one suppressed into the invocation that is waiting."""
        self._phase = "init" if self.machine.state == "New" else "invoke"
        self.machine.advance("init")
        self.runtime = Machine("runtime", RUNTIME, "Started")
        self.init_failure = None
        self._init_duration = None
        self._init_began = perf_counter()
        function = self.function
        self.stream.emit(
            events.InitStart(
                time(),
                INITIALIZATION_TYPE,
                self._phase,
                self.launch.runtime_version,
                self.launch.runtime_version_arn,
                function.name,
                function.version,
                self.launch.log_stream,
                function.memory_mb * 1024 * 1024,
            )
        )
        self._process = self._processes.spawn(
            "runtime",
            self.launch.argv,
            self.launch.env,
            self.launch.cwd,
            self._runtime_wrote,
            self._runtime_exited,
            framed_log=True,
        )
        if self._loop is not None:
            limit = self._init_timeout if self._phase == "init" else self.function.timeout
            self._set_timer(limit, self._init_timed_out)

    def _runtime_ready(self) -> None:
        now = perf_counter()
        duration = (now - self._init_began) * 1000
        assert self._process is not None
        self._process.drain()
        self._memory.watch(self._process.pid)
        self._loop.call_soon(self._memory.measure)
        self.machine.advance("ready")
        self._cancel_timer()
        self.stream.emit(events.InitRuntimeDone(time(), INITIALIZATION_TYPE, self._phase, "success"))
        self.stream.emit(events.InitReport(time(), INITIALIZATION_TYPE, self._phase, "success", duration))
        if self._phase == "init":
            self._init_duration = duration
        else:
            self._suppressed = True
        if self.current is not None:
            self._give_to_runtime(self.current)
        else:
            self.on_free(self)

    def _init_failed(self, failure: Failure) -> None:
        failure = self.init_failure or failure
        self.init_failure = failure
        duration = (perf_counter() - self._init_began) * 1000
        status, kind = failure.status, failure.error_type
        self.stream.emit(events.InitRuntimeDone(time(), INITIALIZATION_TYPE, self._phase, status, kind))
        self.stream.emit(events.InitReport(time(), INITIALIZATION_TYPE, self._phase, status, duration, kind))
        invocation = self.current
        if self._phase == "invoke" and invocation is not None:
            invocation.started, invocation.started_at = self._init_began, time() - duration / 1000
            self.stream.emit(self._start_event(invocation))
            self._end_invocation(failure)
        self._reset()

    def _init_timed_out(self) -> None:
        if self._phase == "init":
            self._init_failed(Failure("timeout", None, f"Init timed out after {self._init_timeout:.2f} seconds"))
        else:
            self._init_failed(timed_out(self.function.timeout))

    # --- invoke

    @property
    def free(self) -> bool:
        """Whether `invoke` may be called: nobody is being served, and the environment is not in between states."""
        return self.current is None and self.machine.state in ("New", "Idle", "Stopped")

    @property
    def answered(self) -> bool:
        """Whether the environment is busy although its caller has the answer: it will be free soon."""
        return not self.free and (self.current is None or self.current.answer is not None)

    def invoke(self, invocation: Invocation) -> None:
        """Serve an invocation; a new or stopped environment is initialized first."""
        self.current = invocation
        if self.machine.state == "Idle":
            self._give_to_runtime(invocation)
        elif self.machine.state in ("New", "Stopped"):
            self.init()

    def _give_to_runtime(self, invocation: Invocation) -> None:
        self.machine.advance("invoke")
        timeout = self.function.timeout
        invocation.started_at = now = time()
        invocation.started = perf_counter()
        invocation.deadline_ms = int((now + timeout) * 1000)
        invocation.cold_init, self._init_duration = self._init_duration, None
        self._last_request_id = invocation.request_id
        if self._deliver is not None:
            self._deliver_current()
        self.stream.emit(self._start_event(invocation))
        self._deadline = invocation.started + timeout
        if self._suppressed:
            # A suppressed init is part of the duration; the handler has its whole timeout all the same.
            invocation.started, self._suppressed = self._init_began, False
        self._set_timer(min(timeout, MEMORY_INTERVAL_SECONDS), self._tick)

    def _deliver_current(self) -> None:
        assert self.current is not None
        assert self._deliver is not None
        deliver, self._deliver = self._deliver, None
        if self.runtime.state == "Ready":
            self.runtime.advance("invoke")
        deliver(self.current)

    def _start_event(self, invocation: Invocation) -> events.Start:
        return events.Start(
            invocation.started_at,
            invocation.request_id,
            self.function.version,
            invocation.function_arn,
            invocation.tracing,
        )

    def _tick(self) -> None:
        """Look at the deadline, and at the memory of what runs long enough to have children worth counting."""
        self._memory.measure(tree=True)
        left = self._deadline - perf_counter()
        if left <= 0:
            self._abort(timed_out(self.function.timeout))
        else:
            self._set_timer(min(left, MEMORY_INTERVAL_SECONDS), self._tick)

    def _answer(self, payload: bytes, failed: bool) -> None:
        invocation = self.current
        assert invocation is not None
        invocation.failed = failed
        invocation.answer = Answer(payload, failed)
        if not invocation.tail:
            invocation.on_answer(invocation.answer)

    def _abort(self, failure: Failure) -> None:
        """The invocation cannot come to a good end: answer, report, and start over."""
        self._end_invocation(failure)
        self._reset()

    def _end_invocation(self, failure: Failure | None = None) -> None:
        invocation = self.current
        assert invocation is not None
        self._cancel_timer()
        now = perf_counter()
        if self._process is not None:
            self._process.drain()
        if invocation.answer is None and failure is not None:
            self._answer(failure.body_for(invocation.request_id), failed=True)
        measured = (now - invocation.started) * 1000
        status, kind = (failure.status, failure.error_type) if failure else ("success", None)
        self.stream.emit(
            events.RuntimeDone(
                time(),
                invocation.request_id,
                status,
                kind,
                measured,
                invocation.produced_bytes,
                _spans(invocation, now),
                invocation.tracing,
                invocation.failed,
                invocation.error_cause,
            )
        )
        timeout = self.function.timeout * 1000.0
        duration = timeout if status == "timeout" else measured
        cold = invocation.cold_init
        self.stream.emit(
            events.Report(
                time(),
                invocation.request_id,
                status,
                kind,
                duration,
                math.ceil(duration + (cold or 0.0)),
                self.function.memory_mb,
                self._memory.megabytes,
                cold,
                (),
                invocation.tracing,
            )
        )
        self.current = None
        if invocation.tail and invocation.answer is not None:
            self.stream.flush()
            answer = invocation.answer
            invocation.on_answer(Answer(answer.payload, answer.failed, self._log_tail()))

    # --- verbs of the Runtime API

    def next_invocation(self, deliver: Callable[[Invocation], None]) -> None:
        """The runtime asks for work: `deliver` is called with the invocation when there is one."""
        before = self.runtime.state
        self.runtime.advance("next")
        self._deliver = deliver
        if before == "RuntimeResponseSentState":
            self._end_invocation()
            self.machine.advance("done")
            self.on_free(self)
        elif before == "Started" and self.machine.state == "Initializing":
            self._runtime_ready()
        elif self.machine.state == "Busy":
            self._deliver_current()

    def next_cancelled(self, deliver: Callable[[Invocation], None]) -> None:
        """The connection on which the runtime waited for work is gone."""
        if self._deliver is deliver:
            self._deliver = None

    def respond(self, request_id: str, payload: bytes, began: float, invocation_id: str | None = None) -> None:
        """The runtime's result. `began` is when it began to arrive (`perf_counter` seconds).

        Raises ApiError 400 for another request's id and InvalidStateTransition (403) when nothing is expected.
        """
        invocation = self._expect("response", request_id, invocation_id)
        self._responded(invocation, began)
        invocation.produced_bytes = len(payload)
        self._answer(payload, failed=False)

    def refuse_response(self, request_id: str, body: bytes, began: float) -> None:
        """The runtime's result cannot be passed on (too large, cut off, streamed): the caller gets `body` as an error."""
        self._responded(self._expect("response", request_id, None), began)
        self._answer(body, failed=True)

    def fail(
        self, request_id: str, body: bytes, began: float, invocation_id: str | None = None, cause: str | None = None
    ) -> None:
        """The handler's error object, passed to the caller byte for byte. Raises as `respond` does."""
        invocation = self._expect("error", request_id, invocation_id)
        self._responded(invocation, began)
        invocation.error_cause = cause
        self._answer(body, failed=True)

    def fail_init(self, body: bytes, error_type: str) -> None:
        """The runtime could not initialize; its error becomes the answer once its process has ended."""
        self.runtime.advance("init/error")
        self.init_failure = Failure("error", error_type, "", body)

    def _expect(self, verb: str, request_id: str, invocation_id: str | None) -> Invocation:
        invocation = self.current
        echoed = invocation_id is None or invocation is None or invocation_id == invocation.invocation_id
        if request_id != self._last_request_id or not echoed:
            raise ApiError(400, "InvalidRequestID", "Invalid request ID")
        self.runtime.advance(verb)
        assert invocation is not None
        return invocation

    def _responded(self, invocation: Invocation, began: float) -> None:
        invocation.response_began = began
        invocation.responded = perf_counter()
        self._loop.call_soon(self._memory.measure)

    # --- what the processes do

    def _runtime_wrote(self, line: str, written: float | None) -> None:
        text_format = self.function.logging.log_format == "JSON"
        self.stream.emit(events.FunctionLog(written or time(), line, "function", text_format))

    def _runtime_exited(self, process: Process) -> None:
        self._memory.add(process.peak_kilobytes)
        if process.launch_error is not None:
            failure = launch_failed(self.launch.argv[0], process.launch_error[1])
        else:
            failure = exited(process.exit_code or 0)
        if self.machine.state == "Initializing":
            self._init_failed(failure)
        elif self.machine.state == "Busy":
            self._abort(failure)
        elif self.machine.state == "Idle":
            self._reset()

    # --- reset and shutdown

    def _reset(self) -> None:
        """Stop all processes but keep the environment: `/tmp`, log stream and peak memory stay."""
        self.machine.advance("reset")
        self._stop()

    def shutdown(self, when_terminated: Callable[[], None]) -> None:
        """End of life. Without extensions the service gives the runtime no time and no SIGTERM."""
        self._on_terminated.append(when_terminated)
        if self.machine.state in ("ShuttingDown", "Terminated"):
            return
        resetting = self.machine.state == "Resetting"
        self.machine.advance("shutdown")
        if self.current is not None:
            self._end_invocation(Failure("failure", "Sandbox.Failure", "The environment was shut down"))
        if self.machine.state == "Terminated":
            self._terminated()
        elif not resetting:
            self._stop()

    def _stop(self) -> None:
        self._cancel_timer()
        self._deliver = None
        self._processes.kill_all(self._stopped)

    def _stopped(self) -> None:
        self._process = None
        self._memory.watch(None)
        self.machine.advance("stopped")
        if self.machine.state == "Terminated":
            self._terminated()
        elif self.current is not None:
            self.init()
        else:
            self.on_free(self)

    def _terminated(self) -> None:
        self._processes.close()
        self.stream.flush()
        while self._on_terminated:
            self._on_terminated.pop()()

    # --- the timer

    def _set_timer(self, seconds: float, action: Callable[[], None]) -> None:
        self._cancel_timer()
        self._timer = self._loop.call_later(max(seconds, 0.0), action)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _spans(invocation: Invocation, ended: float) -> tuple[events.Span, ...]:
    """The three spans of `platform.runtimeDone`; none for an invocation without an answer of the runtime."""
    if not invocation.responded:
        return ()
    offset = invocation.started_at - invocation.started
    began, responded = max(invocation.response_began, invocation.started), invocation.responded
    return (
        events.Span("responseLatency", invocation.started_at, (began - invocation.started) * 1000),
        events.Span("responseDuration", offset + began, (responded - began) * 1000),
        events.Span("runtimeOverhead", offset + responded, (ended - responded) * 1000),
    )
