"""Forwards the functions' logs to CloudWatch Logs and their traces to X-Ray.

Operations: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html and
https://docs.aws.amazon.com/xray/latest/api/API_PutTraceSegments.html. Lines are made in `sinks/log_lines.py`, segments
in `xray/collecting.py`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import partial
from time import time

from local_lambda.aws.services import Call, Request, Services, signed
from local_lambda.events.printable import print_line
from local_lambda.functions.config import REGION, FunctionConfig
from local_lambda.xray.collecting import Trace

FLUSH_SECONDS = 0.2
MAX_BATCH = 1000
"""Log events per call; the service accepts 10,000 and 1 MB."""

Stream = tuple[str, str, str]
"""Region, log group, log stream."""
Event = dict[str, object]


class LogGroups:
    """Collects lines and puts them into their log streams, in batches; creates a missing group or stream."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lines: dict[Stream, list[Event]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def writer(self, function: FunctionConfig, log_stream: str) -> Callable[[str, str], None]:
        """The writer for the lines of one environment."""
        stream = function.region, function.log_group, log_stream

        def write(source: str, line: str) -> None:
            if source == "platform" and line.startswith("END "):  # END and REPORT: two log events on the service
                end, _, report = line.partition("\n")
                self._add(stream, f"{end}\n")
                line = report
            self._add(stream, line)

        return write

    def flush(self) -> None:
        """Send everything now: calls made to the services after this find it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._lines:
            lines, self._lines = self._lines, {}
            self._services.perform(partial(_put, lines))

    def _add(self, stream: Stream, line: str) -> None:
        self._lines.setdefault(stream, []).append({"timestamp": int(time() * 1000), "message": line})
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)


def _put(lines: dict[Stream, list[Event]], call: Call) -> None:
    for (region, group, stream), events in lines.items():
        named: dict[str, object] = {"logGroupName": group, "logStreamName": stream}
        for first in range(0, len(events), MAX_BATCH):
            batch = {**named, "logEvents": events[first : first + MAX_BATCH]}
            if _logs(call, region, "PutLogEvents", batch) == 200:
                continue
            _logs(call, region, "CreateLogGroup", {"logGroupName": group})
            _logs(call, region, "CreateLogStream", named)
            if _logs(call, region, "PutLogEvents", batch) != 200:
                print_line(f"{len(events)} lines could not be put into {group}")


def _logs(call: Call, region: str, operation: str, document: dict[str, object]) -> int:
    headers = [
        signed("logs", region),
        ("Content-Type", "application/x-amz-json-1.1"),
        ("X-Amz-Target", f"Logs_20140328.{operation}"),
    ]
    return call(Request("POST", "/", "", headers, json.dumps(document).encode())).status


def put_trace(services: Services, trace: Trace) -> None:
    """Send the segments of one traced invocation."""
    region = REGION
    for document in trace.documents:
        arn = str(document.get("resource_arn", ""))
        if arn.startswith("arn:aws:lambda:"):
            region = arn.split(":")[3]
    body = json.dumps({"TraceSegmentDocuments": [json.dumps(document) for document in trace.documents]})
    headers = [signed("xray", region), ("Content-Type", "application/json")]

    def put(call: Call) -> None:
        call(Request("POST", "/TraceSegments", "", headers, body.encode()))

    services.perform(put)
