"""The Init phase: extensions first, the runtime when all of them have registered, the end when all have asked for work.

Order: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-ib. One object is
one attempt; the second one after a failure is made inside an invocation (a suppressed init, `phase` is `invoke`).
"""

from __future__ import annotations

from time import perf_counter, time
from typing import TYPE_CHECKING

from local_lambda.environment.extensions import Extension, Extensions
from local_lambda.environment.invocation import Failure, exited, extension_ended, launch_failed
from local_lambda.environment.states import RUNTIME, Machine
from local_lambda.events import platform
from local_lambda.limits import MAX_EXTENSIONS
from local_lambda.processes.process import Process

if TYPE_CHECKING:
    from local_lambda.environment.environment import ExecutionEnvironment

INITIALIZATION_TYPE = "on-demand"
_LAUNCH_ERRORS = {13: "PermissionDenied"}


class InitPhase:
    """One attempt to initialize `environment`; tells it how the attempt ended."""

    def __init__(self, environment: ExecutionEnvironment, phase: str) -> None:
        self.phase = phase
        self.began = perf_counter()
        self.failure: Failure | None = None
        """What runtime or extension said before its process ended; it explains the end."""
        self._environment = environment

    def begin(self, runtime: Process | None) -> None:
        """Start the extensions, or right away the runtime when there are none; it may have been started already."""
        environment = self._environment
        launch, function = environment.launch, environment.function
        now = time()
        if runtime is not None:
            now -= self.began - runtime.started
            self.began = runtime.started
        environment.stream.emit(
            platform.InitStart(
                now,
                INITIALIZATION_TYPE,
                self.phase,
                launch.runtime_version,
                launch.runtime_version_arn,
                function.name,
                function.version,
                launch.log_stream,
                function.memory_mb * 1024 * 1024,
            )
        )
        environment.runtime = Machine("runtime", RUNTIME, "Started")
        environment.extensions = Extensions(launch.extensions)
        if len(launch.extensions) > MAX_EXTENSIONS:
            for extension in environment.extensions:
                self._not_launched(extension, "TooManyExtensions")
            environment.defer(
                lambda: self.fail(launch_failed("the extensions", "more than 10", "Extension.LaunchError"))
            )
            return
        for extension in environment.extensions:
            environment.run_extension(extension)
        if runtime is not None:
            environment.run_runtime(runtime)
        self.go_on()

    def go_on(self) -> None:
        """Something happened: start the runtime, or end the phase, if it is time for that."""
        environment = self._environment
        if environment.runtime_process is None:
            if environment.extensions.all_registered():
                environment.run_runtime()
        elif environment.runtime.state == "Ready" and environment.extensions.all_ready():
            duration = self._report("success", None)
            environment.initialized(duration)

    def runtime_ready(self) -> None:
        """The runtime asked for its first invocation: nobody can register any more."""
        environment = self._environment
        environment.extensions.closed = True
        environment.stream.emit(platform.InitRuntimeDone(time(), INITIALIZATION_TYPE, self.phase, "success"))
        self.go_on()

    def runtime_exited(self, process: Process, program: str) -> None:
        """The runtime's process ended, or could not be started."""
        if process.launch_error is not None:
            self.fail(launch_failed(program, process.launch_error[1]))
        else:
            self.fail(exited(process.exit_code or 0))

    def extension_exited(self, extension: Extension, process: Process) -> None:
        """An extension's process ended, or could not be started."""
        if process.launch_error is not None:
            number, reason = process.launch_error
            self._not_launched(extension, _LAUNCH_ERRORS.get(number, "UnknownError"))
            program = f"/opt/extensions/{extension.name}"
            self.fail(launch_failed(program, reason.lower(), "Extension.LaunchError"))
        else:
            self.fail(extension_ended(extension, process.exit_code or 0))

    def timed_out(self, failure: Failure) -> None:
        """The time for this phase is over."""
        self.fail(failure)

    def fail(self, failure: Failure) -> None:
        """The attempt failed; what the runtime posted before explains it better than how its process ended."""
        environment = self._environment
        self.failure = failure = self.failure or failure
        if environment.runtime.state != "Ready":
            environment.stream.emit(
                platform.InitRuntimeDone(time(), INITIALIZATION_TYPE, self.phase, failure.status, failure.error_type)
            )
        duration = self._report(failure.status, failure.error_type)
        environment.init_failed(failure, duration)

    def _report(self, status: str, error_type: str | None) -> float:
        environment = self._environment
        for extension in environment.extensions:
            if extension.machine.state != "LaunchError":
                state, kind = extension.machine.state, extension.error_type
                environment.stream.emit(platform.Extension(time(), extension.name, state, extension.events, kind))
        duration = (perf_counter() - self.began) * 1000
        environment.stream.emit(
            platform.InitReport(time(), INITIALIZATION_TYPE, self.phase, status, duration, error_type)
        )
        return duration

    def _not_launched(self, extension: Extension, reason: str) -> None:
        extension.machine.advance("launch failed")
        self._environment.stream.emit(platform.Extension(time(), extension.name, "LaunchError", (), reason))
