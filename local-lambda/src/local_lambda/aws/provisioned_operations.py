"""The operations on provisioned concurrency: environments of a version or alias that start ahead of invocations.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_PutProvisionedConcurrencyConfig.html. Messages are those of
recorded responses of the service, where there are any.
"""

from __future__ import annotations

from typing import NoReturn

from local_lambda.aws.checks import Document, check_members, invalid, violation
from local_lambda.aws.declared import DeclaredFunction
from local_lambda.aws.function import Function, Provisioned
from local_lambda.aws.layers import now
from local_lambda.aws.operation import Operation, Response, asked, page
from local_lambda.errors import ApiError

REQUESTED = "RequestedProvisionedConcurrentExecutions"


class ProvisionedOperations:
    """One method per operation, named after it."""

    async def put_provisioned_concurrency_config(self, operation: Operation) -> Response:
        function, qualifier = _asked(operation)
        if isinstance(function, DeclaredFunction):
            raise function.refuse_change()
        check_members(operation.request, {"ProvisionedConcurrentExecutions": int})
        count = operation.request.get("ProvisionedConcurrentExecutions", 0)
        if count < 1:
            raise violation(
                count, "provisionedConcurrentExecutions", "Member must have value greater than or equal to 1"
            )
        _check(operation, function, qualifier, count)
        operation.functions.set_provisioned(function, qualifier, Provisioned(count, now()))
        return 202, _document(operation, function, qualifier)

    async def get_provisioned_concurrency_config(self, operation: Operation) -> Response:
        if operation.query.get("List") == "ALL":
            return self._list(operation)
        function, qualifier = _asked(operation)
        if qualifier not in function.provisioned:
            _missing()
        return 200, _document(operation, function, qualifier)

    async def delete_provisioned_concurrency_config(self, operation: Operation) -> Response:
        function, qualifier = _asked(operation)
        if isinstance(function, DeclaredFunction):
            raise function.refuse_change()
        if qualifier in function.provisioned:
            operation.functions.set_provisioned(function, qualifier, None)
        return 204, None

    def _list(self, operation: Operation) -> Response:
        function = operation.functions.find(asked(operation)[0])
        arn, found = function.configuration["FunctionArn"], []
        for qualifier in sorted(function.provisioned):
            found.append({"FunctionArn": f"{arn}:{qualifier}", **_document(operation, function, qualifier)})
        return 200, page("ProvisionedConcurrencyConfigs", found, operation.query)


def _asked(operation: Operation) -> tuple[Function | DeclaredFunction, str]:
    """The function, and its version or alias that is asked for. Raises ApiError."""
    name, qualifier = asked(operation)
    if qualifier is None:
        raise violation(None, "qualifier", "Member must not be null")
    if qualifier == "$LATEST":
        raise invalid("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
    operation.functions.find(name, qualifier)
    return operation.functions.find(name), qualifier


def _check(operation: Operation, function: Function, qualifier: str, count: int) -> None:
    """Raises ApiError for a number that the function may not have, or a version that has it already."""
    is_alias, number = qualifier in function.aliases, function.version_of(qualifier)
    if number == "$LATEST":
        raise invalid("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
    if is_alias and number in function.provisioned:
        _conflict("Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version")
    if not is_alias and any(
        function.version_of(each) == number for each in function.provisioned if each in function.aliases
    ):
        _conflict("Version is pointed by a Provisioned Concurrency alias")
    document = function.published[number].configuration
    if document["SnapStart"]["ApplyOn"] == "PublishedVersions":
        raise invalid("Provisioned concurrency is not supported for functions with SnapStart")
    if "TenancyConfig" in document:
        raise invalid("Provisioned concurrency is not supported for functions with tenant isolation")
    others = sum(each.environments for name, each in function.provisioned.items() if name != qualifier)
    reserved = function.reserved_concurrency
    if reserved is not None and reserved < others + count:
        raise invalid(
            "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"
        )
    if operation.functions.limit < others + count:
        raise invalid(
            f"A function has at most {operation.functions.limit} environments here; start local-lambda with "
            "--max-environments to let it have more."
        )


def _document(operation: Operation, function: Function | DeclaredFunction, qualifier: str) -> Document:
    """What the API says about a configuration: how many environments it asks for, and how many are ready."""
    count, modified = function.provisioned[qualifier]
    version = operation.functions.find(function.name, qualifier)
    ahead = version.pool.ahead()
    ready = sum(environment.ready for environment in ahead)
    document: Document = {
        REQUESTED: count,
        "AllocatedProvisionedConcurrentExecutions": ready,
        "AvailableProvisionedConcurrentExecutions": ready,
        "Status": "READY" if ready >= count else "IN_PROGRESS",
        "LastModified": modified,
    }
    failures = [each.init_failure for each in ahead if each.init_failure is not None]
    if failures:
        document |= {"Status": "FAILED", "StatusReason": f"FUNCTION_ERROR_INIT_FAILURE: {failures[0].error_type}"}
    return document


def _conflict(message: str) -> NoReturn:
    raise ApiError(409, "ResourceConflictException", message)


def _missing() -> NoReturn:
    raise ApiError(
        404,
        "ProvisionedConcurrencyConfigNotFoundException",
        "No Provisioned Concurrency Config found for this function",
    )
