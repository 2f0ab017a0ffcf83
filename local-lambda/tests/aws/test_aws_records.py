"""The local AWS endpoint: what functions wrote is in CloudWatch Logs, how they were traced in X-Ray."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime, timedelta, timezone
from typing import Any

from support.aws_endpoint import Endpoint
from support.tool import DEADLINE_SECONDS

SPEAKS = """
import logging
def handler(event, context):
    print("printed", event)
    logging.getLogger().warning("logged\\nin two lines")
    return context.log_stream_name
"""
TRACED = """
from aws_xray_sdk.core import xray_recorder
def handler(event, context):
    with xray_recorder.in_subsegment("work"):
        return context.aws_request_id
"""


def test_log_of_a_function_is_in_its_group_and_stream(aws: Endpoint) -> None:
    """The lines of the service, each an event; END and REPORT too; one stream an environment."""
    aws.create("speaks", SPEAKS)
    began = int(time.time() * 1000) - 1
    answer = aws.lambda_.invoke(FunctionName="speaks", Payload=b"1")
    stream = json.loads(answer["Payload"].read())
    request_id = answer["ResponseMetadata"]["RequestId"]
    messages = aws.messages("/aws/lambda/speaks", "REPORT")
    assert messages[0].startswith("INIT_START Runtime Version: python:")
    assert messages[1:3] == [f"START RequestId: {request_id} Version: $LATEST\n", "printed 1\n"]
    assert re.fullmatch(rf"\[WARNING\]\t\S+Z\t{request_id}\tlogged\nin two lines\n", messages[3])
    assert messages[4] == f"END RequestId: {request_id}\n"
    assert re.match(rf"REPORT RequestId: {request_id}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\t", messages[5])
    assert len(messages) == 6
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", stream)
    events = aws.logs.filter_log_events(logGroupName="/aws/lambda/speaks")["events"]
    assert {event["logStreamName"] for event in events} == {stream}
    assert all(began <= event["timestamp"] <= time.time() * 1000 + 1 for event in events)
    streams = aws.logs.describe_log_streams(logGroupName="/aws/lambda/speaks")["logStreams"]
    assert [each["logStreamName"] for each in streams] == [stream]
    groups = aws.logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/speaks")["logGroups"]
    assert [group["logGroupName"] for group in groups] == ["/aws/lambda/speaks"]


def test_log_can_be_filtered_and_followed(aws: Endpoint) -> None:
    """What `aws logs tail --follow` asks for: events from a time on, of all streams, that match a pattern."""
    aws.create("followed", SPEAKS)
    aws.call("followed", "first")
    aws.messages("/aws/lambda/followed", "REPORT")
    group = {"logGroupName": "/aws/lambda/followed", "interleaved": True}
    found = aws.logs.filter_log_events(**group, filterPattern="printed")["events"]
    assert [event["message"] for event in found] == ["printed first\n"]
    last = max(event["timestamp"] for event in aws.logs.filter_log_events(**group)["events"])
    assert aws.logs.filter_log_events(**group, startTime=last + 1)["events"] == []
    aws.update("followed", SPEAKS + "\n")
    while time.time() * 1000 < last + 2:
        pass  # the next lines must have a later millisecond
    aws.call("followed", "second")
    aws.messages("/aws/lambda/followed", "printed second")
    later = aws.logs.filter_log_events(**group, startTime=last + 1, filterPattern="printed")["events"]
    assert [event["message"] for event in later] == ["printed second\n"]
    assert len(aws.logs.describe_log_streams(logGroupName="/aws/lambda/followed")["logStreams"]) == 2


def test_log_group_that_was_deleted_is_made_again(aws: Endpoint) -> None:
    """As by the service, with the next line."""
    aws.create("forgotten", SPEAKS)
    aws.call("forgotten")
    aws.messages("/aws/lambda/forgotten", "REPORT")
    aws.logs.delete_log_group(logGroupName="/aws/lambda/forgotten")
    aws.call("forgotten", "again")
    assert "printed again\n" in aws.messages("/aws/lambda/forgotten", "REPORT")


def test_log_group_and_format_of_the_configuration_are_used(aws: Endpoint) -> None:
    """`LoggingConfig` names another group; JSON system logs are records."""
    aws.create("elsewhere", SPEAKS, LoggingConfig={"LogGroup": "/my/group", "LogFormat": "JSON"})
    aws.call("elsewhere")
    messages = aws.messages("/my/group", "platform.report")
    assert [json.loads(message)["type"] for message in messages if '"platform.' in message][-1] == "platform.report"


def test_many_lines_are_all_there_and_in_order(aws: Endpoint) -> None:
    """Twenty thousand lines, written as fast as the function can."""
    text = "def handler(event, context):\n    for n in range(20000):\n        print('line', n)\n"
    aws.create("many", text, Timeout=60)
    aws.call("many")
    lines = aws.messages("/aws/lambda/many", "REPORT")
    assert [line for line in lines if line.startswith("line")] == [f"line {n}\n" for n in range(20000)]


def test_trace_of_a_function_is_in_xray_and_on_the_console(aws: Endpoint) -> None:
    """Both segments of Lambda and the subsegment of the function, by the trace id of its log."""
    aws.create("traced", TRACED, TracingConfig={"Mode": "Active"})
    request_id = aws.call("traced")
    trace_id = aws.tool.wait_for(rf"Trace (\S+) of request {request_id}")[1]
    xray = aws.client("xray")
    now = datetime.now(timezone.utc)
    deadline = time.monotonic() + DEADLINE_SECONDS
    traces: list[Any] = []
    while not traces:
        summaries = xray.get_trace_summaries(StartTime=now - timedelta(minutes=5), EndTime=now + timedelta(minutes=5))
        traces = [each for each in summaries["TraceSummaries"] if each["Id"] == trace_id]
        assert time.monotonic() < deadline
    (trace,) = xray.batch_get_traces(TraceIds=[trace_id])["Traces"]
    documents = [json.loads(segment["Document"]) for segment in trace["Segments"]]
    origins = [document.get("origin") for document in documents]
    assert {"AWS::Lambda", "AWS::Lambda::Function"} <= set(origins)
    assert "work" in json.dumps(documents)
    aws.tool.wait_for("└─ work")
