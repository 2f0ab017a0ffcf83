"""Snapshots of SnapStart: a version's runtime is initialized once, and its environments are forked from that process.

Rules: https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html. What happens in the process is in
`processes/programs/snapshot.py`.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from local_lambda.environment.environment import ExecutionEnvironment
from local_lambda.environment.states import IDLE
from local_lambda.errors import ApiError
from local_lambda.functions.config import SNAP_START
from local_lambda.processes.programs import wire
from local_lambda.processes.zygote import control_sockets

if TYPE_CHECKING:
    from local_lambda.environment.restore_phase import OnSnapshot
    from local_lambda.service.factory import EnvironmentFactory
    from local_lambda.service.foundation import Foundation, Program

LEAST_PYTHON = (3, 12)


def why_cold(program: Program) -> str | None:
    """Why versions of this function start cold although it has SnapStart; None if they do not."""
    if program.function.tenant_isolation:
        return "AWS does not combine it with TenancyConfig"
    if program.function.provisioned:
        return "AWS does not combine it with provisioned concurrency"
    if program.interpreter is None:
        return "AWS has it for zip packages only"
    if tuple(map(int, program.interpreter.version.split(".")[:2])) < LEAST_PYTHON:
        return f"it needs Python 3.12 or newer, and this is {program.interpreter.version}"
    if program.layers is not None and (program.layers / "extensions").is_dir():
        return "it is not emulated together with extensions"
    if program.debugging is not None:
        return "a debugger needs a process that starts"
    if program.function.ephemeral_storage_mb > 512:
        return "AWS has it up to an EphemeralStorage of 512 MB only"
    return None


class Snapshot:
    """One snapshot. `ready` is set when it can be forked, `failure` when its Init phase has failed."""

    def __init__(
        self,
        factory: EnvironmentFactory,
        program: Program,
        label: str,
        notice: Callable[[str], None],
        settled: Callable[[str | None], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._on_lost = on_lost
        self._settled = settled
        self._waiting: list[OnSnapshot] = []
        self.failure: ApiError | None = None
        self.ready = self.lost = False
        self.base: Foundation
        """That of its environment, set by the factory."""
        self._name = f"{program.function.name}:{program.function.version}"
        self._notice = notice
        self._requests, theirs = socket.socketpair()
        function = program.function._replace(initialization_type=SNAP_START)
        with theirs:
            try:
                self._environment = factory.create(
                    program._replace(function=function, snapshot=self, socket=theirs.fileno()), label
                )
                self._environment.on_free = self._freed
                self._environment.init()
            except BaseException:
                self._requests.close()
                raise

    def fork(self) -> socket.socket:
        """The control socket of the supervisor of a new environment. Raises OSError when the snapshot is gone."""
        ours, theirs = control_sockets()
        sandboxed = self.base.launch.cwd == "/var/task"
        size = self.base.function.ephemeral_storage_mb if sandboxed else None
        with theirs:
            if self.lost or not wire.send(self._requests, (size,), [theirs.fileno()]):
                ours.close()
                raise OSError(errno.ESRCH, os.strerror(errno.ESRCH), "the snapshot")
        return ours

    def when_ready(self, action: OnSnapshot) -> None:
        """Call when environments can be forked, or with the reason when it is known that they cannot."""
        if self.ready or self.lost or self.failure is not None:
            action(self.failure)
        else:
            self._waiting.append(action)

    async def close(self) -> None:
        """End its process. The environments that were forked from it must have ended."""
        self.lost = True
        self._requests.close()
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._environment.on_free = lambda environment: None
        self._environment.shutdown(partial(ended.set_result, None))
        await ended

    def _freed(self, environment: ExecutionEnvironment) -> None:
        if environment.init_failure is not None:
            error = environment.init_failure.error_type or environment.init_failure.reason
            self.failure = ApiError(400, "SnapStartException", f"There is no snapshot of {self._name}: {error}")
            self._settled(self.failure.message)
            self._notice(f"there is no snapshot of {self._name}, because its Init phase failed: {error}")
        elif environment.machine.state is IDLE:
            self.ready = True
            self._settled(None)
        else:
            self.lost = True
            self._notice(f"the snapshot of {self._name} is lost, because its process has ended; there will be another")
            self._on_lost()
        waiting, self._waiting = self._waiting, []
        for action in waiting:
            action(self.failure)


class Snapshots:
    """The snapshots of one version, whose program is `program()` now; environments are restored from the last one.

    `settled` is called with None when there is a snapshot, or with the reason why there can be none.
    """

    def __init__(
        self,
        factory: EnvironmentFactory,
        program: Callable[[], Program],
        label: str,
        notice: Callable[[str], None],
        settled: Callable[[str | None], None] = lambda error: None,
    ) -> None:
        self._settled = settled
        self._factory = factory
        self._program = program
        self._label = label
        self._notice = notice
        self.on_lost: Callable[[], None] = lambda: None
        """Called when the process of a snapshot has ended, and with it those that were forked from it."""
        self._current: Snapshot | None = None
        self._old: list[Snapshot] = []

    def take(self) -> Snapshot:
        """Take a snapshot; the ones before stay for the environments that were restored from them."""
        if self._current is not None:
            self._old.append(self._current)
        label = f"{self._label} snapshot"
        self._current = Snapshot(self._factory, self._program(), label, self._notice, self._settled, self._lost)
        return self._current

    def renew(self) -> None:
        """Take another, because the function has changed; one that was lost is replaced when it is needed."""
        if self._current is not None and not self._current.lost:
            self.take()

    def create(self, label: str) -> ExecutionEnvironment:
        """An environment that is restored. Raises ApiError if the function could not be initialized, or StartError."""
        current = self._current
        if current is None or current.lost:
            current = self.take()
        if current.failure is not None:
            raise current.failure
        program = self._program()
        function = program.function._replace(initialization_type=SNAP_START)
        return self._factory.create(program._replace(function=function, snapshot=current), label)

    def _lost(self) -> None:
        asyncio.get_running_loop().call_soon(self.on_lost)

    async def end_old(self) -> None:
        """End the snapshots from which no environment is left."""
        old, self._old = self._old, []
        await asyncio.gather(*(each.close() for each in old))

    async def close(self) -> None:
        """End all."""
        if self._current is not None:
            self._old.append(self._current)
            self._current = None
        await self.end_old()
