"""The subscriptions of one environment: who may subscribe and when, what is replayed, and what a reset does.

A sink of the environment's event stream. It costs almost nothing without subscriptions, and imports what delivery
needs only for the first one. Rules: https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html.
"""

from __future__ import annotations

from collections.abc import Callable
from time import time
from typing import TYPE_CHECKING

from local_lambda.events import platform
from local_lambda.events.platform import Event
from local_lambda.telemetry.backlog import Backlog

if TYPE_CHECKING:
    import asyncio

    from local_lambda.telemetry.delivery import Transport
    from local_lambda.telemetry.records import Render
    from local_lambda.telemetry.request import Subscription
    from local_lambda.telemetry.subscriber import OnOffered, Policy, Subscriber

PRIVATE_HOSTS = frozenset(("sandbox.localdomain", "sandbox"))
LOOPBACK_HOSTS = frozenset(("localhost", "127.0.0.1"))
SUBSCRIBED = "Subscribed"
ALREADY_SUBSCRIBED = "Already subscribed"


class Subscriptions:
    """The registry of one environment.

    `emit` reports an event of the environment. `resolve(host)` returns the address of a name in `hosts`. If the
    environment does not have its own host names (`private_hosts=False`), the loopback interface's names work as well.
    """

    def __init__(
        self,
        emit: Callable[[Event], None],
        resolve: Callable[[str], str],
        loop: asyncio.AbstractEventLoop | None = None,
        private_hosts: bool = True,
        policy: Policy | None = None,
    ) -> None:
        self.hosts = PRIVATE_HOSTS if private_hosts else PRIVATE_HOSTS | LOOPBACK_HOSTS
        self._emit = emit
        self._resolve = resolve
        self._loop = loop
        self._policy = policy
        self._subscribers: dict[str, Subscriber] = {}
        self._renders: dict[str, Render] = {}
        self._categories: dict[type[Event], str] = {}
        self._wanted: dict[str, list[tuple[Render, list[Subscriber]]]] = {}
        self._farewells: set[asyncio.Task[None]] = set()
        self._flushing: asyncio.Task[None] | None = None
        self._paused = False
        self._backlog: Backlog | None = Backlog()
        self.on_offered: OnOffered | None = None

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Use `loop` for deliveries."""
        self._loop = loop

    # --- the window

    @property
    def open(self) -> bool:
        """Whether extensions may subscribe."""
        return self._backlog is not None

    def close(self) -> None:
        """All extensions are ready: refuse further subscriptions and keep nothing for late subscribers."""
        self._backlog = None

    def reopen(self) -> None:
        """Another init begins. Existing subscriptions stay; extensions may subscribe again."""
        self._backlog = Backlog()

    # --- the sink

    def wants(self, kind: type[Event]) -> bool:
        """Whether events are kept for late subscribers or delivered; checked again when the window closes."""
        return self.open or bool(self._subscribers)

    def __call__(self, event: Event) -> None:
        if self._backlog is not None:
            self._backlog.keep(event)
        if self._wanted:
            self._deliver(event)

    def _deliver(self, event: Event) -> None:
        category = self._categories.get(type(event))
        if category is None:
            return
        # An extension's own lines are not delivered to it. The service does deliver them, and warns about the loop.
        source = event.source if isinstance(event, platform.ExtensionLog) else None
        for render, subscribers in self._wanted.get(category, ()):
            records = render(event)
            for subscriber in subscribers:
                if subscriber.name != source:
                    for record in records:
                        subscriber.add(record)

    # --- subscribing

    def subscribe(self, extension: str, subscription: Subscription) -> str:
        """Subscribe an extension and replay the init to it; return the state to report.

        Repeating a subscription changes nothing; a different one replaces it. Raises ApiError 403 after the window has
        closed, 400 for an extension that uses the other API, and 400 for a TCP destination that refuses connections.
        """
        api = subscription.api
        if not self.open:
            raise api.closed_already()
        before = self._subscribers.get(extension)
        if before is not None and before.subscription.api != api:
            raise api.taken_by(before.subscription.api, extension)
        if before is not None and before.subscription == subscription:
            before.wake()
            state = ALREADY_SUBSCRIBED
        else:
            self._subscribers[extension] = self._subscriber(extension, subscription)
            if before is not None:
                self._part_with(before)
            self._regroup()
            state = SUBSCRIBED
        kind = platform.LogsSubscription if api.name == "Logs" else platform.TelemetrySubscription
        self._emit(kind(time(), extension, state, subscription.types))
        return state

    def _subscriber(self, extension: str, subscription: Subscription) -> Subscriber:
        from local_lambda.telemetry.records import CATEGORIES
        from local_lambda.telemetry.subscriber import Policy, Subscriber

        assert self._loop is not None
        self._categories = CATEGORIES
        delivery = self._delivery(subscription, self._loop)
        render = self._render(subscription)
        policy = self._policy or Policy()
        subscriber = Subscriber(extension, subscription, render, delivery, self._loop, self._emit, policy)
        subscriber.on_offered = self.on_offered
        if self._paused:
            subscriber.pause()
        if self._backlog is not None:
            self._replay(self._backlog, subscriber, render)
        return subscriber

    def _replay(self, backlog: Backlog, subscriber: Subscriber, render: Render) -> None:
        wanted = subscriber.subscription.wanted
        for event in backlog.events:
            own = isinstance(event, platform.ExtensionLog) and event.source == subscriber.name
            if self._categories.get(type(event)) in wanted and not own:
                for record in render(event):
                    subscriber.add(record)
        if backlog.lost_lines and wanted & {"function", "extension"}:
            subscriber.lost(backlog.lost_lines, backlog.lost_characters)

    def _delivery(self, subscription: Subscription, loop: asyncio.AbstractEventLoop) -> Transport:
        from local_lambda.telemetry.delivery import NobodyListens
        from local_lambda.telemetry.http_delivery import HttpDelivery
        from local_lambda.telemetry.tcp_delivery import TcpDelivery

        if subscription.destination.protocol == "HTTP":
            return HttpDelivery(subscription.destination, self._resolve, loop)
        delivery = TcpDelivery(subscription.destination, self._resolve, loop)
        try:
            # A TCP listener must be listening already.
            delivery.probe()
        except NobodyListens as error:
            raise subscription.api.invalid(str(error)) from None
        return delivery

    def _render(self, subscription: Subscription) -> Render:
        """One per schema, so that a record is serialized once for all its subscribers."""
        from local_lambda.telemetry.records import logs_records, telemetry_records

        schema = subscription.schema
        if schema not in self._renders:
            make = logs_records if subscription.api.name == "Logs" else telemetry_records
            self._renders[schema] = make(schema)
        return self._renders[schema]

    def _regroup(self) -> None:
        self._wanted = {}
        for subscriber in self._subscribers.values():
            render = self._renders[subscriber.subscription.schema]
            for category in subscriber.subscription.wanted:
                groups = self._wanted.setdefault(category, [])
                for known, subscribers in groups:
                    if known is render:
                        subscribers.append(subscriber)
                        break
                else:
                    groups.append((render, [subscriber]))

    def _part_with(self, subscriber: Subscriber) -> None:
        """Send what a replaced subscription has buffered, once and in the background."""
        import asyncio

        from local_lambda.telemetry.subscriber import Policy

        async def farewell() -> None:
            try:
                async with asyncio.timeout((self._policy or Policy()).answer_timeout):
                    await subscriber.flush()
            except TimeoutError:
                pass
            finally:
                subscriber.end()

        assert self._loop is not None
        task = self._loop.create_task(farewell())
        self._farewells.add(task)
        task.add_done_callback(self._farewells.discard)

    # --- freezing and the end

    def pause(self) -> None:
        """The environment's processes are being stopped: hold deliveries and stop their timers."""
        self._paused = True
        for subscriber in self._subscribers.values():
            subscriber.pause()

    def resume(self) -> None:
        """The environment's processes run again."""
        self._paused = False
        for subscriber in self._subscribers.values():
            subscriber.resume()

    async def flush(self, seconds: float) -> bool:
        """Send everything that is buffered, for at most `seconds`; return whether all of it was delivered.

        Flush the event stream first. A listener that fails is not retried; a paused one is skipped.
        """
        import asyncio

        flushes = [asyncio.ensure_future(subscriber.flush()) for subscriber in self._subscribers.values()]
        if flushes:
            _, late = await asyncio.wait(flushes, timeout=seconds)
            for flush in late:
                flush.cancel()
        return not any(subscriber.waiting for subscriber in self._subscribers.values())

    def flush_then(self, seconds: float, when_flushed: Callable[[], None]) -> None:
        """`flush`, then call back; without subscriptions, call back at once."""
        if not self._subscribers:
            when_flushed()
            return

        async def flush() -> None:
            try:
                await self.flush(seconds)
            finally:
                when_flushed()

        assert self._loop is not None
        self._flushing = self._loop.create_task(flush())

    def end(self) -> None:
        """The environment has ended: drop what is left and close every connection."""
        for task in self._farewells:
            task.cancel()
        for subscriber in self._subscribers.values():
            subscriber.end()
        self._subscribers.clear()
        self._wanted = {}
