"""The events of invocations, as an environment reports them, for tests of the traces made from them."""

from __future__ import annotations

import json
from typing import Any

from local_lambda.events.platform import InitReport, InitStart, Report, RuntimeDone, Span, Start, Tracing

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:hello"
TRACE_ID = "1-5759e988-bd862e3fe1be46a994272793"
NOON = 1_700_000_000.0
"""When the request comes in; the function starts 2 ms later, responds after 100 ms, asks for more after 101 ms."""

EXCEPTION = {"type": "SimpleException", "message": "sorry", "stack": [{"label": "f", "path": "a", "line": 1}]}
CAUSE = json.dumps(
    {"working_directory": "/var/task", "paths": ["app.py"], "message": "sorry", "exceptions": [EXCEPTION]}
)
"""What the runtime reports of an exception."""


def tracing(number: int = 1, *, sampled: bool = True, **members: Any) -> Tracing:
    """The context of invocation `number`; its ids end with that number."""
    invocation, function, service = (f"{letter * 15}{number}" for letter in "abc")
    header = f"Root={TRACE_ID};Parent={invocation};Sampled={sampled:d}"
    ids = {"trace_id": TRACE_ID, "parent_id": invocation, "span_id": function, "service_id": service}
    return Tracing(header, **{**ids, "sampled": sampled, "received": NOON, **members})


def init(status: str = "success", error_type: str | None = None, began: float = NOON - 0.4) -> list[Any]:
    """An Init phase of 300 ms."""
    memory = 128 * 1024 * 1024
    return [
        InitStart(began, "on-demand", "init", None, None, "hello", "$LATEST", "2023/11/14/[$LATEST]0a", memory),
        InitReport(began + 0.301, "on-demand", "init", status, 300.0, error_type),
    ]


def invocation(
    context: Tracing | None,
    status: str = "success",
    error_type: str | None = None,
    *,
    failed: bool = False,
    cause: str | None = None,
    began: float = NOON + 0.002,
    arn: str = ARN,
) -> list[Any]:
    """Start, end of the runtime's work and report of one invocation, 101 ms long."""
    answered = (Span("responseLatency", began, 98.0), Span("responseDuration", began + 0.098, 2.0))
    spans = answered if status == "success" else ()
    return [
        Start(began, "request-1", "$LATEST", arn, context),
        RuntimeDone(began + 0.101, "request-1", status, error_type, 101.0, 2, spans, context, failed, cause),
        Report(began + 0.102, "request-1", status, error_type, 101.0, 101, 128, 40, None, (), context),
    ]


def subsegment(identifier: str, parent_id: str, *, start: float = 0.01, **members: Any) -> dict[str, Any]:
    """A document as the SDK sends it, begun `start` seconds after the request came in and 20 ms long."""
    times = {"start_time": NOON + start, "end_time": NOON + start + 0.02}
    given = {"id": identifier, "name": identifier, "parent_id": parent_id, "trace_id": TRACE_ID}
    return given | times | {"type": "subsegment", "in_progress": False} | members
