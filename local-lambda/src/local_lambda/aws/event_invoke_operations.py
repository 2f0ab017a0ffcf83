"""The operations on settings of asynchronous invocations.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html and recorded responses.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from local_lambda.aws.checks import Document, function_name, invalid
from local_lambda.aws.destinations import DESTINATIONS, service_in
from local_lambda.aws.event_invoke import AGE, RETRIES
from local_lambda.aws.function import Function
from local_lambda.aws.operation import Operation, Response, asked, page
from local_lambda.errors import ApiError
from local_lambda.limits import MAX_EVENT_AGE_SECONDS, MAX_EVENT_RETRIES, MIN_EVENT_AGE_SECONDS
from local_lambda.service.directory import check_owner


class EventInvokeOperations:
    """One method per operation, named after it."""

    async def put_function_event_invoke_config(self, operation: Operation) -> Response:
        return await self._change(operation, *_changed(operation), {})

    async def update_function_event_invoke_config(self, operation: Operation) -> Response:
        function, qualifier = _changed(operation)
        return await self._change(operation, function, qualifier, _known(operation, function.event_invoke))

    async def get_function_event_invoke_config(self, operation: Operation) -> Response:
        return 200, _known(operation, operation.functions.find(asked(operation)[0]).event_invoke)

    async def list_function_event_invoke_configs(self, operation: Operation) -> Response:
        known = sorted(operation.functions.find(asked(operation)[0]).event_invoke.items())
        return 200, page("FunctionEventInvokeConfigs", [document for _, document in known], operation.query)

    async def delete_function_event_invoke_config(self, operation: Operation) -> Response:
        function = operation.functions.get(asked(operation)[0])
        _known(operation, function.event_invoke)
        del function.event_invoke[_qualifier(operation)]
        return 204, None

    async def _change(self, operation: Operation, function: Function, qualifier: str, known: Document) -> Response:
        """Set the settings of a qualifier, also for invocations that have been accepted."""
        request = operation.request
        if not any(member in request for member in (AGE, RETRIES, "DestinationConfig")):
            raise invalid("You must specify at least one of error handling or destination setting.")
        _check_range(request, AGE, "maximumEventAgeInSeconds", MIN_EVENT_AGE_SECONDS, MAX_EVENT_AGE_SECONDS)
        _check_range(request, RETRIES, "maximumRetryAttempts", 0, MAX_EVENT_RETRIES)
        document = {
            "LastModified": time.time(),
            "FunctionArn": f"{function.configuration['FunctionArn']}:{qualifier}",
            "DestinationConfig": known.get("DestinationConfig", {"OnSuccess": {}, "OnFailure": {}}),
        }
        if "DestinationConfig" in request:
            document["DestinationConfig"] = _destinations(request["DestinationConfig"], function, operation)
        for member in (AGE, RETRIES):
            value = request.get(member, known.get(member))
            if value is not None:
                document[member] = value
        function.event_invoke[qualifier] = document
        return 200, document


def _qualifier(operation: Operation) -> str:
    return asked(operation)[1] or "$LATEST"


def _changed(operation: Operation) -> tuple[Function, str]:
    """The function to change, and the qualifier. That one of them is missing has its own words here."""
    name, qualifier = asked(operation)
    try:
        operation.functions.get(name, qualifier)
        return operation.functions.get(name), _qualifier(operation)
    except ApiError as error:
        if error.status != 404:
            raise
        raise ApiError(404, error.error_type, "The function doesn't exist.") from None


def _known(operation: Operation, settings: Mapping[str, Document]) -> Document:
    """The settings of the qualifier that a request names. Raises ApiError if it has none."""
    known = settings.get(_qualifier(operation))
    if known is None:
        arn = f"{operation.functions.arn(asked(operation)[0])}:{_qualifier(operation)}"
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
    if arn.endswith(".fifo"):  # https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
        raise invalid(f"The destination ARN {arn} is invalid: it must be a standard queue or topic.")
    own = function.configuration["FunctionArn"]
    if service != "lambda" or arn.split(":")[3] != own.split(":")[3]:
        return
    name, qualifier = function_name(arn)
    try:
        check_owner(arn, operation.functions.region, operation.functions.account, "InvokeFunction")
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
