"""The operations on durable executions.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_CheckpointDurableExecution.html and the pages next to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from local_lambda.aws.checks import Document, invalid
from local_lambda.aws.operation import Operation, Response, asked, number
from local_lambda.durable.execution import Execution
from local_lambda.durable.operations import FAILED, SUCCEEDED

MAX_ITEMS = 1000
STATE_ITEMS = 100
"""How many operations or events a page has unless the caller wants another number."""


class DurableOperations:
    """One method per operation, named after it."""

    async def checkpoint_durable_execution(self, operation: Operation) -> Response:
        return 200, operation.functions.executions.checkpoint(operation.names[0], operation.request)

    async def get_durable_execution_state(self, operation: Operation) -> Response:
        execution, query = _execution(operation), operation.query
        execution.check_token(query.get("CheckpointToken"))
        return 200, execution.state(query.get("Marker", ""), _count(query))

    async def get_durable_execution(self, operation: Operation) -> Response:
        execution = _execution(operation)
        data = operation.query.get("IncludeExecutionData", "true") != "false"
        document = execution.summary()
        document |= {
            "Version": execution.arn.split("/")[0].rpartition(":")[2],
            "ExecutionDataIncluded": data,
            "ExpectedExecutionTimeoutTimestamp": execution.start + execution.timeout,
        }
        if data:
            document["InputPayload"] = execution.payload
            for member, value in (("Result", execution.result), ("Error", execution.error)):
                if value is not None:
                    document[member] = value
        return 200, document

    async def get_durable_execution_history(self, operation: Operation) -> Response:
        query = operation.query
        start = number(query.get("Marker") or "0")
        events, after = _execution(operation).history.page(
            start, _count(query), data=_flag(query, "IncludeExecutionData"), reverse=_flag(query, "ReverseOrder")
        )
        return 200, {"Events": events} if after is None else {"Events": events, "NextMarker": str(after)}

    async def list_durable_executions_by_function(self, operation: Operation) -> Response:
        query = operation.query
        name, qualifier = asked(operation)
        arn = operation.functions.find(name, qualifier).pool.function.arn
        wanted, statuses = query.get("DurableExecutionName"), query.get("Statuses")
        after, before = _time(query, "StartedAfter"), _time(query, "StartedBefore")
        found = [
            each.summary()
            for each in operation.functions.executions.of_function(arn)
            if (qualifier is None or each.function_arn.endswith(f":{qualifier}"))
            and wanted in (None, each.name)
            and (statuses is None or each.status in statuses.split(","))
            and (after is None or each.start > after)
            and (before is None or each.start < before)
        ]
        if _flag(query, "ReverseOrder"):
            found.reverse()
        start = number(query.get("Marker") or "0")
        end = start + _count(query)
        document: Document = {"DurableExecutions": found[start:end]}
        return 200, document if end >= len(found) else {**document, "NextMarker": str(end)}

    async def stop_durable_execution(self, operation: Operation) -> Response:
        error = operation.request.get("Error") or operation.request or None
        return 200, {"StopTimestamp": operation.functions.executions.stop(operation.names[0], error)}

    async def delete_durable_execution(self, operation: Operation) -> Response:
        return 202, {"DeletionRequestTimestamp": operation.functions.executions.delete(operation.names[0])}

    async def send_durable_execution_callback_success(self, operation: Operation) -> Response:
        result = operation.body.decode("utf-8", "replace")
        operation.functions.executions.call_back(operation.names[0], SUCCEEDED, result)
        return 200, {}

    async def send_durable_execution_callback_failure(self, operation: Operation) -> Response:
        error = operation.request.get("Error") or operation.request
        operation.functions.executions.call_back(operation.names[0], FAILED, error=error)
        return 200, {}

    async def send_durable_execution_callback_heartbeat(self, operation: Operation) -> Response:
        operation.functions.executions.call_back(operation.names[0], None)
        return 200, {}


def _execution(operation: Operation) -> Execution:
    return operation.functions.executions.get(operation.names[0])


def _count(query: Mapping[str, str]) -> int:
    return min(max(number(query.get("MaxItems") or "0") or STATE_ITEMS, 1), MAX_ITEMS)


def _flag(query: Mapping[str, str], name: str) -> bool:
    return query.get(name, "false") == "true"


def _time(query: Mapping[str, str], name: str) -> float | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        return float(text) if text.replace(".", "", 1).isdigit() else datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise invalid(f"{name} is not a time") from None
