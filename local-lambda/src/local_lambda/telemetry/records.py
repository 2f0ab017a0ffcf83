"""Renders events as records in a subscription's schema, as the bytes that are delivered.

Telemetry API: https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html. Logs API:
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-logs-api.html; it has no records about init and reports the end of
an invocation in a separate record.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any

from local_lambda.events import platform
from local_lambda.events.platform import Event, Record, timestamp

Render = Callable[[Event], tuple[bytes, ...]]
"""Turns an event into records: usually one, none if the schema does not have that event."""

CATEGORIES: dict[type[Event], str] = {
    platform.InitStart: "platform",
    platform.InitRuntimeDone: "platform",
    platform.InitReport: "platform",
    platform.RestoreStart: "platform",
    platform.RestoreRuntimeDone: "platform",
    platform.RestoreReport: "platform",
    platform.Start: "platform",
    platform.RuntimeDone: "platform",
    platform.Report: "platform",
    platform.ExtensionState: "platform",
    platform.TelemetrySubscription: "platform",
    platform.LogsSubscription: "platform",
    platform.FunctionLog: "function",
    platform.ExtensionLog: "extension",
}
"""The type a subscriber names to get an event. `LogsDropped` is missing: only the subscriber concerned gets it."""

_ADDED: dict[str, dict[type[Event], tuple[str, ...]]] = {
    "2022-12-13": {
        platform.InitStart: ("functionName", "functionVersion", "instanceId", "instanceMaxMemory", "tracing"),
        platform.InitReport: ("status", "errorType"),
        platform.ExtensionState: ("errorType",),
    },
    "2025-01-29": {platform.Start: ("functionArn",)},
}
"""Members of a record that were added after the first schema."""

_compact = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def _bytes(time: float, kind: str, record: str) -> bytes:
    # The output of a process need not be valid text; invalid characters are replaced, as on the service.
    return f'{{"time":"{timestamp(time)}","type":"{kind}","record":{record}}}'.encode("utf-8", "replace")


def _object(text: str) -> str | None:
    """`text` on one line if it is a JSON object, else None."""
    try:
        value = json.loads(text)
        return _compact(value) if isinstance(value, dict) else None
    except (ValueError, RecursionError):
        return None


def telemetry_records(schema: str) -> Render:
    """Records of the Telemetry API in `schema`."""
    with_objects = schema >= "2022-12-13"
    missing: dict[type[Event], tuple[str, ...]] = {}
    for version, added in _ADDED.items():
        if version > schema:
            for kind, names in added.items():
                missing[kind] = missing.get(kind, ()) + names

    def render(event: Event) -> tuple[bytes, ...]:
        if isinstance(event, platform.Log):
            text = event.text
            if with_objects and event.json_format and text.lstrip().startswith("{"):
                return (_bytes(event.time, event.type, _object(text) or encode_basestring(text)),)
            return (_bytes(event.time, event.type, encode_basestring(text)),)
        kind = type(event)
        if kind is platform.LogsSubscription:
            return ()
        record = event.record()
        if kind in missing and isinstance(record, dict):
            for name in missing[kind]:
                record.pop(name, None)
        return (_bytes(event.time, event.type, _compact(record)),)

    return render


def logs_records(schema: str) -> Render:
    """Records of the Logs API in `schema`."""
    with_runtime_done = schema >= "2021-03-18"

    def render(event: Event) -> tuple[bytes, ...]:
        if isinstance(event, platform.Log):
            return (_bytes(event.time, event.type, encode_basestring(event.text)),)
        form = _LOGS.get(type(event))
        if form is None or (not with_runtime_done and type(event) is platform.RuntimeDone):
            return ()
        return tuple(_bytes(event.time, kind, _compact(record)) for kind, record in form(event))

    return render


Forms = list[tuple[str, Record]]


def _start(event: platform.Start) -> Forms:
    return [(event.type, {"requestId": event.request_id, "version": event.version})]


def _runtime_done(event: platform.RuntimeDone) -> Forms:
    status = "failure" if event.status == "error" else event.status
    return [(event.type, {"requestId": event.request_id, "status": status})]


def _report(event: platform.Report) -> Forms:
    """`platform.end` and `platform.report`; an invocation that did not complete has `platform.fault` before them."""
    full: Any = event.record()
    report = {"requestId": event.request_id, "metrics": full["metrics"]}
    if "tracing" in full:
        report["tracing"] = {name: full["tracing"][name] for name in ("type", "value")}
    forms: Forms = [("platform.end", {"requestId": event.request_id}), (event.type, report)]
    if event.status == "error":
        forms.insert(0, ("platform.fault", f"RequestId: {event.request_id} Process exited before completing request"))
    elif event.status != "success":
        forms.insert(0, ("platform.fault", f"RequestId: {event.request_id}\tStatus: {event.status}\n"))
    return forms


def _extension(event: platform.ExtensionState) -> Forms:
    return [(event.type, {"name": event.name, "state": event.state, "events": list(event.events)})]


def _unchanged(event: Event) -> Forms:
    return [(event.type, event.record())]


_LOGS: dict[type[Event], Callable[..., Forms]] = {
    platform.Start: _start,
    platform.RuntimeDone: _runtime_done,
    platform.Report: _report,
    platform.ExtensionState: _extension,
    platform.LogsSubscription: _unchanged,
    platform.LogsDropped: _unchanged,
}
