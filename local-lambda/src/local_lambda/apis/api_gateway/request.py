"""A request for a function: the parts that the events of both payload formats share. Nothing is sent here."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from local_lambda.apis.api_gateway.ids import Ids
from local_lambda.apis.api_gateway.routes import Match
from local_lambda.http.server import Exchange

REST_STAGE, HTTP_STAGE = "Prod", "$default"


class Request:
    """A request, its route and its ids. `path` is the path within the API, as it was sent."""

    def __init__(self, exchange: Exchange, match: Match, trace_header: str) -> None:
        self.exchange = exchange
        self.route, self.path, self.variables = match
        self.method = exchange.method.decode()
        self.query_string = exchange.query.decode("latin-1")
        self.query = parse_qsl(self.query_string, keep_blank_values=True)
        self.user_agent = self.header(b"user-agent")
        self.received = time.time()
        self.ids = Ids(self.route.rest)
        self._trace_root = trace_header.partition(";")[0]

    def header(self, name: bytes) -> str:
        """The value of a header, by its name in lower case; empty if it is missing."""
        return self.exchange.header(name).decode("latin-1")

    def headers(self) -> list[tuple[str, str]]:
        """All headers as received, plus those that API Gateway adds."""
        return [
            *self.exchange.headers(),
            ("X-Amzn-Trace-Id", self._trace_root),
            ("X-Forwarded-For", self.exchange.client),
            ("X-Forwarded-Port", self.exchange.port),
            ("X-Forwarded-Proto", "http"),
        ]

    def body(self, text: bool) -> tuple[str | None, bool]:
        """The body in the form of an event, and whether it is Base64. A body that is not UTF-8 is always Base64."""
        body = self.exchange.body
        if not body:
            return None, False
        if text:
            try:
                return body.decode("utf-8"), False
            except UnicodeDecodeError:
                pass
        return base64.b64encode(body).decode(), True

    def context(self) -> dict[str, Any]:
        """The members that the request contexts of both formats share."""
        host = self.header(b"host")
        return {
            "accountId": self.route.pool.function.account_id,
            "apiId": self.route.api,
            "domainName": host,
            "domainPrefix": host.partition(".")[0],
            "requestId": self.ids.request,
            "stage": REST_STAGE if self.route.rest else HTTP_STAGE,
        }

    def time_text(self) -> str:
        """The time of arrival in the format of an access log."""
        return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(self.received))


def lists(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The values of each name, in order."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found
