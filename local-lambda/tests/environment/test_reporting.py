"""An invocation put into words, without an environment: only what the invocation knows goes in."""

from __future__ import annotations

import pytest

from local_lambda.environment import reporting
from local_lambda.environment.failures import exited, timed_out
from local_lambda.environment.invocation import Invocation
from local_lambda.functions.config import FunctionConfig
from local_lambda.processes.memory import PeakMemory
from local_lambda.xray.header import new_tracing

EPOCH = 1_700_000_000.0
FUNCTION = FunctionConfig("f", "a.b", timeout=3, memory_mb=256)


def served() -> Invocation:
    """Given to the runtime at 10 s, responded to from 10.03 to 10.04 s, done at 10.05 s, over at 10.07 s."""
    invocation = Invocation(b"{}", "arn:f", new_tracing(None, True), lambda *response: None)
    invocation.started_at, invocation.started, invocation.clock_offset = EPOCH, 10.0, EPOCH - 10.0
    invocation.response_began, invocation.responded, invocation.done = 10.03, 10.04, 10.05
    invocation.ended, invocation.ended_at = 10.07, EPOCH + 0.07
    invocation.produced_bytes = 5
    return invocation


def test_start_names_version_and_trace() -> None:
    """At the moment it was given to the runtime."""
    invocation = served()
    event = reporting.start(invocation, "7")
    assert (event.time, event.request_id, event.version) == (EPOCH, invocation.request_id, "7")
    assert (event.function_arn, event.tracing) == ("arn:f", invocation.tracing)


def test_runtime_done_has_three_spans_one_after_the_other() -> None:
    """Together they are the duration."""
    event = reporting.runtime_done(served(), None)
    assert (event.status, event.error_type, event.produced_bytes) == ("success", None, 5)
    assert event.duration == pytest.approx(50)
    assert [span.name for span in event.spans] == ["responseLatency", "responseDuration", "runtimeOverhead"]
    assert [span.duration for span in event.spans] == [pytest.approx(30), pytest.approx(10), pytest.approx(10)]
    for before, after in zip(event.spans, event.spans[1:], strict=False):
        assert before.start + before.duration / 1000 == pytest.approx(after.start, abs=1e-5)


def test_runtime_done_without_a_response_has_no_spans() -> None:
    """It was stopped before it had one."""
    invocation = served()
    invocation.responded = 0.0
    event = reporting.runtime_done(invocation, exited(3))
    assert (event.spans, event.status, event.error_type) == ((), "error", "Runtime.ExitError")


def test_report_bills_the_init_and_rounds_up() -> None:
    """The duration does not have the init in it."""
    invocation = served()
    invocation.cold_init = 100.2
    event = reporting.report(invocation, None, FUNCTION, PeakMemory(), extended=False)
    assert (event.duration, event.billed_duration, event.init_duration) == (pytest.approx(70), 171, 100.2)
    assert (event.memory_size, event.spans) == (256, ())


def test_report_with_extensions_has_their_overhead() -> None:
    """From the end of the runtime's part to the end."""
    (span,) = reporting.report(served(), None, FUNCTION, PeakMemory(), extended=True).spans
    assert (span.name, span.duration) == ("extensionOverhead", pytest.approx(20))
    assert span.start == pytest.approx(EPOCH + 0.05, abs=1e-5)


def test_report_of_a_timeout_has_the_timeout_as_its_duration() -> None:
    """However late it was noticed."""
    event = reporting.report(served(), timed_out(3), FUNCTION, PeakMemory(), extended=False)
    assert (event.status, event.duration, event.billed_duration) == ("timeout", 3000, 3000)
