"""The handler greets Ada."""


def handler(event, context):
    return "Hello, Ada!"
