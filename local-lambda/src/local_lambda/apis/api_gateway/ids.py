"""The ids of a request: API Gateway puts the same ones in the function's event and in the response's headers."""

from __future__ import annotations

import base64
import os

from local_lambda.events.identifiers import new_uuid


class Ids:
    """A REST API uses two ids, a UUID and a short one; an HTTP API uses the short one for both."""

    def __init__(self, rest: bool) -> None:
        self.extended = base64.urlsafe_b64encode(os.urandom(11)).decode()
        self.request = new_uuid() if rest else self.extended
        self._rest = rest

    def headers(self) -> list[tuple[str, str]]:
        """The response headers with the ids."""
        if self._rest:
            return [("x-amzn-RequestId", self.request), ("x-amz-apigw-id", self.extended)]
        return [("Apigw-Requestid", self.request)]
