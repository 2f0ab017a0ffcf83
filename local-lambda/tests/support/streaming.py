"""Runtimes that stream, and what boto3 makes of their responses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from support.tool import FUNCTIONS, Tool


def client(tool: Tool) -> Any:
    """A boto3 client of the tool's port."""
    return boto3.client(
        "lambda",
        endpoint_url=tool.url,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )


def events(tool: Tool, event: object, **more: Any) -> list[dict[str, Any]]:
    """What boto3 makes of a streamed response."""
    answer = client(tool).invoke_with_response_stream(FunctionName="function", Payload=json.dumps(event), **more)
    return list(answer["EventStream"])


def payload(found: list[dict[str, Any]]) -> bytes:
    """The pieces together."""
    return b"".join(event["PayloadChunk"]["Payload"] for event in found if "PayloadChunk" in event)


def make_wrapper(folder: Path, runtime: str) -> Path:
    """A program for `AWS_LAMBDA_EXEC_WRAPPER` that starts this runtime; both are where a sandbox can see them."""
    shutil.copy(FUNCTIONS / runtime, folder)
    wrapper = folder / f"{runtime}.sh"
    wrapper.write_text(f'#!/bin/sh\nexec "$1" {folder / runtime}\n')
    wrapper.chmod(0o755)
    return wrapper
