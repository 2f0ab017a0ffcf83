import pandas


def handler(event, context):
    return "never called"
