"""A stand-in for a bank, the other service that the worker needs. Its accounts are in a table.

It is what makes a queue worker difficult: it refuses customers that it does not know, it can be slow, and if it is
asked twice it charges twice.
"""

import os
import time

import boto3

dynamodb = boto3.client("dynamodb")
TABLE = os.environ["ACCOUNTS_TABLE"]


class NoAccount(Exception):
    """The customer cannot be charged."""


def charge(customer: str, amount: int) -> None:
    """Add the amount to what the customer has paid; raise NoAccount."""
    key = {"customer": {"S": customer}}
    try:
        account = dynamodb.update_item(
            TableName=TABLE,
            Key=key,
            UpdateExpression="ADD asked :one",
            ConditionExpression="attribute_exists(customer)",
            ExpressionAttributeValues={":one": {"N": "1"}},
            ReturnValues="ALL_NEW",
        )["Attributes"]
    except dynamodb.exceptions.ConditionalCheckFailedException:
        raise NoAccount(f"{customer} has no account") from None
    time.sleep(float(account["delay"]["N"]))
    dynamodb.update_item(
        TableName=TABLE,
        Key=key,
        UpdateExpression="ADD paid :amount",
        ExpressionAttributeValues={":amount": {"N": str(amount)}},
    )
