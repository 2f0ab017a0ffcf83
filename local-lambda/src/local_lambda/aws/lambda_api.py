"""Lambda's control plane over HTTP: an operation's request in, a verb of `functions.py`, its answer out.

Paths, members and statuses: https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html. Operations that are not
in `OPERATIONS` are refused. Invocations do not come by here.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import parse_qs, quote, unquote

from local_lambda.aws import checks
from local_lambda.aws.checks import Document, function_name, invalid, layer_name
from local_lambda.aws.functions import Function, Functions, LayerVersion
from local_lambda.aws.packages import MAX_REQUEST_BYTES, Package, sent_zip
from local_lambda.aws.services import FORM, Request, Services, signed
from local_lambda.bundle import MAX_UNZIPPED_BYTES
from local_lambda.config import ACCOUNT_ID
from local_lambda.errors import ApiError

Answer = tuple[int, Document | None]
PAGE = 50
PACKAGES = "/packages/"
"""Below it are the packages, named by their hash, for those who got the address in an answer."""


class Operation(NamedTuple):
    """One call of an operation. `names` are the variable parts of its path, `key` is the caller's access key."""

    functions: Functions
    names: Sequence[str]
    query: Mapping[str, str]
    request: Document
    key: str
    origin: str
    """`http://host:port` as the caller knows this endpoint."""


class LambdaApi:
    """The operations. One that changes something waits until the one before it is through."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._one_by_one = asyncio.Lock()

    async def call(
        self, functions: Functions, method: str, path: str, query: str, body: bytes, key: str, origin: str
    ) -> Answer:
        """Status and document. Raises ApiError."""
        parts = [unquote(part) for part in path.strip("/").split("/")]
        pattern = " ".join([method, *(part if place in (0, 1, 3) else "*" for place, part in enumerate(parts))])
        name = OPERATIONS.get(pattern)
        if name is None:
            known = ", ".join(sorted({_title(each) for each in OPERATIONS.values()}))
            raise ApiError(
                501, "NotImplementedException", f"{method} {path} is not served by local-lambda aws, which has: {known}"
            )
        if len(body) > MAX_REQUEST_BYTES:
            limit = f"Request must be smaller than {MAX_REQUEST_BYTES} bytes for the {_title(name)} operation"
            raise ApiError(413, "RequestEntityTooLargeException", limit)
        given = {member: values[0] for member, values in parse_qs(query).items()}
        operation = Operation(functions, [*parts[2:3], *parts[4:5]], given, _document(body), key, origin)
        verb: Callable[[Operation], Awaitable[Answer]] = getattr(self, name)
        if method == "GET":
            return await verb(operation)
        async with self._one_by_one:
            return await verb(operation)

    # --- functions

    async def create_function(self, operation: Operation) -> Answer:
        request = operation.request
        checks.check_create(request)
        name, _ = function_name(request["FunctionName"])
        await self._check_role(operation, request["Role"])
        function = await operation.functions.create(name, request, await self._code(operation, request["Code"]))
        return 201, function.configuration

    async def list_functions(self, operation: Operation) -> Answer:
        functions = [function for _, function in sorted(operation.functions.functions.items())]
        return 200, _page("Functions", [function.configuration for function in functions], operation.query)

    async def get_function(self, operation: Operation) -> Answer:
        function = _function(operation)
        code = {"RepositoryType": "S3", "Location": _location(operation, function.package)}
        document: Document = {"Configuration": _configuration(operation, function), "Code": code}
        if function.tags:
            document["Tags"] = function.tags
        if function.reserved_concurrency is not None:
            document["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved_concurrency}
        return 200, document

    async def get_function_configuration(self, operation: Operation) -> Answer:
        return 200, _configuration(operation, _function(operation))

    async def delete_function(self, operation: Operation) -> Answer:
        function = _function(operation)
        if operation.query.get("Qualifier") or function_name(operation.names[0])[1]:
            raise invalid("$LATEST version cannot be deleted without deleting the function.")
        operation.functions.delete(function)
        return 204, None

    async def update_function_code(self, operation: Operation) -> Answer:
        request, function = operation.request, _function(operation)
        if "ImageUri" in request:
            raise invalid("Container images are not served here, there is no image registry: send a zip")
        if request.get("Publish"):
            raise invalid("Publish is not served by local-lambda aws: leave it out")
        _check_revision(function, request)
        data = await self._code(operation, request)
        return 200, await operation.functions.update_code(function, data, bool(request.get("DryRun")))

    async def update_function_configuration(self, operation: Operation) -> Answer:
        request, function = operation.request, _function(operation)
        checks.check_update(request)
        _check_revision(function, request)
        if "Role" in request:
            await self._check_role(operation, request["Role"])
        await operation.functions.update_configuration(function, request)
        return 200, function.configuration

    async def list_versions_by_function(self, operation: Operation) -> Answer:
        function = _function(operation)
        latest = {**function.configuration, "FunctionArn": f"{function.configuration['FunctionArn']}:$LATEST"}
        return 200, {"Versions": [latest]}

    async def put_function_concurrency(self, operation: Operation) -> Answer:
        reserved = operation.request.get("ReservedConcurrentExecutions")
        if not isinstance(reserved, int) or isinstance(reserved, bool) or reserved < 0:
            raise invalid("ReservedConcurrentExecutions must be a whole number, 0 or more")
        operation.functions.set_concurrency(_function(operation), reserved)
        return 200, {"ReservedConcurrentExecutions": reserved}

    async def get_function_concurrency(self, operation: Operation) -> Answer:
        reserved = _function(operation).reserved_concurrency
        return 200, {} if reserved is None else {"ReservedConcurrentExecutions": reserved}

    async def delete_function_concurrency(self, operation: Operation) -> Answer:
        operation.functions.set_concurrency(_function(operation), None)
        return 204, None

    async def list_tags(self, operation: Operation) -> Answer:
        return 200, {"Tags": _function(operation).tags}

    async def tag_resource(self, operation: Operation) -> Answer:
        _function(operation).tags.update(operation.request.get("Tags", {}))
        return 204, None

    async def get_account_settings(self, operation: Operation) -> Answer:
        functions = operation.functions
        limits = {
            "TotalCodeSize": 80_530_636_800,
            "CodeSizeUnzipped": MAX_UNZIPPED_BYTES,
            "CodeSizeZipped": 52_428_800,
            "ConcurrentExecutions": 1000,
            "UnreservedConcurrentExecutions": 1000,
        }
        size = sum(package.size for package in functions.packages())
        return 200, {
            "AccountLimit": limits,
            "AccountUsage": {"TotalCodeSize": size, "FunctionCount": len(functions.functions)},
        }

    # --- layers

    async def publish_layer_version(self, operation: Operation) -> Answer:
        name, request = layer_name(operation.names[0]), operation.request
        if not isinstance(request.get("Content"), dict):
            raise checks.violation(None, "content", "Member must not be null")
        data = await self._code(operation, request["Content"])
        layer = await operation.functions.publish_layer(name, request, data)
        return 201, _layer(operation, layer)

    async def list_layer_versions(self, operation: Operation) -> Answer:
        versions = operation.functions.layers.get(layer_name(operation.names[0]), {})
        newest_first = [layer.document for _, layer in sorted(versions.items(), reverse=True)]
        return 200, _page("LayerVersions", _compatible(newest_first, operation.query), operation.query)

    async def list_layers(self, operation: Operation) -> Answer:
        if operation.query.get("find") == "LayerVersion":
            return await self._get_layer_version_by_arn(operation)
        layers = []
        for name, versions in sorted(operation.functions.layers.items()):
            matching = _compatible([layer.document for _, layer in sorted(versions.items())], operation.query)
            if matching:
                newest = {member: value for member, value in matching[-1].items() if member != "LayerArn"}
                arn = matching[-1]["LayerArn"]
                layers.append({"LayerName": name, "LayerArn": arn, "LatestMatchingVersion": newest})
        return 200, _page("Layers", layers, operation.query)

    async def get_layer_version(self, operation: Operation) -> Answer:
        name, version = operation.names
        return 200, _layer(operation, operation.functions.layer(layer_name(name), _number(version)))

    async def _get_layer_version_by_arn(self, operation: Operation) -> Answer:
        arn, _, version = operation.query.get("Arn", "").rpartition(":")
        return 200, _layer(operation, operation.functions.layer(layer_name(arn), _number(version)))

    async def delete_layer_version(self, operation: Operation) -> Answer:
        name, version = operation.names
        operation.functions.delete_layer(layer_name(name), _number(version))
        return 204, None

    # --- what other services know

    async def _code(self, operation: Operation, code: Document) -> bytes:
        """The zip that a request holds, or names in S3."""
        if "ZipFile" in code:
            return sent_zip(code)
        bucket, key = code.get("S3Bucket"), code.get("S3Key")
        if not (isinstance(bucket, str) and isinstance(key, str)):
            raise invalid("Please provide a source for function code.")
        version = code.get("S3ObjectVersion")
        answer = await self._services.call(
            Request(
                "GET",
                f"/{quote(bucket)}/{quote(key)}",
                f"versionId={quote(version)}" if version else "",
                [signed("s3", operation.functions.region, operation.key)],
            )
        )
        if answer.status != 200:
            found = re.search(rb"<Code>(.*?)</Code>\s*<Message>(.*?)</Message>", answer.body, re.DOTALL)
            reason, text = (part.decode() for part in found.groups()) if found else (str(answer.status), "")
            raise invalid(f"Error occurred while GetObject. S3 Error Code: {reason}. S3 Error Message: {text}")
        return answer.body

    async def _check_role(self, operation: Operation, role: str) -> None:
        """The role has to exist, as in the service."""
        if role.split(":")[4] != ACCOUNT_ID:
            raise ApiError(403, "AccessDeniedException", "Cross-account pass role is not allowed.")
        body = f"Action=GetRole&Version=2010-05-08&RoleName={quote(role.rpartition('/')[2])}"
        headers = [signed("iam", operation.functions.region, operation.key), FORM]
        answer = await self._services.call(Request("POST", "/", "", headers, body.encode()))
        if answer.status != 200 or f"<Arn>{role}</Arn>".encode() not in answer.body:
            raise invalid("The role defined for the function cannot be assumed by Lambda.")


OPERATIONS = {
    "POST 2015-03-31 functions": "create_function",
    "GET 2015-03-31 functions": "list_functions",
    "GET 2015-03-31 functions *": "get_function",
    "DELETE 2015-03-31 functions *": "delete_function",
    "PUT 2015-03-31 functions * code": "update_function_code",
    "GET 2015-03-31 functions * configuration": "get_function_configuration",
    "PUT 2015-03-31 functions * configuration": "update_function_configuration",
    "GET 2015-03-31 functions * versions": "list_versions_by_function",
    "PUT 2017-10-31 functions * concurrency": "put_function_concurrency",
    "DELETE 2017-10-31 functions * concurrency": "delete_function_concurrency",
    "GET 2019-09-30 functions * concurrency": "get_function_concurrency",
    "GET 2017-03-31 tags *": "list_tags",
    "POST 2017-03-31 tags *": "tag_resource",
    "GET 2016-08-19 account-settings": "get_account_settings",
    "POST 2018-10-31 layers * versions": "publish_layer_version",
    "GET 2018-10-31 layers * versions": "list_layer_versions",
    "GET 2018-10-31 layers": "list_layers",
    "GET 2018-10-31 layers * versions *": "get_layer_version",
    "DELETE 2018-10-31 layers * versions *": "delete_layer_version",
}
"""Method and path, a `*` for each variable part, to the method of `LambdaApi`."""


def _title(name: str) -> str:
    return "".join(map(str.capitalize, name.split("_")))


def _document(body: bytes) -> Document:
    try:
        document = json.loads(body or b"{}")
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise ApiError(400, "SerializationException", "Could not parse request body into json")
    return document


def _function(operation: Operation) -> Function:
    name, qualifier = function_name(operation.names[0])
    asked = operation.query.get("Qualifier")
    if qualifier and asked and qualifier != asked:
        raise invalid("The derived qualifier from the function name does not match the specified qualifier.")
    return operation.functions.get(name, qualifier or asked)


def _configuration(operation: Operation, function: Function) -> Document:
    qualified = operation.query.get("Qualifier") or function_name(operation.names[0])[1]
    suffix = f":{qualified}" if qualified else ""
    return {**function.configuration, "FunctionArn": f"{function.configuration['FunctionArn']}{suffix}"}


def _check_revision(function: Function, request: Document) -> None:
    revision = request.get("RevisionId")
    if revision is not None and revision != function.configuration["RevisionId"]:
        raise ApiError(
            412,
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to "
            "retrieve the latest Revision Id",
        )


def _layer(operation: Operation, layer: LayerVersion) -> Document:
    package = layer.package
    content = {
        "Location": _location(operation, package),
        "CodeSha256": package.sha256,
        "CodeSize": package.size,
    }
    return {"Content": content, **layer.document}


def _location(operation: Operation, package: Package) -> str:
    return f"{operation.origin}{PACKAGES}{quote(package.sha256, safe='')}"


def _compatible(versions: list[Document], query: Mapping[str, str]) -> list[Document]:
    """Those that match the query's filters."""
    for member in ("CompatibleRuntimes", "CompatibleArchitectures"):
        wanted = query.get(member.removesuffix("s"))
        if wanted:
            versions = [version for version in versions if wanted in version.get(member, [])]
    return versions


def _page(member: str, items: list[Document], query: Mapping[str, str]) -> Document:
    """One page of a list; the marker is the number of the next item."""
    start = _number(query.get("Marker", "0"))
    end = start + min(max(_number(query.get("MaxItems", str(PAGE))), 1), PAGE)
    document: Document = {member: items[start:end]}
    if end < len(items):
        document["NextMarker"] = str(end)
    return document


def _number(text: str) -> int:
    if not text.isdecimal():
        raise invalid(f"{text} is not a number")
    return int(text)
