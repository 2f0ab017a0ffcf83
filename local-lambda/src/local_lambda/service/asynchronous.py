"""Asynchronous (`Event`) invocations: a bounded queue, up to three attempts, and a line for what is given up.

Rules: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html. A function that fails is tried
three times. When the service fails (no environment could be created), the event returns to the queue and the attempt
does not count: attempts continue with growing pauses, for at most six hours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

from local_lambda.environment.invocation import Invocation, InvocationResponse
from local_lambda.errors import ApiError, Throttled
from local_lambda.limits import MAX_EVENT_AGE_SECONDS

RETRY_SECONDS = (1.0, 2.0)
"""Pauses before the second and third attempt (the service: one and two minutes)."""
FAULT_SECONDS = (1.0, 300.0)
"""The first and the longest pause after a fault of the service."""
QUEUE_BYTES = 64 * 1024 * 1024
"""How much the queue of one function may hold. The service documents no such limit, but a laptop's memory has one."""
INVOCATION_BYTES = 2048
"""How much memory an invocation takes in addition to its payload."""


class AsynchronousInvocations:
    """The asynchronous invocations of the function `name`. `call` serves one, and `notice` prints a line."""

    def __init__(
        self,
        name: str,
        call: Callable[[Invocation], Awaitable[InvocationResponse]],
        notice: Callable[[str], None],
        retry_seconds: tuple[float, ...] = RETRY_SECONDS,
    ) -> None:
        self.retry_seconds = retry_seconds
        self._name = name
        self._call = call
        self._notice = notice
        self._queued: set[asyncio.Task[None]] = set()
        self._bytes = 0
        self._full = False

    def queue(self, invocation: Invocation) -> None:
        """Accept an invocation. Raises Throttled when the queue is full."""
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
        """Serve an invocation up to three times; return the first success, or the last failure.

        Raises ApiError when the service failed for as long as an event may wait.
        """
        for pause in (*self.retry_seconds, None):
            response = await self._attempt(invocation)
            if not response.failed:
                break
            if pause is not None:
                await asyncio.sleep(pause)
                invocation = invocation.again()
        return response

    def drop(self) -> None:
        """Drop the invocations that wait for their next attempt, and name them."""
        dropped = [task for task in self._queued if not task.done()]
        if dropped:
            self._notice(f"{len(dropped)} queued asynchronous invocation(s) of {self._name} dropped at shutdown")
            for task in dropped:
                task.cancel()

    async def _attempt(self, invocation: Invocation) -> InvocationResponse:
        """Make one attempt, and repeat it as long as the service fails."""
        pause, longest = FAULT_SECONDS
        until = monotonic() + MAX_EVENT_AGE_SECONDS
        while True:
            try:
                return await self._call(invocation)
            except ApiError:
                if monotonic() + pause > until:
                    raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)
            invocation = _as_it_came(invocation)

    async def _serve(self, invocation: Invocation) -> None:
        try:
            response = await self.attempts(invocation)
        except ApiError as error:
            self._notice(
                f"asynchronous invocation {invocation.request_id} of {self._name} is discarded after "
                f"{MAX_EVENT_AGE_SECONDS // 3600} hours: {error.message}"
            )
            return
        if response.failed:
            self._notice(
                f"asynchronous invocation {invocation.request_id} of {self._name} failed "
                f"{1 + len(self.retry_seconds)} times and is discarded; "
                f"the last error: {response.payload[:500].decode('utf-8', 'replace')}"
            )


def _as_it_came(invocation: Invocation) -> Invocation:
    """A fresh copy of the same attempt: an environment that failed may have changed the invocation."""
    return Invocation(
        invocation.payload,
        invocation.function_arn,
        invocation.tracing,
        invocation.on_response,
        request_id=invocation.request_id,
        client_context=invocation.client_context,
    )
