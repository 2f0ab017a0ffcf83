"""A streamed response: limits, bandwidth and slow callers, without sockets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from local_lambda.environment.failures import response_too_large
from local_lambda.environment.invocation import Invocation
from local_lambda.environment.response_stream import ResponseStream
from local_lambda.events.platform import RuntimeDone
from local_lambda.limits import MAX_STREAMED_BYTES, STREAM_BURST_BYTES, STREAM_BYTES_PER_SECOND
from support.environment_rig import Call, Rig


class Sink:
    """A caller that takes pieces, slowly if the test wants that."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.content_type = ""
        self.ready = True
        self.resume: Callable[[], None] = lambda: None

    def begin(self, invocation: Invocation, content_type: str, resume: Callable[[], None]) -> None:
        """As a `ResponseSink`."""
        self.content_type, self.resume = content_type, resume

    def write(self, data: bytes) -> bool:
        """As a `ResponseSink`."""
        self.pieces.append(data)
        return self.ready


class Streaming:
    """An environment whose runtime is sending a response."""

    def __init__(self, sink: Sink | None) -> None:
        self.rig = Rig()
        self.rig.warm()
        self.call = Call(tail=False)
        self.call.invocation.sink = sink
        self.rig.environment.invoke(self.call.invocation)
        self.rig.clock.run()
        self.held = False
        self.stream: ResponseStream = self.rig.environment.runtime.stream(
            self.call.id, "text/plain", self.rig.clock.now, None, self._hold
        )

    def _hold(self, held: bool) -> None:
        self.held = held

    @property
    def metrics(self) -> tuple[int, list[tuple[str, float]]]:
        """Bytes and spans of `platform.runtimeDone`."""
        self.rig.environment.stream.flush()
        done = next(event for event in reversed(self.rig.events) if isinstance(event, RuntimeDone))
        return done.produced_bytes, [(span.name, round(span.duration)) for span in done.spans]


@pytest.fixture
def sink() -> Sink:
    """The caller."""
    return Sink()


@pytest.fixture
def streaming(sink: Sink) -> Streaming:
    """A response that has begun."""
    return Streaming(sink)


def test_pieces_go_to_the_caller(streaming: Streaming, sink: Sink) -> None:
    """As they come; the response at the end is empty, and the event counts all of them."""
    rig = streaming.rig
    rig.clock.advance(0.5)
    streaming.stream.write(b"one")
    rig.clock.advance(0.25)
    streaming.stream.write(b"three")
    streaming.stream.end()
    assert (sink.content_type, sink.pieces) == ("text/plain", [b"one", b"three"])
    assert (streaming.call.response.payload, streaming.call.response.failed) == (b"", False)
    assert rig.state == ("Busy", "RuntimeResponseSentState")
    rig.ask()
    assert rig.state == ("Idle", "Ready")
    assert streaming.metrics == (8, [("responseLatency", 0), ("responseDuration", 750), ("runtimeOverhead", 0)])


def test_first_six_megabytes_have_no_speed_limit(streaming: Streaming) -> None:
    """The byte after them has: 2 MB a second."""
    streaming.stream.write(bytes(STREAM_BURST_BYTES))
    assert not streaming.held
    streaming.stream.write(bytes(STREAM_BYTES_PER_SECOND))
    assert streaming.held
    streaming.rig.clock.advance(0.99)
    assert streaming.held
    streaming.rig.clock.advance(0.02)
    assert not streaming.held


def test_runtime_that_is_slow_is_not_limited(streaming: Streaming) -> None:
    """What it did not use is saved up, to 6 MB again."""
    streaming.stream.write(bytes(STREAM_BURST_BYTES))
    streaming.rig.clock.advance(1.5)
    streaming.stream.write(bytes(3 * 1024 * 1024))
    assert not streaming.held
    streaming.stream.write(b"x")
    assert streaming.held


def test_caller_that_is_slow_stops_the_runtime(streaming: Streaming, sink: Sink) -> None:
    """Until it has what it was sent."""
    sink.ready = False
    streaming.stream.write(b"x")
    assert streaming.held
    sink.resume()
    streaming.rig.clock.run()
    assert not streaming.held


def test_slow_caller_and_speed_limit_are_both_waited_for(streaming: Streaming, sink: Sink) -> None:
    """The later one decides."""
    sink.ready = False
    streaming.stream.write(bytes(STREAM_BURST_BYTES + STREAM_BYTES_PER_SECOND))
    streaming.rig.clock.advance(1.1)
    assert streaming.held
    sink.resume()
    streaming.rig.clock.run()
    assert not streaming.held


def test_response_of_200_megabytes_is_the_largest(streaming: Streaming, sink: Sink) -> None:
    """One byte more, and the caller gets the error; the runtime is to stop."""
    piece = bytes(1024 * 1024)
    for _ in range(MAX_STREAMED_BYTES // len(piece)):
        assert streaming.stream.write(piece)
        sink.pieces.clear()
    assert not streaming.stream.write(b"x")
    assert streaming.call.response == (response_too_large(209_715_200), True, None)
    assert sink.pieces == []
    assert streaming.stream.write(b"more")
    streaming.stream.end()
    assert len(streaming.call.responses) == 1


def test_timeout_in_the_middle_ends_the_response(streaming: Streaming, sink: Sink) -> None:
    """The caller has the pieces, and the service's error."""
    streaming.stream.write(b"half")
    streaming.rig.clock.advance(3.1)
    assert b"Sandbox.Timedout" in streaming.call.response.payload
    streaming.stream.write(b"late")
    streaming.stream.fail(b"late")
    assert sink.pieces == [b"half"]
    assert len(streaming.call.responses) == 1


def test_end_of_the_runtime_in_the_middle_is_a_truncated_response(streaming: Streaming) -> None:
    """Whichever is noticed first, the end of its connection or of its process."""
    streaming.stream.write(b"half")
    streaming.rig.process.exit(1)
    assert b"Runtime.TruncatedResponse" in streaming.call.response.payload


def test_caller_that_takes_no_pieces_gets_them_together() -> None:
    """Invoke waits for the end; there is no speed limit, and none is needed."""
    streaming = Streaming(None)
    streaming.stream.write(b"one ")
    assert streaming.call.responses == []
    streaming.stream.write(b"two")
    streaming.stream.end()
    assert streaming.call.response.payload == b"one two"
