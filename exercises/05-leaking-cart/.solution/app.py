"""The handler puts things into a cart."""


def handler(event, context):
    return list(event["items"])
