"""The runtime of one environment, and the verbs of the Runtime API: what it has requested, and what it may send next.

Every client error is refused and changes nothing. Specification:
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. This module does not know the process or the phases.
"""

from __future__ import annotations

from collections.abc import Callable

from local_lambda.environment.failures import Failure
from local_lambda.environment.invocation import Invocation
from local_lambda.environment.response_stream import Finish, Hold, ResponseStream
from local_lambda.environment.states import READY, RESPONSE_SENT, RESTORING, RUNTIME, STARTED, Machine
from local_lambda.errors import ApiError

Deliver = Callable[[Invocation], None]
"""Responds to a pending `invocation/next`."""


class Runtime:
    """Gets invocations and reports how they ended.

    `on_ready` is called at its first `next`, `on_response(invocation, payload, began, failed)` when it has a result,
    `on_stream` when it begins one that it sends in pieces, `on_done(invocation)` when it asks for more, and
    `on_init_error` when it could not initialize, and `on_restore` when it lets itself be restored.
    """

    def __init__(
        self,
        on_ready: Callable[[], None],
        on_response: Callable[[Invocation, bytes, float, bool], None],
        on_done: Callable[[Invocation], None],
        on_init_error: Callable[[Failure], None],
        on_stream: Callable[[Invocation, str, Hold, Finish], ResponseStream],
        on_restore: Callable[[], None],
    ) -> None:
        self.machine = Machine("runtime", RUNTIME, STARTED)
        self._on_ready = on_ready
        self._on_response = on_response
        self._on_done = on_done
        self._on_init_error = on_init_error
        self._on_stream = on_stream
        self._on_restore = on_restore
        self._pending: Deliver | None = None
        self._invocation: Invocation | None = None
        self._last_request_id: str | None = None
        self._stopping = False

    def begin(self) -> None:
        """Begin an init: a new process is about to start."""
        self.machine.restart(STARTED)
        self._stopping = False

    def give(self, invocation: Invocation) -> None:
        """Give the runtime an invocation, which it gets as soon as it asks."""
        self._invocation = invocation
        self._last_request_id = invocation.request_id
        deliver = self._pending
        if deliver is not None:
            self._pending = None
            self.machine.advance("invoke")
            deliver(invocation)

    def over(self) -> None:
        """The invocation is over for runtime and extensions."""
        self._invocation = None

    def stop(self) -> None:
        """Note that the runtime is being stopped; requests in its remaining time have no effect."""
        self._pending = None
        self._stopping = True

    # --- verbs

    def next(self, deliver: Deliver) -> None:
        """Handle its request for the next invocation: `deliver` is called when there is one."""
        before = self.machine.state
        self.machine.advance("next")
        if self._stopping:
            return
        self._pending = deliver
        invocation = self._invocation
        if before is RESPONSE_SENT:
            if invocation is not None:
                self._on_done(invocation)
        elif before is STARTED or before is RESTORING:
            self._on_ready()
        elif invocation is not None and not invocation.done:  # it asked again, or the connection was lost before
            self._pending = None
            if self.machine.state is READY:
                self.machine.advance("invoke")
            deliver(invocation)

    def next_cancelled(self, deliver: Deliver) -> None:
        """Handle the loss of the connection on which it waited."""
        if self._pending is deliver:
            self._pending = None

    def respond(self, request_id: str, payload: bytes, began: float, invocation_id: str | None = None) -> None:
        """Take its result, which began to arrive at `began` (`perf_counter` seconds).

        Raises ApiError 400 for another request's id and InvalidStateTransition (403) when nothing is expected.
        """
        invocation = self._expect("response", request_id, invocation_id)
        invocation.produced_bytes = len(payload)
        self._on_response(invocation, payload, began, False)

    def stream(
        self, request_id: str, content_type: str, began: float, invocation_id: str | None, hold: Hold
    ) -> ResponseStream:
        """Take the beginning of a result that arrives in pieces. Raises the same errors as `respond`."""
        invocation = self._expect("stream", request_id, invocation_id)

        def finish(payload: bytes, failed: bool) -> None:
            self.machine.advance("streamed")
            self._on_response(invocation, payload, began, failed)

        invocation.response_began = began
        return self._on_stream(invocation, content_type, hold, finish)

    def refuse_response(self, request_id: str, body: bytes, began: float) -> None:
        """Give the caller the error `body` because the result cannot be passed on (too large, cut off, streamed)."""
        self._on_response(self._expect("response", request_id, None), body, began, True)

    def fail(
        self, request_id: str, body: bytes, began: float, invocation_id: str | None = None, cause: str | None = None
    ) -> None:
        """Pass the handler's error object to the caller byte for byte. Raises the same errors as `respond`."""
        invocation = self._expect("error", request_id, invocation_id)
        invocation.error_cause = cause
        self._on_response(invocation, body, began, True)

    def fail_init(self, body: bytes, error_type: str) -> None:
        """Take its initialization error, which becomes the response once its process has ended.

        During a restore it is the error of that, as for AWS's own supervisor.
        """
        self.machine.advance("restore/error" if self.machine.state is RESTORING else "init/error")
        self._on_init_error(Failure("error", error_type, "", body))

    def restore_next(self) -> None:
        """It can be restored from what is in its memory now, or, in a restored environment, it has been."""
        self.machine.advance("restore/next")
        if not self._stopping:
            self._on_restore()

    def fail_restore(self, body: bytes, error_type: str) -> None:
        """Take the error of a hook that runs after a restore; its process ends next."""
        self.machine.advance("restore/error")
        self._on_init_error(Failure("error", error_type, "", body))

    def _expect(self, verb: str, request_id: str, invocation_id: str | None) -> Invocation:
        invocation = self._invocation
        echoed = invocation_id is None or invocation is None or invocation_id == invocation.invocation_id
        if request_id != self._last_request_id or not echoed or (invocation is None and self._stopping):
            raise ApiError(400, "InvalidRequestID", "Invalid request ID")
        self.machine.advance(verb)
        assert invocation is not None
        return invocation
