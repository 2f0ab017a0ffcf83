"""Logs API, version 2020-08-15: the predecessor of the Telemetry API, still served.

Specification: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-logs-api.html. What is delivered, and how, is not
known here.
"""

from __future__ import annotations

from local_lambda.apis.subscribe import SubscriptionHost, subscribe
from local_lambda.http.server import Exchange
from local_lambda.telemetry.request import SubscriptionApi

PATH = b"/2020-08-15/logs"

LOGS_API = SubscriptionApi(
    name="Logs",
    schemas=("2020-08-15", "2021-03-18"),
    default_schema="2020-08-15",
    wrong_schema="LogsAPI only supports the following SchemaVersion: 2020-08-15, 2021-03-18",
    validation_error="Logs.ValidationError",
    closed="Logs API subscription is closed already",
)


def handle(host: SubscriptionHost, exchange: Exchange) -> None:
    """Answer `PUT /2020-08-15/logs`. Raises ApiError for what is refused."""
    subscribe(LOGS_API, host, exchange)
