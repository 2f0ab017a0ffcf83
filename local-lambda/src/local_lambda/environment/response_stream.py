"""A streamed response: pieces go from the runtime to the caller as they come, no faster than the service sends them.

Rules: https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html. A caller that takes no pieces
(Invoke) gets the whole response at its end, if it is not larger than other responses may be.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from local_lambda.environment.failures import response_too_large
from local_lambda.environment.invocation import Invocation
from local_lambda.environment.ports import Loop
from local_lambda.limits import MAX_PAYLOAD_BYTES, MAX_STREAMED_BYTES, STREAM_BURST_BYTES, STREAM_BYTES_PER_SECOND

Hold = Callable[[bool], None]
"""Pauses (True) or resumes (False) what the runtime sends."""
Finish = Callable[[bytes, bool], None]
"""Gets what the caller still has to get at the end, the error if there is one, and whether the invocation failed."""


class Bandwidth:
    """How fast a response may be sent. `clock` returns seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since = clock()
        self._left = float(STREAM_BURST_BYTES)

    def spend(self, size: int) -> float:
        """Count the bytes of a piece; return the seconds to wait before the next one."""
        now = self._clock()
        gained = (now - self._since) * STREAM_BYTES_PER_SECOND
        self._left = min(STREAM_BURST_BYTES, self._left + gained) - size
        self._since = now
        return max(0.0, -self._left / STREAM_BYTES_PER_SECOND)


class ResponseStream:
    """One response in flight. `hold` regulates the runtime; without `bandwidth` there is no speed limit."""

    def __init__(
        self,
        invocation: Invocation,
        content_type: str,
        hold: Hold,
        finish: Finish,
        loop: Loop,
        bandwidth: Bandwidth | None,
    ) -> None:
        self._invocation = invocation
        self._hold = hold
        self._finish = finish
        self._loop = loop
        self._bandwidth = bandwidth
        self._sink = invocation.sink
        self._kept = bytearray()
        self._limit = MAX_PAYLOAD_BYTES if self._sink is None else MAX_STREAMED_BYTES
        self._slow = False
        """Whether the caller has not received yet what it was sent."""
        self._waiting = False
        """Whether the next piece would be too early."""
        invocation.streamed = True
        if self._sink is not None:
            self._sink.begin(invocation, content_type, self._drained)

    def write(self, data: bytes) -> bool:
        """Pass on a piece. False if the response is now too large, which ends the invocation with an error."""
        invocation = self._invocation
        if invocation.response is not None:  # it has timed out, or the runtime has ended
            return True
        invocation.produced_bytes += len(data)
        if invocation.produced_bytes > self._limit:
            self._finish(response_too_large(self._limit), True)
            return False
        if self._sink is None:
            self._kept += data
            return True
        self._slow = not self._sink.write(data)
        pause = self._bandwidth.spend(len(data)) if self._bandwidth is not None else 0.0
        if pause and not self._waiting:
            self._waiting = True
            self._loop.call_later(pause, self._wait_is_over)
        if self._slow or self._waiting:
            self._hold(True)
        return True

    def end(self) -> None:
        """The response is complete."""
        if self._invocation.response is None:
            self._finish(bytes(self._kept), False)

    def fail(self, body: bytes) -> None:
        """The response ends early, with the error object `body`."""
        if self._invocation.response is None:
            self._finish(body, True)

    def _drained(self) -> None:
        self._slow = False
        self._go_on()

    def _wait_is_over(self) -> None:
        self._waiting = False
        self._go_on()

    def _go_on(self) -> None:
        if not (self._slow or self._waiting):
            self._loop.call_soon(partial(self._hold, False))
