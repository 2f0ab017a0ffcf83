"""Writes an invocation's events: `platform.start`, `platform.runtimeDone`, `platform.report` and their spans. Pure.

They are written when the sinks get the events, after the response. Times come from the invocation, never from a clock.
"""

from __future__ import annotations

import math

from local_lambda.environment.failures import Failure
from local_lambda.environment.invocation import Invocation
from local_lambda.environment.ports import Memory
from local_lambda.events import platform
from local_lambda.functions.config import FunctionConfig


def start(invocation: Invocation, version: str) -> platform.Start:
    """The invocation was given to the runtime."""
    return platform.Start(
        invocation.started_at,
        invocation.request_id,
        version,
        invocation.function_arn,
        invocation.tracing,
        invocation.tenant_id,
    )


def runtime_done(invocation: Invocation, failure: Failure | None) -> platform.RuntimeDone:
    """The runtime has finished the invocation, or was stopped during it."""
    return platform.RuntimeDone(
        invocation.done_at,
        invocation.request_id,
        failure.status if failure else "success",
        failure.error_type if failure else None,
        (invocation.done - invocation.started) * 1000,
        invocation.produced_bytes,
        _runtime_spans(invocation),
        invocation.tracing,
        invocation.failed,
        invocation.error_cause,
        invocation.tenant_id,
        invocation.streamed,
    )


def report(
    invocation: Invocation, failure: Failure | None, function: FunctionConfig, memory: Memory, extended: bool
) -> platform.Report:
    """The invocation is over for runtime and extensions. With extensions (`extended`) their overhead is a span."""
    status = failure.status if failure else "success"
    duration = function.timeout * 1000.0 if status == "timeout" else (invocation.ended - invocation.started) * 1000
    cold = invocation.cold_init
    return platform.Report(
        invocation.ended_at,
        invocation.request_id,
        status,
        failure.error_type if failure else None,
        duration,
        math.ceil(duration + (cold or 0.0)),
        function.memory_mb,
        memory.megabytes,
        cold,
        (_extension_overhead(invocation),) if extended else (),
        invocation.tracing,
        invocation.restore,
    )


def _runtime_spans(invocation: Invocation) -> tuple[platform.Span, ...]:
    """The three spans of `platform.runtimeDone`; there are none if the runtime did not respond to the invocation."""
    if not invocation.responded:
        return ()
    offset = invocation.clock_offset
    began, responded = max(invocation.response_began, invocation.started), invocation.responded
    return (
        platform.Span("responseLatency", offset + invocation.started, (began - invocation.started) * 1000),
        platform.Span("responseDuration", offset + began, (responded - began) * 1000),
        platform.Span("runtimeOverhead", offset + responded, (invocation.done - responded) * 1000),
    )


def _extension_overhead(invocation: Invocation) -> platform.Span:
    started = invocation.clock_offset + invocation.done
    return platform.Span("extensionOverhead", started, (invocation.ended - invocation.done) * 1000)
