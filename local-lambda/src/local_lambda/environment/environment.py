"""The execution environment: one runtime process, its extensions, one invocation at a time, and all of the state.

Its methods are the protocols' verbs; the API modules call them and render what they return or raise. Each phase is a
separate module, which gets what it needs and reports its outcome here; this module makes the transitions.
Order of events and effects of failures: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html.
This module knows no clock, socket, HTTP or process (see `ports`), and imports nothing that costs start-up time: a
runtime is spawned before the event loop exists.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from signal import SIGKILL

from local_lambda.environment import reporting
from local_lambda.environment.extensions import Extension, Extensions
from local_lambda.environment.failures import OUT_OF_MEMORY, SHUT_DOWN, Failure, exited, extension_ended, timed_out
from local_lambda.environment.init_phase import InitPhase
from local_lambda.environment.invocation import Invocation
from local_lambda.environment.invoke_phase import InvokePhase
from local_lambda.environment.memory_limit import MemoryLimit
from local_lambda.environment.ports import Clock, Loop, Memory, Process, Processes
from local_lambda.environment.process_control import ProcessControl, runs
from local_lambda.environment.restore_phase import RestorePhase, WhenReady
from local_lambda.environment.runtime import Runtime
from local_lambda.environment.shutdown_phase import ShutdownPhase
from local_lambda.environment.states import (
    BUSY,
    ENVIRONMENT,
    IDLE,
    INITIALIZING,
    NEW,
    RESETTING,
    SHUTTING_DOWN,
    STOPPED,
    TERMINATED,
    Machine,
)
from local_lambda.events import local
from local_lambda.events.stream import EventStream
from local_lambda.functions.config import FunctionConfig
from local_lambda.limits import INIT_TIMEOUT_SECONDS
from local_lambda.telemetry.registry import Subscriptions


class ExecutionEnvironment:
    """One environment of `function`. It calls `on_free(environment)` whenever it can serve another invocation."""

    def __init__(
        self,
        function: FunctionConfig,
        processes: Processes,
        memory: Memory,
        clock: Clock,
        stream: EventStream,
        log_tail: Callable[[], bytes],
        subscriptions: Subscriptions,
        init_timeout: float = INIT_TIMEOUT_SECONDS,
        freeze: bool = False,
        bandwidth_limit: bool = True,
        memory_limit: bool = True,
        restored_when: WhenReady | None = None,
    ) -> None:
        self.function = function
        self.launch = processes.launch
        self.stream = stream
        self.subscriptions = subscriptions
        self.machine = Machine("environment", ENVIRONMENT, NEW)
        self.extensions = Extensions(stream, clock, self._extension_registered, self._extension_waits)
        self.control = ProcessControl(
            processes,
            memory,
            stream,
            clock,
            function.logging.log_format == "JSON",
            self._runtime_exited,
            self._extension_exited,
        )
        self.current: Invocation | None = None
        self.tenant_id: str | None = None
        """The only tenant that it serves, if the function isolates tenants."""
        self.init_failure: Failure | None = None
        """Why the last init failed; None if it succeeded."""
        self.on_free: Callable[[ExecutionEnvironment], None] = _nothing
        self._processes = processes
        self._memory = memory
        self._clock = clock
        self._time = clock.time
        self._init_timeout = init_timeout
        self._make_phase: Callable[..., InitPhase] = (
            InitPhase if restored_when is None else partial(RestorePhase, when=restored_when)
        )
        self._restored = restored_when is not None
        """Whether its runtime continues from a snapshot."""
        self._restore_duration: float | None = None
        self._freeze = freeze
        self._held = False
        self._init_phase: InitPhase = self._make_phase(self, "init", clock, 0.0)
        self._init_duration: float | None = None
        self._suppressed_since: float | None = None
        self._invoke_phase = InvokePhase(
            function,
            self.extensions,
            self.control,
            memory,
            stream,
            clock,
            log_tail,
            self._timed_out,
            bandwidth_limit,
        )
        self.runtime = Runtime(
            self._runtime_ready,
            self._invoke_phase.respond,
            self._runtime_done,
            self._runtime_said,
            self._invoke_phase.stream,
            self._runtime_restores,
        )
        self._memory_limit = (
            MemoryLimit(memory, function.memory_mb, self._look_for_processes, self._out_of_memory)
            if memory_limit
            else None
        )
        self._exceeded = False
        """Whether the runtime is being killed because of its memory."""
        self._shutdown_phase: ShutdownPhase | None = None
        self._loop: Loop | None = None
        self._on_terminated: list[Callable[[], None]] = []

    # --- init

    def attach(self, loop: Loop) -> None:
        """Continue in `loop` from now on; an init that has begun gets its time limit now."""
        self._loop = loop
        self._invoke_phase.attach(loop)
        if self._memory_limit is not None:
            self._memory_limit.attach(loop)
        self._shutdown_phase = ShutdownPhase(
            self.control, self.extensions, self.stream, self.subscriptions, self._clock, loop
        )
        if self.machine.state is INITIALIZING:
            self._init_phase.limit(loop, self._init_timeout, self._held)

    def defer(self, action: Callable[[], None]) -> None:
        """Run `action` after the current work."""
        assert self._loop is not None
        self._loop.call_soon(action)

    def init(self, runtime: Process | None = None) -> None:
        """Begin the Init phase: the first one, or a suppressed init inside the waiting invocation.

        `runtime` is a runtime process that has already started.
        """
        phase = "init" if self.machine.state is NEW else "invoke"
        self.machine.advance("init")
        self.runtime.begin()
        self.extensions.begin(self.launch.extensions)
        self.init_failure = None
        self._exceeded = False
        self._init_duration = self._restore_duration = None
        self.subscriptions.reopen()
        self.stream.reconsider()
        began = self._clock.perf_counter() if runtime is None else runtime.started
        self._init_phase = self._make_phase(self, phase, self._clock, began)
        self._init_phase.begin(runtime)
        if self._memory_limit is not None:
            self._memory_limit.watch()
        if self._loop is not None and self.machine.state is INITIALIZING:
            self._init_phase.limit(self._loop, self._init_timeout, self._held)

    def initialized(self, duration: float) -> None:
        """Record that the Init phase succeeded after `duration` milliseconds."""
        self.machine.advance("ready")
        if self._restored:
            self._restore_duration = duration
        elif self._init_phase.phase == "init":
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
        """Handle a failed Init phase: it is tried again inside the first invocation, where a failure is final."""
        self.init_failure = failure
        invocation = self.current
        if failure.refusal is not None:
            self._give_up(failure)
        elif self._init_phase.phase == "invoke" and invocation is not None:
            invocation.started, invocation.started_at = self._init_phase.began, self._time() - duration / 1000
            invocation.clock_offset = invocation.started_at - invocation.started
            self.stream.emit(partial(reporting.start, invocation, self.function.version))
            self._end_invocation(invocation, failure)
        self._reset(failure)

    # --- invoke

    @property
    def free(self) -> bool:
        """Whether `invoke` may be called: no invocation is in progress, and the environment is not between states."""
        return self.current is None and self.machine.state in (NEW, IDLE, STOPPED)

    @property
    def ready(self) -> bool:
        """Whether its Init phase has succeeded: it serves an invocation, or can do so at once."""
        return self.init_failure is None and self.machine.state in (IDLE, BUSY)

    @property
    def responded(self) -> bool:
        """Whether the caller has its response but the environment is still busy, so that it will soon be free."""
        return not self.free and (self.current is None or self.current.response is not None)

    def invoke(self, invocation: Invocation) -> None:
        """Serve an invocation; a new or stopped environment is initialized first."""
        self.current = invocation
        state = self.machine.state
        if state is IDLE:
            self._give(invocation)
        elif state is NEW or state is STOPPED:
            self.init()

    def _give(self, invocation: Invocation) -> None:
        self.machine.advance("invoke")
        if self.control.frozen:
            self._thaw()
        cold_init, since = self._init_duration, self._suppressed_since
        invocation.restore = self._restore_duration
        self._init_duration = self._suppressed_since = self._restore_duration = None
        self._invoke_phase.begin(invocation, cold_init, since)
        if self._memory_limit is not None:
            self._memory_limit.watch()
        self.runtime.give(invocation)
        if self.extensions.invoked:
            self.extensions.invoke(invocation)

    def _look_for_processes(self) -> None:
        self.control.watch_memory(self.extensions)

    def _out_of_memory(self) -> None:
        """Kill the runtime, as the kernel does; the rest follows from its end."""
        if self._killable():
            self._exceeded = True
            self.kill_runtime()

    def _timed_out(self) -> None:
        self._abort(timed_out(self.function.timeout))

    def _abort(self, failure: Failure) -> None:
        """Handle a failed invocation: respond, report, and start over."""
        if self.current is not None:
            self._end_invocation(self.current, failure)
        self._reset(failure)

    def _end_invocation(self, invocation: Invocation, failure: Failure) -> None:
        self._invoke_phase.runtime_done(invocation, failure)
        self._report(invocation, failure)

    def _report(self, invocation: Invocation, failure: Failure | None) -> None:
        self._invoke_phase.report(invocation, failure)
        self.runtime.over()
        self.current = None
        if invocation.tail:
            self._invoke_phase.send_tail(invocation)

    def _done(self, invocation: Invocation) -> None:
        """The runtime has finished the invocation, which is over if all extensions have finished, too."""
        if self.extensions.all_done():
            self._report(invocation, None)
            self.machine.advance("done")
            self._idle()

    def _idle(self) -> None:
        """The environment is free: freeze it, if requested."""
        if self._memory_limit is not None:
            self._memory_limit.rest()
        if self._freeze:
            self.freeze()
        self.on_free(self)

    def freeze(self) -> bool:
        """Stop all processes until the next invocation, or until `thaw`; False if the environment is not idle."""
        if self.machine.state is not IDLE or self.control.frozen or self._held:
            return False
        self.subscriptions.pause()
        self.control.freeze()
        return True

    def thaw(self) -> bool:
        """Let all processes continue; False if they are not stopped."""
        if not self.control.frozen:
            return False
        self._thaw()
        return True

    def kill_runtime(self) -> bool:
        """Kill the runtime, as a crash would; the rest follows from its end. False if none is running."""
        runtime = self.control.runtime
        if runtime is None or not self._killable():
            return False
        self.control.signal(runtime, SIGKILL)
        return True

    def _killable(self) -> bool:
        return runs(self.control.runtime) and self.machine.state in (INITIALIZING, BUSY, IDLE)

    def hold(self) -> None:
        """A debugger is there: from now on the Init limit and the timeout stand still, and nothing is frozen."""
        self._held = True
        self._init_phase.hold()
        self._invoke_phase.hold()
        if self.control.frozen:
            self._thaw()

    def resume(self) -> None:
        """The debugger is gone: the limits continue with what was left of them."""
        self._held = False
        self._init_phase.resume()
        self._invoke_phase.resume()

    def _thaw(self) -> None:
        self.control.thaw()
        self.subscriptions.resume()

    # --- events of runtime, extensions and processes

    def _runtime_ready(self) -> None:
        runtime = self.control.runtime
        assert runtime is not None
        self.control.watch_memory(self.extensions)
        self.defer(self._memory.measure)
        runtime.drain()
        self._init_phase.runtime_ready()

    def _runtime_restores(self) -> None:
        if isinstance(self._init_phase, RestorePhase):
            self._init_phase.restoring()
        else:
            self._runtime_ready()

    def _runtime_done(self, invocation: Invocation) -> None:
        self._invoke_phase.runtime_done(invocation, None)
        self._done(invocation)

    def _runtime_said(self, failure: Failure) -> None:
        self._init_phase.explain(failure)

    def _extension_registered(self) -> None:
        if self.control.runtime is None and self.extensions.all_registered():
            self.defer(self._go_on_with_init)  # after the extension has its response

    def _go_on_with_init(self) -> None:
        if self.machine.state is INITIALIZING:
            self._init_phase.go_on()

    def _extension_waits(self) -> None:
        state, invocation = self.machine.state, self.current
        if state is INITIALIZING:
            self._init_phase.go_on()
        elif state is BUSY and invocation is not None and invocation.done:
            self._done(invocation)

    def _runtime_exited(self, process: Process) -> None:
        state = self.machine.state
        if state is INITIALIZING:
            self._init_phase.runtime_exited(process, OUT_OF_MEMORY if self._exceeded else None)
        elif state is BUSY or state is IDLE:
            self._abort(OUT_OF_MEMORY if self._exceeded else exited(process.exit_code or 0))
        self._process_ended()

    def _extension_exited(self, extension: Extension, process: Process) -> None:
        state = self.machine.state
        if process.launch_error is None:
            extension.machine.advance("exit")
        if state is INITIALIZING:
            self._init_phase.extension_exited(extension, process)
        elif state is BUSY or state is IDLE:
            self._abort(extension_ended(extension.machine.state, process.exit_code or 0))
        self._process_ended()

    def _process_ended(self) -> None:
        if self._shutdown_phase is not None:
            self._shutdown_phase.process_ended()

    # --- reset and shutdown

    def _reset(self, failure: Failure) -> None:
        """Stop all processes but keep the environment: `/tmp`, log stream and peak memory stay."""
        self.machine.advance("reset")
        self._stop(failure.shutdown_reason)

    def shutdown(self, when_terminated: Callable[[], None]) -> None:
        """End the environment: stop everything, each with its time to clean up, then call `when_terminated`."""
        self._on_terminated.append(when_terminated)
        before = self.machine.state
        if before is SHUTTING_DOWN:
            return
        if before is TERMINATED:
            self._terminated()
            return
        self._give_up(SHUT_DOWN)
        self.machine.advance("shutdown")
        if before is NEW:
            self._terminated()
        elif before is not RESETTING:
            self._stop("spindown", before is STOPPED)

    def _give_up(self, failure: Failure) -> None:
        """End the invocation in progress. It is not reported if the runtime never received it."""
        invocation = self.current
        if invocation is None:
            return
        if self.machine.state is BUSY:
            self._end_invocation(invocation, failure)
        else:
            invocation.refusal = failure.refusal
            self._invoke_phase.answer(invocation, failure.body_for(invocation.request_id), failed=True)
            self.current = None
            if invocation.tail:
                self._invoke_phase.send_tail(invocation)

    def _stop(self, reason: str, stopped: bool = False) -> None:
        self._init_phase.stop()
        self._invoke_phase.stop()
        self.runtime.stop()
        if not stopped:
            self.stream.emit(local.Stop(self._time(), reason))
        if self.control.frozen:
            self._thaw()
        if self.extensions and self._shutdown_phase is not None:
            self._shutdown_phase.begin(reason, self._kill_all)
        else:
            self._kill_all()

    def _kill_all(self) -> None:
        self.control.kill_all(self._stopped)

    def _stopped(self) -> None:
        self.control.gone()
        self.machine.advance("stopped")
        self.stream.emit(local.Stopped(self._time(), final=self.machine.state is TERMINATED))
        if self.machine.state is TERMINATED:
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


def _nothing(environment: ExecutionEnvironment) -> None:
    """The default of `on_free`."""
