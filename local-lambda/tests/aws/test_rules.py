"""Rules with a schedule, on a clock that the test turns."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from typing import Any

from local_lambda.aws.rules import Rules
from local_lambda.aws.services import Services


def _make_rule() -> None:
    from moto.events.models import events_backends

    backend = events_backends["123456789012"]["us-east-1"]
    backend.put_rule("Tick", scheduled_expression="rate(1 hour)")
    arn = "arn:aws:lambda:us-east-1:123456789012:function:Hello"
    backend.put_targets("Tick", "default", [{"Id": "1", "Arn": arn}])


def test_rule_fires_when_it_is_due() -> None:
    """Once for each time that has come, with the event of a schedule."""

    async def scenario() -> None:
        services, fired, loop = Services(), asyncio.Queue[Any](), asyncio.get_running_loop()
        clock = [datetime(2026, 11, 26, 12, tzinfo=timezone.utc)]
        read = asyncio.Event()

        def now() -> datetime:
            read.set()
            return clock[0]

        def deliver(arn: str, sender: str, event: Any) -> None:
            loop.call_soon_threadsafe(fired.put_nowait, (arn.rpartition(":")[2], sender, event))

        services.start()
        await asyncio.wrap_future(services.run(_make_rule))
        task = asyncio.ensure_future(Rules(services, deliver, lambda text, bad: None, now).run())
        await read.wait()
        assert fired.empty()
        clock[0] += timedelta(hours=1)
        services.stir()
        name, sender, event = await asyncio.wait_for(fired.get(), 30)
        assert (name, sender) == ("Hello", "the rule Tick")
        assert (event["source"], event["detail-type"], event["detail"]) == ("aws.events", "Scheduled Event", {})
        assert event["resources"] == ["arn:aws:events:us-east-1:123456789012:rule/Tick"]
        assert fired.empty()
        task.cancel()
        services.close()

    asyncio.run(scenario())
