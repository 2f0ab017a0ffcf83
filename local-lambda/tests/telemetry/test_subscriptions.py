"""The subscriptions of an environment: the window, replay, repetition, resets, and who gets what."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from local_lambda.errors import ApiError
from local_lambda.events.platform import ExtensionLog, InitReport, InitStart, LogsDropped, Start
from local_lambda.telemetry.backlog import MAX_LINES
from local_lambda.telemetry.registry import Subscriptions
from local_lambda.telemetry.request import SANDBOX
from support.telemetry_listeners import (
    NOON,
    PATIENT,
    Environment,
    HttpListener,
    TcpListener,
    kinds,
    line,
    logs,
    run,
    telemetry,
    texts,
)

INIT_START = InitStart(NOON, "on-demand", "init", None, None, "f", "$LATEST", "stream", 134217728)
SECOND_INIT_START = InitStart(NOON, "on-demand", "invoke", None, None, "f", "$LATEST", "stream", 134217728)
INIT_REPORT = InitReport(NOON, "on-demand", "init", "success", 1.0)
ALL = ("platform", "function", "extension")


def test_late_subscriber_gets_the_init_from_its_beginning() -> None:
    """Records from before the subscription are replayed, each once, to those who asked for their type."""

    async def test() -> None:
        async with HttpListener() as first, HttpListener() as second, Environment() as environment:
            environment.emit(INIT_START, line("importing\n"), ExtensionLog(NOON, "hello\n", "second"))
            environment.stream.emit(line("on its way\n"))
            environment.subscriptions.subscribe("first", telemetry(first.destination, *ALL, buffering=PATIENT))
            environment.subscriptions.subscribe("second", telemetry(second.destination, "extension", "platform"))
            environment.emit(INIT_REPORT)
            assert await environment.flush()
            assert kinds(await first.records(7)) == [
                "initStart",
                "function",
                "extension",
                "function",
                "telemetrySubscription",
                "telemetrySubscription",
                "initReport",
            ]
            assert kinds(await second.records(4)) == [
                "initStart",
                "telemetrySubscription",
                "telemetrySubscription",
                "initReport",
            ]

    run(test)


def test_late_subscriber_of_a_second_init_gets_that_one_only() -> None:
    """The replay begins at the init in progress."""

    async def test() -> None:
        async with HttpListener() as listener, Environment() as environment:
            environment.emit(INIT_START, line("first\n"))
            environment.subscriptions.close()
            environment.emit(line("between\n"))
            environment.subscriptions.reopen()
            environment.emit(line("rest\n"), SECOND_INIT_START, line("second\n"))
            environment.subscriptions.subscribe("collector", telemetry(listener.destination, *ALL, buffering=PATIENT))
            assert await environment.flush()
            records = await listener.records(3)
            assert kinds(records) == ["initStart", "function", "telemetrySubscription"]
            assert texts(records)[0]["phase"] == "invoke"

    run(test)


def test_late_subscriber_after_a_flood_learns_what_is_missing() -> None:
    """What is kept for late subscribers is bounded; they are notified of the rest."""

    async def test() -> None:
        async with HttpListener() as listener, Environment() as environment:
            environment.emit(INIT_START, *[line(f"{number}\n") for number in range(MAX_LINES + 7)], INIT_REPORT)
            environment.subscriptions.subscribe("collector", telemetry(listener.destination, *ALL, buffering=PATIENT))
            assert await environment.flush()
            records = await listener.records(MAX_LINES + 4)
            assert kinds(records)[0] == "initStart"
            assert sum(kind == "function" for kind in kinds(records)) == MAX_LINES
            (notice,) = [record["record"] for record in records if record["type"] == "platform.logsDropped"]
            assert notice["droppedRecords"] == 7

    run(test)


def test_same_subscription_again_changes_nothing() -> None:
    """`Already subscribed`, whatever the order of the types; nothing is replayed a second time."""

    async def test() -> None:
        async with HttpListener() as listener, Environment() as environment:
            environment.emit(INIT_START)
            subscribe = environment.subscriptions.subscribe
            to = listener.destination
            assert subscribe("collector", telemetry(to, "platform", "function", buffering=PATIENT)) == "Subscribed"
            assert (
                subscribe("collector", telemetry(to, "function", "platform", buffering=PATIENT)) == "Already subscribed"
            )
            assert await environment.flush()
            records = await listener.records(3)
            assert kinds(records) == ["initStart", "telemetrySubscription", "telemetrySubscription"]
            assert texts(records)[1:] == [
                {"name": "collector", "state": "Subscribed", "types": ["platform", "function"]},
                {"name": "collector", "state": "Already subscribed", "types": ["function", "platform"]},
            ]

    run(test)


def test_subscription_survives_a_reset() -> None:
    """The relaunched extension's listener gets what was buffered while nothing was listening, and the second init."""

    async def test() -> None:
        async with Environment() as environment:
            async with HttpListener() as listener:
                environment.emit(INIT_START)
                subscription = telemetry(listener.destination, *ALL)
                environment.subscriptions.subscribe("collector", subscription)
                environment.subscriptions.close()
                assert kinds(await listener.records(2)) == ["initStart", "telemetrySubscription"]
            environment.emit(line("last words\n"))
            environment.subscriptions.reopen()
            environment.emit(SECOND_INIT_START)
            async with HttpListener(port=listener.port) as relaunched:
                assert environment.subscriptions.subscribe("collector", subscription) == "Already subscribed"
                records = await relaunched.records(3)
                assert kinds(records) == ["function", "initStart", "telemetrySubscription"]
                assert texts(records)[2]["state"] == "Already subscribed"

    run(test)


def test_changed_subscription_replaces_the_one_before() -> None:
    """The old one's buffer is sent, then it gets nothing more."""

    async def test() -> None:
        async with HttpListener() as before, HttpListener() as after, Environment() as environment:
            subscribe = environment.subscriptions.subscribe
            subscribe("collector", telemetry(before.destination, buffering=PATIENT))
            environment.emit(line("one\n"))
            assert subscribe("collector", telemetry(after.destination, buffering=PATIENT)) == "Subscribed"
            environment.emit(line("two\n"))
            assert texts(await before.records(1)) == ["one\n"]
            assert await environment.flush()
            assert texts(await after.records(1)) == ["one\n", "two\n"]
            assert before.requests.empty()

    run(test)


def test_extension_with_a_subscription_of_one_api_is_refused_the_other() -> None:
    """Either the Logs API or the Telemetry API."""

    async def test() -> None:
        async with HttpListener() as listener, Environment() as environment:
            environment.subscriptions.subscribe("collector", telemetry(listener.destination))
            with pytest.raises(ApiError, match="already subscribed to the TelemetryAPI") as raised:
                environment.subscriptions.subscribe("collector", logs(listener.destination))
            assert (raised.value.status, raised.value.error_type) == (400, "Logs.AccessDenied")
            environment.subscriptions.subscribe("another", logs(listener.destination))

    run(test)


def test_subscribe_after_the_window_has_closed_is_refused() -> None:
    """403, until another init opens it."""

    async def test() -> None:
        async with HttpListener() as listener, Environment() as environment:
            environment.subscriptions.close()
            assert not environment.subscriptions.open
            for subscription, kind in (
                (logs(listener.destination), "Logs.SubscriptionClosed"),
                (telemetry(listener.destination), "Telemetry.SubscriptionClosed"),
            ):
                with pytest.raises(ApiError) as raised:
                    environment.subscriptions.subscribe("collector", subscription)
                assert (raised.value.status, raised.value.error_type) == (403, kind)
            environment.subscriptions.reopen()
            assert environment.subscriptions.subscribe("collector", logs(listener.destination)) == "Subscribed"

    run(test)


def test_subscribe_to_a_tcp_port_where_nobody_listens_is_refused() -> None:
    """A TCP listener has to be there first; the extension is not subscribed."""

    async def test() -> None:
        async with TcpListener() as listener:
            pass
        async with Environment() as environment:
            with pytest.raises(
                ApiError, match=f"connection refused: nothing is listening on {SANDBOX}:{listener.port}"
            ) as raised:
                environment.subscriptions.subscribe("collector", logs(listener.destination))
            assert (raised.value.status, raised.value.error_type) == (400, "Logs.ValidationError")
            environment.emit(line("one"))
            assert environment.seen == [line("one")]

    run(test)


def test_own_lines_of_an_extension_are_not_delivered_to_it() -> None:
    """An extension that prints what it gets makes no loop, neither now nor in the replay."""

    async def test() -> None:
        async with HttpListener() as one, HttpListener() as other, Environment() as environment:
            environment.emit(ExtensionLog(NOON, "early\n", "one"))
            for name, listener in (("one", one), ("other", other)):
                environment.subscriptions.subscribe(
                    name, telemetry(listener.destination, "extension", buffering=PATIENT)
                )
            environment.emit(ExtensionLog(NOON, "a\n", "one"), ExtensionLog(NOON, "b\n", "other"))
            assert await environment.flush()
            assert texts(await one.records(1)) == ["b\n"]
            assert texts(await other.records(1)) == ["early\n", "a\n"]

    run(test)


def test_loss_of_one_subscriber_is_not_delivered_to_others() -> None:
    """`platform.logsDropped` on the stream is for the console and the recording."""

    async def test() -> None:
        async with HttpListener() as listener, Environment() as environment:
            environment.subscriptions.subscribe("collector", telemetry(listener.destination, *ALL, buffering=PATIENT))
            environment.emit(LogsDropped(NOON, "too slow", 1, 2))
            assert await environment.flush()
            assert kinds(await listener.records(1)) == ["telemetrySubscription"]

    run(test)


def test_subscribers_of_both_apis_get_their_own_records() -> None:
    """One event, two schemas; each API's subscription is reported to its own subscribers."""

    async def test() -> None:
        async with HttpListener() as old, HttpListener() as new, Environment() as environment:
            environment.subscriptions.subscribe("old", logs(old.destination, "platform", buffering=PATIENT))
            environment.subscriptions.subscribe("new", telemetry(new.destination, "platform", buffering=PATIENT))
            environment.emit(Start(NOON, "R", "$LATEST", "arn", None), INIT_REPORT)
            assert await environment.flush()
            assert kinds(await old.records(2)) == ["logsSubscription", "start"]
            assert kinds(await new.records(3)) == ["telemetrySubscription", "start", "initReport"]

    run(test)


def test_pause_and_resume_of_an_environment_reach_all_subscribers() -> None:
    """Nothing is sent to a frozen environment, not even by a subscriber that came while it was frozen."""

    async def test() -> None:
        async with HttpListener() as one, HttpListener() as other, Environment() as environment:
            environment.subscriptions.subscribe("one", telemetry(one.destination))
            environment.subscriptions.pause()
            environment.subscriptions.subscribe("other", telemetry(other.destination))
            environment.emit(line("cold\n"))
            assert not await environment.flush()
            assert one.connections == other.connections == 0
            environment.subscriptions.resume()
            assert await environment.flush()
            for listener in (one, other):
                assert texts(await listener.records(1)) == ["cold\n"]

    run(test)


def test_environment_without_subscribers_keeps_nothing_after_its_init() -> None:
    """Events cost nothing when no subscriber can come any longer."""
    subscriptions = Subscriptions(_never, str)
    subscriptions(INIT_START)
    subscriptions.close()
    subscriptions(line("one\n"))
    assert subscriptions._backlog is None
    assert asyncio.run(subscriptions.flush(0))
    subscriptions.end()


def test_subscription_to_an_unreachable_destination_is_reported_at_the_end() -> None:
    """An HTTP listener that never came: the records are reported as lost, with the reason."""

    async def test() -> None:
        async with HttpListener() as gone:
            pass
        environment = Environment()
        environment.subscriptions.subscribe("collector", telemetry(gone.destination))
        environment.emit(line("one\n"))
        assert not await environment.flush()
        environment.subscriptions.end()
        (loss,) = environment.dropped
        assert loss.records == 1
        assert (
            loss.reason == "could not send events: connection refused: "
            f"nothing is listening on {SANDBOX}:{gone.port} (ECONNREFUSED)"
        )

    run(test)


def _never(event: Any) -> None:
    raise AssertionError(event)
