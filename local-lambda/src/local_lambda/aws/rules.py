"""Rules of EventBridge with a schedule: fires them when they are due, or on request.

The rules are moto's, which keeps schedules and does nothing with them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from functools import partial
from typing import Any, NamedTuple

from local_lambda.aws.services import Services
from local_lambda.aws.targets import Deliver, fire
from local_lambda.errors import ApiError
from local_lambda.sources.schedule import next_time

FIRE_RULE = "AWSEvents.FireRule"
"""An operation that only this endpoint has, for `local-lambda fire`."""
LONGEST_WAIT_SECONDS = 60.0
PAUSE_SECONDS = 1.0
"""The rules are read this often at most, however often services are called."""


class RuleName(NamedTuple):
    """Where a rule is."""

    account: str
    region: str
    bus: str
    name: str


class Rules:
    """The rules of all regions. `now` is the time in UTC."""

    def __init__(
        self,
        services: Services,
        deliver: Deliver,
        say: Callable[[str, bool], None],
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self._services = services
        self._deliver = deliver
        self._say = say
        self._now = now
        self._due: dict[RuleName, tuple[str, datetime | None]] = {}

    async def run(self) -> None:
        """Fire rules when they are due, until cancelled."""
        while True:
            changed = asyncio.ensure_future(self._services.activity(LONGEST_WAIT_SECONDS))  # from before they are read
            scheduled = await asyncio.wrap_future(self._services.run(lambda: dict(_scheduled())))
            now = self._now()
            for rule, expression in scheduled.items():
                known = self._due.get(rule)
                if known is None or known[0] != expression:
                    self._due[rule] = expression, self._next(rule, expression, now)
                elif known[1] is not None and known[1] <= now:
                    self._due[rule] = expression, self._next(rule, expression, now)
                    await self._fire_or_say(rule)
            for rule in self._due.keys() - scheduled.keys():
                del self._due[rule]
            moments = [moment for _, moment in self._due.values() if moment is not None]
            left = min(((moment - now).total_seconds() for moment in moments), default=LONGEST_WAIT_SECONDS)
            left = min(max(left, 0.01), LONGEST_WAIT_SECONDS)
            await asyncio.gather(asyncio.wait({changed}, timeout=left), asyncio.sleep(min(left, PAUSE_SECONDS)))
            changed.cancel()

    async def fire(self, account: str, region: str, bus: str, name: str) -> int:
        """Fire a rule now; return the number of its targets. Raises ApiError."""
        rule = RuleName(account, region, bus, name)
        return await asyncio.wrap_future(self._services.run(partial(_fire, rule, self._deliver)))

    def _next(self, rule: RuleName, expression: str, now: datetime) -> datetime | None:
        try:
            return next_time(expression, now)
        except ValueError as error:
            self._say(f"the rule {rule.name} is never due: {error}", True)
            return None

    async def _fire_or_say(self, rule: RuleName) -> None:
        try:
            await self.fire(*rule)
        except ApiError as error:
            self._say(f"the rule {rule.name} cannot be fired: {error.message}", True)


# --- in moto's thread


def _scheduled() -> Iterator[tuple[RuleName, str]]:
    """The rules with a schedule that are not disabled."""
    from moto.events.models import events_backends

    for account, regions in list(events_backends.items()):
        for region, backend in list(regions.items()):
            for bus in backend.event_buses.values():
                for rule in bus.rules.values():
                    if rule.scheduled_expression and rule.state == "ENABLED":
                        yield RuleName(account, region, bus.name, rule.name), rule.scheduled_expression


def _fire(name: RuleName, deliver: Deliver) -> int:
    from moto.events.models import events_backends

    buses: Any = events_backends[name.account][name.region].event_buses
    rule = buses[name.bus].rules.get(name.name) if name.bus in buses else None
    if rule is None:
        known = ", ".join(sorted(rule for bus in buses.values() for rule in bus.rules)) or "none"
        raise ApiError(400, "ResourceNotFoundException", f"There is no rule {name.name} on {name.bus}; rules: {known}")
    try:
        return fire(rule, deliver)
    except Exception as error:  # of the service of a target
        raise ApiError(400, "InternalException", f"{type(error).__name__}: {error}") from None
