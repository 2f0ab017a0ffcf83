"""The environments of one function: reuse of warm ones, the concurrency limit, and the queue of asynchronous events.

Rules: https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html, .../invocation-async-error-handling.html.
An invocation that finds every environment taken waits for `PLACEMENT_SECONDS` before it is throttled: a caller that
sends its next request while the environment still finishes the previous one is not over the limit.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from time import perf_counter

from local_lambda.environment.environment import ExecutionEnvironment
from local_lambda.environment.invocation import Invocation, InvocationResponse
from local_lambda.functions.config import FunctionConfig

PLACEMENT_SECONDS = 0.1
ASYNC_RETRY_SECONDS = (1.0, 2.0)
"""Pauses before the second and third attempt of an asynchronous invocation (the service: one and two minutes)."""


class EnvironmentPool:
    """All environments of `function`, at most `limit` of them. `create` makes a new one, attached to the loop.

    `discard` gets each that has ended.
    """

    def __init__(
        self,
        function: FunctionConfig,
        limit: int,
        create: Callable[[], ExecutionEnvironment],
        notice: Callable[[str], None],
        retry_seconds: tuple[float, ...] = ASYNC_RETRY_SECONDS,
        discard: Callable[[ExecutionEnvironment], None] = lambda environment: None,
    ) -> None:
        self.function = function
        self.limit = limit
        self.environments: list[ExecutionEnvironment] = []
        self.executed_version = (
            f"Content-Type: application/json\r\nX-Amz-Executed-Version: {function.version}\r\n".encode()
        )
        """Header lines that every answer of this function has."""
        self._create = create
        self._notice = notice
        self._retry_seconds = retry_seconds
        self._discard = discard
        self._idle: list[ExecutionEnvironment] = []
        self._leaving: set[ExecutionEnvironment] = set()
        self._waiting: deque[tuple[Invocation, Callable[[], None] | None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._queued: set[asyncio.Task[None]] = set()
        self._finished: asyncio.Future[None] | None = None

    def adopt(self, environment: ExecutionEnvironment) -> None:
        """Add an environment to the pool."""
        environment.on_free = self._freed
        self.environments.append(environment)
        if environment.free:
            self._idle.append(environment)

    def invoke(self, invocation: Invocation, on_throttled: Callable[[], None] | None) -> None:
        """Serve the invocation on a warm environment, a new one, or the first that becomes free.

        `on_throttled` is called instead when the function is at its limit; None waits however long it takes.
        """
        if self._idle:
            self._idle.pop().invoke(invocation)
        elif len(self.environments) < self.limit and self._finishing() <= len(self._waiting):
            self._start_environment(invocation)
        else:
            self._waiting.append((invocation, on_throttled))
            if self._timer is None:
                self._arm(PLACEMENT_SECONDS)

    def queue(self, invocation: Invocation) -> None:
        """Take over an asynchronous invocation: up to three attempts, never throttled."""
        task = asyncio.get_running_loop().create_task(self._attempts(invocation))
        self._queued.add(task)
        task.add_done_callback(self._queued.discard)

    async def attempts(self, invocation: Invocation) -> InvocationResponse:
        """Serve an asynchronous invocation up to three times; the first success, or the last failure."""
        for pause in (*self._retry_seconds, None):
            answered: asyncio.Future[InvocationResponse] = asyncio.get_running_loop().create_future()
            invocation.on_response = partial(_set, answered)
            self.invoke(invocation, None)
            answer = await answered
            if not answer.failed:
                break
            if pause is not None:
                await asyncio.sleep(pause)
                invocation = invocation.again()
        return answer

    def renew(self, function: FunctionConfig, when_ended: Callable[[], None]) -> None:
        """From now on `function` is served, by new environments.

        Those there are shut down as soon as they serve nobody; `when_ended` is called behind the last of them.
        """
        self.function = function
        old, self.environments, self._idle = self.environments, [], []
        left = set(old)

        def ended(environment: ExecutionEnvironment) -> None:
            left.discard(environment)
            self._leaving.discard(environment)
            self._discard(environment)
            self._look_whether_finished()
            if not left:
                when_ended()

        def end(environment: ExecutionEnvironment) -> None:
            environment.on_free = lambda environment: None
            environment.shutdown(partial(ended, environment))

        self._leaving.update(old)
        for environment in old:
            environment.on_free = end
            if environment.free:
                end(environment)
        if not old:
            when_ended()

    async def finish(self) -> None:
        """Wait until nobody is being served; asynchronous invocations between two attempts are given up, and named."""
        self._finished = asyncio.get_running_loop().create_future()
        await asyncio.sleep(0)  # what has just been queued begins
        if self._busy():
            await self._finished
        await asyncio.sleep(0)  # what has just succeeded is done
        dropped = [task for task in self._queued if not task.done()]
        if dropped:
            self._notice(
                f"{len(dropped)} queued asynchronous invocation(s) of {self.function.name} dropped at shutdown"
            )
            for task in dropped:
                task.cancel()

    async def shutdown(self) -> None:
        """Shut every environment down, all at the same time."""
        if self._timer is not None:
            self._timer.cancel()
        terminated = []
        ending = [*self.environments, *self._leaving]
        for environment in ending:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            terminated.append(future)
            environment.on_free = lambda environment: None
            environment.shutdown(partial(future.set_result, None))
        await asyncio.gather(*terminated)
        for environment in (*self.environments, *self._leaving):
            self._discard(environment)

    def _start_environment(self, invocation: Invocation) -> None:
        environment = self._create()
        environment.on_free = self._freed
        self.environments.append(environment)
        environment.invoke(invocation)

    def _freed(self, environment: ExecutionEnvironment) -> None:
        if self._waiting:
            invocation, _ = self._waiting.popleft()
            environment.invoke(invocation)
        else:
            if environment not in self._idle:  # one whose runtime died while it was idle is still there
                self._idle.append(environment)
            self._look_whether_finished()

    def _look_whether_finished(self) -> None:
        if self._finished is not None and not self._finished.done() and not self._busy():
            self._finished.set_result(None)

    def _busy(self) -> bool:
        environments = (*self.environments, *self._leaving)
        return bool(self._waiting) or any(environment.current is not None for environment in environments)

    def _finishing(self) -> int:
        return sum(environment.responded for environment in self.environments)

    def _arm(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._place_waiting)

    def _place_waiting(self) -> None:
        """Those who waited long enough get a new environment, or are throttled when nobody is about to finish."""
        self._timer = None
        now = perf_counter()
        patient: deque[tuple[Invocation, Callable[[], None] | None]] = deque()
        soon = self._finishing()
        while self._waiting:
            invocation, on_throttled = self._waiting.popleft()
            if now - invocation.waiting_since < PLACEMENT_SECONDS * 0.99:
                patient.append((invocation, on_throttled))
            elif len(self.environments) < self.limit:
                self._start_environment(invocation)
            elif on_throttled is None or len(patient) < soon:
                patient.append((invocation, on_throttled))
            else:
                on_throttled()
        self._waiting = patient
        if patient:
            oldest = min(invocation.waiting_since for invocation, _ in patient)
            self._arm(max(PLACEMENT_SECONDS - (now - oldest), PLACEMENT_SECONDS / 4))

    async def _attempts(self, invocation: Invocation) -> None:
        answer = await self.attempts(invocation)
        if answer.failed:
            self._notice(
                f"asynchronous invocation {invocation.request_id} of {self.function.name} failed "
                f"{1 + len(self._retry_seconds)} times and is discarded; "
                f"the last error: {answer.payload[:500].decode('utf-8', 'replace')}"
            )


def _set(answered: asyncio.Future[InvocationResponse], _: Invocation, answer: InvocationResponse) -> None:
    answered.set_result(answer)
