"""The handler creates an order for a user of an HTTP API."""


def handler(event, context):
    return {"status": 201, "body": {"id": event["id"]}}
