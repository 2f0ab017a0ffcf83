"""The event source mappings of one region: their documents in the API, and their pollers.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from time import time
from typing import Any, Protocol

from local_lambda.errors import ApiError
from local_lambda.events.identifiers import new_uuid
from local_lambda.functions.config import partition
from local_lambda.sources.patterns import compiled
from local_lambda.sources.ports import Document, Matches, Positions, SourceFault, Surroundings
from local_lambda.sources.settings import (
    check_place,
    check_position,
    checked,
    defaults,
    members,
    other_source,
    patterns,
    service_of,
)


class Poller(Protocol):
    """What reads a source."""

    async def run(self) -> None:
        """Poll until `stop`, and deliver what was received."""

    def stop(self) -> None:
        """Receive no more."""


class EventSources:
    """The mappings. Their methods are the operations of the API, and raise ApiError."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._mappings: dict[str, Document] = {}
        self._positions: dict[str, Positions] = {}
        """Where the pollers of each mapping have read a stream to. They are kept while the mapping is disabled."""
        self._pollers: dict[str, Poller] = {}
        self._last: dict[str, asyncio.Task[None]] = {}
        """The last poller of each mapping, which may still end its batch in flight."""
        self._ending: set[asyncio.Task[None]] = set()

    async def create(self, request: Mapping[str, Any], function_arn: str, timeout: int) -> Document:
        """Begin to poll a source for a function that may run for `timeout` seconds."""
        fault = other_source(request)
        if fault is not None:
            raise ApiError(400, "InvalidParameterValueException", fault)
        service = service_of(request.get("EventSourceArn"))
        given = checked(request, service)
        check_position(given, service)
        arn = given["EventSourceArn"]
        check_place(arn, self._around.region, self._around.account)
        for other in self._mappings.values():
            if (other["EventSourceArn"], other["FunctionArn"]) == (arn, function_arn):
                name = function_arn.rpartition(":")[2]
                raise ApiError(
                    409,
                    "ResourceConflictException",
                    f'An event source mapping with {service.upper()} arn (" {arn} ") and function (" {name} ") already '
                    f"exists. Please update or delete the existing mapping with UUID {other['UUID']}",
                )
        self._compile(given)
        await self._look_at(service, arn, timeout)
        identifier, region = new_uuid(), self._around.region
        enabled = given.pop("Enabled", True)
        given.pop("FunctionName", None)
        mapping: Document = {
            **defaults(service),
            **given,
            "UUID": identifier,
            "FunctionArn": function_arn,
            "EventSourceMappingArn": f"arn:{partition(region)}:lambda:{region}:{self._around.account}"
            f":event-source-mapping:{identifier}",
            "State": "Enabled" if enabled else "Disabled",
            "StateTransitionReason": "USER_INITIATED",
            "LastModified": time(),
        }
        self._mappings[identifier] = mapping
        if enabled:
            self._start(mapping)
        return {**mapping, "State": "Creating"}

    def get(self, identifier: str) -> Document:
        """One mapping."""
        mapping = self._mappings.get(identifier)
        if mapping is None:
            raise ApiError(404, "ResourceNotFoundException", "The resource you requested does not exist.")
        return mapping

    def find(self, source: str | None, function_arn: str | None) -> list[Document]:
        """The mappings of a source, of a function, or all."""
        return [
            mapping
            for mapping in self._mappings.values()
            if source in (None, mapping["EventSourceArn"]) and function_arn in (None, mapping["FunctionArn"])
        ]

    def update(self, identifier: str, request: Mapping[str, Any], function_arn: str | None) -> Document:
        """Change the members of a request; batches in flight end as they began."""
        mapping = self.get(identifier)
        service = service_of(mapping["EventSourceArn"])
        for member in ("EventSourceArn", "StartingPosition"):
            if member in request:
                raise ApiError(400, "InvalidParameterValueException", f"{member} cannot be changed")
        present = {name: value for name, value in mapping.items() if name in members(service)}
        merged = checked({**present, **{name: value for name, value in request.items() if value is not None}}, service)
        given = {name: value for name, value in merged.items() if name not in ("Enabled", "UUID", "FunctionName")}
        changed = {**mapping, **given}
        self._compile(changed)
        if function_arn is not None:
            changed["FunctionArn"] = function_arn
        enabled = merged.get("Enabled", mapping["State"] == "Enabled")
        changed |= {"State": "Enabled" if enabled else "Disabled", "LastModified": time()}
        self._stop(identifier)
        self._mappings[identifier] = changed
        if enabled:
            self._start(changed)
        return {**changed, "State": "Updating"}

    def delete(self, identifier: str) -> Document:
        """Stop polling."""
        mapping = self.get(identifier)
        self._stop(identifier)
        del self._mappings[identifier]
        self._positions.pop(identifier, None)
        self._last.pop(identifier, None)
        return {**mapping, "State": "Deleting"}

    async def stop(self) -> None:
        """Stop polling all sources, and deliver what was received."""
        for identifier in list(self._pollers):
            self._stop(identifier)
        if self._ending:
            await asyncio.wait(self._ending)

    def _compile(self, given: Mapping[str, Any]) -> list[Matches]:
        filters = []
        for pattern in patterns(given):
            try:
                filters.append(compiled(pattern))
            except ValueError:
                message = "Invalid filter pattern definition."
                raise ApiError(400, "InvalidParameterValueException", message) from None
        return filters

    async def _look_at(self, service: str, arn: str, timeout: int) -> None:
        """Check that the source exists and suits the function."""
        client = self._around.client
        try:
            if service == "sqs":
                account, name = arn.split(":")[4:6]
                wanted = {"QueueUrl": f"http://127.0.0.1/{account}/{name}", "AttributeNames": ["VisibilityTimeout"]}
                visible = int((await client("sqs", "GetQueueAttributes", wanted))["Attributes"]["VisibilityTimeout"])
                if visible < timeout:
                    raise ApiError(
                        400,
                        "InvalidParameterValueException",
                        f"Queue visibility timeout: {visible} seconds is less than Function timeout: {timeout} seconds",
                    )
            elif service == "kinesis":
                await client("kinesis", "DescribeStreamSummary", {"StreamARN": arn})
            else:
                name = arn.partition("/")[2].partition("/")[0]
                streams = (await client("dynamodbstreams", "ListStreams", {"TableName": name}))["Streams"]
                if arn not in (stream["StreamArn"] for stream in streams):
                    missing = f"Requested resource not found: Stream: {arn} not found"
                    raise SourceFault("ResourceNotFoundException", missing)
                await client("dynamodbstreams", "DescribeStream", {"StreamArn": arn})
        except SourceFault as fault:
            message = f"The event source {arn} cannot be read: {fault}"
            raise ApiError(400, "InvalidParameterValueException", message) from None

    def _start(self, mapping: Document) -> None:
        identifier = mapping["UUID"]
        filters = self._compile(mapping)
        poller: Poller
        if service_of(mapping["EventSourceArn"]) == "sqs":
            from local_lambda.sources.queue_poller import QueuePoller

            poller = QueuePoller(mapping, filters, self._around)
        else:
            from local_lambda.sources.stream_poller import StreamPoller

            positions = self._positions.setdefault(identifier, {})
            poller = StreamPoller(mapping, filters, self._around, positions, self._last.get(identifier))
        task = asyncio.get_running_loop().create_task(poller.run())
        self._pollers[identifier], self._last[identifier] = poller, task
        self._ending.add(task)
        task.add_done_callback(self._ended)

    def _stop(self, identifier: str) -> None:
        poller = self._pollers.pop(identifier, None)
        if poller is not None:
            poller.stop()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._ending.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._around.say(f"an event source has failed: {task.exception()}", True)
