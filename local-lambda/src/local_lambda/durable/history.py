"""What has happened in a durable execution, as `GetDurableExecutionHistory` tells it.

Events: https://docs.aws.amazon.com/lambda/latest/api/API_Event.html.
"""

from __future__ import annotations

from typing import Any

from local_lambda.durable.operations import Document, Operation

_DATA = ("Input", "Result", "Error")


class History:
    """The events of one execution, in their order."""

    def __init__(self) -> None:
        self._events: list[Document] = []

    def __len__(self) -> int:
        return len(self._events)

    def add(self, kind: str, now: float, details: Document, operation: Operation | None = None) -> None:
        """Note an event. In `details`, what a user has sent or gets is under `Input`, `Result` and `Error`."""
        event: Document = {"EventType": kind, "EventId": len(self._events) + 1, "EventTimestamp": now}
        if operation is not None:
            named = {
                "Id": operation.id,
                "Name": operation.name,
                "ParentId": operation.parent,
                "SubType": operation.sub_type,
            }
            event |= {member: value for member, value in named.items() if value is not None}
        event[f"{kind}Details"] = {
            member: {"Payload": value} if member in _DATA else value for member, value in details.items()
        }
        self._events.append(event)

    def page(self, start: int, count: int, *, data: bool, reverse: bool) -> tuple[list[Document], int | None]:
        """`count` events from number `start` (0 is the first one of this order), and where the next page starts."""
        events = self._events[::-1] if reverse else self._events
        end = start + count
        return [event if data else _without_data(event) for event in events[start:end]], (
            end if end < len(events) else None
        )


def _without_data(event: Document) -> Document:
    name = f"{event['EventType']}Details"
    details: dict[str, Any] = event[name]
    return {**event, name: {key: {"Truncated": True} if key in _DATA else value for key, value in details.items()}}
