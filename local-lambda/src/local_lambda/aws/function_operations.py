"""The operations on functions: https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html."""

from __future__ import annotations

from urllib.parse import quote

from local_lambda.aws import checks
from local_lambda.aws.checks import Document, function_name, invalid
from local_lambda.aws.declared import DeclaredFunction
from local_lambda.aws.function import Function
from local_lambda.aws.operation import Operation, Response, asked, code_of, latest, location, page
from local_lambda.aws.services import FORM, Request, Services, signed
from local_lambda.errors import ApiError
from local_lambda.limits import MAX_UNZIPPED_BYTES, MAX_ZIPPED_BYTES


class FunctionOperations:
    """One method per operation, named after it."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def create_function(self, operation: Operation) -> Response:
        request = operation.request
        publish = request.pop("Publish", False) is True
        checks.check_create(request)
        if request.get("DurableConfig") and "ExecutionTimeout" not in request["DurableConfig"]:
            raise invalid("DurableConfig needs an ExecutionTimeout")
        checks.check_snap_start(request)
        _check_tenancy(request)
        name, _ = function_name(request["FunctionName"])
        await self._check_role(operation, request["Role"])
        function = await operation.functions.create(
            name, request, await code_of(self._services, operation, request["Code"])
        )
        return 201, (operation.functions.publish(function, None) if publish else function).configuration

    async def list_functions(self, operation: Operation) -> Response:
        known: dict[str, Function | DeclaredFunction] = {**operation.functions.functions}
        known |= operation.functions.declared
        functions = [function for _, function in sorted(known.items())]
        return 200, page("Functions", [function.configuration for function in functions], operation.query)

    async def get_function(self, operation: Operation) -> Response:
        function = _found(operation)
        document: Document = {"Configuration": _configuration(operation, function)}
        if isinstance(function, Function):
            document["Code"] = {"RepositoryType": "S3", "Location": location(operation, function.package)}
        if function.tags:
            document["Tags"] = function.tags
        if function.reserved_concurrency is not None:
            document["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved_concurrency}
        return 200, document

    async def get_function_configuration(self, operation: Operation) -> Response:
        return 200, _configuration(operation, _found(operation))

    async def delete_function(self, operation: Operation) -> Response:
        name, qualifier = asked(operation)
        function = operation.functions.get(name)
        if qualifier == "$LATEST":
            raise invalid("$LATEST version cannot be deleted without deleting the function.")
        if qualifier is None:
            operation.functions.delete(function)
        elif qualifier in function.aliases:
            raise invalid("Deletion of aliases is not currently supported.")
        else:
            operation.functions.delete_version(function, qualifier)
        return 204, None

    async def update_function_code(self, operation: Operation) -> Response:
        request, function = operation.request, latest(operation)
        dry_run, publish = bool(request.pop("DryRun", False)), request.pop("Publish", False) is True
        checks.check_code(request)
        checks.check_revision(request.get("RevisionId"), function.configuration["RevisionId"])
        data = await code_of(self._services, operation, request)
        changed = await operation.functions.update_code(function, data, request.get("Architectures"), dry_run)
        return 200, operation.functions.publish(function, None).configuration if publish and not dry_run else changed

    async def update_function_configuration(self, operation: Operation) -> Response:
        request, function = operation.request, latest(operation)
        checks.check_update(request)
        if request.get("DurableConfig") and "DurableConfig" not in function.configuration:
            raise invalid("Durable execution can be enabled only when a function is created")
        checks.check_snap_start({**function.configuration, **request})
        _check_tenancy({**function.configuration, **request})
        checks.check_revision(request.get("RevisionId"), function.configuration["RevisionId"])
        if "Role" in request:
            await self._check_role(operation, request["Role"])
        await operation.functions.update_configuration(function, request)
        return 200, function.configuration

    async def list_versions_by_function(self, operation: Operation) -> Response:
        function = _found(operation)
        latest = {**function.configuration, "FunctionArn": f"{function.configuration['FunctionArn']}:$LATEST"}
        published = function.published.values() if isinstance(function, Function) else ()
        versions = [latest, *(version.configuration for version in published)]
        return 200, page("Versions", versions, operation.query)

    async def put_function_concurrency(self, operation: Operation) -> Response:
        reserved = operation.request.get("ReservedConcurrentExecutions")
        if not isinstance(reserved, int) or isinstance(reserved, bool) or reserved < 0:
            raise invalid("ReservedConcurrentExecutions must be a whole number, 0 or more")
        function = latest(operation)
        provisioned = sum(each.environments for each in function.provisioned.values())
        if reserved < provisioned:
            raise invalid(f"The reserved concurrency cannot be less than the provisioned concurrency, {provisioned}")
        operation.functions.set_concurrency(function, reserved)
        return 200, {"ReservedConcurrentExecutions": reserved}

    async def get_function_concurrency(self, operation: Operation) -> Response:
        reserved = _found(operation).reserved_concurrency
        return 200, {} if reserved is None else {"ReservedConcurrentExecutions": reserved}

    async def delete_function_concurrency(self, operation: Operation) -> Response:
        operation.functions.set_concurrency(latest(operation), None)
        return 204, None

    async def list_tags(self, operation: Operation) -> Response:
        _check_tagged(operation)
        return 200, {"Tags": _found(operation).tags}

    async def tag_resource(self, operation: Operation) -> Response:
        _check_tagged(operation)
        tags = operation.request.get("Tags")
        if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
            raise invalid("Tags must be an object whose values are texts")
        operation.functions.get(asked(operation)[0]).tags.update(tags)
        return 204, None

    async def untag_resource(self, operation: Operation) -> Response:
        _check_tagged(operation)
        keys = operation.query.get("tagKeys")
        if keys is None:
            raise checks.violation(None, "tagKeys", "Member must not be null")
        function = operation.functions.get(asked(operation)[0])
        for key in keys.split(","):
            function.tags.pop(key, None)
        return 204, None

    async def get_account_settings(self, operation: Operation) -> Response:
        functions = operation.functions
        limits = {
            "TotalCodeSize": 80_530_636_800,
            "CodeSizeUnzipped": MAX_UNZIPPED_BYTES,
            "CodeSizeZipped": MAX_ZIPPED_BYTES,
            "ConcurrentExecutions": 1000,
            "UnreservedConcurrentExecutions": 1000,
        }
        size = sum(package.size for package in functions.packages())
        return 200, {
            "AccountLimit": limits,
            "AccountUsage": {"TotalCodeSize": size, "FunctionCount": len(functions.functions)},
        }

    async def _check_role(self, operation: Operation, role: str) -> None:
        """Require that the role exists, as the service does."""
        if role.split(":")[4] != operation.functions.account:
            raise ApiError(403, "AccessDeniedException", "Cross-account pass role is not allowed.")
        body = f"Action=GetRole&Version=2010-05-08&RoleName={quote(role.rpartition('/')[2])}"
        headers = [signed("iam", operation.functions.region, operation.key), FORM]
        answer = await self._services.call(Request("POST", "/", "", headers, body.encode()))
        if answer.status != 200 or f"<Arn>{role}</Arn>".encode() not in answer.body:
            raise invalid("The role defined for the function cannot be assumed by Lambda.")


def _check_tenancy(configuration: Document) -> None:
    """Source: https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation.html, which does not quote an error."""
    if configuration.get("TenancyConfig") and configuration.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions":
        raise invalid("SnapStart is not supported for functions enabled with tenancy configuration.")


def _check_tagged(operation: Operation) -> None:
    if asked(operation)[1] is not None:
        raise invalid("Tags on function aliases and versions are not supported. Please specify a function ARN.")


def _found(operation: Operation) -> Function | DeclaredFunction:
    return operation.functions.find(*asked(operation))


def _configuration(operation: Operation, function: Function | DeclaredFunction) -> Document:
    qualified = operation.query.get("Qualifier") or function_name(operation.names[0])[1]
    if not qualified:
        return function.configuration
    arn = ":".join(function.configuration["FunctionArn"].split(":")[:7])
    return {**function.configuration, "FunctionArn": f"{arn}:{qualified}"}
