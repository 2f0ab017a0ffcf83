"""The real X-Ray SDK in a separate process, its documents over UDP, and the trace they are in."""

from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local_lambda.events.platform import Tracing
from local_lambda.xray.collecting import SegmentDocuments, Trace, TraceSink
from local_lambda.xray.header import new_tracing
from local_lambda.xray.receiver import SegmentReceiver
from local_lambda.xray.tree import draw
from support.traced_events import invocation

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("aws_xray_sdk") is None, reason="aws-xray-sdk is not installed"
)

HANDLER = """
import os
from aws_xray_sdk.core import xray_recorder

def work():
    with xray_recorder.in_subsegment("getRuntimeInfo") as outer:
        outer.put_annotation("version", "3.8")
        with xray_recorder.in_subsegment("checkip.example", namespace="remote") as inner:
            inner.put_http_meta("method", "GET")
            inner.put_http_meta("url", "http://checkip.example/")
            inner.put_http_meta("status", 503)
        END

try:
    work()
except ValueError:
    pass
"""


def trace_of(context: Tracing, end: str, folder: Path) -> list[Trace]:
    """Run `HANDLER`, its inner subsegment done and then `end`, as the runtime of one invocation."""

    async def main() -> list[Trace]:
        traces: list[Trace] = []
        strays: list[Any] = []
        documents = SegmentDocuments(strays.append)
        receiver = SegmentReceiver.open(asyncio.get_running_loop(), documents.add, strays.append)
        sink = TraceSink(documents, traces.append, receiver.drain)
        start, *rest = invocation(context, began=context.received)
        sink(start)
        environment = {
            "LAMBDA_TASK_ROOT": str(folder),
            "_X_AMZN_TRACE_ID": context.header,
            "AWS_XRAY_DAEMON_ADDRESS": "{}:{}".format(*receiver.address),
        }
        handler = HANDLER.replace("END", end)
        subprocess.run([sys.executable, "-c", handler], env=environment, cwd=folder, timeout=60, check=True)
        for event in rest:
            sink(event)
        receiver.close()
        documents.close()
        assert strays == []
        return traces

    return asyncio.run(main())


def test_sdk_when_a_subsegment_fails_puts_it_into_invocation(tmp_path: Path) -> None:
    """`Parent` of the header is the SDK's segment: its documents hang on `Invocation`, the inner one arriving first."""
    context = new_tracing(None, True)
    [trace] = trace_of(context, "raise ValueError('no such address')", tmp_path)
    inner, outer = trace.documents[2:]
    assert (inner["name"], inner["parent_id"]) == ("checkip.example", outer["id"])
    assert (outer["name"], outer["parent_id"]) == ("getRuntimeInfo", context.parent_id)
    assert inner["http"]["response"]["status"] == 503
    assert {document["trace_id"] for document in trace.documents} == {context.trace_id}
    assert [line.text[25:] for line in draw(trace)[2:]] == [
        "hello (AWS::Lambda) 200",
        "└─ hello (AWS::Lambda::Function)",
        "   ├─ Invocation",
        "   │  └─ getRuntimeInfo ✗ fault {version=3.8}",
        "   │     │  ValueError: no such address",
        "   │     └─ checkip.example 503 ✗ fault GET http://checkip.example/",
        "   └─ Overhead",
    ]


def test_sdk_when_the_process_dies_keeps_what_was_done(tmp_path: Path) -> None:
    """The outer subsegment is never sent; the inner one is still shown in `Invocation`."""
    [trace] = trace_of(new_tracing(None, True), "os._exit(0)", tmp_path)
    [inner] = trace.documents[2:]
    assert inner["name"] == "checkip.example"
    assert "   │  └─ checkip.example 503" in [line.text[25:53] for line in draw(trace)]


def test_sdk_when_not_sampled_sends_nothing(tmp_path: Path) -> None:
    """`Sampled=0` in the header is enough."""
    assert trace_of(new_tracing(None, False), "pass", tmp_path) == []
