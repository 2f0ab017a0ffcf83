"""Settings of asynchronous invocations: the API's form, and the form that pools use. Pure."""

from __future__ import annotations

from local_lambda.aws.checks import Document
from local_lambda.functions.config import EventInvokeConfig
from local_lambda.limits import MAX_EVENT_AGE_SECONDS, MAX_EVENT_RETRIES

AGE, RETRIES = "MaximumEventAgeInSeconds", "MaximumRetryAttempts"


def event_invoke_config(document: Document | None) -> EventInvokeConfig:
    """The settings in the form that pools use."""
    if document is None:
        return EventInvokeConfig()
    destinations = document["DestinationConfig"]
    return EventInvokeConfig(
        document.get(AGE, MAX_EVENT_AGE_SECONDS),
        document.get(RETRIES, MAX_EVENT_RETRIES),
        destinations["OnSuccess"].get("Destination"),
        destinations["OnFailure"].get("Destination"),
    )


def document_of(config: EventInvokeConfig, arn: str, modified: float) -> Document:
    """The settings of a template's function in the API's form, for the qualified `arn`."""
    ends = {"OnSuccess": config.on_success, "OnFailure": config.on_failure}
    return {
        "LastModified": modified,
        "FunctionArn": arn,
        "DestinationConfig": {end: {"Destination": each} if each else {} for end, each in ends.items()},
        AGE: config.max_age,
        RETRIES: config.retries,
    }
