"""The handler of a function with an extension."""


def handler(event, context):
    return "ok"
