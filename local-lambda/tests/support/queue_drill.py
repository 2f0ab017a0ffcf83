"""A queue whose function is killed at random, and at least once: what has become of each message."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, NamedTuple

from support.aws_endpoint import Endpoint

FUNCTION = """
import os, random, signal

def handler(event, context):
    bodies = [record["body"] for record in event["Records"]]
    with open(os.environ["NOTES"], "a") as notes:
        notes.write("".join(f"{body}\\n" for body in bodies if "poison" not in body))
    with open(os.environ["NOTES"]) as notes:
        first = "0" in bodies and notes.read().split().count("0") == 1
    if first or random.random() < 0.05:
        os.kill(os.getpid(), signal.SIGKILL)
    failed = [record["messageId"] for record in event["Records"] if "poison" in record["body"]]
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}
"""
RECEIVES = 5
"""How often a message is received before it is moved; a healthy one is so unlucky once in three million."""


class Drill(NamedTuple):
    """The messages that were processed at least once, those in the dead letter queue, and how long it took."""

    processed: set[str]
    dead: set[str]
    kills: int
    seconds: float


def messages_in(sqs: Any, url: str) -> int:
    """How many messages a queue has, visible or not.

    moto computes the two numbers one after the other, so a message that becomes visible in between is in neither:
    a sum of 0 counts only if the next one is 0 too.
    """
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    for _ in range(2):
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        if left := sum(int(attributes[name]) for name in names):
            return left
    return 0


def drill(aws: Endpoint, folder: Path, name: str, healthy: int, poison: int, seconds: float) -> Drill:
    """Send messages, let a function that is killed at random process them, wait until all are somewhere."""
    sqs, notes = aws.client("sqs"), folder / f"{name}.txt"
    notes.touch()
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    redrive = {"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:123456789012:{name}-dead", "maxReceiveCount": RECEIVES}
    attributes = {"VisibilityTimeout": "2", "RedrivePolicy": json.dumps(redrive)}
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    aws.create(name, FUNCTION, Timeout=2, Environment={"Variables": {"NOTES": str(notes)}})
    aws.lambda_.create_event_source_mapping(
        FunctionName=name,
        EventSourceArn=f"arn:aws:sqs:us-east-1:123456789012:{name}",
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    bodies = [f"{number}" for number in range(healthy)] + [f"poison-{number}" for number in range(poison)]
    bodies = bodies[::3] + bodies[1::3] + bodies[2::3]
    began = time.monotonic()
    for first in range(0, len(bodies), 10):
        entries = [{"Id": str(place), "MessageBody": body} for place, body in enumerate(bodies[first : first + 10])]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
    while left := messages_in(sqs, url):
        assert time.monotonic() - began < seconds, left
        time.sleep(0.2)
    took = time.monotonic() - began
    given_up: set[str] = set()
    while messages := sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=10).get("Messages"):
        given_up.update(message["Body"] for message in messages)
        for message in messages:
            sqs.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])
    kills = sum("Runtime.ExitError" in line for line in list(aws.tool.lines))
    return Drill(set(notes.read_text().split()), given_up, kills, took)
