"""Sends records and dead letters to functions, queues, topics and event buses of the endpoint.

What each gets: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from local_lambda.errors import ApiError
from local_lambda.sources.ports import Client, SourceFault

DESTINATIONS = ("lambda", "sqs", "sns", "events")
DEAD_LETTERS = ("sqs", "sns")


def service_in(arn: object) -> str:
    """The service that an ARN names; empty if it is not an ARN."""
    parts = str(arn).split(":")
    return parts[2] if len(parts) >= 6 and parts[0] == "arn" else ""


class ServiceDestinations:
    """`client` calls services of a region, and `deliver(arn, sender, event)` queues an event of a function.

    Its methods raise SourceFault with the service's reason, or ApiError. See `service.destinations.Destinations`.
    """

    def __init__(self, client: Client, deliver: Callable[[str, str, object], None]) -> None:
        self._client = client
        self._deliver = deliver

    async def send(self, arn: str, record: dict[str, Any], function_arn: str) -> None:
        service, text = service_in(arn), json.dumps(record)
        if service == "lambda":
            self._deliver(arn, f"the destination of {function_arn.rpartition(':')[2]}", record)
        elif service == "events":
            end = "Success" if record["requestContext"]["condition"] == "Success" else "Failure"
            entry = {
                "Source": "lambda",
                "DetailType": f"Lambda Function Invocation Result - {end}",
                "Detail": text,
                "Resources": [arn, record["requestContext"]["functionArn"]],
                "EventBusName": arn.rpartition("/")[2],
            }
            answer = await self._client("events", "PutEvents", {"Entries": [entry]})
            if answer.get("FailedEntryCount"):
                failed = answer["Entries"][0]
                raise SourceFault(str(failed.get("ErrorCode")), str(failed.get("ErrorMessage")))
        else:
            await self._message(arn, text, {})

    async def send_dead_letter(self, arn: str, event: bytes, request_id: str, status: int, error: str) -> None:
        attributes = {
            "RequestID": ("String", request_id),
            "ErrorCode": ("Number", str(status)),
            "ErrorMessage": ("String", error or "-"),
        }
        await self._message(arn, event.decode("utf-8", "replace"), attributes)

    async def _message(self, arn: str, text: str, attributes: Mapping[str, tuple[str, str]]) -> None:
        service = service_in(arn)
        if service == "sqs":
            account, name = arn.split(":")[4:6]
            message: dict[str, Any] = {"QueueUrl": f"http://127.0.0.1/{account}/{quote(name)}", "MessageBody": text}
            if attributes:
                message["MessageAttributes"] = {
                    each: {"DataType": kind, "StringValue": value} for each, (kind, value) in attributes.items()
                }
            await self._client("sqs", "SendMessage", message)
        elif service == "sns":
            form = {"TopicArn": arn, "Message": text}
            for number, (each, (kind, value)) in enumerate(attributes.items(), 1):
                entry = f"MessageAttributes.entry.{number}."
                form |= {f"{entry}Name": each, f"{entry}Value.DataType": kind, f"{entry}Value.StringValue": value}
            await self._client("sns", "Publish", form)
        else:
            raise ApiError(400, "InvalidParameterValueException", f"{service or arn} is not served as a destination")
