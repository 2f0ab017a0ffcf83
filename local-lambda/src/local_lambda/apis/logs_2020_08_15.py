"""Logs API, version 2020-08-15: the predecessor of the Telemetry API, still supported.

Specification: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-logs-api.html. This module does not know what is
delivered, or how.
"""

from __future__ import annotations

from functools import partial

from local_lambda.apis.router import Routes
from local_lambda.apis.subscribe import SubscriptionHost, subscribe
from local_lambda.telemetry.request import SubscriptionApi

LOGS_API = SubscriptionApi(
    name="Logs",
    schemas=("2020-08-15", "2021-03-18"),
    default_schema="2020-08-15",
    wrong_schema="LogsAPI only supports the following SchemaVersion: 2020-08-15, 2021-03-18",
    validation_error="Logs.ValidationError",
    closed="Logs API subscription is closed already",
)


def routes(host: SubscriptionHost) -> Routes:
    """The verb of one environment."""
    verb = partial(subscribe, LOGS_API, host)
    return {("PUT", "/2020-08-15/logs"): verb, ("PUT", "/2020-08-15/logs/"): verb}
