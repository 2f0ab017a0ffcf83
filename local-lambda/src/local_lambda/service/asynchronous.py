"""Asynchronous (`Event`) invocations: a bounded queue, up to three attempts, destinations, and a line for what is lost.

Rules: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html. A function that fails is tried
as often as its `EventInvokeConfig` says. When the service fails (no environment could be created), the event returns to
the queue and the attempt does not count: attempts continue with growing pauses, until the event is too old.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Protocol

from local_lambda.environment.invocation import Invocation, InvocationResponse
from local_lambda.errors import ApiError, Throttled, Unavailable
from local_lambda.functions.config import EventInvokeConfig, FunctionConfig
from local_lambda.service.destinations import (
    EVENT_AGE_EXCEEDED,
    RETRIES_EXHAUSTED,
    SUCCESS,
    ZERO_CONCURRENCY,
    Destinations,
    Outcome,
    error_message,
    qualifier_of,
    record_of,
)

RETRY_SECONDS = (1.0, 2.0)
"""Pauses before the second and third attempt (the service: one and two minutes)."""
FAULT_SECONDS = (1.0, 300.0)
"""The first and the longest pause after a fault of the service."""
QUEUE_BYTES = 64 * 1024 * 1024
"""How much the queue of one function may hold. The service documents no such limit, but a laptop's memory has one."""
INVOCATION_BYTES = 2048
"""How much memory an invocation takes in addition to its payload."""


class Call(Protocol):
    """Serves one attempt, which may wait until `until` (`perf_counter` seconds). Raises ApiError."""

    async def __call__(self, invocation: Invocation, /, *, until: float) -> InvocationResponse:
        """The response."""


class AsynchronousInvocations:
    """The asynchronous invocations of a function, whose settings `config` returns. `notice` prints a line.

    A function that `may_run` excludes, because its concurrency is 0, fails without an attempt.

    `destinations` sends what the function wants sent; without it a line names what would have been.
    """

    destinations: Destinations | None = None

    def __init__(
        self,
        config: Callable[[], FunctionConfig],
        call: Call,
        notice: Callable[[str], None],
        retry_seconds: tuple[float, ...] = RETRY_SECONDS,
        may_run: Callable[[], bool] = lambda: True,
    ) -> None:
        self.retry_seconds = retry_seconds
        self.settings: Callable[[str], EventInvokeConfig] = lambda qualifier: config().event_invoke.get(
            qualifier, EventInvokeConfig()
        )
        """The settings of invocations with this qualifier."""
        self._config = config
        self._call = call
        self._may_run = may_run
        self._notice = notice
        self._queued: set[asyncio.Task[None]] = set()
        self._sending: set[asyncio.Task[None]] = set()
        """Those that are over for the function, and whose records are being sent."""
        self._bytes = 0
        self._full = False
        self._finished = False

    @property
    def _name(self) -> str:
        return self._config().name

    def queue(self, invocation: Invocation) -> None:
        """Accept an invocation. Raises Throttled when the queue is full, and Unavailable after `finish`."""
        if self._finished:
            raise Unavailable(f"{self._name} is shutting down")
        size = len(invocation.payload) + INVOCATION_BYTES
        if self._bytes + size > QUEUE_BYTES:
            if not self._full:
                self._full = True
                self._notice(
                    f"the queue of {self._name} is full: {len(self._queued)} asynchronous invocations wait, "
                    f"{QUEUE_BYTES // 1024 // 1024} MB at most; more are refused with 429 until some are done"
                )
            raise Throttled("CallerRateLimitExceeded")
        self._bytes += size
        task = asyncio.get_running_loop().create_task(self._serve(invocation))
        self._queued.add(task)

        def done(task: asyncio.Task[None]) -> None:
            self._queued.discard(task)
            self._bytes -= size
            self._full = self._full and self._bytes > QUEUE_BYTES // 2

        task.add_done_callback(done)

    async def attempts(self, invocation: Invocation) -> InvocationResponse:
        """Serve an invocation as often as it needs; return the first success, or the last failure.

        Raises ApiError when the service failed for as long as an event may wait.
        """
        outcome, fault = await self._outcome(invocation)
        if outcome.response is None:
            raise fault or ApiError(500, "ServiceException", "the event was too old")
        return outcome.response

    async def _outcome(self, invocation: Invocation) -> tuple[Outcome, ApiError | None]:
        """How an invocation ends, and the error of the service with which it was too old."""
        settings = self._settings_of(invocation)
        until = perf_counter() + settings.max_age
        response, attempts = None, 0
        if not self._may_run():
            return Outcome(ZERO_CONCURRENCY, None, 0), None
        while attempts <= settings.retries:
            if attempts:
                pause = self.retry_seconds[min(attempts, len(self.retry_seconds)) - 1] if self.retry_seconds else 0.0
                if perf_counter() + pause >= until:
                    return Outcome(EVENT_AGE_EXCEEDED, response, attempts), None
                await asyncio.sleep(pause)
                invocation = invocation.again()
            try:
                response = await self._attempt(invocation, until)
            except ApiError as error:
                return Outcome(EVENT_AGE_EXCEEDED, response, attempts), error
            attempts += 1
            if not response.failed:
                return Outcome(SUCCESS, response, attempts), None
        return Outcome(RETRIES_EXHAUSTED, response, attempts), None

    async def finish(self) -> None:
        """Send the records in progress; drop the invocations that wait for their next attempt, and name them.

        From now on nothing is accepted.
        """
        self._finished = True
        while self._sending:
            await asyncio.wait(self._sending)
        dropped = [task for task in self._queued if not task.done()]
        if dropped:
            self._notice(f"queued asynchronous invocations of {self._name}, dropped at shutdown: {len(dropped)}")
            for task in dropped:
                task.cancel()

    async def _attempt(self, invocation: Invocation, until: float) -> InvocationResponse:
        """Make one attempt, and repeat it as long as the service fails. Raises ApiError when the event is too old."""
        pause, longest = FAULT_SECONDS
        while True:
            try:
                return await self._call(invocation, until=until)
            except ApiError:
                if perf_counter() + pause > until:
                    raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)
            invocation = _as_it_came(invocation)

    async def _serve(self, invocation: Invocation) -> None:
        outcome, fault = await self._outcome(invocation)
        failed = outcome.condition != SUCCESS
        if failed:
            self._notice(self._failure(invocation, outcome) + (f": {fault.message}" if fault is not None else ""))
        function = self._config()
        settings = self._settings_of(invocation)
        destination = settings.on_failure if failed else settings.on_success
        if self.destinations is None:
            return
        if (task := asyncio.current_task()) is not None:
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        if destination is not None:
            try:
                await self.destinations.send(destination, record_of(outcome, invocation, function), function.arn)
            except Exception as error:  # whatever the destination's service says
                self._notice(f"the record of {invocation.request_id} for {destination} is lost: {error}")
        if failed and function.dead_letters is not None:
            try:
                status = 200 if outcome.response is not None else fault.status if fault is not None else 429
                await self.destinations.send_dead_letter(
                    function.dead_letters, invocation.payload, invocation.request_id, status, error_message(outcome)
                )
            except Exception as error:
                self._notice(f"the event of {invocation.request_id} for {function.dead_letters} is lost: {error}")

    def _settings_of(self, invocation: Invocation) -> EventInvokeConfig:
        return self.settings(qualifier_of(invocation.function_arn))

    def _failure(self, invocation: Invocation, outcome: Outcome) -> str:
        what, end = f"asynchronous invocation {invocation.request_id} of {self._name}", "is discarded"
        kept = [arn for arn in (self._settings_of(invocation).on_failure, self._config().dead_letters) if arn]
        if self.destinations is not None and kept:
            end = f"goes to {' and '.join(kept)}"
        if outcome.condition == EVENT_AGE_EXCEEDED:
            return f"{what} {end}: its event is older than {self._settings_of(invocation).max_age} seconds"
        if outcome.condition == ZERO_CONCURRENCY:
            return f"{what} {end}: the reserved concurrency of the function is 0"
        assert outcome.response is not None
        times = f"{outcome.attempts} times" if outcome.attempts != 1 else "once"
        error = outcome.response.payload[:500].decode("utf-8", "replace")
        return f"{what} failed {times} and {end}; the last error: {error}"


def _as_it_came(invocation: Invocation) -> Invocation:
    """A fresh copy of the same attempt: an environment that failed may have changed the invocation."""
    return Invocation(
        invocation.payload,
        invocation.function_arn,
        invocation.tracing,
        invocation.on_response,
        request_id=invocation.request_id,
        client_context=invocation.client_context,
        tenant_id=invocation.tenant_id,
    )
