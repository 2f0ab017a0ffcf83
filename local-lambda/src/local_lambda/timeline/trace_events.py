"""A run in the Trace Event Format, which chrome://tracing, Perfetto and speedscope can open.

Format: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU (JSON object format). An
environment becomes a process and a lane a thread. Times are microseconds since the beginning of the recording.
"""

from __future__ import annotations

import json
from typing import Any

from local_lambda.timeline.model import Environment, Timeline


def draw_trace_events(timeline: Timeline) -> str:
    """The JSON text: complete events (`X`) for phases, spans and subsegments, instants (`i`) for marks."""
    events: list[dict[str, Any]] = []
    for environment in timeline.environments:
        events += _environment(environment)
    document = {"traceEvents": events, "displayTimeUnit": "ms", "otherData": {"began": timeline.began}}
    return json.dumps(document, indent=1) + "\n"


def _environment(environment: Environment) -> list[dict[str, Any]]:
    process = environment.number
    events = [_name(process, 0, "process_name", f"environment {process}: {environment.function}")]
    threads = ["phases", *(lane.name for lane in environment.lanes), "X-Ray subsegments"]
    for thread, name in enumerate(threads, 1):
        events.append(_name(process, thread, "thread_name", name))
        events.append(_meta(process, thread, "thread_sort_index", {"sort_index": thread}))
    for phase in environment.phases:
        arguments = {"detail": phase.detail, "failed": phase.failed}
        events.append(_complete(process, 1, "phase", phase.name, phase.start, phase.end, arguments))
    for thread, lane in enumerate(environment.lanes, 2):
        for span in lane.spans:
            arguments = {"detail": span.detail, "failed": span.failed}
            events.append(_complete(process, thread, "span", span.name, span.start, span.end, arguments))
        for mark in lane.marks:
            instant = {"name": mark.kind, "cat": "mark", "ph": "i", "s": "t", "ts": _microseconds(mark.time)}
            events.append({**instant, "pid": process, "tid": thread, "args": {"detail": mark.detail}})
    for part in environment.subsegments:
        arguments = {"phase": part.phase, "detail": part.detail, "failed": part.failed}
        events.append(_complete(process, len(threads), "subsegment", part.name, part.start, part.end, arguments))
    return events


def _complete(
    process: int, thread: int, category: str, name: str, start: float, end: float, arguments: dict[str, Any]
) -> dict[str, Any]:
    times = {"ts": _microseconds(start), "dur": max(_microseconds(end) - _microseconds(start), 0)}
    return {"name": name, "cat": category, "ph": "X", **times, "pid": process, "tid": thread, "args": arguments}


def _name(process: int, thread: int, kind: str, name: str) -> dict[str, Any]:
    return _meta(process, thread, kind, {"name": name})


def _meta(process: int, thread: int, kind: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"name": kind, "ph": "M", "ts": 0, "pid": process, "tid": thread, "args": arguments}


def _microseconds(milliseconds: float) -> int:
    return round(milliseconds * 1000)
