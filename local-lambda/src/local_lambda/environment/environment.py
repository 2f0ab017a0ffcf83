"""The execution environment: one runtime process, its extensions, one invocation at a time, and all the state there is.

Its methods are the protocols' verbs; the API modules call them and render what they return or raise. Phases, order of
events and what a failure leads to: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html.
No socket, no HTTP and no subprocess here, and no import that costs start-up time: a runtime is spawned before the event
loop exists. The Init and Shutdown phases have modules of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from signal import Signals
from time import perf_counter, time
from typing import Any, Protocol

from local_lambda.environment.extensions import Deliver, Extension, Extensions, invoke_event
from local_lambda.environment.init_phase import InitPhase
from local_lambda.environment.invocation import (
    Failure,
    Invocation,
    InvocationResponse,
    exited,
    extension_ended,
    timed_out,
)
from local_lambda.environment.states import ENVIRONMENT, RUNTIME, Machine
from local_lambda.errors import ApiError
from local_lambda.events import local, platform
from local_lambda.events.identifiers import new_uuid
from local_lambda.events.stream import EventStream
from local_lambda.functions.config import FunctionConfig
from local_lambda.limits import INIT_TIMEOUT_SECONDS
from local_lambda.processes.group import ProcessGroup
from local_lambda.processes.launch import Launch
from local_lambda.processes.memory import PeakMemory
from local_lambda.processes.process import Process
from local_lambda.telemetry.registry import Subscriptions

TICK_SECONDS = 0.1
MEMORY_SECONDS = 0.01
"""Memory is read after an answer, but not more often than this: a reading costs as much as the rest of an answer."""


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
        subscriptions: Subscriptions,
        init_timeout: float = INIT_TIMEOUT_SECONDS,
        freeze: bool = False,
    ) -> None:
        self.function = function
        self.launch = launch
        self.stream = stream
        self.machine = Machine("environment", ENVIRONMENT, "New")
        self.runtime = Machine("runtime", RUNTIME, "Started")
        self.runtime_process: Process | None = None
        self.extensions = Extensions(())
        self.subscriptions = subscriptions
        self.current: Invocation | None = None
        self.init_failure: Failure | None = None
        """Why the last init failed; None after one that succeeded."""
        self.on_free: Callable[[ExecutionEnvironment], None] = lambda environment: None
        self._processes = processes
        self._log_tail = log_tail
        self._init_timeout = init_timeout
        self._freeze = freeze
        self._frozen = False
        self._init_phase = InitPhase(self, "init")
        self._init_duration: float | None = None
        self._suppressed_since: float | None = None
        self._memory = PeakMemory()
        self._loop: Any = None
        self._timer: Timer | None = None
        self._deadline = 0.0
        self._measure_after = 0.0
        self._deliver: Callable[[Invocation], None] | None = None
        self._last_request_id: str | None = None
        self._next_exit: Any = None
        self._stopping: Any = None
        self._on_terminated: list[Callable[[], None]] = []

    # --- init

    def attach(self, loop: Any) -> None:
        """Go on in `loop` (asyncio) from now on; an init that has begun gets its time limit."""
        self._loop = loop
        self._processes.attach(loop)
        self.subscriptions.attach(loop)
        if self.machine.state == "Initializing":
            self._set_timer(self._init_timeout - (perf_counter() - self._init_phase.began), self._init_timed_out)

    def defer(self, action: Callable[[], None]) -> None:
        """Run `action` when the current work is done."""
        self._loop.call_soon(action)

    def init(self, runtime: Process | None = None) -> None:
        """Begin the Init phase: the first one, or one suppressed into the invocation that is waiting.

        `runtime` is a process of the runtime that was started already.
        """
        phase = "init" if self.machine.state == "New" else "invoke"
        self.machine.advance("init")
        self._init_phase = InitPhase(self, phase)
        self.init_failure = None
        self._init_duration = None
        self.subscriptions.reopen()
        self.stream.reconsider()
        self._init_phase.begin(runtime)
        if self._loop is not None:
            limit = self._init_timeout if phase == "init" else self.function.timeout
            self._set_timer(limit, self._init_timed_out)

    def run_runtime(self, process: Process | None = None) -> None:
        """Start the runtime's process, or take over the one given."""
        self.runtime_process = process or self.launch.spawn_runtime(self._processes)
        self.runtime_process.connect(self._runtime_wrote, self._runtime_exited)
        self._record_start(self.runtime_process)

    def run_extension(self, extension: Extension) -> None:
        """Start an external extension's process."""

        def wrote(line: str, written: float | None) -> None:
            self.stream.emit(platform.ExtensionLog(written or time(), line, extension.name, self._json_logs))

        def ended(process: Process) -> None:
            self._extension_exited(extension, process)

        extension.process = self.launch.spawn_extension(self._processes, extension.name)
        extension.process.connect(wrote, ended)
        self._record_start(extension.process)

    def _record_start(self, process: Process) -> None:
        if self.stream.recording:
            started = time() - (perf_counter() - process.started)
            self.stream.emit(local.ProcessStarted(started, process.name))

    def initialized(self, duration: float) -> None:
        """The Init phase ended well after `duration` milliseconds."""
        self.machine.advance("ready")
        self._cancel_timer()
        if self._init_phase.phase == "init":
            self._init_duration = duration
        else:
            self._suppressed_since = self._init_phase.began
        self.stream.flush()
        self.subscriptions.close()
        self.stream.reconsider()
        if self.current is not None:
            self._give(self.current)
        else:
            self._idle()

    def init_failed(self, failure: Failure, duration: float) -> None:
        """The Init phase failed; inside an invocation that is its end, before that it is tried again there."""
        self.init_failure = failure
        invocation = self.current
        if self._init_phase.phase == "invoke" and invocation is not None:
            invocation.started, invocation.started_at = self._init_phase.began, time() - duration / 1000
            self.stream.emit(self._start_event(invocation))
            self._runtime_done(failure)
            self._report(failure)
        self._reset("timeout" if failure.status == "timeout" else "failure")

    def _init_timed_out(self) -> None:
        if self._init_phase.phase == "init":
            failure = Failure("timeout", None, f"Init timed out after {self._init_timeout:.2f} seconds")
        else:
            failure = timed_out(self.function.timeout)
        self._init_phase.fail(failure)

    # --- invoke

    @property
    def free(self) -> bool:
        """Whether `invoke` may be called: nobody is being served, and the environment is not in between states."""
        return self.current is None and self.machine.state in ("New", "Idle", "Stopped")

    @property
    def responded(self) -> bool:
        """Whether the environment is busy although its caller has the answer: it will be free soon."""
        return not self.free and (self.current is None or self.current.response is not None)

    def invoke(self, invocation: Invocation) -> None:
        """Serve an invocation; a new or stopped environment is initialized first."""
        self.current = invocation
        if self.machine.state == "Idle":
            self._give(invocation)
        elif self.machine.state in ("New", "Stopped"):
            self.init()

    def _give(self, invocation: Invocation) -> None:
        """To the runtime and to the extensions that want INVOKE events, at the same time."""
        self.machine.advance("invoke")
        if self._frozen:
            self._thaw()
        timeout = self.function.timeout
        invocation.started_at = now = time()
        invocation.started = perf_counter()
        invocation.deadline_ms = int((now + timeout) * 1000)
        invocation.cold_init, self._init_duration = self._init_duration, None
        self._last_request_id = invocation.request_id
        if self._deliver is not None:
            self._deliver_current()
        if self.extensions.invoked:
            event = invoke_event(invocation)
            for extension in self.extensions.invoked:
                self.give(extension, "INVOKE", event, new_uuid())
        self.stream.emit(partial(self._start_event, invocation))
        self._deadline = invocation.started + timeout
        if self._suppressed_since is not None:
            # A suppressed init is part of the duration; the handler has its whole timeout all the same.
            invocation.started, self._suppressed_since = self._suppressed_since, None
        if self._timer is None:
            self._set_timer(min(timeout, TICK_SECONDS), self._tick)

    def give(self, extension: Extension, kind: str, event: bytes, event_id: str | None) -> None:
        """Give an extension an `INVOKE` or `SHUTDOWN` event."""
        if self.stream.recording:
            self.stream.emit(local.ExtensionEvent(time(), f"extension:{extension.name}", kind))
        extension.give(event, event_id)

    def _deliver_current(self) -> None:
        assert self.current is not None
        assert self._deliver is not None
        deliver, self._deliver = self._deliver, None
        if self.runtime.state == "Ready":
            self.runtime.advance("invoke")
        deliver(self.current)

    def _start_event(self, invocation: Invocation) -> platform.Start:
        return platform.Start(
            invocation.started_at,
            invocation.request_id,
            self.function.version,
            invocation.function_arn,
            invocation.tracing,
        )

    def _tick(self) -> None:
        """Look at the deadline, and at the memory of what runs long enough to have children worth counting."""
        self._timer = None
        if self.machine.state != "Busy":
            return
        self._memory.measure(tree=True)
        left = self._deadline - perf_counter()
        if left <= 0:
            self._abort(timed_out(self.function.timeout))
        else:
            self._set_timer(min(left, TICK_SECONDS), self._tick)

    def _answer(self, payload: bytes, failed: bool) -> None:
        invocation = self.current
        assert invocation is not None
        invocation.failed = failed
        invocation.response = InvocationResponse(payload, failed)
        if not invocation.tail:
            invocation.on_response(invocation, invocation.response)

    def _abort(self, failure: Failure) -> None:
        """The invocation cannot come to a good end: answer, report, and start over."""
        self._runtime_done(failure)
        self._report(failure)
        self._reset("timeout" if failure.status == "timeout" else "failure")

    def _runtime_done(self, failure: Failure | None = None) -> None:
        """The runtime is through with the invocation, or was stopped in it."""
        invocation = self.current
        assert invocation is not None
        if invocation.done:
            return
        invocation.done = perf_counter()
        if self.runtime_process is not None:
            self.runtime_process.drain()
        if invocation.response is None and failure is not None:
            self._answer(failure.body_for(invocation.request_id), failed=True)
        if invocation.tracing.sampled or self.stream.wanted(platform.RuntimeDone):
            self.stream.emit(partial(_runtime_done_event, invocation, time(), failure))

    def _report(self, failure: Failure | None = None) -> None:
        """The invocation is over for everybody."""
        invocation = self.current
        assert invocation is not None
        now = perf_counter()
        spans: tuple[platform.Span, ...] = ()
        if self.extensions:
            for extension in self.extensions:
                if extension.process is not None:
                    extension.process.drain()
            offset = invocation.started_at - invocation.started
            spans = (platform.Span("extensionOverhead", offset + invocation.done, (now - invocation.done) * 1000),)
        self.stream.emit(partial(self._report_event, invocation, now, time(), failure, spans))
        self.current = None
        if invocation.tail and invocation.response is not None:
            self.stream.flush()
            response = invocation.response
            invocation.on_response(invocation, InvocationResponse(response.payload, response.failed, self._log_tail()))

    def _report_event(
        self,
        invocation: Invocation,
        ended: float,
        ended_at: float,
        failure: Failure | None,
        spans: tuple[platform.Span, ...],
    ) -> platform.Report:
        status = failure.status if failure else "success"
        duration = self.function.timeout * 1000.0 if status == "timeout" else (ended - invocation.started) * 1000
        cold = invocation.cold_init
        return platform.Report(
            ended_at,
            invocation.request_id,
            status,
            failure.error_type if failure else None,
            duration,
            math.ceil(duration + (cold or 0.0)),
            self.function.memory_mb,
            self._memory.megabytes,
            cold,
            spans,
            invocation.tracing,
        )

    def _done(self) -> None:
        """End the invocation if runtime and extensions are all through with it."""
        if self.machine.state == "Busy" and self.runtime.state == "Ready" and self.extensions.all_done():
            self._report()
            self.machine.advance("done")
            self._idle()

    def _idle(self) -> None:
        """Nothing is pending: without work the environment is frozen, if it is to be."""
        if self._freeze:
            self._frozen = True
            self.subscriptions.pause()
            self._processes.freeze()
            self.stream.emit(local.Freeze(time(), frozen=True))
        self.on_free(self)

    def _thaw(self) -> None:
        self._frozen = False
        self._processes.thaw()
        self.stream.emit(local.Freeze(time(), frozen=False))
        self.subscriptions.resume()

    # --- verbs of the Runtime API

    def next_invocation(self, deliver: Callable[[Invocation], None]) -> None:
        """The runtime asks for work: `deliver` is called with the invocation when there is one."""
        before = self.runtime.state
        self.runtime.advance("next")
        if self.machine.state in ("Resetting", "ShuttingDown"):
            return  # it is being stopped, and has a moment left
        self._deliver = deliver
        if before == "RuntimeResponseSentState":
            self._runtime_done()
            self._done()
        elif before == "Started":
            assert self.runtime_process is not None
            for process in (self.runtime_process, *(extension.process for extension in self.extensions)):
                if process is not None:
                    self._memory.watch(process.pid)
            self.defer(self._memory.measure)
            self.runtime_process.drain()
            self._init_phase.runtime_ready()
        elif self.machine.state == "Busy" and self.current is not None and not self.current.done:
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
        """The runtime's result cannot be passed on (too large, cut off, streamed): the caller gets the error `body`."""
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
        self._init_phase.failure = Failure("error", error_type, "", body)

    def _expect(self, verb: str, request_id: str, invocation_id: str | None) -> Invocation:
        invocation = self.current
        echoed = invocation_id is None or invocation is None or invocation_id == invocation.invocation_id
        gone = invocation is None and self.machine.state in ("Resetting", "ShuttingDown")
        if request_id != self._last_request_id or not echoed or gone:
            raise ApiError(400, "InvalidRequestID", "Invalid request ID")
        self.runtime.advance(verb)
        assert invocation is not None
        return invocation

    def _responded(self, invocation: Invocation, began: float) -> None:
        invocation.response_began = began
        invocation.responded = now = perf_counter()
        if now > self._measure_after:
            self._measure_after = now + MEMORY_SECONDS
            self.defer(self._memory.measure)

    # --- verbs of the Extensions API

    def register_extension(self, name: str, body: bytes) -> Extension:
        """An extension registers; the runtime starts when all external ones have. Raises ApiError 403."""
        extension = self.extensions.register(name, body)
        if self.stream.recording:
            self.stream.emit(local.ExtensionRegistered(time(), f"extension:{name}", extension.events))
        if extension.external and self.runtime_process is None and self.extensions.all_registered():
            self.defer(self._go_on_with_init)
        return extension

    def _go_on_with_init(self) -> None:
        if self.machine.state == "Initializing":
            self._init_phase.go_on()

    def extension_name(self, identifier: str | None) -> str:
        """The name of the extension with this identifier. Raises ApiError 403."""
        return self.extensions.identified(identifier).name

    def extension_next(self, identifier: str | None, deliver: Deliver) -> None:
        """An extension asks for its next event. Raises ApiError 403."""
        extension = self.extensions.identified(identifier)
        extension.machine.advance("next")
        if self.stream.recording:
            self.stream.emit(local.ExtensionNext(time(), f"extension:{extension.name}"))
        extension.deliver = deliver
        if extension.pending is not None:
            event, extension.pending = extension.pending, None
            extension.give(event, None)
        elif self.machine.state == "Initializing":
            self._init_phase.go_on()
        elif self.machine.state == "Busy" and self.current is not None and self.current.done:
            self._done()

    def extension_next_cancelled(self, deliver: Deliver) -> None:
        """The connection on which an extension waited for an event is gone."""
        for extension in self.extensions:
            if extension.deliver is deliver:
                extension.deliver = None

    def extension_failed(self, identifier: str | None, verb: str, error_type: str) -> None:
        """An extension posts `init/error` or `exit/error`: stored, it explains the end of its process."""
        extension = self.extensions.identified(identifier, "Unknown Lambda-Extension-Identifier")
        if not error_type:
            text = "Lambda-Extension-Function-Error-Type not found"
            raise ApiError(403, "Extension.MissingHeader", text)
        extension.machine.advance(verb)
        extension.error_type = error_type

    # --- what the processes do

    @property
    def _json_logs(self) -> bool:
        return self.function.logging.log_format == "JSON"

    def _runtime_wrote(self, line: str, written: float | None) -> None:
        self.stream.emit(platform.FunctionLog(written or time(), line, "function", self._json_logs))

    def _runtime_exited(self, process: Process) -> None:
        self._memory.add(process.peak_kilobytes)
        self._record_exit(process)
        state = self.machine.state
        if state == "Initializing":
            self._init_phase.runtime_exited(process, self.launch.argv[0])
        elif state == "Busy":
            self._abort(exited(process.exit_code or 0))
        elif state == "Idle":
            self._reset("failure")
        self._exited()

    def _extension_exited(self, extension: Extension, process: Process) -> None:
        self._memory.add(process.peak_kilobytes)
        self._record_exit(process)
        state = self.machine.state
        if process.launch_error is None:
            extension.machine.advance("exit")
        if state == "Initializing":
            self._init_phase.extension_exited(extension, process)
        elif state == "Busy":
            self._abort(extension_ended(extension, process.exit_code or 0))
        elif state == "Idle":
            self._reset("failure")
        self._exited()

    def _record_exit(self, process: Process) -> None:
        if self.stream.recording:
            self.stream.emit(local.ProcessExited(time(), process.name, process.pid, process.exit_code or 0))

    def _exited(self) -> None:
        if self._next_exit is not None and not self._next_exit.done():
            self._next_exit.set_result(None)

    async def next_exit(self, seconds: float) -> None:
        """Wait until a process of the environment ends, for `seconds` at most."""
        self._next_exit = waiter = self._loop.create_future()
        timer = self._loop.call_later(seconds, self._exited)
        await waiter
        timer.cancel()

    def signal(self, process: Process, number: int) -> None:
        """Signal a process and its process group."""
        if self.stream.recording:
            self.stream.emit(local.ProcessSignalled(time(), process.name, Signals(number).name))
        self._processes.signal(process, number)

    # --- reset and shutdown

    def _reset(self, reason: str) -> None:
        """Stop all processes but keep the environment: `/tmp`, log stream and peak memory stay."""
        self.machine.advance("reset")
        self._stop(reason)

    def shutdown(self, when_terminated: Callable[[], None]) -> None:
        """End of life: what runs is stopped with its share of grace, then `when_terminated` is called."""
        self._on_terminated.append(when_terminated)
        if self.machine.state in ("ShuttingDown", "Terminated"):
            if self.machine.state == "Terminated":
                self._terminated()
            return
        resetting = self.machine.state == "Resetting"
        if self.current is not None and not resetting:
            failure = Failure("failure", "Sandbox.Failure", "The environment was shut down")
            if self.machine.state == "Initializing":
                self._answer(failure.body_for(self.current.request_id), failed=True)
                self.current = None
            else:
                self._runtime_done(failure)
                self._report(failure)
        stopped = self.machine.state == "Stopped"
        self.machine.advance("shutdown")
        if self.machine.state == "Terminated":
            self._terminated()
        elif not resetting:
            self._stop("spindown", stopped)

    def _stop(self, reason: str, stopped: bool = False) -> None:
        self._cancel_timer()
        self._deliver = None
        if not stopped:
            self.stream.emit(local.Stop(time(), reason))
        if self._frozen:
            self._thaw()
        if self.extensions:
            self._stopping = self._loop.create_task(self._stop_with_extensions(reason))
        else:
            self._kill_all()

    async def _stop_with_extensions(self, reason: str) -> None:
        from local_lambda.environment.shutdown_phase import stop_gracefully

        await stop_gracefully(self, reason)
        self._kill_all()

    def _kill_all(self) -> None:
        if self.stream.recording:
            for process in self._processes.processes.values():
                self.stream.emit(local.ProcessSignalled(time(), process.name, "SIGKILL"))
        self._processes.kill_all(self._stopped)

    def _stopped(self) -> None:
        self.runtime_process = None
        self._memory.forget()
        self.machine.advance("stopped")
        self.stream.emit(local.Stopped(time(), final=self.machine.state == "Terminated"))
        if self.machine.state == "Terminated":
            self._terminated()
        elif self.current is not None:
            self.init()
        else:
            self.on_free(self)

    def _terminated(self) -> None:
        self._processes.close()
        self.stream.flush()
        self.subscriptions.end()
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


def _runtime_done_event(invocation: Invocation, done_at: float, failure: Failure | None) -> platform.RuntimeDone:
    return platform.RuntimeDone(
        done_at,
        invocation.request_id,
        failure.status if failure else "success",
        failure.error_type if failure else None,
        (invocation.done - invocation.started) * 1000,
        invocation.produced_bytes,
        _spans(invocation),
        invocation.tracing,
        invocation.failed,
        invocation.error_cause,
    )


def _spans(invocation: Invocation) -> tuple[platform.Span, ...]:
    """The three spans of `platform.runtimeDone`; none for an invocation without an answer of the runtime."""
    if not invocation.responded:
        return ()
    offset = invocation.started_at - invocation.started
    began, responded = max(invocation.response_began, invocation.started), invocation.responded
    return (
        platform.Span("responseLatency", invocation.started_at, (began - invocation.started) * 1000),
        platform.Span("responseDuration", offset + began, (responded - began) * 1000),
        platform.Span("runtimeOverhead", offset + responded, (invocation.done - responded) * 1000),
    )
