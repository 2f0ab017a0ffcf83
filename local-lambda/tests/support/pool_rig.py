"""A pool of fake environments: the test says when each of them responds and when it is free."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from local_lambda.environment.invocation import Invocation, InvocationResponse
from local_lambda.errors import ApiError, Throttled
from local_lambda.functions.config import FunctionConfig
from local_lambda.service.pool import EnvironmentPool
from local_lambda.xray.header import new_tracing


class FakeEnvironment:
    """Serves its invocations when the test says so."""

    def __init__(self) -> None:
        self.on_free: Callable[[Any], None] = lambda environment: None
        self.function = FunctionConfig("f", "a.b")
        self.tenant_id: str | None = None
        self.current: Invocation | None = None
        self.free = True
        self.responded = False
        self.ended = False
        self.served: list[Invocation] = []
        self.fault: Exception | None = None
        """The error that starting its processes raises."""

    def init(self) -> None:
        """Begin, until the test releases it."""
        self.free = False

    def invoke(self, invocation: Invocation) -> None:
        """Take an invocation; two at a time would be a bug."""
        assert self.current is None
        if self.fault is not None:
            raise self.fault
        self.free, self.responded, self.current = False, False, invocation
        self.served.append(invocation)

    def answer(self, payload: bytes = b"", failed: bool = False) -> None:
        """Give the caller its response; the environment is not free yet."""
        assert self.current is not None
        invocation, self.responded = self.current, True
        tell: Any = invocation.on_response
        tell(invocation, InvocationResponse(payload, failed))

    def release(self) -> None:
        """Become free again."""
        self.free, self.responded, self.current = True, False, None
        self.on_free(self)

    def finish(self, payload: bytes = b"", failed: bool = False) -> None:
        """Respond, and become free again."""
        self.answer(payload, failed)
        self.release()

    def shutdown(self, when_terminated: Callable[[], None]) -> None:
        """End."""
        self.ended = True
        when_terminated()


class Bench:
    """A pool of fakes, and which numbers got a response or were refused."""

    def __init__(self, limit: int, idle_seconds: float | None = None) -> None:
        self.made: list[FakeEnvironment] = []
        self.notices: list[str] = []
        self.throttled: list[int] = []
        self.errors: list[ApiError] = []
        self.fault: Exception | None = None
        """The error that creating an environment raises."""
        create: Any = self._create
        self.discarded: list[Any] = []
        self.pool = EnvironmentPool(
            FunctionConfig("f", "a.b"),
            limit,
            create,
            self.notices.append,
            (0.0, 0.0),
            self.discarded.append,
            idle_seconds,
        )

    def configure(self, **settings: Any) -> None:
        """Change the function's settings."""
        self.pool.function = self.pool.function._replace(**settings)

    def _create(self) -> FakeEnvironment:
        if self.fault is not None:
            raise self.fault
        self.made.append(FakeEnvironment())
        return self.made[-1]

    def _refused(self, number: int, error: ApiError) -> None:
        self.errors.append(error)
        if isinstance(error, Throttled):
            self.throttled.append(number)

    def invocation(self) -> Invocation:
        """Queue an invocation whose response is not awaited."""
        return Invocation(b"{}", "arn:f", new_tracing(None, False, queued=True), lambda *answer: None)

    def invoke(self, number: int = 0) -> Invocation:
        """Invoke; `throttled` gets the number if there is no place."""
        invocation = self.invocation()
        self.pool.invoke(invocation, lambda error: self._refused(number, error))
        return invocation

    async def until(self, condition: Callable[[], object]) -> None:
        """Let the loop run until the condition holds."""
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0)


def run(limit: int, scenario: Callable[[Bench], Coroutine[Any, Any, None]], idle_seconds: float | None = None) -> None:
    """Run a scenario in an event loop."""

    async def main() -> None:
        await scenario(Bench(limit, idle_seconds))

    asyncio.run(main())
