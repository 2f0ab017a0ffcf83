"""Functions that succeed."""

import os

IMPORTED_BY = f"{os.getpid()}@{os.readlink('/proc/self/ns/pid')}"
invocations = 0


def echo(event, context):
    """The event."""
    return event


def nothing(event, context):
    """No result at all."""


def count(event, context):
    """Which process this is, and how often it was invoked."""
    global invocations
    invocations += 1
    return {"pid": IMPORTED_BY, "invocations": invocations}


def wait(event, context):
    """The line that is written into the FIFO named by the event; prints that it waits for it."""
    with open(event["gate"]) as gate:
        print("waiting at", event["gate"], flush=True)
        return {"read": gate.readline(), "pid": IMPORTED_BY}


def describe(event, context):
    """Everything the function can see about itself."""
    return {
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "files": sorted(os.listdir(".")),
        "context": {
            "aws_request_id": context.aws_request_id,
            "invoked_function_arn": context.invoked_function_arn,
            "function_name": context.function_name,
            "function_version": context.function_version,
            "memory_limit_in_mb": context.memory_limit_in_mb,
            "log_group_name": context.log_group_name,
            "log_stream_name": context.log_stream_name,
            "identity": [context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id],
            "client_context": context.client_context and context.client_context.custom,
            "client": context.client_context and context.client_context.client.app_title,
            "remaining": context.get_remaining_time_in_millis(),
            "deadline": context._epoch_deadline_time_in_ms,
        },
    }
