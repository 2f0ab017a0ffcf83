"""Events with a list of records: queues, topics, buckets, tables and streams.

Shapes: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html, with-sns.html, with-s3.html, with-ddb.html and
with-kinesis.html.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import md5
from typing import Any
from urllib.parse import quote_plus

from local_lambda.samples.origin import Origin, new_hex, new_id

Event = dict[str, Any]
SEQUENCE = 49_545_115_243_490_985_018_280_067_714_973_144_582_180_062_593_244_200_961
"""A sequence number of Kinesis."""


def sqs(origin: Origin, queue: str, bodies: list[str]) -> Event:
    """A batch of messages of a queue; of a FIFO queue, if its name ends in `.fifo`."""
    return {"Records": [_message(origin, queue, body, number) for number, body in enumerate(bodies)]}


def _message(origin: Origin, queue: str, body: str, number: int) -> Event:
    attributes = {
        "ApproximateReceiveCount": "1",
        "SentTimestamp": str(origin.milliseconds - 100),
        "SenderId": "AIDAIENQZJOLO23YVJ4VO",
        "ApproximateFirstReceiveTimestamp": str(origin.milliseconds),
    }
    if queue.endswith(".fifo"):
        attributes.update(
            SequenceNumber=str(18_849_496_460_467_696_128 + 256 * number),
            MessageGroupId="1",
            MessageDeduplicationId=new_hex(64),
        )
    return {
        "messageId": new_id(),
        "receiptHandle": f"AQEB{new_hex(60)}",
        "body": body,
        "attributes": attributes,
        "messageAttributes": {},
        "md5OfBody": md5(body.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": origin.arn("sqs", queue),
        "awsRegion": origin.region,
    }


def sns(origin: Origin, topic: str, body: str, subject: str | None) -> Event:
    """One notification of a topic."""
    arn = origin.arn("sns", topic)
    service = f"https://sns.{origin.region}.amazonaws.com"
    notification: Event = {
        "SignatureVersion": "1",
        "Timestamp": origin.iso(),
        "Signature": b64encode(new_hex(64).encode()).decode(),
        "SigningCertUrl": f"{service}/SimpleNotificationService-{new_hex(32)}.pem",
        "MessageId": new_id(),
        "Message": body,
        "MessageAttributes": {},
        "Type": "Notification",
        "UnsubscribeUrl": f"{service}/?Action=Unsubscribe&SubscriptionArn={arn}:{new_id()}",
        "TopicArn": arn,
        "Subject": subject,
    }
    record = {
        "EventVersion": "1.0",
        "EventSubscriptionArn": f"{arn}:{new_id()}",
        "EventSource": "aws:sns",
        "Sns": notification,
    }
    return {"Records": [record]}


def s3(origin: Origin, bucket: str, keys: list[str], size: int, event_name: str) -> Event:
    """A notification of a bucket about objects; their keys are encoded, as the service does it."""
    arn = origin.arn("s3", "").partition(":s3:")[0] + f":s3:::{bucket}"
    records = []
    for number, key in enumerate(keys):
        detail: Event = {"key": quote_plus(key, safe="/"), "sequencer": f"{int(origin.now * 1e6) + number:018X}"}
        if not event_name.startswith("ObjectRemoved"):
            detail.update(size=size, eTag=new_hex(32))
        records.append(
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": origin.region,
                "eventTime": origin.iso(),
                "eventName": event_name,
                "userIdentity": {"principalId": "AWS:AIDAJDPLRKLG7UEXAMPLE"},
                "requestParameters": {"sourceIPAddress": "127.0.0.1"},
                "responseElements": {"x-amz-request-id": new_hex(16).upper(), "x-amz-id-2": new_hex(64)},
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": "local",
                    "bucket": {"name": bucket, "ownerIdentity": {"principalId": "A3NL1KOZZKEXAM"}, "arn": arn},
                    "object": detail,
                },
            }
        )
    return {"Records": records}


def dynamodb(origin: Origin, table: str, items: list[dict[str, Any]], event_name: str) -> Event:
    """Changes of a table's items, each with a string key `id`: `INSERT`, `MODIFY` or `REMOVE`."""
    records = []
    for number, item in enumerate(items):
        image = {name: _attribute(value) for name, value in item.items()}
        change: Event = {
            "ApproximateCreationDateTime": int(origin.now),
            "Keys": {"id": image["id"]},
            "SequenceNumber": str(4_421_584_500_000_000_017_450_439_091 + number),
            "SizeBytes": len(str(image)),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        }
        if event_name != "REMOVE":
            change["NewImage"] = image
        if event_name != "INSERT":
            change["OldImage"] = image
        records.append(
            {
                "eventID": new_hex(32),
                "eventName": event_name,
                "eventVersion": "1.1",
                "eventSource": "aws:dynamodb",
                "awsRegion": origin.region,
                "dynamodb": change,
                "eventSourceARN": origin.arn("dynamodb", f"table/{table}/stream/{origin.iso()[:-1]}"),
            }
        )
    return {"Records": records}


def _attribute(value: Any) -> dict[str, Any]:
    """A JSON value as DynamoDB writes it."""
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, (int, float)):
        return {"N": str(value)}
    if isinstance(value, list):
        return {"L": [_attribute(member) for member in value]}
    if isinstance(value, dict):
        return {"M": {name: _attribute(member) for name, member in value.items()}}
    return {"S": str(value)}


def kinesis(origin: Origin, stream: str, bodies: list[str], partition_key: str) -> Event:
    """A batch of records of one shard; their data is encoded in Base64."""
    shard = "shardId-000000000000"
    records = []
    for number, body in enumerate(bodies):
        sequence = str(SEQUENCE + number)
        records.append(
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": partition_key,
                    "sequenceNumber": sequence,
                    "data": b64encode(body.encode()).decode(),
                    "approximateArrivalTimestamp": round(origin.now, 3),
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": f"{shard}:{sequence}",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": f"arn:aws:iam::{origin.account}:role/lambda-role",
                "awsRegion": origin.region,
                "eventSourceARN": origin.arn("kinesis", f"stream/{stream}"),
            }
        )
    return {"Records": records}
