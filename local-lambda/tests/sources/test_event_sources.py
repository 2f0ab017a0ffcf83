"""Event source mappings of the local AWS endpoint: queues and streams invoke functions."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.aws_endpoint import Endpoint, error_of, serving_aws
from support.queue_drill import messages_in
from support.tool import DEADLINE_SECONDS, Gate

ACCOUNT = "123456789012"
NOTING = """
import base64, json, os

def handler(event, context):
    failed, texts = [], []
    for record in event["Records"]:
        data = record.get("kinesis", {}).get("data")
        text = base64.b64decode(data).decode() if data else record.get("body") or json.dumps(record["dynamodb"]["Keys"])
        texts.append(text)
        identifier = record.get("messageId") or record.get("kinesis", record.get("dynamodb")).get(
            "sequenceNumber", record.get("dynamodb", {}).get("SequenceNumber"))
        if "poison" in text:
            failed.append({"itemIdentifier": identifier})
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(json.dumps({"texts": texts, "records": event["Records"]}) + "\\n")
    if failed and os.environ.get("RAISES"):
        raise ValueError("poison")
    return {"batchItemFailures": failed}
"""


@pytest.fixture(scope="module")
def aws(function_python: Path) -> Iterator[Endpoint]:
    """One endpoint for all tests; each uses names of its own."""
    with serving_aws(function_python) as endpoint:
        yield endpoint


class Notes:
    """What a function has noted: a batch a line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    @property
    def batches(self) -> list[list[str]]:
        """The texts of the batches so far."""
        return [json.loads(line)["texts"] for line in self.path.read_text().splitlines()]

    @property
    def texts(self) -> list[str]:
        """The texts of all records so far."""
        return [text for batch in self.batches for text in batch]

    @property
    def records(self) -> list[Any]:
        """All records so far."""
        return [record for line in self.path.read_text().splitlines() for record in json.loads(line)["records"]]


@pytest.fixture
def noting(aws: Endpoint, shared_folder: Path, request: pytest.FixtureRequest) -> tuple[str, Notes]:
    """A function that notes what it gets and fails on poison, with a name of its own, and its notes."""
    name = re.sub(r"\W+", "-", request.node.name)[5:60]
    notes = Notes(shared_folder / f"{name}.jsonl")
    raises = {"RAISES": "1"} if "raises" in name else {}
    aws.create(name, NOTING, Timeout=10, Environment={"Variables": {"NOTES": str(notes.path), **raises}})
    return name, notes


def eventually(condition: Any, what: Any) -> None:
    """Return when the condition holds."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(0.02)


def make_queue(aws: Endpoint, name: str, **attributes: str) -> tuple[str, str]:
    """URL and ARN of a new queue."""
    url = aws.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url, f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"


def left_in(aws: Endpoint, url: str) -> int:
    """How many messages a queue has, seen or unseen."""
    return messages_in(aws.client("sqs"), url)


def test_queue_invokes_with_batches_and_retries_what_failed(aws: Endpoint, noting: tuple[str, Notes]) -> None:
    """Named failures come again and end in the dead letter queue; what a filter excludes is deleted."""
    name, notes = noting
    dead, dead_arn = make_queue(aws, "dead")
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})
    url, arn = make_queue(aws, "work", VisibilityTimeout="10", RedrivePolicy=redrive)
    sqs = aws.client("sqs")
    bodies = [json.dumps({"n": n, "kind": "poison" if n == 3 else "ok"}) for n in range(12)] + ['{"kind": "other"}']
    for first in range(0, len(bodies), 10):
        entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[first : first + 10])]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
    created = aws.lambda_.create_event_source_mapping(
        FunctionName=name,
        EventSourceArn=arn,
        BatchSize=10,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        FilterCriteria={"Filters": [{"Pattern": '{"body": {"kind": ["ok", "poison"]}}'}]},
    )
    assert created["State"] == "Creating"
    eventually(lambda: len(notes.texts) >= 12, lambda: notes.batches)
    assert sorted(notes.texts) == sorted(bodies[:12])
    assert all(len(batch) <= 10 for batch in notes.batches)
    record = notes.records[0]
    assert (record["eventSource"], record["eventSourceARN"], record["awsRegion"]) == ("aws:sqs", arn, "us-east-1")
    assert {"messageId", "receiptHandle", "attributes", "messageAttributes", "md5OfBody"} <= record.keys()
    eventually(lambda: left_in(aws, url) == 1, lambda: left_in(aws, url))  # only the poison one waits
    (poison,) = [each for each in notes.records if "poison" in each["body"]]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=poison["receiptHandle"], VisibilityTimeout=0)
    eventually(lambda: notes.texts.count(bodies[3]) == 2, lambda: notes.batches)
    poison = [each for each in notes.records if "poison" in each["body"]][-1]
    assert poison["attributes"]["ApproximateReceiveCount"] == "2"
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=poison["receiptHandle"], VisibilityTimeout=0)
    eventually(lambda: left_in(aws, dead) == 1, lambda: left_in(aws, dead))
    assert left_in(aws, url) == 0
    assert len(notes.texts) == 13


MALFORMED = """
def handler(event, context):
    return {"batchItemFailures": [{"itemIdentifier": "none"}]}
"""


def test_queue_says_why_a_whole_batch_comes_back(aws: Endpoint) -> None:
    """The response names a message that is not in the batch: one line with the queue, and nothing is deleted."""
    aws.create("malformed", MALFORMED, Timeout=10)
    url, arn = make_queue(aws, "malformed", VisibilityTimeout="60")
    aws.client("sqs").send_message(QueueUrl=url, MessageBody="fine")
    aws.lambda_.create_event_source_mapping(
        FunctionName="malformed", EventSourceArn=arn, FunctionResponseTypes=["ReportBatchItemFailures"]
    )
    aws.tool.wait_for(
        f"platform .*{arn}: the response names 'none', which is not in the batch, so the whole batch counts as failed"
    )
    assert left_in(aws, url) == 1


def test_stream_says_why_a_whole_batch_comes_back(aws: Endpoint) -> None:
    """The same line; the batch is given up after its last attempt."""
    aws.create("malformed-stream", MALFORMED, Timeout=10)
    put, arn = _make_stream(aws, "kinesis", "malformed")
    put("fine")
    aws.lambda_.create_event_source_mapping(
        FunctionName="malformed-stream",
        EventSourceArn=arn,
        StartingPosition="TRIM_HORIZON",
        MaximumRetryAttempts=0,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    aws.tool.wait_for(f"{arn}: the response names 'none', which is not in the batch, so the whole batch counts")
    aws.tool.wait_for(f"{arn}: given up with RetryAttemptsExhausted; records: 1, attempts: 1")


def test_window_collects_a_batch(aws: Endpoint, noting: tuple[str, Notes]) -> None:
    """Messages that come one after the other reach the function in one batch, when it is full."""
    name, notes = noting
    url, arn = make_queue(aws, "window", VisibilityTimeout="60")
    aws.lambda_.create_event_source_mapping(
        FunctionName=name, EventSourceArn=arn, BatchSize=5, MaximumBatchingWindowInSeconds=60
    )
    for n in range(5):
        aws.client("sqs").send_message(QueueUrl=url, MessageBody=str(n))
    eventually(lambda: notes.batches, lambda: left_in(aws, url))
    assert notes.batches == [["0", "1", "2", "3", "4"]]


def test_fifo_queue_keeps_the_order_of_a_group(aws: Endpoint, noting: tuple[str, Notes]) -> None:
    """Whatever the number of environments."""
    name, notes = noting
    url, arn = make_queue(aws, "order.fifo", FifoQueue="true", ContentBasedDeduplication="true", VisibilityTimeout="60")
    aws.lambda_.create_event_source_mapping(FunctionName=name, EventSourceArn=arn, BatchSize=3)
    for n in range(20):
        aws.client("sqs").send_message(QueueUrl=url, MessageBody=f"{n % 2}-{n:02}", MessageGroupId=str(n % 2))
    eventually(lambda: len(notes.texts) >= 20, lambda: notes.batches)
    for group in ("0", "1"):
        texts = [text for text in notes.texts if text.startswith(group)]
        assert texts == sorted(texts)


WAITING = """
import json
def handler(event, context):
    path = json.loads(event["Records"][0]["body"])["gate"]
    with open(path) as gate:
        print("waiting at", path, flush=True)
        gate.readline()
"""


def test_queue_has_no_more_batches_in_flight_than_its_maximum_concurrency(
    aws: Endpoint, make_gate: Callable[[], Gate]
) -> None:
    """Two of six messages are with the function; each that ends makes room for one."""
    gate = make_gate()
    aws.create("concurrency", WAITING, Timeout=30)
    url, arn = make_queue(aws, "concurrency", VisibilityTimeout="60")
    for _ in range(6):
        aws.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(gate.event))
    aws.lambda_.create_event_source_mapping(
        FunctionName="concurrency", EventSourceArn=arn, BatchSize=1, ScalingConfig={"MaximumConcurrency": 2}
    )
    for done in range(6):
        aws.tool.wait_for_lines(f"waiting at {gate.path}$", min(done + 2, 6))
        names = ["ApproximateNumberOfMessagesNotVisible"]
        attributes = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        assert int(attributes[names[0]]) <= 2
        gate.open()
    eventually(lambda: left_in(aws, url) == 0, lambda: left_in(aws, url))


@pytest.mark.parametrize("service", ["kinesis", "dynamodb"])
def test_stream_retries_from_the_first_failure(aws: Endpoint, noting: tuple[str, Notes], service: str) -> None:
    """Records before it are done; after the last attempt the rest is named to the destination, and reading goes on."""
    name, notes = noting
    lost, lost_arn = make_queue(aws, f"lost-{service}")
    put, arn = _make_stream(aws, service, name)
    for text in ("a", "b", "poison", "c"):
        put(text)
    aws.lambda_.create_event_source_mapping(
        FunctionName=name,
        EventSourceArn=arn,
        StartingPosition="TRIM_HORIZON",
        BatchSize=10,
        MaximumRetryAttempts=1,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        DestinationConfig={"OnFailure": {"Destination": lost_arn}},
    )
    eventually(lambda: left_in(aws, lost) == 1, lambda: notes.batches)
    put("d")
    eventually(lambda: len(notes.batches) >= 3, lambda: notes.batches)
    expected = [["a", "b", "poison", "c"], ["poison", "c"], ["d"]]
    if service == "dynamodb":
        expected = [[json.dumps({"id": {"S": text}}) for text in batch] for batch in expected]
    assert notes.batches == expected
    body = json.loads(aws.client("sqs").receive_message(QueueUrl=lost)["Messages"][0]["Body"])
    info = body["KinesisBatchInfo" if service == "kinesis" else "DDBStreamBatchInfo"]
    assert (info["batchSize"], info["streamArn"]) == (2, arn)
    assert body["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert body["requestContext"]["approximateInvokeCount"] == 2


def test_stream_that_raises_is_bisected(aws: Endpoint, noting: tuple[str, Notes]) -> None:
    """Only the poison record is given up; the filter sees the decoded data."""
    name, notes = noting
    put, arn = _make_stream(aws, "kinesis", name)
    for text in ("a", "poison", "skipped", "b", "c"):
        put(json.dumps({"text": text}))
    aws.lambda_.create_event_source_mapping(
        FunctionName=name,
        EventSourceArn=arn,
        StartingPosition="TRIM_HORIZON",
        MaximumRetryAttempts=0,
        BisectBatchOnFunctionError=True,
        FilterCriteria={"Filters": [{"Pattern": '{"data": {"text": [{"anything-but": "skipped"}]}}'}]},
    )
    aws.tool.wait_for(f"{arn}: given up with .*; records: 1,")
    eventually(lambda: {json.loads(text)["text"] for text in notes.batches[-1]} <= {"b", "c"}, lambda: notes.batches)
    done = [text for batch in notes.batches if "poison" not in "".join(batch) for text in batch]
    assert [json.loads(text)["text"] for text in done] == ["a", "b", "c"]


def _make_stream(aws: Endpoint, service: str, name: str) -> tuple[Any, str]:
    """What puts a text into a new stream, and the stream's ARN."""
    if service == "kinesis":
        kinesis = aws.client("kinesis")
        kinesis.create_stream(StreamName=name, ShardCount=1)
        arn = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
        return lambda text: kinesis.put_record(StreamARN=arn, Data=text.encode(), PartitionKey="p"), arn
    dynamodb = aws.client("dynamodb")
    table = dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )["TableDescription"]
    return lambda text: dynamodb.put_item(TableName=name, Item={"id": {"S": text}}), table["LatestStreamArn"]


def test_mapping_can_be_listed_changed_and_deleted(aws: Endpoint, noting: tuple[str, Notes]) -> None:
    """While it is disabled nothing is polled; when it is deleted nothing is left of it."""
    name, notes = noting
    client = aws.lambda_
    url, arn = make_queue(aws, "managed", VisibilityTimeout="60")
    identifier = client.create_event_source_mapping(FunctionName=name, EventSourceArn=arn, Enabled=False)["UUID"]
    found = client.get_event_source_mapping(UUID=identifier)
    assert (found["State"], found["BatchSize"], found["FunctionArn"].rpartition(":")[2]) == ("Disabled", 10, name)
    assert [each["UUID"] for each in client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]] == [
        identifier
    ]
    conflict = error_of(client.create_event_source_mapping, FunctionName=name, EventSourceArn=arn)
    assert conflict[:2] == (409, "ResourceConflictException")
    aws.client("sqs").send_message(QueueUrl=url, MessageBody="waits")
    assert left_in(aws, url) == 1
    changed = client.update_event_source_mapping(UUID=identifier, Enabled=True, BatchSize=1)
    assert changed["BatchSize"] == 1
    eventually(lambda: notes.texts == ["waits"], lambda: notes.batches)
    client.delete_event_source_mapping(UUID=identifier)
    assert error_of(client.get_event_source_mapping, UUID=identifier)[:2] == (404, "ResourceNotFoundException")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:none"}, "cannot be read: QueueDoesNotExist"),
        ({"EventSourceArn": "arn:aws:kafka:us-east-1:123456789012:c"}, "Unrecognized event source"),
        ({"EventSourceArn": None, "Topics": ["t"]}, "a source with Topics is not served"),
        ({"BatchSize": 11}, "Maximum batch window in seconds must be greater than 0"),
        ({"FilterCriteria": {"Filters": [{"Pattern": "{"}]}}, "Invalid filter pattern definition."),
        ({"TumblingWindowInSeconds": 5}, "TumblingWindowInSeconds is not served by local-lambda"),
        ({"ScalingConfig": {"MaximumConcurrency": 1}}, "MaximumConcurrency"),
        ({}, "Queue visibility timeout: 5 seconds is less than Function timeout: 10 seconds"),
    ],
)
def test_mapping_that_cannot_work_is_refused(
    aws: Endpoint, noting: tuple[str, Notes], changes: dict[str, Any], message: str
) -> None:
    """400 with a reason."""
    _, arn = make_queue(aws, "short", VisibilityTimeout="5")
    client = aws.client("lambda", parameter_validation=False)
    given = {"FunctionName": noting[0], "EventSourceArn": arn, **changes}
    status, error, text = error_of(client.create_event_source_mapping, **given)
    assert (status, error) == (400, "InvalidParameterValueException")
    assert re.search(message, text), text


def test_table_without_a_stream_is_refused(aws: Endpoint, noting: tuple[str, Notes]) -> None:
    """In the words of DynamoDB Streams; moto would fail."""
    arn = aws.client("dynamodb").create_table(
        TableName="plain",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )["TableDescription"]["TableArn"]
    given = {"FunctionName": noting[0], "EventSourceArn": f"{arn}/stream/now", "StartingPosition": "LATEST"}
    status, error, text = error_of(aws.lambda_.create_event_source_mapping, **given)
    assert (status, error) == (400, "InvalidParameterValueException")
    assert text.endswith(f"Requested resource not found: Stream: {arn}/stream/now not found")
