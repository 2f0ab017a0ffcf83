"""The one JSON document of `local-lambda invoke --report json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from local_lambda.cli.streams import write_payload
from local_lambda.events.printable import json_visible
from local_lambda.service.observers import Observers

if TYPE_CHECKING:
    from local_lambda.environment.invocation import Invocation, InvocationResponse
    from local_lambda.events.platform import Event
    from local_lambda.functions.config import FunctionConfig
    from local_lambda.xray.collecting import Trace

    Exchange = tuple[Invocation, InvocationResponse]
    """An invocation and its response."""


class Report:
    """Collects what `observers` get."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._segments: list[dict[str, Any]] = []
        self.observers = Observers(
            sinks=(self._events.append,), on_trace=(self._traced,), on_late_document=(self._segments.append,)
        )

    def _traced(self, trace: Trace) -> None:
        self._segments += trace.documents

    def write(self, function: FunctionConfig, exchanges: Sequence[Exchange]) -> None:
        """Print the document. A JSON payload is included as JSON, any other payload as text."""
        document = {
            "function": function.name,
            "invocations": [_invocation(function, *exchange) for exchange in exchanges],
            "events": [event.wire() for event in self._events],
            "segments": self._segments,
        }
        # UTF-8 cannot encode a lone surrogate, so it becomes the JSON escape sequence.
        text = json_visible(json.dumps(document, indent=2, ensure_ascii=False))
        write_payload(text.encode() + b"\n")


def _invocation(function: FunctionConfig, invocation: Invocation, response: InvocationResponse) -> dict[str, Any]:
    text = response.payload.decode("utf-8", "replace")
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError):
        payload = text
    return {
        "requestId": invocation.request_id,
        "statusCode": 200,
        "functionError": "Unhandled" if response.failed else None,
        "executedVersion": function.version,
        "payload": payload,
        "logTail": (response.log_tail or b"").decode("utf-8", "replace"),
    }
