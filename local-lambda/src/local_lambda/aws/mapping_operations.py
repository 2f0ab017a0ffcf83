"""The operations on event source mappings: https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html."""

from __future__ import annotations

from local_lambda.aws.checks import function_name, invalid
from local_lambda.aws.functions import FunctionRegistry
from local_lambda.aws.operation import Operation, Response, page
from local_lambda.errors import ApiError


class MappingOperations:
    """One method per operation, named after it."""

    async def create_event_source_mapping(self, operation: Operation) -> Response:
        request = operation.request
        name = request.get("FunctionName")
        if not isinstance(name, str):
            raise invalid("FunctionName is missing")
        arn, timeout = mapped_function(operation.functions, name)
        _check_tenancy(operation.functions, name)
        return 202, await operation.functions.sources.create(request, arn, timeout)

    async def get_event_source_mapping(self, operation: Operation) -> Response:
        return 200, operation.functions.sources.get(operation.names[0])

    async def list_event_source_mappings(self, operation: Operation) -> Response:
        name = operation.query.get("FunctionName")
        arn = mapped_function(operation.functions, name)[0] if name else None
        found = operation.functions.sources.find(operation.query.get("EventSourceArn"), arn)
        return 200, page("EventSourceMappings", found, operation.query)

    async def update_event_source_mapping(self, operation: Operation) -> Response:
        name = operation.request.get("FunctionName")
        arn = mapped_function(operation.functions, name)[0] if isinstance(name, str) else None
        if isinstance(name, str):
            _check_tenancy(operation.functions, name)
        return 202, operation.functions.sources.update(operation.names[0], operation.request, arn)

    async def delete_event_source_mapping(self, operation: Operation) -> Response:
        return 202, operation.functions.sources.delete(operation.names[0])


def _check_tenancy(functions: FunctionRegistry, text: str) -> None:
    """Raises ApiError for a function that needs a tenant, which a source cannot name.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation.html, which does not quote an error.
    """
    if functions.find(function_name(text)[0]).pool.function.tenant_isolation:
        raise invalid("Event source mappings are not supported for functions enabled with tenancy configuration.")


def mapped_function(functions: FunctionRegistry, text: str) -> tuple[str, int]:
    """ARN and timeout in seconds of the function that a request names; the ARN of an alias stays that of the alias."""
    name, qualifier = function_name(text)
    try:
        configuration = functions.find(name, qualifier).configuration
        arn = functions.find(name).configuration["FunctionArn"]
    except ApiError as error:
        if error.status == 404:  # as the service says it here
            raise ApiError(404, "ResourceNotFoundException", f"Function not found: {text}") from None
        raise
    return arn if qualifier in (None, "$LATEST") else f"{arn}:{qualifier}", configuration["Timeout"]
