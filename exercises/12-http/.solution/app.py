"""The handler creates an order for a user of an HTTP API."""

import json


def handler(event, context):
    return {
        "statusCode": 201,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps({"id": event["id"]}),
    }
