"""The operations on function URLs: https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunctionUrlConfig.html."""

from __future__ import annotations

import re

from local_lambda.aws.checks import Document, check_members, invalid, violation
from local_lambda.aws.declared import DeclaredFunction
from local_lambda.aws.function import Function
from local_lambda.aws.layers import timestamp
from local_lambda.aws.operation import Operation, Response, asked, page
from local_lambda.errors import ApiError
from local_lambda.functions.config import AUTH_TYPES, INVOKE_MODES, Cors, FunctionUrl

_CORS = {
    "AllowOrigins": "origins",
    "AllowMethods": "methods",
    "AllowHeaders": "headers",
    "ExposeHeaders": "exposed",
}
_QUALIFIER = r"((?!^\d+$)^[0-9a-zA-Z-_]+$)"
"""The pattern of the API's model: an alias may have a URL, a version may not."""
_MEMBERS = {"AuthType": str, "Cors": dict, "InvokeMode": str}
_CORS_MEMBERS = {**dict.fromkeys(_CORS, list), "MaxAge": int, "AllowCredentials": bool}


class UrlOperations:
    """One method per operation, named after it."""

    async def create_function_url_config(self, operation: Operation) -> Response:
        _check(operation.request)
        name, qualifier = _asked(operation)
        function = _own(operation.functions.find(name))
        operation.functions.find(name, qualifier)
        arn = function.pool.function.qualified_arn(qualifier)
        if function.pool.function.tenant_isolation:
            # https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation.html
            raise invalid("Function URLs are not supported for functions enabled with tenancy configuration.")
        if arn in operation.functions.urls.served:
            raise ApiError(
                409,
                "ResourceConflictException",
                f"Failed to create function url config for [functionArn = {arn}]. "
                "Error message:  FunctionUrlConfig exists for this Lambda function",
            )
        await operation.functions.open_url(function, qualifier, _url(operation.request, FunctionUrl("")))
        return 201, _configuration(operation, arn)

    async def get_function_url_config(self, operation: Operation) -> Response:
        return 200, _configuration(operation, _with_url(operation)[1])

    async def list_function_url_configs(self, operation: Operation) -> Response:
        name, _ = asked(operation)
        arns = operation.functions.urls.of_function(operation.functions.find(name).pool.function.arn)
        return 200, page("FunctionUrlConfigs", [_configuration(operation, arn) for arn in arns], operation.query)

    async def update_function_url_config(self, operation: Operation) -> Response:
        _check(operation.request)
        function, arn = _with_url(operation)
        url = _url(operation.request, operation.functions.urls.served[arn].app.url)
        await operation.functions.open_url(_own(function), _asked(operation)[1], url)
        return 200, _configuration(operation, arn)

    async def delete_function_url_config(self, operation: Operation) -> Response:
        function, arn = _with_url(operation)
        _own(function)
        operation.functions.urls.close(arn)
        return 204, None


def _asked(operation: Operation) -> tuple[str, str]:
    """The name of the function, and what has the URL: `$LATEST` or an alias. Raises ApiError."""
    name, qualifier = asked(operation)
    if qualifier is not None and not re.fullmatch(_QUALIFIER, qualifier):
        raise violation(qualifier, "qualifier", f"Member must satisfy regular expression pattern: {_QUALIFIER}")
    return name, qualifier or "$LATEST"


def _own(function: Function | DeclaredFunction) -> Function:
    if isinstance(function, DeclaredFunction):
        raise function.refuse_change()
    return function


def _with_url(operation: Operation) -> tuple[Function | DeclaredFunction, str]:
    """The function, and what its URL invokes. Raises ApiError if it has none."""
    name, qualifier = _asked(operation)
    function = operation.functions.find(name)
    arn = function.pool.function.qualified_arn(qualifier)
    if arn not in operation.functions.urls.served:
        raise ApiError(404, "ResourceNotFoundException", "The resource you requested does not exist.")
    return function, arn


def _configuration(operation: Operation, arn: str) -> Document:
    served = operation.functions.urls.served[arn]
    url = served.app.url
    document: Document = {
        "FunctionUrl": served.address,
        "FunctionArn": arn,
        "AuthType": url.auth_type,
        "InvokeMode": url.invoke_mode,
        "CreationTime": timestamp(served.since),
        "LastModifiedTime": timestamp(served.app.changed),
    }
    if url.cors is not None:
        lists = {member: list(getattr(url.cors, name)) for member, name in _CORS.items()}
        cors: Document = {member: values for member, values in lists.items() if values}
        if url.cors.max_age is not None:
            cors["MaxAge"] = url.cors.max_age
        if url.cors.credentials:
            cors["AllowCredentials"] = True
        document["Cors"] = cors
    return document


def _check(request: Document) -> None:
    check_members(request, _MEMBERS)
    check_members(request.get("Cors", {}), _CORS_MEMBERS)


def _url(request: Document, url: FunctionUrl) -> FunctionUrl:
    """The settings `url`, changed as a request says."""
    auth_type = _one_of(request, "AuthType", "authType", AUTH_TYPES, url.auth_type)
    mode = _one_of(request, "InvokeMode", "invokeMode", INVOKE_MODES, url.invoke_mode)
    cors = request.get("Cors")
    if cors is None:
        return FunctionUrl(auth_type, mode, url.cors)
    lists = {name: _strings(cors, member) for member, name in _CORS.items()}
    age = cors.get("MaxAge")
    if age is not None and not 0 <= age <= 86_400:
        raise invalid("Cors.MaxAge must be a whole number of seconds from 0 to 86400")
    credentials = cors.get("AllowCredentials", False)
    return FunctionUrl(auth_type, mode, Cors(**lists, max_age=age, credentials=credentials) if cors else None)


def _one_of(request: Document, member: str, shown: str, allowed: tuple[str, ...], default: str) -> str:
    value = request.get(member, default)
    if value not in allowed:
        raise invalid(
            f"1 validation error detected: Value '{value}' at '{shown}' failed to satisfy constraint: Member must "
            f"satisfy enum value set: [{', '.join(allowed)}]"
        )
    return str(value)


def _strings(cors: Document, member: str) -> tuple[str, ...]:
    values = cors.get(member, [])
    if not all(isinstance(value, str) for value in values):
        raise invalid(f"Cors.{member} must be a list of strings")
    return tuple(values)
