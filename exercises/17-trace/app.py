"""The handler returns the id of its trace."""

import os

TRACE = os.environ.get("_X_AMZN_TRACE_ID", "none")


def handler(event, context):
    return TRACE
