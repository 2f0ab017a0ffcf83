"""Checks of CreateFunction, UpdateFunctionConfiguration and PublishLayerVersion requests, with the service's errors.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html and recorded responses of the service.
Pure: a request in, an ApiError out. Checks that need state (whether a role or layer exists) are elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from local_lambda.errors import ApiError
from local_lambda.functions.config import RESERVED_VARIABLES
from local_lambda.limits import (
    MAX_ENVIRONMENT_BYTES,
    MAX_EXECUTION_SECONDS,
    MAX_LAYERS,
    MAX_MEMORY_MB,
    MAX_RETENTION_DAYS,
    MAX_STORAGE_MB,
    MAX_TIMEOUT_SECONDS,
    MIN_MEMORY_MB,
    MIN_STORAGE_MB,
)

Document = dict[str, Any]

PYTHON_RUNTIMES = tuple(f"python3.{minor}" for minor in range(8, 15))
"""Runtimes a function can run on here. The service no longer creates functions on the oldest ones."""

_NAME = r"[a-zA-Z0-9-_]+"
_FUNCTION = re.compile(
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}(-gov)?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
    rf"(?P<name>{_NAME})(:(?P<qualifier>\$LATEST|{_NAME}))?"
)
_LAYER = re.compile(rf"(arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\d{{12}}:layer:)?(?P<name>{_NAME})")
_LAYER_VERSION = re.compile(rf"arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\d{{12}}:layer:{_NAME}:[0-9]+")
_ROLE = re.compile(r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+")
_VARIABLE = re.compile(r"[a-zA-Z]([a-zA-Z0-9_])+")

_CONFIGURATION: Mapping[str, type] = {
    "Role": str,
    "Handler": str,
    "Runtime": str,
    "Description": str,
    "Timeout": int,
    "MemorySize": int,
    "Environment": dict,
    "TracingConfig": dict,
    "Layers": list,
    "EphemeralStorage": dict,
    "LoggingConfig": dict,
    "DeadLetterConfig": dict,
    "DurableConfig": dict,
    "SnapStart": dict,
}
_ON_CREATE: Mapping[str, type] = {
    **_CONFIGURATION,
    "FunctionName": str,
    "Code": dict,
    "PackageType": str,
    "Architectures": list,
    "Tags": dict,
    "TenancyConfig": dict,
}
_CODE: Mapping[str, type] = {
    "FunctionName": str,
    "ZipFile": str,
    "S3Bucket": str,
    "S3Key": str,
    "S3ObjectVersion": str,
    "Architectures": list,
    "RevisionId": str,
}
_ON_UPDATE: Mapping[str, type] = {**_CONFIGURATION, "FunctionName": str, "RevisionId": str}
_REVISION = (
    "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the "
    "latest Revision Id"
)
LONGEST_DESCRIPTION = 256
"""https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html and the other pages with a Description."""


def invalid(message: str) -> ApiError:
    """InvalidParameterValueException, 400."""
    return ApiError(400, "InvalidParameterValueException", message)


def violation(value: object, member: str, constraint: str) -> ApiError:
    """ValidationException, 400: a member violates its model."""
    shown = "null" if value is None else value if isinstance(value, str) else json.dumps(value)
    return ApiError(
        400,
        "ValidationException",
        f"1 validation error detected: Value '{shown}' at '{member}' failed to satisfy constraint: {constraint}",
    )


def check_revision(asked: object, current: str, message: str = _REVISION) -> None:
    """Raises ApiError PreconditionFailedException if a request asks for a revision that is not the current one."""
    if asked is not None and asked != current:
        raise ApiError(412, "PreconditionFailedException", message)


def check_create(request: Document) -> None:
    """Raises ApiError for what CreateFunction rejects without looking at code, role and layers."""
    check_members(request, _ON_CREATE)
    for member in ("FunctionName", "Role", "Code"):
        if member not in request:
            raise violation(None, member[0].lower() + member[1:], "Member must not be null")
    if request.get("PackageType", "Zip") != "Zip" or "ImageUri" in request["Code"]:
        raise invalid("Container images are not supported here; send a zip package, PackageType Zip")
    if not (request.get("Runtime") and request.get("Handler")):
        raise invalid("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
    _check_architectures(request)
    mode = _member(request, "TenancyConfig", "TenantIsolationMode")
    _check_choice(mode, "tenancyConfig.tenantIsolationMode", ("PER_TENANT",))
    check_configuration(request)


def check_code(request: Document) -> None:
    """Raises ApiError for what UpdateFunctionCode rejects without looking at the code."""
    if "ImageUri" in request:
        raise invalid("Container images are not supported here; send a zip package")
    check_members(request, _CODE)
    _check_architectures(request)


def check_update(request: Document) -> None:
    """Raises ApiError for what UpdateFunctionConfiguration rejects without looking at role and layers."""
    check_members(request, _ON_UPDATE)
    check_configuration(request)


def check_configuration(request: Document) -> None:
    """Check the members that both operations accept."""
    role = request.get("Role")
    if role is not None and not _ROLE.fullmatch(role):
        raise violation(role, "role", f"Member must satisfy regular expression pattern: {_ROLE.pattern}")
    runtime = request.get("Runtime")
    if runtime is not None and runtime not in PYTHON_RUNTIMES:
        raise invalid(
            f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
            f"[{', '.join(PYTHON_RUNTIMES)}] (the runtimes served here)"
        )
    handler = request.get("Handler")
    if handler is not None and not re.fullmatch(r"[^\s]{1,128}", handler):
        raise violation(handler, "handler", r"Member must satisfy regular expression pattern: [^\s]+")
    _check_range(request.get("Timeout"), "timeout", 1, MAX_TIMEOUT_SECONDS)
    _check_range(request.get("MemorySize"), "memorySize", MIN_MEMORY_MB, MAX_MEMORY_MB)
    size = _member(request, "EphemeralStorage", "Size")
    _check_range(size, "ephemeralStorage.size", MIN_STORAGE_MB, MAX_STORAGE_MB)
    _check_durable(request)
    _check_choice(_member(request, "SnapStart", "ApplyOn"), "snapStart.applyOn", ("PublishedVersions", "None"))
    _check_choice(_member(request, "TracingConfig", "Mode"), "tracingConfig.mode", ("Active", "PassThrough"))
    _check_choice(_member(request, "LoggingConfig", "LogFormat"), "loggingConfig.logFormat", ("JSON", "Text"))
    levels = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
    _check_choice(_member(request, "LoggingConfig", "ApplicationLogLevel"), "loggingConfig.applicationLogLevel", levels)
    _check_choice(_member(request, "LoggingConfig", "SystemLogLevel"), "loggingConfig.systemLogLevel", levels[1:4])
    _check_environment(_member(request, "Environment", "Variables") or {})
    _check_layers(request.get("Layers", []))
    target = _member(request, "DeadLetterConfig", "TargetArn")
    if target and not re.fullmatch(r"arn:[a-z-]+:(sqs|sns):[^:]*:\d{12}:[^:]+", str(target)):
        raise invalid(f"The DeadLetterConfig target {target} is not the ARN of a queue or a topic.")


def function_name(text: str) -> tuple[str, str | None]:
    """The name and qualifier in a name, partial ARN or ARN. Raises ApiError ValidationException."""
    match = _FUNCTION.fullmatch(text)
    if match is None or len(match["name"]) > 64:
        raise violation(text, "functionName", f"Member must satisfy regular expression pattern: {_FUNCTION.pattern}")
    return match["name"], match["qualifier"]


def layer_name(text: str) -> str:
    """The layer name in a name or ARN. Raises ApiError ValidationException."""
    match = _LAYER.fullmatch(text)
    if match is None or len(match["name"]) > 140:
        raise violation(text, "layerName", f"Member must satisfy regular expression pattern: {_LAYER.pattern}")
    return match["name"]


def check_members(request: Document, members: Mapping[str, type]) -> None:
    """Raises ApiError for members of a wrong type, and for a description that is too long; removes those that are null.

    A member that is not supported is refused, not silently ignored.
    """
    for member, value in request.items():
        kind = members.get(member)
        if kind is None:
            if not _says_nothing(value):
                raise invalid(f"{member} is not served by local-lambda aws: leave it out")
        elif value is not None and (not isinstance(value, kind) or isinstance(value, bool) is not (kind is bool)):
            raise ApiError(400, "SerializationException", f"{member} must be of type {kind.__name__}")
    for member in [member for member, value in request.items() if value is None]:
        del request[member]
    description = request.get("Description", "")
    if len(description) > LONGEST_DESCRIPTION:
        constraint = f"Member must have length less than or equal to {LONGEST_DESCRIPTION}"
        raise violation(description, "description", constraint)


def check_snap_start(configuration: Document) -> None:
    """Raises ApiError for a function that cannot have SnapStart. `configuration` is what it would be."""
    if configuration.get("SnapStart", {}).get("ApplyOn") != "PublishedVersions":
        return
    runtime = configuration["Runtime"]
    if int(runtime.rpartition(".")[2]) < 12:
        raise invalid(f"{runtime} is not supported for SnapStart enabled functions.")
    if configuration.get("EphemeralStorage", {}).get("Size", MIN_STORAGE_MB) > MIN_STORAGE_MB:
        raise invalid(
            f"An EphemeralStorage above {MIN_STORAGE_MB} MB is not supported for SnapStart enabled functions."
        )


def _check_durable(request: Document) -> None:
    given = request.get("DurableConfig")
    if not given:
        return
    if given.get("KMSKeyArn"):
        raise invalid("KMSKeyArn is not served by local-lambda aws: leave it out")
    _check_range(given.get("ExecutionTimeout"), "durableConfig.executionTimeout", 1, MAX_EXECUTION_SECONDS)
    _check_range(given.get("RetentionPeriodInDays"), "durableConfig.retentionPeriodInDays", 1, MAX_RETENTION_DAYS)


def _check_architectures(request: Document) -> None:
    architectures = request.get("Architectures", ["x86_64"])
    if architectures not in (["x86_64"], ["arm64"]):
        raise violation(
            architectures,
            "architectures",
            "Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64]]",
        )


def _says_nothing(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(_says_nothing, value.values()))
    return value in (None, "", [])


def _member(request: Document, name: str, inner: str) -> Any:
    return request.get(name, {}).get(inner)


def _check_range(value: Any, member: str, least: int, most: int) -> None:
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool):
        raise ApiError(400, "SerializationException", f"{member} must be a whole number")
    if value < least:
        raise violation(value, member, f"Member must have value greater than or equal to {least}")
    if value > most:
        raise violation(value, member, f"Member must have value less than or equal to {most}")


def _check_choice(value: Any, member: str, choices: Sequence[str]) -> None:
    if value is not None and value not in choices:
        raise violation(value, member, f"Member must satisfy enum value set: [{', '.join(choices)}]")


def _check_environment(variables: Mapping[str, Any]) -> None:
    for name, value in variables.items():
        if not _VARIABLE.fullmatch(name):
            raise violation(
                dict(variables),
                "environment.variables",
                f"Map keys must satisfy constraint: [Member must satisfy regular expression pattern: "
                f"{_VARIABLE.pattern}]",
            )
        if not isinstance(value, str):
            raise ApiError(400, "SerializationException", f"the environment variable {name} must be a string")
    unable = "Lambda was unable to configure your environment variables because the environment variables you have "
    reserved = [name for name in variables if name in RESERVED_VARIABLES]
    if reserved:
        raise invalid(
            f"{unable}provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    measured = json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
    if len(measured.encode()) > MAX_ENVIRONMENT_BYTES:
        raise invalid(f"{unable}provided exceeded the 4KB limit. String measured: {measured}")


def _check_layers(arns: Sequence[Any]) -> None:
    if len(arns) > MAX_LAYERS:
        raise invalid(f"Cannot reference more than {MAX_LAYERS} layers.")
    seen: dict[str, str] = {}
    for arn in arns:
        if not isinstance(arn, str) or not _LAYER_VERSION.fullmatch(arn):
            raise violation(
                arns,
                "layers",
                f"Member must satisfy constraint: [Member must satisfy regular expression pattern: "
                f"{_LAYER_VERSION.pattern}]",
            )
        layer = arn.rpartition(":")[0]
        if layer in seen:
            raise invalid(
                "Two different versions of the same layer are not allowed to be referenced in the same function. "
                f"{seen[layer]} and {arn} are versions of the same layer."
            )
        seen[layer] = arn
