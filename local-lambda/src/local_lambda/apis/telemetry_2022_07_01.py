"""Telemetry API, version 2022-07-01: an extension subscribes to records of the environment.

Specification: https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api-reference.html. What is delivered, and how, is
not known here.
"""

from __future__ import annotations

from functools import partial

from local_lambda.apis.router import Routes
from local_lambda.apis.subscribe import SubscriptionHost, subscribe
from local_lambda.telemetry.request import SubscriptionApi

TELEMETRY_API = SubscriptionApi(
    name="Telemetry",
    schemas=("2022-07-01", "2022-12-13", "2025-01-29"),
    default_schema=None,
    wrong_schema="TelemetryAPI only supports the SchemaVersion released after 2021-03-18",
    # The one error type of this API without the prefix `Telemetry.`, in the documentation and in AWS's own supervisor.
    validation_error="ValidationError",
    closed="Telemetry API subscription is closed",
)


def routes(host: SubscriptionHost) -> Routes:
    """The verb of one environment."""
    verb = partial(subscribe, TELEMETRY_API, host)
    return {("PUT", "/2022-07-01/telemetry"): verb, ("PUT", "/2022-07-01/telemetry/"): verb}
