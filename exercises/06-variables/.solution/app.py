"""The handler says which table it works on."""

import os

TABLE = os.environ["TABLE"]


def handler(event, context):
    return TABLE
