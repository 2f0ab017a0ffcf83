"""Requests to the routes of a function, as its users would send them."""

from __future__ import annotations

import http.client
import json
from typing import Any, Mapping, Optional, Union


class Response:
    """A response: `status`, `headers` (names in any case), `body` as bytes."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def __repr__(self) -> str:
        return f"Response({self.status}, {self.body!r})"

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    @property
    def json(self) -> Any:
        """The body, parsed as JSON."""
        return json.loads(self.body)


class Routes:
    """The routes that a process serves at `address`, which is host and port."""

    def __init__(self, address: str) -> None:
        self._address = address

    def request(
        self,
        method: str,
        path: str,
        body: Union[bytes, str, None] = None,
        json_body: Any = None,
        headers: Optional[Mapping[str, str]] = None,
    ) -> Response:
        """Send a request; `json_body` is sent as JSON."""
        sent = dict(headers or {})
        if json_body is not None:
            body = json.dumps(json_body)
            sent.setdefault("Content-Type", "application/json")
        data = body.encode() if isinstance(body, str) else body
        connection = http.client.HTTPConnection(self._address, timeout=900)
        try:
            connection.request(method, path, data, sent)
            return Response(connection.getresponse())
        finally:
            connection.close()

    def get(self, path: str, headers: Optional[Mapping[str, str]] = None) -> Response:
        """Send a GET request."""
        return self.request("GET", path, headers=headers)

    def post(self, path: str, json_body: Any = None, body: Union[bytes, str, None] = None) -> Response:
        """Send a POST request with a body, or with a value as JSON."""
        return self.request("POST", path, body, json_body)
