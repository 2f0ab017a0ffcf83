"""The services of the local AWS endpoint that functions use: queues, topics, tables, parameters, secrets, streams."""

from __future__ import annotations

import threading
import time
from typing import Any

from support.aws_endpoint import Endpoint, error_of

USER = """
import json, os, urllib.request

def handler(event, context):
    key, region = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_REGION"]
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={key}/20260101/{region}/sqs/aws4_request, Signature=0",
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": "AmazonSQS.SendMessage",
    }
    body = json.dumps({"QueueUrl": event["queue"], "MessageBody": "from the function"}).encode()
    with urllib.request.urlopen(urllib.request.Request(os.environ["AWS_ENDPOINT_URL"], body, headers)) as answer:
        return answer.status
"""


def test_services_keep_what_they_are_given(aws: Endpoint) -> None:
    """SQS, SNS, DynamoDB, SSM, Secrets Manager, EventBridge and Kinesis answer boto3."""
    queue = aws.client("sqs").create_queue(QueueName="kept")["QueueUrl"]
    assert queue.startswith(aws.tool.url)
    topic = aws.client("sns").create_topic(Name="kept")["TopicArn"]
    table = aws.client("dynamodb")
    table.create_table(
        TableName="kept",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    table.put_item(TableName="kept", Item={"id": {"S": "1"}, "n": {"N": "2"}})
    assert table.get_item(TableName="kept", Key={"id": {"S": "1"}})["Item"]["n"] == {"N": "2"}
    aws.client("ssm").put_parameter(Name="/kept", Value="v", Type="String")
    assert aws.client("ssm").get_parameter(Name="/kept")["Parameter"]["Value"] == "v"
    aws.client("secretsmanager").create_secret(Name="kept", SecretString="s")
    assert aws.client("secretsmanager").get_secret_value(SecretId="kept")["SecretString"] == "s"
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:kept")
    aws.client("sns").publish(TopicArn=topic, Message="m")
    assert len(aws.client("sqs").receive_message(QueueUrl=queue).get("Messages", [])) == 1
    aws.client("kinesis").create_stream(StreamName="kept", ShardCount=1)
    assert aws.client("kinesis").put_record(StreamName="kept", Data=b"x", PartitionKey="p")["SequenceNumber"]
    put = aws.client("events").put_events(Entries=[{"Source": "s", "DetailType": "d", "Detail": "{}"}])
    assert put["FailedEntryCount"] == 0


def test_long_polling_waits_without_holding_up_others(aws: Endpoint) -> None:
    """A receiver that waits gets the message as soon as it is sent; meanwhile other calls are answered."""
    sqs = aws.client("sqs")
    queue = sqs.create_queue(QueueName="waited", Attributes={"ReceiveMessageWaitTimeSeconds": "20"})["QueueUrl"]
    received: list[Any] = []
    began = time.monotonic()
    waiting = threading.Thread(target=lambda: received.append(aws.client("sqs").receive_message(QueueUrl=queue)))
    waiting.start()
    for _ in range(5):
        assert sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    assert not received
    sqs.send_message(QueueUrl=queue, MessageBody="hello")
    waiting.join(30)
    assert received[0]["Messages"][0]["Body"] == "hello"
    assert time.monotonic() - began < 20


def test_function_finds_the_endpoint_by_itself(aws: Endpoint) -> None:
    """`AWS_ENDPOINT_URL` points its SDK to the endpoint, which takes its dummy credentials."""
    queue = aws.client("sqs").create_queue(QueueName="used")["QueueUrl"]
    aws.create("user", USER, Timeout=30)
    assert aws.call("user", {"queue": queue}) == 200
    messages = aws.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert [message["Body"] for message in messages] == ["from the function"]


def test_operation_that_no_service_has_is_refused_once(aws: Endpoint) -> None:
    """As one that is not served, so that SDKs do not try again."""
    arn = "arn:aws:sqs:us-east-1:123456789012:none"
    status, kind, text = error_of(aws.client("sqs").start_message_move_task, SourceArn=arn)
    assert (status, kind) == (501, "NotImplementedException")
    assert text.endswith("is not served: moto has no such operation")


def test_object_is_kept_when_its_type_is_that_of_a_form(aws: Endpoint) -> None:
    """S3 keeps the bytes of any type: this is the type that urllib sends if its caller names none."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="forms")
    form = "application/x-www-form-urlencoded"
    s3.put_object(Bucket="forms", Key="a", Body=b"a=1&b=2\n", ContentType=form)
    found = s3.get_object(Bucket="forms", Key="a")
    assert (found["Body"].read(), found["ContentType"]) == (b"a=1&b=2\n", form)
    s3.put_object(Bucket="forms", Key="b", Body=b"--x\r\n", ContentType="multipart/form-data; boundary=x")
    assert s3.get_object(Bucket="forms", Key="b")["Body"].read() == b"--x\r\n"
