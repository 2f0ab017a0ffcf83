"""The arguments of `local-lambda event`: a subcommand for each kind of event, with the options of that kind."""

from __future__ import annotations

import argparse
from collections.abc import Callable

COGNITO_TRIGGERS = (
    "pre-sign-up",
    "post-confirmation",
    "pre-authentication",
    "post-authentication",
    "pre-token-generation",
    "custom-message",
)
BODY = '{"message": "hello"}'


def add_event_kinds(
    parser: argparse.ArgumentParser, pair: Callable[[str], tuple[str, str]], account: Callable[[str], str]
) -> None:
    """Add the kinds; `pair` reads NAME=VALUE and `account` an account's id."""
    kinds = parser.add_subparsers(metavar="KIND", required=True, dest="kind")

    def kind(name: str, text: str) -> argparse.ArgumentParser:
        added = kinds.add_parser(name, help=text, description=f"Print {text}.")
        added.add_argument("--region", metavar="NAME", help="the region (default: the shell's, or us-east-1)")
        added.add_argument("--account", type=account, metavar="ID", help="the account's id (123456789012)")
        return added

    def batch(added: argparse.ArgumentParser, what: str) -> None:
        added.add_argument("--count", type=int, default=1, metavar="N", help=f"the number of {what} (1)")

    def body(added: argparse.ArgumentParser, what: str) -> None:
        added.add_argument("--body", default=BODY, metavar="TEXT", help=f"{what}; {{n}} in it is the record's number")

    sqs = kind("sqs", "messages of an SQS queue")
    sqs.add_argument("--queue", default="orders", metavar="NAME", help="the queue (orders); FIFO if it ends in .fifo")
    body(sqs, "the body of each message")
    batch(sqs, "messages")

    sns = kind("sns", "a notification of an SNS topic")
    sns.add_argument("--topic", default="orders", metavar="NAME", help="the topic (orders)")
    sns.add_argument("--body", default=BODY, metavar="TEXT", help="the message")
    sns.add_argument("--subject", metavar="TEXT", help="the subject (none)")

    s3 = kind("s3", "a notification of an S3 bucket")
    s3.add_argument("--bucket", default="uploads", metavar="NAME", help="the bucket (uploads)")
    s3.add_argument("--key", default="folder/file.txt", metavar="KEY", help="the object's key (folder/file.txt)")
    s3.add_argument("--size", type=int, default=1024, metavar="BYTES", help="the object's size (1024)")
    s3.add_argument("--name", default="ObjectCreated:Put", metavar="EVENT", help="the event (ObjectCreated:Put)")
    batch(s3, "objects")

    dynamodb = kind("dynamodb", "changes in a DynamoDB table")
    dynamodb.add_argument("--table", default="orders", metavar="NAME", help="the table (orders); its key is `id`")
    body(dynamodb, "the attributes of each item as JSON")
    dynamodb.add_argument(
        "--name", choices=("INSERT", "MODIFY", "REMOVE"), default="INSERT", help="what happened (INSERT)"
    )
    batch(dynamodb, "items")

    kinesis = kind("kinesis", "records of a Kinesis stream")
    kinesis.add_argument("--stream", default="orders", metavar="NAME", help="the stream (orders)")
    body(kinesis, "the data of each record")
    kinesis.add_argument("--partition-key", default="1", metavar="KEY", help="the partition key (1)")
    batch(kinesis, "records")

    schedule = kind("schedule", "an event of a schedule")
    schedule.add_argument("--rule", default="every-minute", metavar="NAME", help="the rule (every-minute)")

    bridge = kind("eventbridge", "an event of an EventBridge bus")
    bridge.add_argument("--source", default="orders", metavar="NAME", help="the source (orders)")
    bridge.add_argument("--detail-type", default="OrderPlaced", metavar="NAME", help="the detail type (OrderPlaced)")
    bridge.add_argument("--detail", default=BODY, metavar="JSON", help="the detail")

    for name, text in (
        ("rest-api", "a request of a REST API (payload format 1.0)"),
        ("http-api", "a request of an HTTP API (payload format 2.0)"),
        ("function-url", "a request of a function URL"),
        ("alb", "a request of an Application Load Balancer"),
    ):
        request = kind(name, text)
        request.add_argument("--method", metavar="METHOD", help="the method (GET, or POST with a body)")
        request.add_argument("--path", default="/orders/1", metavar="PATH", help="the path (/orders/1)")
        request.add_argument(
            "--query", type=pair, action="append", default=[], metavar="NAME=VALUE", help="may be repeated"
        )
        request.add_argument(
            "--header", type=pair, action="append", default=[], metavar="NAME=VALUE", help="may be repeated"
        )
        request.add_argument("--body", metavar="TEXT", help="the body (none)")

    cognito = kind("cognito", "a trigger of a Cognito user pool")
    cognito.add_argument("--trigger", choices=COGNITO_TRIGGERS, default="pre-sign-up", help="which one (pre-sign-up)")
    cognito.add_argument("--user", default="ada", metavar="NAME", help="the user (ada)")
