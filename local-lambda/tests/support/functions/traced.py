"""A function that traces what it does with the X-Ray SDK."""

import os

from aws_xray_sdk.core import xray_recorder


def handler(event, context):
    """A subsegment with an annotation and one inside it; then what the event says."""
    with xray_recorder.in_subsegment("getRuntimeInfo") as subsegment:
        subsegment.put_annotation("caller", event.get("name", "nobody"))
        with xray_recorder.in_subsegment("inner"):
            pass
    if event.get("fails"):
        raise ValueError("traced failure")
    return os.environ["_X_AMZN_TRACE_ID"]
