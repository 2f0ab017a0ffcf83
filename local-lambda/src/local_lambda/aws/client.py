"""Calls operations of moto's services with documents, for event sources.

Protocols: https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html; SNS has the query protocol.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from local_lambda.aws.services import FORM, Request, Services, signed
from local_lambda.sources.ports import SourceFault

_TARGETS = {
    "events": ("events", "AWSEvents", "1.1"),
    "dynamodbstreams": ("dynamodb", "DynamoDBStreams_20120810", "1.0"),
    "kinesis": ("kinesis", "Kinesis_20131202", "1.1"),
    "sqs": ("sqs", "AmazonSQS", "1.0"),
}
_READS = ("Describe", "Get", "List", "Receive")


class ServiceClient:
    """A client of one region."""

    def __init__(self, services: Services, region: str) -> None:
        self._services = services
        self._region = region

    async def __call__(self, service: str, operation: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """The document of the response. Raises SourceFault."""
        if service == "sns":
            return await self._query(operation, document)
        signs_as, target, version = _TARGETS[service]
        headers = [
            signed(signs_as, self._region),
            ("Content-Type", f"application/x-amz-json-{version}"),
            ("X-Amz-Target", f"{target}.{operation}"),
        ]
        request = Request("POST", "/", "", headers, json.dumps(document).encode())
        answer = await self._services.call(request, quiet=operation.startswith(_READS))
        try:
            found: dict[str, Any] = json.loads(answer.body or b"{}")
        except ValueError:
            raise SourceFault(str(answer.status), "the response is not JSON") from None
        if answer.status != 200:
            raise SourceFault(str(found.get("__type", answer.status)).rpartition("#")[2], str(found.get("message", "")))
        return found

    async def _query(self, operation: str, document: Mapping[str, Any]) -> dict[str, Any]:
        form = urlencode({"Action": operation, "Version": "2010-03-31", **document}).encode()
        answer = await self._services.call(Request("POST", "/", "", [signed("sns", self._region), FORM], form))
        if answer.status != 200:
            code = re.search(rb"<Code>(.*?)</Code>", answer.body)
            raise SourceFault(code[1].decode() if code else str(answer.status), "SNS refused it")
        return {}
