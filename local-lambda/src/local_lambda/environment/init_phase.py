"""The Init phase: extensions start first, the runtime when all have registered; it ends when all have asked for work.

Order: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-ib. One object is
one attempt. After a failure, the second attempt is made inside an invocation (a suppressed init, `phase` is `invoke`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from local_lambda.environment.extensions import Extension, Extensions
from local_lambda.environment.failures import (
    Failure,
    exited,
    extension_ended,
    extension_launch_failed,
    init_timed_out,
    launch_failed,
    timed_out,
)
from local_lambda.environment.ports import Clock, Launch, Loop, Process, Timer
from local_lambda.environment.process_control import ProcessControl
from local_lambda.environment.runtime import Runtime
from local_lambda.environment.states import LAUNCH_ERROR, READY, RESTORING
from local_lambda.events import platform
from local_lambda.events.stream import EventStream
from local_lambda.functions.config import PROVISIONED, SNAP_START, FunctionConfig
from local_lambda.limits import MAX_EXTENSIONS, PROVISIONED_INIT_SECONDS

_LAUNCH_ERRORS = {13: "PermissionDenied"}


class InitHost(Protocol):
    """What an attempt needs from its environment, and the two outcomes it reports."""

    function: FunctionConfig
    launch: Launch
    stream: EventStream
    runtime: Runtime
    extensions: Extensions
    control: ProcessControl

    def defer(self, action: Callable[[], None]) -> None:
        """Run `action` after the current work."""

    def initialized(self, duration: float) -> None:
        """The attempt succeeded after `duration` milliseconds."""

    def init_failed(self, failure: Failure, duration: float) -> None:
        """The attempt failed after `duration` milliseconds."""


class InitPhase:
    """One attempt to initialize `host`, begun at `began` (`perf_counter` seconds)."""

    def __init__(self, host: InitHost, phase: str, clock: Clock, began: float) -> None:
        self.phase = phase
        self.began = began
        self._host = host
        self._type = host.function.initialization_type
        self._time = clock.time
        self._perf_counter = clock.perf_counter
        self._said: Failure | None = None
        self._timer: Timer | None = None
        self._loop: Loop | None = None
        self._left = self._since = 0.0
        self._fails_with: Failure | None = None
        self._held = False

    def begin(self, runtime: Process | None) -> None:
        """Start the extensions, or the runtime if there are none; it may have started already."""
        host = self._host
        launch, function = host.launch, host.function
        host.stream.emit(
            platform.InitStart(
                self._time() - (self._perf_counter() - self.began),
                self._type,
                self.phase,
                launch.runtime_version,
                launch.runtime_version_arn,
                function.name,
                function.version,
                launch.log_stream,
                function.memory_mb * 1024 * 1024,
            )
        )
        if len(launch.extensions) > MAX_EXTENSIONS:
            for extension in host.extensions:
                self._not_launched(extension, "TooManyExtensions")
            host.defer(self._too_many)
            return
        for extension in host.extensions:
            host.control.start_extension(extension)
        if runtime is not None:
            host.control.start_runtime(runtime)
        self.go_on()

    def go_on(self) -> None:
        """After an event: start the runtime, or end the phase, if it is time for that."""
        host = self._host
        if host.control.runtime is None:
            if host.extensions.all_registered():
                host.control.start_runtime()
        elif host.runtime.machine.state in (READY, RESTORING) and host.extensions.all_ready():
            self.stop()
            host.initialized(self._report("success", None))

    def limit(self, loop: Loop, init_timeout: float, held: bool) -> None:
        """Fail in `loop` when time is up: `init_timeout`, or the function's timeout inside an invocation.

        While it is `held`, time stands still.
        """
        if self.phase == "init":
            if self._type in (PROVISIONED, SNAP_START):
                init_timeout = max(init_timeout, PROVISIONED_INIT_SECONDS, float(self._host.function.timeout))
            limit, failure = init_timeout, init_timed_out(init_timeout)
        else:
            limit, failure = float(self._host.function.timeout), timed_out(self._host.function.timeout)
        self._left = max(limit - (self._perf_counter() - self.began), 0.0)
        self._loop, self._fails_with = loop, failure
        if not held:
            self.resume()

    def hold(self) -> None:
        """Let the time limit stand still."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._left = max(self._left - (self._perf_counter() - self._since), 0.0)

    def resume(self) -> None:
        """Let the time limit continue with what was left of it."""
        if self._loop is not None and self._fails_with is not None and self._timer is None:
            self._since = self._perf_counter()
            self._timer = self._loop.call_later(self._left, partial(self.fail, self._fails_with))

    def stop(self) -> None:
        """End the attempt, and with it its time limit."""
        self._fails_with = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def explain(self, failure: Failure) -> None:
        """Keep the error that the runtime posted; it explains the end of its process better than an exit status."""
        self._said = failure

    def runtime_ready(self) -> None:
        """The runtime asked for its first invocation, so the registration of extensions is over."""
        host = self._host
        host.extensions.closed = True
        host.stream.emit(platform.InitRuntimeDone(self._time(), self._type, self.phase, "success"))
        self.go_on()

    def runtime_exited(self, process: Process, why: Failure | None = None) -> None:
        """The runtime's process ended, for the reason `why` if that is known, or could not be started."""
        if why is not None:
            self.fail(why)
        elif process.launch_error is not None:
            self.fail(launch_failed(self._host.launch.program, process.launch_error[1]))
        else:
            self.fail(exited(process.exit_code or 0))

    def extension_exited(self, extension: Extension, process: Process) -> None:
        """An extension's process ended, or could not be started."""
        if process.launch_error is not None:
            number, reason = process.launch_error
            self._not_launched(extension, _LAUNCH_ERRORS.get(number, "UnknownError"))
            self.fail(extension_launch_failed(extension.name, reason))
        else:
            self.fail(extension_ended(extension.machine.state, process.exit_code or 0))

    def fail(self, failure: Failure) -> None:
        """Fail the attempt; an error that the runtime posted before takes precedence."""
        host = self._host
        failure = self._said or failure
        if host.runtime.machine.state not in (READY, RESTORING):
            host.stream.emit(
                platform.InitRuntimeDone(self._time(), self._type, self.phase, failure.status, failure.error_type)
            )
        host.init_failed(failure, self._report(failure.status, failure.error_type))

    def _too_many(self) -> None:
        self.fail(launch_failed("the extensions", f"more than {MAX_EXTENSIONS}", "Extension.LaunchError"))

    def _report(self, status: str, error_type: str | None) -> float:
        stream = self._host.stream
        for extension in self._host.extensions:
            if extension.machine.state is not LAUNCH_ERROR:
                state, kind = extension.machine.state, extension.error_type
                stream.emit(platform.ExtensionState(self._time(), extension.name, state, extension.events, kind))
        duration = (self._perf_counter() - self.began) * 1000
        stream.emit(platform.InitReport(self._time(), self._type, self.phase, status, duration, error_type))
        return duration

    def _not_launched(self, extension: Extension, reason: str) -> None:
        extension.machine.advance("launch failed")
        self._host.stream.emit(platform.ExtensionState(self._time(), extension.name, "LaunchError", (), reason))
