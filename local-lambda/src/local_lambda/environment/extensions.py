"""The extensions of one environment: which have registered, for which events, and the state of each.

Rules and errors: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html; the wording is that of
AWS's own supervisor. Every client error is a 403 that changes nothing. The environment handles processes and phases.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from local_lambda.environment.documents import decode, encode
from local_lambda.environment.invocation import Invocation
from local_lambda.environment.ports import Clock, Process
from local_lambda.environment.states import EXTENSION, READY, STARTED, Machine
from local_lambda.errors import ApiError
from local_lambda.events import local
from local_lambda.events.identifiers import new_uuid
from local_lambda.events.stream import EventStream
from local_lambda.limits import MAX_EXTENSIONS

EVENTS = ("INVOKE", "SHUTDOWN")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").fullmatch

Deliver = Callable[[bytes, str | None], None]
"""Responds to a pending `event/next` with the event's JSON and its identifier (None for SHUTDOWN)."""


class Extension:
    """One extension. An external one has its own process; `error_type` is the one it posted before it ended."""

    def __init__(self, name: str, external: bool) -> None:
        self.name = name
        self.external = external
        self.machine = Machine(f"extension {name}", EXTENSION, STARTED, "Extension.InvalidExtensionState")
        self.identifier = ""
        self.events: tuple[str, ...] = ()
        self.process: Process | None = None
        self.deliver: Deliver | None = None
        self.error_type: str | None = None
        self.pending: bytes | None = None
        """A SHUTDOWN event that came while the extension was busy; its next `event/next` gets it."""

    def give(self, event: bytes, event_id: str | None) -> None:
        """Respond to the pending `event/next`, or keep the event for the next one."""
        if self.deliver is None or self.machine.state is not READY:  # it may report a failure while it waits
            self.pending = event
            return
        deliver, self.deliver = self.deliver, None
        self.machine.advance("event")
        deliver(event, event_id)


class Extensions:
    """All extensions since the current init began, and the verbs of the Extensions API.

    `on_registered` is called when an extension has registered, `on_waiting` when one waits for an event it requested.
    """

    def __init__(
        self, stream: EventStream, clock: Clock, on_registered: Callable[[], None], on_waiting: Callable[[], None]
    ) -> None:
        self.closed = False
        """Whether registration is over because the runtime has asked for its first invocation."""
        self.invoked: tuple[Extension, ...] = ()
        """The extensions that get an INVOKE event for every invocation."""
        self._by_name: dict[str, Extension] = {}
        self._by_identifier: dict[str, Extension] = {}
        self._stream = stream
        self._time = clock.time
        self._on_registered = on_registered
        self._on_waiting = on_waiting

    def begin(self, external: Sequence[str]) -> None:
        """Begin an init; `external` are the file names found in `/opt/extensions`."""
        self._by_name = {name: Extension(name, external=True) for name in external}
        self._by_identifier = {}
        self.closed = False
        self.invoked = ()

    def __iter__(self) -> Iterator[Extension]:
        return iter(self._by_name.values())

    def __bool__(self) -> bool:
        return bool(self._by_name)

    def external(self) -> list[Extension]:
        """The extensions that have their own process."""
        return [extension for extension in self if extension.external]

    def has_internal(self) -> bool:
        """Whether an extension registered from inside the runtime process."""
        return any(not extension.external for extension in self)

    def all_registered(self) -> bool:
        """Whether every external extension has registered; the runtime starts only then."""
        return all(extension.machine.state is not STARTED for extension in self)

    def all_ready(self) -> bool:
        """Whether every extension has called `event/next` and waits, which ends the Init phase."""
        return all(extension.machine.state is READY for extension in self)

    def all_done(self) -> bool:
        """Whether every extension that got the INVOKE event waits for the next, which ends the Invoke phase."""
        return not self.invoked or all(extension.machine.state is READY for extension in self.invoked)

    def register(self, name: str, body: bytes) -> Extension:
        """Register an extension; the body names the events. Raises ApiError 403."""
        if not name:
            raise ApiError(403, "Extension.InvalidExtensionName", "Empty extension name")
        events = _events(body)
        extension = self._by_name.get(name)
        external = extension is not None and extension.external
        for event in events:
            if event not in EVENTS:
                raise ApiError(403, "Extension.InvalidEventType", f"{event}: ErrorInvalidEventType")
            if event == "SHUTDOWN" and not external:
                reason = "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"
                raise ApiError(403, "Extension.InvalidEventType", reason)
        if self.closed:
            raise ApiError(403, "Extension.RegistrationClosed", "Extension registration closed already")
        if extension is None:
            if len(self._by_name) >= MAX_EXTENSIONS:
                raise ApiError(403, "Extension.TooManyExtensions", f"Extension limit ({MAX_EXTENSIONS}) reached")
            extension = self._by_name[name] = Extension(name, external=False)
        elif not extension.external:
            raise ApiError(403, "Extension.InvalidExtensionState", "Extension with this name already registered")
        extension.machine.advance("register")
        extension.events = events
        extension.identifier = new_uuid()
        self._by_identifier[extension.identifier] = extension
        self.invoked = tuple(other for other in self if "INVOKE" in other.events)
        if self._stream.recording:
            self._stream.emit(local.ExtensionRegistered(self._time(), f"extension:{name}", events))
        self._on_registered()
        return extension

    def name_of(self, identifier: str | None) -> str:
        """The name of the extension with this identifier. Raises ApiError 403."""
        return self.identified(identifier).name

    def next(self, identifier: str | None, deliver: Deliver) -> None:
        """Handle an extension's request for its next event. Raises ApiError 403."""
        extension = self.identified(identifier)
        extension.machine.advance("next")
        if self._stream.recording:
            self._stream.emit(local.ExtensionNext(self._time(), f"extension:{extension.name}"))
        extension.deliver = deliver
        if extension.pending is not None:
            event, extension.pending = extension.pending, None
            extension.give(event, None)
        else:
            self._on_waiting()

    def next_cancelled(self, deliver: Deliver) -> None:
        """Handle the loss of the connection on which an extension waited for an event."""
        for extension in self:
            if extension.deliver is deliver:
                extension.deliver = None

    def fail(self, identifier: str | None, verb: str, error_type: str) -> None:
        """Store the `init/error` or `exit/error` that an extension posts, which explains the end of its process.

        Raises ApiError 403.
        """
        extension = self.identified(identifier, "Unknown Lambda-Extension-Identifier")
        if not error_type:
            text = "Lambda-Extension-Function-Error-Type not found"
            raise ApiError(403, "Extension.MissingHeader", text)
        extension.machine.advance(verb)
        extension.error_type = error_type

    def invoke(self, invocation: Invocation) -> None:
        """Give the INVOKE event to the extensions that want it."""
        event = invoke_event(invocation)
        for extension in self.invoked:
            self.give(extension, "INVOKE", event, new_uuid())

    def drain(self) -> None:
        """Pass on everything their processes have written so far."""
        for extension in self:
            if extension.process is not None:
                extension.process.drain()

    def give(self, extension: Extension, kind: str, event: bytes, event_id: str | None) -> None:
        """Give an extension an `INVOKE` or `SHUTDOWN` event."""
        if self._stream.recording:
            self._stream.emit(local.ExtensionEvent(self._time(), f"extension:{extension.name}", kind))
        extension.give(event, event_id)

    def identified(self, identifier: str | None, unknown: str = "Unknown extension {}") -> Extension:
        """The extension with this `Lambda-Extension-Identifier`. Raises ApiError 403."""
        if identifier is None:
            text = "Missing Lambda-Extension-Identifier header"
            raise ApiError(403, "Extension.MissingExtensionIdentifier", text)
        extension = self._by_identifier.get(identifier)
        if extension is None:
            if not _UUID(identifier):
                text = "Invalid Lambda-Extension-Identifier"
                raise ApiError(403, "Extension.InvalidExtensionIdentifier", text)
            raise ApiError(403, "Extension.UnknownExtensionIdentifier", unknown.format(identifier))
        return extension


def _events(body: bytes) -> tuple[str, ...]:
    try:
        document = decode(body)
        if not isinstance(document, dict):
            raise ValueError("the body is not a JSON object")
        if document.get("configurationKeys"):
            raise ValueError("configurationKeys are deprecated; use environment variables instead")
        events = document.get("events") or []
        if not isinstance(events, list) or not all(isinstance(event, str) for event in events):
            raise ValueError("events is not a list of strings")
    except ValueError as error:
        raise ApiError(403, "InvalidRequestFormat", str(error)) from None
    return tuple(events)


def invoke_event(invocation: Invocation) -> bytes:
    """The INVOKE event. It contains neither the payload nor the response."""
    return encode(
        {
            "eventType": "INVOKE",
            "deadlineMs": invocation.deadline_ms,
            "requestId": invocation.request_id,
            "invokedFunctionArn": invocation.function_arn,
            "tracing": {"type": "X-Amzn-Trace-Id", "value": invocation.tracing.header},
        }
    )


def shutdown_event(reason: str, deadline_ms: int) -> bytes:
    """The SHUTDOWN event. `reason` is `spindown`, `timeout` or `failure`."""
    return encode({"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline_ms})
