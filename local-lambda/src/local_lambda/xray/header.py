"""The trace header of an invocation, `X-Amzn-Trace-Id`: parses the caller's and makes the function's.

Source: https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader.
"""

from __future__ import annotations

import os
import re
import time

from local_lambda.events.identifiers import random_hex
from local_lambda.events.platform import Tracing

_ROOT = re.compile(r"1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24}").fullmatch
_ID = re.compile(r"[0-9a-fA-F]{16}").fullmatch
_OWN_FIELDS = frozenset({"Root", "Parent", "Sampled", "Self"})
"""Fields that are replaced, and `Self`, which only concerns load balancers. All other fields are passed on."""
_LINEAGE = f";Lineage=1:{os.urandom(4).hex()}:0"


def new_tracing(incoming: str | None, active: bool, *, queued: bool = False) -> Tracing:
    """The X-Ray context of a new invocation; it continues the trace of `incoming`, the caller's `X-Amzn-Trace-Id`.

    `active` is the function's tracing mode. The caller's `Sampled` decides. If the caller leaves the decision open, a
    function with active tracing is always sampled (Lambda samples the first request of each second and 5 % of the rest)
    and any other function never. Without a usable header a new trace id is made, as on Lambda. `queued` marks an
    asynchronous invocation.
    """
    received = time.time()
    random = random_hex(72)
    parent_id = random[:16]
    fields = _parse(incoming) if incoming else None
    if fields is None:
        trace_id = f"1-{int(received):08x}-{random[48:]}"
        sampled, upstream, rest = active, None, _LINEAGE
    else:
        trace_id = fields["Root"]
        decision = fields.get("Sampled")
        sampled = active if decision not in ("0", "1") else decision == "1"
        upstream = fields.get("Parent")
        if upstream is not None and not _ID(upstream):
            upstream = None
        rest = "".join([f";{name}={value}" for name, value in fields.items() if name not in _OWN_FIELDS])
    return Tracing(
        f"Root={trace_id};Parent={parent_id};Sampled={'1' if sampled else '0'}{rest}",
        trace_id,
        parent_id,
        random[16:32],
        random[32:48],
        upstream,
        sampled,
        received,
        1 if queued else None,
    )


def next_attempt(tracing: Tracing) -> Tracing:
    """The context of the next attempt at a `queued` invocation: the same service segment, a new function segment."""
    random = random_hex(32)
    parent_id = random[:16]
    header = tracing.header.replace(f"Parent={tracing.parent_id}", f"Parent={parent_id}", 1)
    attempt = (tracing.attempt or 1) + 1
    return tracing._replace(header=header, parent_id=parent_id, span_id=random[16:], attempt=attempt)


def _parse(header: str) -> dict[str, str] | None:
    """The fields of a trace header, or None if it is malformed."""
    if not (header.isascii() and header.isprintable()):
        return None
    fields = {}
    for field in header.split(";"):
        name, equals, value = field.strip().partition("=")
        if equals:
            fields[name] = value
    return fields if _ROOT(fields.get("Root", "")) else None
