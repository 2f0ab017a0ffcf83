"""Lambda's control plane over HTTP: turns requests into calls of `functions.py`, and their results into responses.

Paths, members and statuses: https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html. Operations that are not
in `OPERATIONS` are refused. Invocations do not pass through here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs, unquote

from local_lambda.aws.checks import Document
from local_lambda.aws.durable_operations import DurableOperations
from local_lambda.aws.event_invoke_operations import EventInvokeOperations
from local_lambda.aws.function_operations import FunctionOperations
from local_lambda.aws.functions import FunctionRegistry
from local_lambda.aws.layer_operations import LayerOperations
from local_lambda.aws.mapping_operations import MappingOperations
from local_lambda.aws.operation import Operation, Response
from local_lambda.aws.permission_operations import PermissionOperations
from local_lambda.aws.provisioned_operations import ProvisionedOperations
from local_lambda.aws.services import Services
from local_lambda.aws.url_operations import UrlOperations
from local_lambda.aws.version_operations import VersionOperations
from local_lambda.environment.documents import decode
from local_lambda.errors import ApiError
from local_lambda.limits import MAX_CREATE_REQUEST_BYTES
from local_lambda.service.directory import check_owner


class LambdaApi(
    FunctionOperations,
    LayerOperations,
    MappingOperations,
    UrlOperations,
    EventInvokeOperations,
    VersionOperations,
    ProvisionedOperations,
    PermissionOperations,
    DurableOperations,
):
    """The operations. Mutating operations run one at a time."""

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self._one_by_one = asyncio.Lock()

    async def call(
        self, functions: FunctionRegistry, method: str, path: str, query: str, body: bytes, key: str, origin: str
    ) -> Response:
        """Perform an operation; return status and document. Raises ApiError."""
        parts = [unquote(part) for part in path.strip("/").split("/")]
        start = [method, *(part if place in (0, 1, 3) else "*" for place, part in enumerate(parts[:4]))]
        patterns = (" ".join([*start, *rest]) for rest in (parts[4:], "*" * len(parts[4:])))
        name = next(filter(None, map(OPERATIONS.get, patterns)), None)
        if name is None:
            known = ", ".join(sorted({_title(each) for each in OPERATIONS.values()}))
            raise ApiError(
                501, "NotImplementedException", f"{method} {path} is not served by local-lambda aws, which has: {known}"
            )
        if len(body) > MAX_CREATE_REQUEST_BYTES:
            limit = f"Request must be smaller than {MAX_CREATE_REQUEST_BYTES} bytes for the {_title(name)} operation"
            raise ApiError(413, "RequestEntityTooLargeException", limit)
        given = {member: ",".join(values) for member, values in parse_qs(query).items()}
        request = {} if name in _WITHOUT_DOCUMENT else _document(body)
        operation = Operation(functions, [*parts[2:3], *parts[4:5]], given, request, key, body, origin)
        for text in (*operation.names[:1], given.get("Arn"), given.get("FunctionName"), request.get("FunctionName")):
            action = "GetLayerVersion" if text and text == given.get("Arn") else _title(name)
            check_owner(str(text), functions.region, functions.account, action)
        verb: Callable[[Operation], Awaitable[Response]] = getattr(self, name)
        if method == "GET":
            return await verb(operation)
        async with self._one_by_one:
            return await verb(operation)


OPERATIONS = {
    "POST 2015-03-31 functions": "create_function",
    "GET 2015-03-31 functions": "list_functions",
    "GET 2015-03-31 functions *": "get_function",
    "DELETE 2015-03-31 functions *": "delete_function",
    "PUT 2015-03-31 functions * code": "update_function_code",
    "GET 2015-03-31 functions * configuration": "get_function_configuration",
    "PUT 2015-03-31 functions * configuration": "update_function_configuration",
    "GET 2015-03-31 functions * versions": "list_versions_by_function",
    "POST 2015-03-31 functions * versions": "publish_version",
    "POST 2015-03-31 functions * aliases": "create_alias",
    "GET 2015-03-31 functions * aliases": "list_aliases",
    "GET 2015-03-31 functions * aliases *": "get_alias",
    "PUT 2015-03-31 functions * aliases *": "update_alias",
    "DELETE 2015-03-31 functions * aliases *": "delete_alias",
    "PUT 2017-10-31 functions * concurrency": "put_function_concurrency",
    "DELETE 2017-10-31 functions * concurrency": "delete_function_concurrency",
    "GET 2019-09-30 functions * concurrency": "get_function_concurrency",
    "PUT 2019-09-30 functions * provisioned-concurrency": "put_provisioned_concurrency_config",
    "GET 2019-09-30 functions * provisioned-concurrency": "get_provisioned_concurrency_config",
    "DELETE 2019-09-30 functions * provisioned-concurrency": "delete_provisioned_concurrency_config",
    "POST 2015-03-31 functions * policy": "add_permission",
    "GET 2015-03-31 functions * policy": "get_policy",
    "DELETE 2015-03-31 functions * policy *": "remove_permission",
    "POST 2015-03-31 event-source-mappings": "create_event_source_mapping",
    "GET 2015-03-31 event-source-mappings": "list_event_source_mappings",
    "GET 2015-03-31 event-source-mappings *": "get_event_source_mapping",
    "PUT 2015-03-31 event-source-mappings *": "update_event_source_mapping",
    "DELETE 2015-03-31 event-source-mappings *": "delete_event_source_mapping",
    "PUT 2019-09-25 functions * event-invoke-config": "put_function_event_invoke_config",
    "POST 2019-09-25 functions * event-invoke-config": "update_function_event_invoke_config",
    "GET 2019-09-25 functions * event-invoke-config": "get_function_event_invoke_config",
    "DELETE 2019-09-25 functions * event-invoke-config": "delete_function_event_invoke_config",
    "GET 2019-09-25 functions * event-invoke-config list": "list_function_event_invoke_configs",
    "POST 2021-10-31 functions * url": "create_function_url_config",
    "GET 2021-10-31 functions * url": "get_function_url_config",
    "PUT 2021-10-31 functions * url": "update_function_url_config",
    "DELETE 2021-10-31 functions * url": "delete_function_url_config",
    "GET 2021-10-31 functions * urls": "list_function_url_configs",
    "GET 2017-03-31 tags *": "list_tags",
    "POST 2017-03-31 tags *": "tag_resource",
    "DELETE 2017-03-31 tags *": "untag_resource",
    "GET 2016-08-19 account-settings": "get_account_settings",
    "POST 2018-10-31 layers * versions": "publish_layer_version",
    "GET 2018-10-31 layers * versions": "list_layer_versions",
    "GET 2018-10-31 layers": "list_layers",
    "GET 2018-10-31 layers * versions *": "get_layer_version",
    "DELETE 2018-10-31 layers * versions *": "delete_layer_version",
    "POST 2025-12-01 durable-executions * checkpoint": "checkpoint_durable_execution",
    "GET 2025-12-01 durable-executions * state": "get_durable_execution_state",
    "GET 2025-12-01 durable-executions *": "get_durable_execution",
    "DELETE 2025-12-01 durable-executions *": "delete_durable_execution",
    "GET 2025-12-01 durable-executions * history": "get_durable_execution_history",
    "POST 2025-12-01 durable-executions * stop": "stop_durable_execution",
    "GET 2025-12-01 functions * durable-executions": "list_durable_executions_by_function",
    "POST 2025-12-01 durable-execution-callbacks * succeed": "send_durable_execution_callback_success",
    "POST 2025-12-01 durable-execution-callbacks * fail": "send_durable_execution_callback_failure",
    "POST 2025-12-01 durable-execution-callbacks * heartbeat": "send_durable_execution_callback_heartbeat",
}
"""The method of `LambdaApi` by HTTP method and path, with a `*` for each variable part."""
_WITHOUT_DOCUMENT = ("send_durable_execution_callback_success",)
"""Operations whose requests are not JSON."""


def _title(name: str) -> str:
    return "".join(map(str.capitalize, name.split("_")))


def _document(body: bytes) -> Document:
    try:
        document = decode(body or b"{}")
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise ApiError(400, "SerializationException", "Could not parse request body into json")
    return document
