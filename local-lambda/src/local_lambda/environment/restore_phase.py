"""The Restore phase of SnapStart: a runtime that was initialized once continues in this environment.

It begins when the runtime's process is forked, and ends when the hooks for after a restore have run and the runtime
asks for an invocation. Source: https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from local_lambda.environment.failures import Failure, restore_failed, restore_timed_out
from local_lambda.environment.init_phase import InitHost, InitPhase
from local_lambda.environment.ports import Clock, Loop, Process
from local_lambda.environment.states import READY
from local_lambda.errors import ApiError
from local_lambda.events import platform
from local_lambda.limits import RESTORE_SECONDS

OnSnapshot = Callable[[ApiError | None], None]
"""Called with None when there is a snapshot, or with the error that callers get if there can be none."""
WhenReady = Callable[[OnSnapshot], None]


class RestorePhase(InitPhase):
    """One attempt to restore, which takes the place of the Init phase. `when(begin)` calls `begin` once there is a
    snapshot: waiting for that is not part of the restore.
    """

    def __init__(self, host: InitHost, phase: str, clock: Clock, began: float, when: WhenReady) -> None:
        super().__init__(host, phase, clock, began)
        self._when = when
        self._over = False

    def begin(self, runtime: Process | None) -> None:
        """Start the runtime as soon as that is possible."""
        self._when(self._begin)

    def stop(self) -> None:
        """End the attempt, also one that has not begun."""
        self._over = True
        super().stop()

    def _begin(self, refusal: ApiError | None) -> None:
        if refusal is not None:
            self._host.defer(partial(self._refuse, refusal))
            return
        if self._over:
            return
        self.began = self._perf_counter()
        host = self._host
        launch, function = host.launch, host.function
        host.stream.emit(
            platform.RestoreStart(
                self._time() - (self._perf_counter() - self.began),
                launch.runtime_version,
                launch.runtime_version_arn,
                function.name,
                function.version,
                launch.log_stream,
                function.memory_mb * 1024 * 1024,
            )
        )
        host.control.start_runtime()

    def _refuse(self, refusal: ApiError) -> None:
        """End the attempt without any event: there is nothing to restore."""
        if not self._over:
            self._host.init_failed(Failure("failure", None, refusal.message, refusal=refusal), 0.0)

    def limit(self, loop: Loop, init_timeout: float, held: bool) -> None:
        """Fail when the hooks have had their ten seconds, which begin when the snapshot is there."""
        self._loop, self._held = loop, held

    def restoring(self) -> None:
        """The forked runtime has begun: now its hooks run, and their time."""
        if self._loop is not None:
            self._left, self._fails_with = RESTORE_SECONDS, restore_timed_out(RESTORE_SECONDS)
            if not self._held:
                self.resume()

    def go_on(self) -> None:
        """End the phase when the runtime has asked for an invocation."""
        if self._host.runtime.machine.state is READY:
            self.stop()
            self._host.initialized(self._report("success", None))

    def runtime_ready(self) -> None:
        """The runtime asked for its first invocation."""
        host = self._host
        host.extensions.closed = True
        host.stream.emit(platform.RestoreRuntimeDone(self._time(), "success"))
        self.go_on()

    def fail(self, failure: Failure) -> None:
        """Fail the attempt; an error that the runtime posted before takes precedence."""
        failure = restore_failed(self._said or failure)
        if self._host.runtime.machine.state is not READY:
            self._host.stream.emit(platform.RestoreRuntimeDone(self._time(), failure.status, failure.error_type))
        self._host.init_failed(failure, self._report(failure.status, failure.error_type))

    def _report(self, status: str, error_type: str | None) -> float:
        duration = (self._perf_counter() - self.began) * 1000
        self._host.stream.emit(platform.RestoreReport(self._time(), status, duration, error_type))
        return duration
