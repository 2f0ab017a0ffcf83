"""The operations on settings of asynchronous invocations.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html and recorded responses.
"""

from __future__ import annotations

import time
from typing import Any

from local_lambda.aws.checks import Document, function_name, invalid
from local_lambda.aws.declared import DeclaredFunction
from local_lambda.aws.destinations import DESTINATIONS, service_in
from local_lambda.aws.event_invoke import AGE, RETRIES
from local_lambda.aws.function import Function
from local_lambda.aws.operation import Operation, Response, page
from local_lambda.errors import ApiError
from local_lambda.limits import MAX_EVENT_AGE_SECONDS, MAX_EVENT_RETRIES, MIN_EVENT_AGE_SECONDS


class EventInvokeOperations:
    """One method per operation, named after it."""

    async def put_function_event_invoke_config(self, operation: Operation) -> Response:
        return await self._change(operation, _function(operation), {})

    async def update_function_event_invoke_config(self, operation: Operation) -> Response:
        function = _function(operation)
        return await self._change(operation, function, _known(function))

    async def get_function_event_invoke_config(self, operation: Operation) -> Response:
        return 200, _known(operation.functions.find(*_asked(operation)))

    async def list_function_event_invoke_configs(self, operation: Operation) -> Response:
        function = operation.functions.find(*_asked(operation))
        known = function.event_invoke
        return 200, page("FunctionEventInvokeConfigs", [known] if known else [], operation.query)

    async def delete_function_event_invoke_config(self, operation: Operation) -> Response:
        function = operation.functions.get(*_asked(operation))
        _known(function)
        operation.functions.set_event_invoke(function, None)
        return 204, None

    async def _change(self, operation: Operation, function: Function, known: Document) -> Response:
        request = operation.request
        if not any(member in request for member in (AGE, RETRIES, "DestinationConfig")):
            raise invalid("You must specify at least one of error handling or destination setting.")
        _check_range(request, AGE, "maximumEventAgeInSeconds", MIN_EVENT_AGE_SECONDS, MAX_EVENT_AGE_SECONDS)
        _check_range(request, RETRIES, "maximumRetryAttempts", 0, MAX_EVENT_RETRIES)
        document = {
            "LastModified": time.time(),
            "FunctionArn": f"{function.configuration['FunctionArn']}:$LATEST",
            "DestinationConfig": known.get("DestinationConfig", {"OnSuccess": {}, "OnFailure": {}}),
        }
        if "DestinationConfig" in request:
            document["DestinationConfig"] = _destinations(request["DestinationConfig"], function, operation)
        for member in (AGE, RETRIES):
            value = request.get(member, known.get(member))
            if value is not None:
                document[member] = value
        operation.functions.set_event_invoke(function, document)
        return 200, document


def _asked(operation: Operation) -> tuple[str, str | None]:
    name, qualifier = function_name(operation.names[0])
    qualifier = operation.query.get("Qualifier") or qualifier
    return name, qualifier


def _function(operation: Operation) -> Function:
    """The function to change. That it is missing has its own words here."""
    try:
        return operation.functions.get(*_asked(operation))
    except ApiError as error:
        if error.status != 404:
            raise
        raise ApiError(404, error.error_type, "The function doesn't exist.") from None


def _known(function: Function | DeclaredFunction) -> Document:
    known = function.event_invoke
    if known is None:
        arn = f"{function.configuration['FunctionArn']}:$LATEST"
        raise ApiError(404, "ResourceNotFoundException", f"The function {arn} doesn't have an EventInvokeConfig")
    return known


def _destinations(given: Any, function: Function, operation: Operation) -> Document:
    found: Document = {}
    for end in ("OnSuccess", "OnFailure"):
        arn = _structure(_structure(given, "DestinationConfig").get(end), f"DestinationConfig.{end}").get("Destination")
        if arn is not None:
            _check_destination(arn, function, operation)
        found[end] = {} if arn is None else {"Destination": arn}
    return found


def _structure(given: Any, name: str) -> Document:
    if given is not None and not isinstance(given, dict):
        raise ApiError(400, "SerializationException", f"{name} must be a structure")
    return given or {}


def _check_destination(arn: Any, function: Function, operation: Operation) -> None:
    service = service_in(arn)
    if service not in DESTINATIONS:
        raise invalid(
            f"The destination ARN {arn} is invalid or not served by local-lambda aws, which has: "
            f"{', '.join(DESTINATIONS)}."
        )
    own = function.configuration["FunctionArn"]
    if service != "lambda" or arn.split(":")[3] != own.split(":")[3]:
        return
    name, qualifier = function_name(arn)
    try:
        operation.functions.find(name, qualifier)
    except ApiError:
        raise invalid(f"The destination ARN {arn} is invalid.") from None
    if name == function.configuration["FunctionName"]:
        raise invalid("You can't specify the function as a destination for itself.")


def _check_range(request: Document, member: str, shown: str, least: int, most: int) -> None:
    value = request.get(member)
    if value is None:
        request.pop(member, None)
        return
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        bound = (
            f"less than or equal to {most}"
            if isinstance(value, int) and value > most
            else (f"greater than or equal to {least}")
        )
        raise invalid(
            f"1 validation error detected: Value '{value}' at '{shown}' failed to satisfy constraint: Member must have "
            f"value {bound}"
        )
