"""The local AWS endpoint as its users see it: boto3 clients, zips and a role."""

from __future__ import annotations

import io
import json
import stat
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from support.tool import DEADLINE_SECONDS, Tool, serving

ROLE = "arn:aws:iam::123456789012:role/lambda-role"
RUNTIME = f"python{sys.version_info[0]}.{sys.version_info[1]}"
VARIABLES = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "not-a-secret", "AWS_DEFAULT_REGION": "us-east-1"}


def make_zip(files: Mapping[str, str | bytes], executable: str = "extensions/") -> bytes:
    """A zip of these files; those below `executable` are executable."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            mode = 0o755 if name.startswith(executable) else 0o644
            entry.external_attr = (stat.S_IFREG | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, text)
    return archive.getvalue()


def code(text: str) -> bytes:
    """A zip with `app.py`."""
    return make_zip({"app.py": text})


class Endpoint:
    """A running `local-lambda aws` with the functions' role, and clients for it."""

    def __init__(self, tool: Tool) -> None:
        self.tool = tool
        self.lambda_ = self.client("lambda")
        self.logs = self.client("logs")
        self.s3 = self.client("s3")
        self.iam = self.client("iam")
        self.iam.create_role(RoleName="lambda-role", AssumeRolePolicyDocument="{}")

    def client(self, service: str, region: str = "us-east-1", **settings: Any) -> Any:
        """A boto3 client that tries once."""
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.tool.url,
            aws_access_key_id=VARIABLES["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=VARIABLES["AWS_SECRET_ACCESS_KEY"],
            config=Config(retries={"total_max_attempts": 1}, read_timeout=DEADLINE_SECONDS, **settings),
        )

    def create(self, name: str, text: str, **properties: Any) -> dict[str, Any]:
        """CreateFunction of `app.handler`."""
        given = {"Runtime": RUNTIME, "Role": ROLE, "Handler": "app.handler", "Code": {"ZipFile": code(text)}}
        answer: dict[str, Any] = self.lambda_.create_function(FunctionName=name, **{**given, **properties})
        return answer

    def update(self, name: str, text: str) -> dict[str, Any]:
        """UpdateFunctionCode."""
        answer: dict[str, Any] = self.lambda_.update_function_code(FunctionName=name, ZipFile=code(text))
        return answer

    def call(self, name: str, event: object = None) -> Any:
        """The result of a function, which must not fail."""
        answer = self.lambda_.invoke(FunctionName=name, Payload=json.dumps(event).encode())
        payload = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, payload
        return payload

    def messages(self, group: str, until: str) -> list[str]:
        """The messages of a log group, once one of them contains `until`."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            try:
                pages = list(self.logs.get_paginator("filter_log_events").paginate(logGroupName=group))
            except self.logs.exceptions.ResourceNotFoundException:
                pages = []
            messages = [event["message"] for page in pages for event in page["events"]]
            if any(until in message for message in messages):
                return messages
            assert time.monotonic() < deadline, messages[-20:]


@contextmanager
def serving_aws(python: Path, *arguments: str | Path, cwd: Path | None = None) -> Iterator[Endpoint]:
    """`local-lambda aws` on a free port."""
    with serving("aws", "--python", python, *arguments, cwd=cwd) as tool:
        yield Endpoint(tool)


def error_of(call: Callable[..., Any], **arguments: Any) -> tuple[int, str, str]:
    """Status, code and message of the error that a call raises."""
    try:
        call(**arguments)
    except ClientError as error:
        response: Any = error.response
        return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"], response["Error"]["Message"]
    raise AssertionError("the call succeeded")
