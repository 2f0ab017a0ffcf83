"""Invocations, and the error bodies that the platform itself writes."""

from __future__ import annotations

import re
import signal

import pytest

from local_lambda.environment.failures import Failure, exited, launch_failed, response_too_large, timed_out
from local_lambda.environment.invocation import Invocation
from local_lambda.events.identifiers import new_uuid
from local_lambda.xray.header import new_tracing


def body(reason: str, error_type: str = "Runtime.ExitError") -> bytes:
    """The service's form: `errorType` first, the request's id in the message."""
    return f'{{"errorType":"{error_type}","errorMessage":"RequestId: id-1 Error: {reason}"}}'.encode()


@pytest.mark.parametrize(
    ("failure", "status", "error_type", "expected"),
    [
        (timed_out(1), "timeout", None, body("Task timed out after 1.00 seconds", "Sandbox.Timedout")),
        (timed_out(900), "timeout", None, body("Task timed out after 900.00 seconds", "Sandbox.Timedout")),
        (exited(0), "error", "Runtime.ExitError", body("Runtime exited without providing a reason")),
        (exited(1), "error", "Runtime.ExitError", body("Runtime exited with error: exit status 1")),
        (exited(127), "error", "Runtime.ExitError", body("Runtime exited with error: exit status 127")),
        (
            exited(-signal.SIGKILL),
            "error",
            "Runtime.ExitError",
            body("Runtime exited with error: signal: killed"),
        ),
        (
            exited(-signal.SIGSEGV),
            "error",
            "Runtime.ExitError",
            body("Runtime exited with error: signal: segmentation fault"),
        ),
        (
            exited(-signal.SIGABRT),
            "error",
            "Runtime.ExitError",
            body("Runtime exited with error: signal: aborted"),
        ),
        (
            launch_failed("/bin/no", "No such file"),
            "error",
            "Runtime.InvalidEntrypoint",
            body("cannot start /bin/no: No such file", "Runtime.InvalidEntrypoint"),
        ),
        (Failure("error", "E", "", b'{"made":"by the runtime"}'), "error", "E", b'{"made":"by the runtime"}'),
    ],
)
def test_body_of_a_failure_is_the_services(
    failure: Failure, status: str, error_type: str | None, expected: bytes
) -> None:
    """Byte for byte; a body that the runtime has posted is passed on as it is."""
    assert (failure.status, failure.error_type) == (status, error_type)
    assert failure.body_for("id-1") == expected


def test_body_for_a_response_too_large_names_the_limit() -> None:
    """The message comes first in this one, as in recorded answers."""
    assert response_too_large(6_291_556) == (
        b'{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).",'
        b'"errorType":"Function.ResponseSizeTooLarge"}'
    )


def test_new_id_is_a_random_uuid() -> None:
    """Version 4, the RFC's variant, never the same twice."""
    ids = {new_uuid() for _ in range(1000)}
    assert len(ids) == 1000
    form = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
    assert all(form.fullmatch(identifier) for identifier in ids)


def test_again_keeps_the_request_and_renews_the_attempt() -> None:
    """A retry has the same request id, payload and trace, but a new invocation id and segment."""
    first = Invocation(b"{}", "arn:f", new_tracing(None, True, queued=True), lambda *answer: None)
    second = first.again()
    assert (second.request_id, second.payload, second.function_arn) == (first.request_id, b"{}", "arn:f")
    assert second.invocation_id != first.invocation_id
    assert second.tracing.trace_id == first.tracing.trace_id
    assert second.tracing.span_id != first.tracing.span_id
    assert (first.tracing.attempt, second.tracing.attempt) == (1, 2)
