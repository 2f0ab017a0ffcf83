from collections import Mapping


def handler(event, context):
    return isinstance(event, Mapping)
