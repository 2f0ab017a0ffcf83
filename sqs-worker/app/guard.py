"""Lets each order through once. What it knows is in a table, because environments share nothing else.

A record has the order's id and the time until which it counts. There are two kinds: a claim counts while the invocation
that made it can be running, and a record with `done` longer than a queue keeps a message.
"""

import os
import time

import boto3

dynamodb = boto3.client("dynamodb")
TABLE = os.environ["ORDERS_TABLE"]
KEEP_DONE = 15 * 24 * 3600  # seconds; a queue keeps a message for 14 days at most


class InProgress(Exception):
    """Another invocation has the same order and may still be running: try again later."""


def claim(order: str, seconds: float) -> bool:
    """Claim an order for so many seconds; return False if it is done, raise InProgress if it is claimed."""
    now = time.time()
    try:
        # Check and write are one step. With a read before the write, two environments could both find nothing.
        dynamodb.put_item(
            TableName=TABLE,
            Item={"id": {"S": order}, "counts_until": {"N": f"{now + seconds:.3f}"}},
            ConditionExpression="attribute_not_exists(id) OR counts_until < :now",
            ExpressionAttributeValues={":now": {"N": f"{now:.3f}"}},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except dynamodb.exceptions.ConditionalCheckFailedException as failure:
        if "done" not in failure.response["Item"]:
            raise InProgress(f"{order} is claimed by another invocation") from None
        return False
    return True


def finish(order: str) -> None:
    """Note that an order is done. Before this line it may be claimed again when its claim has expired."""
    until = int(time.time()) + KEEP_DONE  # whole seconds: from then on, DynamoDB may delete the record
    item = {"id": {"S": order}, "counts_until": {"N": str(until)}, "done": {"BOOL": True}}
    dynamodb.put_item(TableName=TABLE, Item=item)
