"""Invoke a function with boto3 and print each piece of the response, with the seconds since the request.

    python invoke_stream.py FUNCTION EVENT.json

The function is on AWS, or where LAMBDA_URL says. The exit status is 1 if the function failed.
"""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, List

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError


def connect() -> Any:
    """A client for AWS with your credentials, or for `local-lambda`, which accepts any."""
    once = Config(retries={"total_max_attempts": 1})  # a second attempt would run the function again
    if "LAMBDA_URL" not in os.environ:
        return boto3.client("lambda", config=once)
    dummy = {"region_name": "us-east-1", "aws_access_key_id": "local", "aws_secret_access_key": "local"}
    return boto3.client("lambda", endpoint_url=os.environ["LAMBDA_URL"], config=once, **dummy)


def main(arguments: List[str]) -> int:
    """Read one response up to the event that says how the function ended."""
    if len(arguments) != 2:
        print("usage: invoke_stream.py FUNCTION EVENT.json", file=sys.stderr)
        return 2
    function, event = arguments
    client = connect()
    start = time.monotonic()
    response = client.invoke_with_response_stream(FunctionName=function, Payload=Path(event).read_bytes())
    for part in response["EventStream"]:
        seconds = f"({time.monotonic() - start:.1f} s)"
        if "PayloadChunk" in part:
            print(seconds, "PayloadChunk", part["PayloadChunk"]["Payload"], flush=True)
        else:
            complete = part["InvokeComplete"]
            print(seconds, "InvokeComplete", complete.get("ErrorCode", "without an error"))
            return int("ErrorCode" in complete)
    return 1


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback
    try:
        sys.exit(main(sys.argv[1:]))
    except (OSError, BotoCoreError, ClientError) as problem:
        sys.exit(f"invoke_stream.py: {problem}")
