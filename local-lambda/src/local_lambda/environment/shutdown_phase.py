"""The Shutdown phase, and the part of a reset that is the same: stop the runtime, tell extensions, kill the rest.

Budgets and signals: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html (Shutdown phase).
Without extensions the runtime gets no time and no SIGTERM.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from time import perf_counter, time
from typing import TYPE_CHECKING

from local_lambda.environment.extensions import shutdown_event
from local_lambda.limits import EXTERNAL_SHUTDOWN_SECONDS, INTERNAL_SHUTDOWN_SECONDS, RUNTIME_SHUTDOWN_SECONDS
from local_lambda.processes.process import Process

if TYPE_CHECKING:
    from local_lambda.environment.environment import ExecutionEnvironment

FLUSH_SECONDS = 0.1


async def stop_gracefully(environment: ExecutionEnvironment, reason: str) -> None:
    """Give runtime and extensions their chance to clean up. `reason` is `spindown`, `timeout` or `failure`."""
    extensions = [extension for extension in environment.extensions.external() if _runs(extension.process)]
    internal = environment.extensions.has_internal()
    began = perf_counter()
    total = EXTERNAL_SHUTDOWN_SECONDS if extensions else INTERNAL_SHUTDOWN_SECONDS
    runtime = environment.runtime_process
    if runtime is not None and _runs(runtime):
        share = INTERNAL_SHUTDOWN_SECONDS if internal else RUNTIME_SHUTDOWN_SECONDS
        environment.signal(runtime, signal.SIGTERM)
        await _ended(environment, [runtime], began + share)
        if _runs(runtime):
            environment.signal(runtime, signal.SIGKILL)
            await _ended(environment, [runtime], began + total)
    # A listener shall have everything before it is told to leave; one that does not listen shall not use up the time.
    environment.stream.flush()
    await environment.subscriptions.flush(FLUSH_SECONDS)
    left = began + total - perf_counter()
    event = shutdown_event(reason, int((time() + left) * 1000))
    for extension in extensions:
        if extension.process is None or not _runs(extension.process):
            continue
        if "SHUTDOWN" in extension.events:
            environment.give(extension, "SHUTDOWN", event, None)
        else:
            environment.signal(extension.process, signal.SIGKILL)
    processes = [extension.process for extension in extensions if extension.process is not None]
    await _ended(environment, processes, began + total)
    environment.stream.flush()
    await environment.subscriptions.flush(FLUSH_SECONDS)


def _runs(process: Process | None) -> bool:
    return process is not None and process.exit_code is None


async def _ended(environment: ExecutionEnvironment, processes: Sequence[Process], deadline: float) -> None:
    """Wait until all of `processes` have ended, or until `deadline` (`perf_counter` seconds)."""
    while any(map(_runs, processes)) and perf_counter() < deadline:
        await environment.next_exit(deadline - perf_counter())
