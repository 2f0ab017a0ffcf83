"""The settings of an event source mapping: checked as the service does, with every default.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_lambda.errors import ApiError
from local_lambda.sources.ports import Document

SERVICES = ("sqs", "kinesis", "dynamodb")
_COMMON = {"BatchSize", "Enabled", "EventSourceArn", "FilterCriteria", "FunctionName", "FunctionResponseTypes"}
_COMMON |= {"MaximumBatchingWindowInSeconds", "UUID"}
_WITHOUT_EFFECT = {"Tags"}
_NOTHING: tuple[object, ...] = (None, "", [], {}, False)
TUNING = frozenset("KmsKeyArn LoggingConfig MetricsConfig ProvisionedPollerConfig".split())
"""What CloudFormation may say of keys, logs, metrics and pollers: without it, the function gets the same records."""
_OTHER_SOURCES = (
    "AmazonManagedKafkaEventSourceConfig",
    "DocumentDBEventSourceConfig",
    "Queues",
    "SelfManagedEventSource",
    "SelfManagedKafkaEventSourceConfig",
    "SourceAccessConfigurations",
    "Topics",
)
"""What only mappings of Kafka, Amazon MQ and DocumentDB have."""
_QUEUE = {"ScalingConfig"}
_STREAM = {
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "StartingPosition",
    "StartingPositionTimestamp",
}


def check_place(arn: str, region: str, account: str) -> None:
    """Raises ApiError for a source of another region or account.

    The words are in https://github.com/pmuens/serverless-kinesis-streams/issues/1.
    """
    found = arn.split(":")
    if found[3] != region:
        raise _invalid(f"Event source region must match Lambda region {region}.")
    if found[4] != account:
        raise _invalid(f"The event source {arn} is not in the account {account}, the only one that local-lambda has.")


def other_source(request: Mapping[str, Any]) -> str | None:
    """Why a source that is not a queue of SQS or a stream is not served; None if a request has no sign of one."""
    found = [name for name in _OTHER_SOURCES if request.get(name) not in _NOTHING]
    if not found or str(request.get("EventSourceArn")).split(":")[2:3] in ([service] for service in SERVICES):
        return None
    return f"a source with {', '.join(found)} is not served; served here are SQS, Kinesis and DynamoDB streams"


def tuning(given: Mapping[str, Any]) -> list[str]:
    """Those of `TUNING` that a template sets."""
    return sorted(name for name in TUNING if given.get(name) not in _NOTHING)


def service_of(arn: object) -> str:
    """`sqs`, `kinesis` or `dynamodb`. Raises ApiError for any other source."""
    parts = arn.split(":") if isinstance(arn, str) else []
    service = parts[2] if len(parts) >= 6 else ""
    if service not in SERVICES:
        raise _invalid(
            f"Unrecognized event source: {arn}; served here are the ARNs of SQS queues, Kinesis and DynamoDB streams."
        )
    return service


def checked(request: Mapping[str, Any], service: str) -> Document:
    """The members of a request that the API shows again. Raises ApiError."""
    known = members(service)
    for member, value in request.items():
        if member == "DestinationConfig":
            _check_destination(value)
        if member in known | _WITHOUT_EFFECT or value in _NOTHING:
            continue
        if member != "DestinationConfig" or any(each not in _NOTHING for each in value.values()):
            raise _invalid(f"{member} is not served by local-lambda for {service}: leave it out")
    given = {name: value for name, value in request.items() if name in known and value is not None}
    queue = service == "sqs"
    fifo = queue and str(given.get("EventSourceArn")).endswith(".fifo")
    _range(given, "BatchSize", 1, 10 if fifo else 10_000)
    _range(given, "MaximumBatchingWindowInSeconds", 0, 300)
    window = given.get("MaximumBatchingWindowInSeconds", 0)
    if fifo and window:
        raise _invalid("Batching window is not supported for FIFO queues.")
    if queue and given.get("BatchSize", 10) > 10 and not window:
        raise _invalid(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        )
    types = given.get("FunctionResponseTypes", [])
    if not isinstance(types, list) or any(kind != "ReportBatchItemFailures" for kind in types):
        raise _invalid("FunctionResponseTypes may have ReportBatchItemFailures only")
    _range(_structure(given.get("ScalingConfig", {}), "ScalingConfig"), "MaximumConcurrency", 2, 1_000)
    _range(given, "ParallelizationFactor", 1, 10)
    _range(given, "MaximumRetryAttempts", -1, 10_000)
    _range(given, "MaximumRecordAgeInSeconds", -1, 604_800)
    if -1 < given.get("MaximumRecordAgeInSeconds", -1) < 60:
        raise _invalid("MaximumRecordAgeInSeconds must be -1, or a whole number from 60 to 604800")
    for name in ("Enabled", "BisectBatchOnFunctionError"):
        if not isinstance(given.get(name, False), bool):
            raise _invalid(f"{name} must be true or false")
    patterns(given)
    return given


def members(service: str) -> set[str]:
    """The members of a request that mappings of a service have."""
    return _COMMON | (_QUEUE if service == "sqs" else _STREAM)


def defaults(service: str) -> Document:
    """The settings that a request need not have."""
    if service == "sqs":
        return {"BatchSize": 10, "MaximumBatchingWindowInSeconds": 0}
    return {
        "BatchSize": 100,
        "MaximumBatchingWindowInSeconds": 0,
        "ParallelizationFactor": 1,
        "MaximumRecordAgeInSeconds": -1,
        "BisectBatchOnFunctionError": False,
        "MaximumRetryAttempts": -1,
    }


def check_position(given: Mapping[str, Any], service: str) -> None:
    """Raises ApiError unless a stream has a starting position."""
    if service == "sqs":
        return
    positions = ("TRIM_HORIZON", "LATEST", *(("AT_TIMESTAMP",) if service == "kinesis" else ()))
    if given.get("StartingPosition") not in positions:
        raise _invalid(f"StartingPosition must be one of: {', '.join(positions)}")
    if given["StartingPosition"] == "AT_TIMESTAMP" and "StartingPositionTimestamp" not in given:
        raise _invalid("StartingPositionTimestamp is required with AT_TIMESTAMP")


def patterns(given: Mapping[str, Any]) -> list[str]:
    """The texts of the filters' patterns. Raises ApiError if they are malformed."""
    criteria = given.get("FilterCriteria") or {}
    filters = criteria.get("Filters") or [] if isinstance(criteria, dict) else None
    if not isinstance(filters, list) or not all(
        isinstance(each, dict) and isinstance(each.get("Pattern"), str) for each in filters
    ):
        raise _invalid("FilterCriteria must have Filters, a list of objects with a Pattern")
    if len(filters) > 10:
        raise _invalid("FilterCriteria may have 10 filters at most")
    return [each["Pattern"] for each in filters]


def destination(given: Mapping[str, Any]) -> str | None:
    """The ARN of the on-failure destination of checked settings, a queue or a topic."""
    arn = ((given.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
    return None if arn is None else str(arn)


def _check_destination(given: object) -> None:
    """Raises ApiError for anything but an on-failure destination that is a queue or a topic."""
    config = _structure(given, "DestinationConfig")
    arn = _structure(config.get("OnFailure"), "OnFailure").get("Destination")
    if arn is not None and (not isinstance(arn, str) or arn.split(":")[2:3] not in (["sqs"], ["sns"])):
        raise _invalid(f"The destination {arn} is not served by local-lambda: name a queue or a topic")
    for member, value in config.items():
        if member != "OnFailure" and value not in _NOTHING:
            raise _invalid(f"{member} is not supported for event source mappings: they have OnFailure only")


def _structure(value: object, member: str) -> Mapping[str, Any]:
    """The members of a structure; none if it is missing. Raises ApiError for anything else."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ApiError(400, "SerializationException", f"{member} must be a structure")
    return value


def _range(given: Mapping[str, Any], member: str, least: int, most: int) -> None:
    value = given.get(member)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most):
        raise _invalid(f"{member} must be a whole number from {least} to {most}")


def _invalid(message: str) -> ApiError:
    return ApiError(400, "InvalidParameterValueException", message)
