"""Telemetry API, version 2022-07-01: an extension subscribes to records of the environment.

Specification: https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api-reference.html. This module does not know what
is delivered, or how.
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
    # This is the API's only error type without the prefix `Telemetry.`, as documented and in AWS's own supervisor.
    validation_error="ValidationError",
    closed="Telemetry API subscription is closed",
)


def routes(host: SubscriptionHost) -> Routes:
    """The verb of one environment."""
    verb = partial(subscribe, TELEMETRY_API, host)
    return {("PUT", "/2022-07-01/telemetry"): verb, ("PUT", "/2022-07-01/telemetry/"): verb}
