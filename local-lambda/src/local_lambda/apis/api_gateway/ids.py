"""The ids that API Gateway gives a request: the same in the function's event and in the response's headers."""

from __future__ import annotations

import base64
import os

from local_lambda.events.identifiers import new_uuid


class Ids:
    """A REST API has two ids, a UUID and a short one; an HTTP API has only the short one, as both."""

    def __init__(self, rest: bool) -> None:
        self.extended = base64.urlsafe_b64encode(os.urandom(11)).decode()
        self.request = new_uuid() if rest else self.extended
        self._rest = rest

    def headers(self) -> list[tuple[str, str]]:
        """The headers that tell the caller."""
        if self._rest:
            return [("x-amzn-RequestId", self.request), ("x-amz-apigw-id", self.extended)]
        return [("Apigw-Requestid", self.request)]
