"""ReceiveMessage of SQS with a waiting time, without holding up the thread in which all services run.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
moto would wait in that thread. So it is asked without waiting, and again whenever something may have changed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode

from local_lambda.aws.services import Request, Response, Services

RECEIVE = "AmazonSQS.ReceiveMessage"
MAX_WAIT_SECONDS = 20
POLL_SECONDS = 0.5
"""How long a message that becomes visible after a delay or a timeout may stay unnoticed."""


def is_receive(target: str, body: bytes) -> bool:
    """Whether a request to SQS, in the JSON or the query protocol, receives messages."""
    return target == RECEIVE or (not target and b"Action=ReceiveMessage" in body)


async def receive(services: Services, request: Request, gone: Callable[[], bool]) -> Response:
    """Receive messages, and wait for them as long as request or queue say, or until the caller is `gone`."""
    json_protocol = any(name.lower() == "x-amz-target" for name, _ in request.headers)
    seconds, request = (_json if json_protocol else _form)(request)
    if seconds is None:
        seconds = await _waiting_time(services, request) if json_protocol else 0.0
    loop = asyncio.get_running_loop()
    until = loop.time() + min(seconds, MAX_WAIT_SECONDS)
    while True:
        response = await services.call(request, quiet=True)
        left = until - loop.time()
        found = b'"ReceiptHandle"' in response.body or b"<Message>" in response.body
        if response.status != 200 or found or left <= 0:
            return response
        await services.activity(min(left, POLL_SECONDS))
        if gone():  # and must not take a message
            return response


def _json(request: Request) -> tuple[float | None, Request]:
    try:
        document = json.loads(request.body or b"{}")
        seconds = document.get("WaitTimeSeconds")
    except (ValueError, AttributeError):
        return 0.0, request  # the service will complain
    document["WaitTimeSeconds"] = 0
    return _seconds(seconds), request._replace(body=json.dumps(document).encode())


def _form(request: Request) -> tuple[float | None, Request]:
    form = dict(parse_qsl(request.body.decode("latin-1"), keep_blank_values=True))
    seconds = _seconds(form.get("WaitTimeSeconds"))
    form["WaitTimeSeconds"] = "0"
    return seconds, request._replace(body=urlencode(form).encode())


def _seconds(value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        return 0.0


async def _waiting_time(services: Services, request: Request) -> float:
    """The waiting time of the queue itself."""
    name = "ReceiveMessageWaitTimeSeconds"
    document = {"QueueUrl": json.loads(request.body).get("QueueUrl"), "AttributeNames": [name]}
    headers = [
        (key, "AmazonSQS.GetQueueAttributes" if key.lower() == "x-amz-target" else value)
        for key, value in request.headers
    ]
    response = await services.call(request._replace(headers=headers, body=json.dumps(document).encode()), quiet=True)
    if response.status != 200:
        return 0.0
    return _seconds(json.loads(response.body).get("Attributes", {}).get(name)) or 0.0
