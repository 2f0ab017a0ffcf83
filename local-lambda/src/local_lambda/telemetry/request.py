"""What an extension requests when it subscribes to telemetry, and the checks that both APIs make.

Limits, defaults and error texts: https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api-reference.html and
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-logs-api.html. A request that cannot be read gets a
`DeserializationError` with the first mistake; the error for one that cannot be granted lists every reason.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

import msgspec

from local_lambda.errors import ApiError

SANDBOX = "sandbox.localdomain"
RESERVED_PORT = 9001
TYPES = ("platform", "function", "extension")


class SubscriptionApi(msgspec.Struct, frozen=True):
    """How subscription requests differ between the Logs API and the Telemetry API."""

    name: str
    schemas: tuple[str, ...]
    default_schema: str | None
    wrong_schema: str
    validation_error: str
    closed: str

    def closed_already(self) -> ApiError:
        """The extensions are ready, so it is too late to subscribe."""
        return ApiError(403, f"{self.name}.SubscriptionClosed", self.closed)

    def taken_by(self, other: SubscriptionApi, extension: str) -> ApiError:
        """An extension may use only one of the two APIs."""
        message = (
            f"The extension {extension} is already subscribed to the {other.name}API. "
            "You must either subscribe to the LogsAPI or the TelemetryAPI"
        )
        return ApiError(400, f"{self.name}.AccessDenied", message)

    def invalid(self, *reasons: str) -> ApiError:
        """The request cannot be granted."""
        return ApiError(400, self.validation_error, "; ".join(reasons))

    def unreadable(self, reason: str) -> ApiError:
        """The request is not a subscription."""
        return ApiError(400, f"{self.name}.DeserializationError", reason)

    def denied(self, reason: str) -> ApiError:
        """The destination is outside the environment."""
        return ApiError(403, f"{self.name}.AccessDenied", reason)


class Buffering(msgspec.Struct, frozen=True):
    """When a batch is sent: after `max_items` records, `max_bytes` bytes or `timeout_ms`, whichever comes first."""

    max_items: int = 10_000
    max_bytes: int = 262_144
    timeout_ms: int = 1_000


_BUFFERING = (
    ("maxItems", "max_items", 1_000, 10_000),
    ("maxBytes", "max_bytes", 262_144, 1_048_576),
    ("timeoutMs", "timeout_ms", 25, 30_000),
)


class Destination(msgspec.Struct, frozen=True):
    """Where batches go: `protocol` is `HTTP` or `TCP`; `path` (with its query) and `method` are for HTTP only."""

    protocol: str
    host: str
    port: int
    path: str = "/"
    method: str = "POST"


class Subscription(msgspec.Struct, frozen=True, eq=False):
    """A valid subscription. Two are equal if they differ only in the order of `types`."""

    api: SubscriptionApi
    schema: str
    types: tuple[str, ...]
    destination: Destination
    buffering: Buffering = Buffering()

    @property
    def wanted(self) -> frozenset[str]:
        """The types, without their order."""
        return frozenset(self.types)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Subscription) and self._compared() == other._compared()

    def __hash__(self) -> int:
        return hash(self._compared())

    def _compared(self) -> tuple[object, ...]:
        return self.api, self.schema, self.wanted, self.destination, self.buffering


def parse_subscription(api: SubscriptionApi, body: bytes, hosts: Collection[str] = (SANDBOX,)) -> Subscription:
    """The subscription in a request's body. `hosts` are the names a destination may have.

    Raises ApiError 400 `DeserializationError`, 403 `AccessDenied` or 400 `ValidationError`, checked in this order.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise api.unreadable(str(error)) from None
    reader = _Reader(api)
    request = reader.check(document, dict)
    reasons: list[str] = []
    schema = reader.member(request, "schemaVersion", str, api.default_schema)
    wanted = reader.member(request, "types", list)
    types = tuple(reader.variant(kind, TYPES) for kind in wanted)
    settings = reader.member(request, "buffering", dict, {})
    chosen = {name: reader.member(settings, wire, int, None) for wire, name, _, _ in _BUFFERING}
    destination = _destination(reader, reader.member(request, "destination", dict), hosts, reasons)

    if schema not in api.schemas:
        reasons.append(api.wrong_schema)
    if not types:
        reasons.append("types should not be empty")
    elif len(set(types)) < len(types):
        reasons.append("types should be unique")
    for wire, name, least, most in _BUFFERING:
        value = chosen[name]
        if value is not None and not least <= value <= most:
            reasons.append(f"{wire} should be between {least} and {most}")
    if reasons:
        raise api.invalid(*reasons)
    buffering = Buffering(**{name: value for name, value in chosen.items() if value is not None})
    return Subscription(api, schema, types, destination, buffering)


def _destination(reader: _Reader, wire: dict[str, Any], hosts: Collection[str], reasons: list[str]) -> Destination:
    protocol = reader.variant(reader.member(wire, "protocol", str), ("HTTP", "TCP"))
    method = reader.variant(reader.member(wire, "method", str, "POST"), ("POST", "PUT"))
    reader.variant(reader.member(wire, "encoding", str, "JSON"), ("JSON",))
    if protocol == "TCP":
        port = reader.member(wire, "port", int)
        if not 1_025 <= port <= 65_535:
            reasons.append("port should be between 1025 and 65535")
        destination = Destination(protocol, SANDBOX, port, method=method)
    else:
        destination = _http_destination(reader.api, reader.member(wire, "URI", str), method, hosts, reasons)
    if destination.port == RESERVED_PORT:
        reasons.append(f"port {RESERVED_PORT} is reserved")
    return destination


def _http_destination(
    api: SubscriptionApi, uri: str, method: str, hosts: Collection[str], reasons: list[str]
) -> Destination:
    try:
        parts = urlsplit(uri)
    except ValueError:
        raise api.invalid("invalid destination URI") from None
    if parts.scheme != "http":
        raise api.denied("Only 'http' scheme is supported.")
    host = parts.hostname or ""
    if host not in hosts:
        raise api.denied(f"Only '{SANDBOX}' hostname is supported.")
    # The path becomes part of a request line, so it must be ASCII and must not contain anything that ends the line.
    if not all("!" <= character <= "~" for character in uri) or "@" in parts.netloc or parts.fragment:
        reasons.append("invalid destination URI")
    port = 0
    try:
        if parts.port is None:
            reasons.append("URI port is not provided")
        elif parts.port == 0:
            reasons.append("invalid destination port")
        else:
            port = parts.port
    except ValueError:
        reasons.append("invalid destination port")
    query = f"?{parts.query}" if parts.query else ""
    return Destination("HTTP", host, port, f"{parts.path or '/'}{query}", method)


_EXPECTED = {str: "a string", int: "an unsigned integer", list: "a sequence", dict: "a map"}
_REQUIRED: Any = object()


class _Reader:
    """Reads members of a JSON object; its errors are `DeserializationError` in the service's wording."""

    def __init__(self, api: SubscriptionApi) -> None:
        self.api = api

    def member(self, document: dict[str, Any], name: str, kind: type, default: Any = _REQUIRED) -> Any:
        """The member `name` of type `kind`; `default`, if there is one, for a member that is missing or null."""
        value = document.get(name)
        if value is None and default is not _REQUIRED:
            return default
        if name not in document:
            raise self.api.unreadable(f"missing field `{name}`")
        return self.check(value, kind)

    def check(self, value: Any, kind: type) -> Any:
        """`value`, which must be of type `kind`."""
        if type(value) is not kind:
            raise self.api.unreadable(f"invalid type: {_described(value)}, expected {_EXPECTED[kind]}")
        if isinstance(value, int) and value < 0:
            raise self.api.unreadable(f"invalid value: integer `{value}`, expected {_EXPECTED[kind]}")
        return value

    def variant(self, value: Any, variants: tuple[str, ...]) -> str:
        """`value`, which must be one of `variants`."""
        text: str = self.check(value, str)
        if text not in variants:
            quoted = [f"`{name}`" for name in variants]
            expected = f"one of {', '.join(quoted)}" if len(quoted) > 2 else " or ".join(quoted)
            raise self.api.unreadable(f"unknown variant `{text}`, expected {expected}")
        return text


def _described(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return f'string "{value}"'
    if isinstance(value, bool):
        return f"boolean `{str(value).lower()}`"
    if isinstance(value, (int, float)):
        return f"{'integer' if isinstance(value, int) else 'floating point'} `{value}`"
    return "map" if isinstance(value, dict) else "sequence"
