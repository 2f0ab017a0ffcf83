"""Subscription requests: the part that the Logs API and the Telemetry API share. No state, no error texts."""

from __future__ import annotations

from typing import Protocol

from local_lambda.http.server import JSON, Exchange
from local_lambda.telemetry.registry import Subscriptions
from local_lambda.telemetry.request import SubscriptionApi, parse_subscription


class ExtensionNames(Protocol):
    """The registered extensions."""

    def name_of(self, identifier: str | None) -> str:
        """The name of the extension with this identifier. Raises ApiError 403 if that is missing or unknown."""


class SubscriptionHost(Protocol):
    """What a subscription request needs from its environment."""

    subscriptions: Subscriptions

    @property
    def extensions(self) -> ExtensionNames:
        """The extensions of the environment."""


def subscribe(api: SubscriptionApi, host: SubscriptionHost, exchange: Exchange) -> None:
    """Subscribe the extension that asks, and respond `"OK"`, even if it already has the same subscription."""
    name = host.extensions.name_of(exchange.header(b"lambda-extension-identifier").decode("latin-1") or None)
    subscriptions = host.subscriptions
    if not subscriptions.open:
        raise api.closed_already()
    if exchange.incomplete:
        raise api.unreadable("the request ended before its body was complete")
    subscriptions.subscribe(name, parse_subscription(api, exchange.body, subscriptions.hosts))
    exchange.respond(200, b'"OK"', block=JSON)
