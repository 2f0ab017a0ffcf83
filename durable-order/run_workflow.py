"""Take one order through OrderFunction, from its start to its end, and print its history.

    python run_workflow.py EVENT.json

Plays two parts: the customer who starts the order, and the person in the warehouse who has packed it. Needs an AWS
endpoint in AWS_ENDPOINT_URL, such as that of `make serve`. Without that variable it would be AWS itself, with your
credentials, and the function that ORDER_FUNCTION names, with a version or an alias.

Operations: https://docs.aws.amazon.com/lambda/latest/api/API_GetDurableExecution.html and its neighbors.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # Ctrl-C ends this without a traceback, also during the next import, which takes a second
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import boto3
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

FUNCTION = os.environ.get("ORDER_FUNCTION", "OrderFunction:live")
DEADLINE = 60  # seconds for each thing to happen
ENDPOINT = os.environ.get("AWS_ENDPOINT_URL")
if ENDPOINT:
    ADVICE = "Is 'make serve' running in another terminal?"
else:
    ADVICE = "Without AWS_ENDPOINT_URL this is AWS, with your credentials and region. To run it here: 'make run'."


@cache
def aws() -> Any:
    """A client for AWS with your credentials. A local endpoint accepts any, and must not get yours."""
    if not ENDPOINT:
        return boto3.client("lambda")
    dummy = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": "us-east-1"}
    return boto3.client("lambda", endpoint_url=ENDPOINT, **dummy)


def main(arguments: list[str]) -> int:
    """Run one order; return 0 if it succeeded."""
    if len(arguments) != 1:
        print("usage: run_workflow.py EVENT.json", file=sys.stderr)
        return 2
    event = Path(arguments[0]).read_bytes()
    order = aws().invoke(FunctionName=FUNCTION, InvocationType="Event", Payload=event)["DurableExecutionArn"]
    say("order started")
    wait_for(lambda: is_over(order) or waiting(order))
    if not is_over(order) and (callback := waiting(order)):
        aws().send_durable_execution_callback_success(CallbackId=callback, Result=b"Ada")
        say("the warehouse has packed the order")
        wait_for(lambda: is_over(order))
    if not is_over(order):
        say(f"the order has not ended after {DEADLINE} seconds; this is its history so far")
    return tell(describe(order), history(order))


def describe(order: str) -> dict[str, Any]:
    """The execution: its status, and its result or its error."""
    return dict(aws().get_durable_execution(DurableExecutionArn=order))


def is_over(order: str) -> bool:
    """Whether the execution has ended."""
    return bool(describe(order)["Status"] != "RUNNING")


def waiting(order: str) -> str:
    """The callback's id, once the function is suspended and only the callback can wake it."""
    story = history(order)
    ids = [event["CallbackStartedDetails"]["CallbackId"] for event in story if event["EventType"] == "CallbackStarted"]
    return ids[0] if ids and story[-1]["EventType"] == "InvocationCompleted" else ""


def history(order: str) -> list[dict[str, Any]]:
    """What has happened to the order, in order."""
    return list(aws().get_durable_execution_history(DurableExecutionArn=order, MaxItems=1000)["Events"])


def tell(result: dict[str, Any], story: list[dict[str, Any]]) -> int:
    """Print the history and the result."""
    print("History:")
    began = story[0]["EventTimestamp"]
    for event in story:
        seconds = (event["EventTimestamp"] - began).total_seconds()
        print(f"  {seconds:6.2f} s  {event['EventType']:22} {event.get('Name', '')}".rstrip())
    details = result.get("Result") or json.dumps(result.get("Error") or {})
    print(f"{result['Status']}: {details}")
    return int(result["Status"] != "SUCCEEDED")


def say(text: str) -> None:
    """Print a line among those of local-lambda."""
    print(f"workflow | {text}", file=sys.stderr, flush=True)


def wait_for(look: Callable[[], object]) -> None:
    """Look until there is something; give up after DEADLINE."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if look():
            return
        time.sleep(0.05)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except EndpointConnectionError:
        sys.exit(f"No answer. {ADVICE}")
    except OSError as error:
        sys.exit(f"run_workflow.py: {error}")
    except (BotoCoreError, ClientError) as error:
        sys.exit(f"run_workflow.py: {str(error).rstrip('.')}. {ADVICE}")
