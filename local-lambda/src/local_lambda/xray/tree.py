"""A trace as lines of text: what called what, when, for how long, and what went wrong.

It shows what the X-Ray console's trace map page shows
(https://docs.aws.amazon.com/xray/latest/devguide/xray-console-traces.html). Nothing is printed or colored here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from local_lambda.xray.collecting import Trace
from local_lambda.xray.segments import Document, children

WIDTH = 100
_DEEPEST_INDENT = 12


class Line(NamedTuple):
    """A line of the tree; `is_bad` if it reports an error, fault or throttle."""

    text: str
    is_bad: bool


def draw(trace: Trace, width: int = WIDTH) -> list[Line]:
    """Draw a trace as a tree: one line per segment, subsegment and exception, none longer than `width`.

    The columns on the left are the start, in milliseconds after the service accepted the request (negative for an
    initialization before it), and the duration. A subsegment whose parent is missing is shown in `Invocation`.
    """
    below = by_parent(trace.documents)
    origin = trace.documents[0]["start_time"]
    lines = [_line(f"Trace {trace.trace_id} of request {trace.request_id}", False, width)]
    lines.append(_line(_columns("start", "duration"), False, width))
    pending = [("", "", document) for document in reversed(below.pop("", []))]
    while pending:
        before, after, document = pending.pop()
        parts = below.pop(document["id"], [])
        bad = troubles(document)
        columns = _columns(_milliseconds(document["start_time"] - origin), _duration(document))
        lines.append(_line(f"{columns}{before}{' '.join(_label(document))}", bool(bad), width))
        bar = "│  " if parts else "   "
        lines += [_line(f"{_columns('', '')}{after}{bar}{text}", True, width) for text in _exceptions(document)]
        last = True
        for part in reversed(parts):
            stem = after if len(after) < 3 * _DEEPEST_INDENT else after[3:]
            pending.append((stem + ("└─ " if last else "├─ "), stem + ("   " if last else "│  "), part))
            last = False
    return lines


def by_parent(documents: list[Document]) -> dict[str, list[Document]]:
    """All segments and subsegments by the id of their parent (`""`: none), in the order in which they started.

    A document that was sent again replaces the earlier one.
    """
    parts: dict[str, tuple[str | None, Document]] = {}
    for document in documents:
        pending: list[tuple[str | None, Document]] = [(document.get("parent_id"), document)]
        while pending:
            parent_id, part = pending.pop()
            parts[part["id"]] = parent_id, part
            pending += [(part["id"], child) for child in children(part)]
    invocation = next(part["id"] for part in documents[1]["subsegments"] if part["name"] == "Invocation")
    below: dict[str, list[Document]] = {}
    for parent_id, part in parts.values():
        if part is documents[0] or parent_id is None:
            parent_id = ""
        elif parent_id not in parts:
            parent_id = invocation
        below.setdefault(parent_id, []).append(part)
    for siblings in below.values():
        siblings.sort(key=lambda part: part["start_time"])
    return below


def _label(document: Document) -> Iterator[str]:
    """Name, origin, operation, response, trouble, request, annotations: those present, the most important first."""
    yield document["name"]
    if "origin" in document:
        yield f"({document['origin']})"
    aws, http, sql = (_object(document.get(name)) for name in ("aws", "http", "sql"))
    if "operation" in aws:
        yield str(aws["operation"])
    request, response = _object(http.get("request")), _object(http.get("response"))
    if "status" in response:
        yield str(response["status"])
    yield from (f"✗ {trouble}" for trouble in troubles(document))
    yield from (str(request[name]) for name in ("method", "url") if name in request)
    if "sanitized_query" in sql:
        yield str(sql["sanitized_query"])
    annotations = _object(document.get("annotations"))
    if annotations:
        yield "{" + ", ".join(f"{name}={value}" for name, value in annotations.items()) + "}"


def troubles(document: Document) -> list[str]:
    """Which of X-Ray's three kinds of trouble (error, fault, throttle) a document reports."""
    return [name for name in ("throttle", "fault", "error") if document.get(name)]


def _exceptions(document: Document) -> Iterator[str]:
    """Type and message of each exception. A cause that is an id is left out: it refers to one shown elsewhere."""
    exceptions = _object(document.get("cause")).get("exceptions")
    for exception in exceptions if isinstance(exceptions, list) else []:
        texts = [str(exception[name]) for name in ("type", "message") if _object(exception).get(name)]
        if texts:
            yield ": ".join(texts)


def _columns(start: str, duration: str) -> str:
    return f"{start:>11} {duration:>11}  "


def _duration(document: Document) -> str:
    end = document.get("end_time")
    return "unfinished" if end is None else _milliseconds(end - document["start_time"])


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def _line(text: str, is_bad: bool, width: int) -> Line:
    shown = "".join([character if character.isprintable() else " " for character in text]).rstrip()
    return Line(shown if len(shown) <= width else shown[: width - 1] + "…", is_bad)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
