"""X-Ray segment documents: those that Lambda itself writes for one traced invocation, and what every one must have.

Source: https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html#understanding-xray-traces, document fields:
https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html. Pure: facts in, documents out, without
a clock or a socket. Collecting the documents of an SDK and drawing a trace belong elsewhere.
"""

from __future__ import annotations

import json
import os
from typing import Any

import msgspec

from local_lambda.events.platform import InitReport, Report, RuntimeDone, Start, Tracing

Document = dict[str, Any]

_FAR_FUTURE = 1e11


def well_formed(document: Document) -> bool:
    """Whether the document has what X-Ray requires: ids, names and times, also in its subsegments."""
    pending = [document]
    while pending:
        part = pending.pop()
        strings = [part.get("id"), part.get("name"), part.get("parent_id", ""), part.get("trace_id", "")]
        times = [part.get("start_time"), part.get("end_time", 0)]
        if not all(isinstance(text, str) for text in strings):
            return False
        if not all(isinstance(time, (int, float)) and 0 <= time < _FAR_FUTURE for time in times):
            return False
        pending += children(part)
    return "trace_id" in document


def children(document: Document) -> list[Document]:
    """The subsegments inside a document or subsegment."""
    subsegments = document.get("subsegments")
    return [part for part in subsegments if isinstance(part, dict)] if isinstance(subsegments, list) else []


class TracedInvocation(msgspec.Struct, frozen=True):
    """The facts about an invocation that its segments report. `init_start` is None without an `init`."""

    tracing: Tracing
    start: Start
    done: RuntimeDone | None
    report: Report
    init_start: float | None = None
    init: InitReport | None = None

    @property
    def ended(self) -> float:
        """When the runtime finished it (seconds since the epoch)."""
        return (self.done or self.report).time

    @property
    def responded(self) -> float:
        """When the response was complete, or, without a response, when the invocation ended."""
        spans = self.done.spans if self.done else ()
        ends = [span.start + span.duration / 1000 for span in spans if span.name == "responseDuration"]
        return min([*ends, self.ended])

    @property
    def failed(self) -> bool:
        """Whether the function reported an error, was stopped or crashed."""
        return self.report.status != "success" or (self.done is not None and self.done.failed)


def service_segment(invocation: TracedInvocation, attempts: list[Document]) -> Document:
    """The `AWS::Lambda` segment: the service's part in a request. `attempts` are those at an asynchronous invocation.

    The segment of an asynchronous invocation ends with the response 202, long before its subsegments end.
    """
    tracing, start = invocation.tracing, invocation.start
    accepted = tracing.received or start.time
    document = _timed(tracing.service_id, _name(start), accepted, accepted if attempts else invocation.ended)
    document["trace_id"] = tracing.trace_id
    if tracing.upstream:
        document["parent_id"] = tracing.upstream
    document["http"] = {"response": {"status": 202 if attempts else 200}}
    document["aws"] = {"request_id": start.request_id}
    document["origin"] = "AWS::Lambda"
    document["resource_arn"] = start.function_arn
    if attempts:
        dwell = _timed(_new_id(), "Dwell Time", accepted, attempts[0]["start_time"])
        document["subsegments"] = [dwell, *attempts]
    return document


def attempt_subsegment(invocation: TracedInvocation) -> Document:
    """One `Attempt #n` at an asynchronous invocation. The service's status is 200 even if the function failed."""
    name = f"Attempt #{invocation.tracing.attempt}"
    document = _timed(_new_id(), name, invocation.start.time, invocation.ended)
    document["http"] = {"response": {"status": 200}}
    if invocation.failed:
        document["fault"] = True
    return document


def function_segment(invocation: TracedInvocation, parent_id: str) -> Document:
    """The `AWS::Lambda::Function` segment: the function's work, with `Initialization`, `Invocation` and `Overhead`."""
    tracing, start = invocation.tracing, invocation.start
    arn = ":".join(start.function_arn.split(":")[:7])
    aws = {"function_arn": arn}
    document = _timed(tracing.span_id, _name(start), start.time, invocation.ended)
    document["trace_id"] = tracing.trace_id
    document["parent_id"] = parent_id
    document["aws"] = {"account_id": arn.split(":")[4], "function_arn": arn, "resource_names": [_name(start)]}
    document["origin"] = "AWS::Lambda::Function"
    if invocation.failed:
        document["fault"] = True
        document |= _cause(invocation)
    subsegments = [_timed(tracing.parent_id, "Invocation", start.time, invocation.responded) | {"aws": aws}]
    if invocation.responded < invocation.ended:
        overhead = _timed(_new_id(), "Overhead", invocation.responded, invocation.ended)
        subsegments.append(overhead | {"aws": aws})
    if invocation.init is not None:
        subsegments.insert(0, _initialization(invocation.init, invocation.init_start) | {"aws": aws})
    document["subsegments"] = subsegments
    return document


def _initialization(init: InitReport, started: float | None) -> Document:
    seconds = init.duration / 1000
    start = init.time - seconds if started is None else started
    document = _timed(_new_id(), "Initialization", start, start + seconds)
    if init.status != "success":
        document["fault"] = True
        if init.error_type:
            document["cause"] = {"exceptions": [_exception(init.error_type)]}
    return document


def _cause(invocation: TracedInvocation) -> Document:
    """The `cause` member: what the runtime reported, else what the platform knows; empty without either."""
    done, report = invocation.done, invocation.report
    try:
        cause = json.loads(done.cause) if done and done.cause else None
    except (ValueError, RecursionError):
        cause = None
    if isinstance(cause, dict) and isinstance(cause.get("exceptions"), list):
        told = [exception for exception in cause["exceptions"] if isinstance(exception, dict)]
        exceptions = [{"id": _new_id(), **exception} for exception in told]
        members = {name: cause[name] for name in ("working_directory", "paths") if name in cause}
        return {"cause": {**members, "exceptions": exceptions}}
    if report.status == "timeout":
        message = f"Task timed out after {report.duration / 1000:.2f} seconds"
        return {"cause": {"exceptions": [_exception("Sandbox.Timedout", message)]}}
    error_type = report.error_type or (done and done.error_type)
    return {"cause": {"exceptions": [_exception(error_type)]}} if error_type else {}


def _exception(error_type: str, message: str | None = None) -> Document:
    return {"id": _new_id(), "type": error_type} | ({"message": message} if message else {})


def _name(start: Start) -> str:
    return start.function_arn.split(":")[6]


def _timed(identifier: str, name: str, start: float, end: float) -> Document:
    return {"id": identifier, "name": name, "start_time": round(start, 6), "end_time": round(end, 6)}


def _new_id() -> str:
    return os.urandom(8).hex()
