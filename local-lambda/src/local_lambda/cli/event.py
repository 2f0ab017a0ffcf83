"""`local-lambda event`: prints a sample event, as a service or an API would send it."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from typing import Any

from local_lambda.cli.given import region_of
from local_lambda.cli.streams import check_output, write_payload
from local_lambda.errors import UsageError
from local_lambda.functions.config import ACCOUNT_ID
from local_lambda.samples.origin import Origin
from local_lambda.samples.records import dynamodb, kinesis, s3, sns, sqs
from local_lambda.samples.requests import Sample, alb, function_url, http_api, rest_api
from local_lambda.samples.single import cognito, eventbridge, schedule

Found = argparse.Namespace
MAX_COUNT = 10_000
"""The largest batch that a service sends."""
_REQUESTS: dict[str, Callable[[Origin, Sample], dict[str, Any]]] = {
    "rest-api": rest_api,
    "http-api": http_api,
    "function-url": function_url,
    "alb": alb,
}


def event(found: Found) -> int:
    """Run the command; returns the exit status."""
    check_output()
    write_payload(make_event(found))
    return 0


def make_event(found: Found) -> bytes:
    """The event as indented JSON, with a line end. Raises UsageError."""
    origin = Origin(time.time(), region_of(found.region, os.environ), found.account or ACCOUNT_ID)
    document = _request(origin, found) if found.kind in _REQUESTS else _MAKERS[found.kind](origin, found)
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"


def kinds() -> list[str]:
    """The kinds of event."""
    return [*_MAKERS, *_REQUESTS]


def _bodies(found: Found) -> list[str]:
    """One body for each record; `{n}` in it is the record's number."""
    if not 1 <= found.count <= MAX_COUNT:
        raise UsageError(f"--count {found.count}: give a number from 1 to {MAX_COUNT}")
    return [found.body.replace("{n}", str(number)) for number in range(1, found.count + 1)]


def _json(option: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageError(f"{option}: is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise UsageError(f"{option}: is not a JSON object; write it as {{}}")
    return value


def _items(found: Found) -> list[dict[str, Any]]:
    return [{"id": str(number), **_json("--body", body)} for number, body in enumerate(_bodies(found), 1)]


def _keys(found: Found) -> list[str]:
    found.body = found.key if found.count == 1 or "{n}" in found.key else f"{found.key}-{{n}}"
    return _bodies(found)


def _request(origin: Origin, found: Found) -> dict[str, Any]:
    if not found.path.startswith("/"):
        raise UsageError(f"--path {found.path}: does not start with a slash; write it as in /orders")
    method = found.method or ("GET" if found.body is None else "POST")
    sample = Sample(method.upper(), found.path, tuple(found.query), tuple(found.header), found.body)
    return _REQUESTS[found.kind](origin, sample)


_MAKERS: dict[str, Callable[[Origin, Found], dict[str, Any]]] = {
    "sqs": lambda origin, found: sqs(origin, found.queue, _bodies(found)),
    "sns": lambda origin, found: sns(origin, found.topic, found.body, found.subject),
    "s3": lambda origin, found: s3(origin, found.bucket, _keys(found), found.size, found.name),
    "dynamodb": lambda origin, found: dynamodb(origin, found.table, _items(found), found.name),
    "kinesis": lambda origin, found: kinesis(origin, found.stream, _bodies(found), found.partition_key),
    "schedule": lambda origin, found: schedule(origin, found.rule),
    "eventbridge": lambda origin, found: eventbridge(
        origin, found.source, found.detail_type, _json("--detail", found.detail)
    ),
    "cognito": lambda origin, found: cognito(origin, found.trigger, found.user),
}
