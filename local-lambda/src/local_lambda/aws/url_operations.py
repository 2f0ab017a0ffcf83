"""The operations on function URLs: https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunctionUrlConfig.html."""

from __future__ import annotations

from local_lambda.aws.checks import Document, check_members, invalid
from local_lambda.aws.declared import DeclaredFunction
from local_lambda.aws.function import Function
from local_lambda.aws.layers import now
from local_lambda.aws.operation import Operation, Response, asked, page
from local_lambda.errors import ApiError
from local_lambda.functions.config import AUTH_TYPES, INVOKE_MODES, Cors, FunctionUrl

_CORS = {
    "AllowOrigins": "origins",
    "AllowMethods": "methods",
    "AllowHeaders": "headers",
    "ExposeHeaders": "exposed",
}
_MEMBERS = {"AuthType": str, "Cors": dict, "InvokeMode": str}
_CORS_MEMBERS = {**dict.fromkeys(_CORS, list), "MaxAge": int, "AllowCredentials": bool}


class UrlOperations:
    """One method per operation, named after it."""

    async def create_function_url_config(self, operation: Operation) -> Response:
        _check(operation.request)
        function = operation.functions.get(*_asked(operation))
        urls, arn = operation.functions.urls, function.pool.function.arn
        if (
            function.pool.function.tenant_isolation
        ):  # https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation.html
            raise invalid("Function URLs are not supported for functions enabled with tenancy configuration.")
        if arn in urls.served:
            raise ApiError(
                409,
                "ResourceConflictException",
                f"Failed to create function url config for [functionArn = {arn}]. "
                "Error message:  FunctionUrlConfig exists for this Lambda function",
            )
        url = _url(operation.request, FunctionUrl(""))
        await urls.open(function.pool, url)
        function.url_created = function.url_modified = now()
        return 201, _configuration(operation, function)

    async def get_function_url_config(self, operation: Operation) -> Response:
        return 200, _configuration(operation, _with_url(operation))

    async def list_function_url_configs(self, operation: Operation) -> Response:
        function = operation.functions.find(*_asked(operation))
        has = function.pool.function.arn in operation.functions.urls.served
        return 200, page("FunctionUrlConfigs", [_configuration(operation, function)] if has else [], operation.query)

    async def update_function_url_config(self, operation: Operation) -> Response:
        _check(operation.request)
        function = _own(_with_url(operation))
        served = operation.functions.urls.served[function.pool.function.arn]
        await operation.functions.urls.open(function.pool, _url(operation.request, served.app.url))
        function.url_modified = now()
        return 200, _configuration(operation, function)

    async def delete_function_url_config(self, operation: Operation) -> Response:
        operation.functions.urls.close(_own(_with_url(operation)).pool.function.arn)
        return 204, None


def _asked(operation: Operation) -> tuple[str, str | None]:
    """Name and qualifier; the URL of an alias is refused."""
    name, qualifier = asked(operation)
    if qualifier not in (None, "$LATEST"):
        raise invalid(f"local-lambda serves URLs of functions, not of the alias {qualifier}")
    return name, None


def _own(function: Function | DeclaredFunction) -> Function:
    if isinstance(function, DeclaredFunction):
        raise function.refuse_change()
    return function


def _with_url(operation: Operation) -> Function | DeclaredFunction:
    function = operation.functions.find(*_asked(operation))
    if function.pool.function.arn not in operation.functions.urls.served:
        raise ApiError(404, "ResourceNotFoundException", "The resource you requested does not exist.")
    return function


def _configuration(operation: Operation, function: Function | DeclaredFunction) -> Document:
    app, address, _ = operation.functions.urls.served[function.pool.function.arn]
    url = app.url
    document: Document = {
        "FunctionUrl": address,
        "FunctionArn": function.pool.function.arn,
        "AuthType": url.auth_type,
        "InvokeMode": url.invoke_mode,
        "CreationTime": function.url_created,
        "LastModifiedTime": function.url_modified,
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
