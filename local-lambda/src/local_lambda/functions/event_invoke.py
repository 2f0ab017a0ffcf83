"""What a template says about asynchronous invocations: `EventInvokeConfig`, and queues and topics for dead letters.

Specification: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/
sam-property-function-eventinvokeconfiguration.html and sam-property-function-deadletterqueue.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_lambda.functions.config import EventInvokeConfig
from local_lambda.functions.intrinsics import NO_VALUE, Scope, Unresolvable
from local_lambda.functions.properties import Properties
from local_lambda.limits import MAX_EVENT_AGE_SECONDS, MAX_EVENT_RETRIES, MIN_EVENT_AGE_SECONDS

RESOURCE = "AWS::Lambda::EventInvokeConfig"
_GENERATED = {"SQS": ("Queue", "AWS::SQS::Queue"), "SNS": ("Topic", "AWS::SNS::Topic")}
_ENDS = ("OnSuccess", "OnFailure")
SERVED = ("SQS", "SNS", "Lambda", "EventBridge")


def generated(resources: Mapping[str, Any], common: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
    """The queues and topics that SAM adds for destinations that name only their type.

    `common` has the properties that `Globals` gives to functions. A queue exists under the condition of its function.
    SAM looks for `AWS::NoValue` in the branches of `!If`; here a destination is missing wherever it has no value.
    """
    found: dict[str, Any] = {}
    for logical_id, resource in resources.items():
        if not isinstance(resource, dict) or resource.get("Type") != "AWS::Serverless::Function":
            continue
        ignored = resource.get("IgnoreGlobals")
        without = ignored == "*" or (isinstance(ignored, list) and "EventInvokeConfig" in ignored)
        shared = {} if without else _ends_of(common)
        own = _ends_of(resource.get("Properties"))
        for end in _ENDS:
            destination = {**shared.get(end, {}), **own.get(end, {})}
            kind = str(destination.get("Type"))
            if kind in _GENERATED and _is_missing(destination.get("Destination"), scope):
                attributes = {"Condition": resource["Condition"]} if "Condition" in resource else {}
                found[_name(logical_id, end, kind)] = {"Type": _GENERATED[kind][1], **attributes}
    return found


def read_event_invoke(logical_id: str, properties: Properties, function: str) -> EventInvokeConfig:
    """The settings of the function of this name. Raises UsageError for settings that Lambda would reject."""
    destinations = properties.inside("DestinationConfig")
    ends = [_destination(logical_id, end, destinations.inside(end)) for end in _ENDS]
    for end, arn in zip(_ENDS, ends, strict=True):
        if arn is not None and arn.split(":")[2:3] == ["lambda"] and arn.split(":")[6:7] == [function]:
            raise destinations.inside(end).wrong("Destination", "is the function itself; name a different one")
    return EventInvokeConfig(
        properties.integer(
            "MaximumEventAgeInSeconds", MAX_EVENT_AGE_SECONDS, MIN_EVENT_AGE_SECONDS, MAX_EVENT_AGE_SECONDS, "seconds"
        ),
        properties.integer("MaximumRetryAttempts", MAX_EVENT_RETRIES, 0, MAX_EVENT_RETRIES, "attempts"),
        *ends,
    )


def read_dead_letters(properties: Properties, serverless: bool) -> str | None:
    """The ARN of the queue or topic for events that have failed. Raises UsageError."""
    settings = properties.inside("DeadLetterQueue" if serverless else "DeadLetterConfig")
    return settings.string("TargetArn")


def _destination(logical_id: str, end: str, properties: Properties) -> str | None:
    if not properties.values:
        return None
    kind = properties.string("Type")
    if kind is not None and kind not in SERVED:
        raise properties.cannot("Type", f"{kind} is not emulated as a destination, only {', '.join(SERVED)}")
    arn = properties.string("Destination")
    if arn is None and kind in _GENERATED:
        return properties.reference(_name(logical_id, end, kind), "TopicArn" if kind == "SNS" else "Arn")
    if arn is not None and arn.endswith(".fifo"):
        # https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
        raise properties.wrong("Destination", "is a FIFO queue or topic; name a standard one")
    if arn is None:
        raise properties.wrong("Destination", "is missing; name the ARN of a destination")
    return arn


def _ends_of(properties: Any) -> dict[str, dict[str, Any]]:
    """The destinations in a function's properties, as written."""
    value = properties
    for name in ("EventInvokeConfig", "DestinationConfig"):
        value = value.get(name) if isinstance(value, dict) else None
    ends = {end: value.get(end) for end in _ENDS} if isinstance(value, dict) else {}
    return {end: destination for end, destination in ends.items() if isinstance(destination, dict)}


def _is_missing(destination: Any, scope: Scope) -> bool:
    try:
        return destination is None or scope.resolve_outermost(destination) is NO_VALUE
    except Unresolvable:
        return False


def _name(logical_id: str, end: str, kind: str) -> str:
    return f"{logical_id}EventInvokeConfig{end}{_GENERATED[kind][0]}"
