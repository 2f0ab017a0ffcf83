"""Asynchronous invocations: attempts, age, and what is sent to destinations and as dead letters."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from local_lambda.errors import Unavailable
from local_lambda.functions.config import EventInvokeConfig
from support.pool_rig import Bench, run

ERROR = b'{"errorType":"ValueError","errorMessage":"no"}'


class Sent:
    """Destinations that write down what they get."""

    def __init__(self) -> None:
        self.records: list[tuple[str, dict[str, Any]]] = []
        self.dead: list[tuple[str, bytes, str, int, str]] = []
        self.fault: Exception | None = None
        self.gate: asyncio.Event | None = None

    async def send(self, arn: str, record: dict[str, Any], function_arn: str) -> None:
        """As `Destinations`."""
        if self.gate is not None:
            await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        self.records.append((arn, record))

    async def send_dead_letter(self, arn: str, event: bytes, request_id: str, status: int, error: str) -> None:
        """As `Destinations`."""
        self.dead.append((arn, event, request_id, status, error))


def served(bench: Bench, sent: Sent, settings: EventInvokeConfig, dead_letters: str | None = None) -> None:
    """Let the function have these settings."""
    bench.configure(event_invoke={"$LATEST": settings}, dead_letters=dead_letters)
    bench.pool.asynchronous.destinations = sent


async def answer(bench: Bench, payload: bytes, failed: bool = False) -> None:
    """Let the next attempt end like this."""
    await bench.until(lambda: bench.made and bench.made[0].current)
    bench.made[0].finish(payload, failed)


def test_success_is_sent_to_its_destination() -> None:
    """One attempt, the event and the result; there is no dead letter."""
    sent = Sent()

    async def scenario(bench: Bench) -> None:
        served(bench, sent, EventInvokeConfig(on_success="arn:ok", on_failure="arn:bad"), "arn:dead")
        invocation = bench.invocation()
        bench.pool.queue(invocation)
        await answer(bench, b'{"n":1}')
        await bench.until(lambda: sent.records)
        ((arn, record),) = sent.records
        assert record.pop("timestamp").endswith("Z")
        assert (arn, record) == (
            "arn:ok",
            {
                "version": "1.0",
                "requestContext": {
                    "requestId": invocation.request_id,
                    "functionArn": "arn:f:$LATEST",
                    "condition": "Success",
                    "approximateInvokeCount": 1,
                },
                "requestPayload": {},
                "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
                "responsePayload": {"n": 1},
            },
        )
        assert sent.dead == []
        await bench.pool.finish()

    run(1, scenario)


@pytest.mark.parametrize(("suffix", "qualifier"), [("", "$LATEST"), (":$LATEST", "$LATEST"), (":live", "live")])
def test_settings_are_those_of_the_invoked_qualifier(suffix: str, qualifier: str) -> None:
    """An alias and its version share environments, and each has its own destination."""
    sent = Sent()

    async def scenario(bench: Bench) -> None:
        bench.pool.asynchronous.destinations = sent
        bench.pool.asynchronous.settings = lambda named: EventInvokeConfig(on_success=f"arn:of-{named}")
        invocation = bench.invocation()
        invocation.function_arn = f"arn:aws:lambda:us-east-1:123456789012:function:f{suffix}"
        bench.pool.queue(invocation)
        await answer(bench, b"{}")
        await bench.until(lambda: sent.records)
        assert sent.records[0][0] == f"arn:of-{qualifier}"
        await bench.pool.finish()

    run(1, scenario)


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_failure_is_sent_when_the_attempts_are_used_up(retries: int) -> None:
    """To the destination and as a dead letter, both once; the line says how often it was tried."""
    sent = Sent()

    async def scenario(bench: Bench) -> None:
        served(bench, sent, EventInvokeConfig(retries=retries, on_failure="arn:bad"), "arn:dead")
        invocation = bench.invocation()
        bench.pool.queue(invocation)
        for _ in range(1 + retries):
            assert not sent.records
            await answer(bench, ERROR, failed=True)
        await bench.until(lambda: sent.dead)
        ((arn, record),) = sent.records
        context = record["requestContext"]
        assert (arn, context["condition"], context["approximateInvokeCount"]) == (
            "arn:bad",
            "RetriesExhausted",
            1 + retries,
        )
        assert record["responseContext"]["functionError"] == "Unhandled"
        assert record["responsePayload"]["errorMessage"] == "no"
        assert sent.dead == [("arn:dead", b"{}", invocation.request_id, 200, "no")]
        times = ["once", "2 times", "3 times"][retries]
        assert f"failed {times} and goes to arn:bad and arn:dead; the last error: " in bench.notices[0]
        await bench.pool.finish()

    run(1, scenario)


def test_event_that_is_too_old_is_not_tried_again() -> None:
    """The record has the last response, if there was one."""
    sent = Sent()

    async def scenario(bench: Bench) -> None:
        served(bench, sent, EventInvokeConfig(max_age=0, on_failure="arn:bad"), "arn:dead")
        bench.pool.queue(bench.invocation())
        await answer(bench, ERROR, failed=True)
        await bench.until(lambda: sent.dead)
        ((_, record),) = sent.records
        assert record["requestContext"]["condition"] == "EventAgeExceeded"
        assert record["requestContext"]["approximateInvokeCount"] == 1
        assert record["responsePayload"]["errorMessage"] == "no"
        await bench.pool.finish()

    run(1, scenario)


def test_event_without_an_environment_becomes_too_old() -> None:
    """Its record has no response: the function has never seen it."""
    sent = Sent()

    async def scenario(bench: Bench) -> None:
        served(bench, sent, EventInvokeConfig(max_age=0, on_failure="arn:bad"), "arn:dead")
        bench.invoke()
        bench.pool.queue(bench.invocation())
        await bench.until(lambda: sent.dead)
        ((_, record),) = sent.records
        assert record["requestContext"]["approximateInvokeCount"] == 0
        assert "responseContext" not in record
        assert sent.dead[0][3:] == (429, "EventAgeExceeded")
        bench.made[0].finish()
        await bench.pool.finish()

    run(1, scenario)


def test_record_that_cannot_be_sent_is_named() -> None:
    """Nothing is lost in silence; the dead letter is sent all the same."""
    sent = Sent()
    sent.fault = OSError("no such queue")

    async def scenario(bench: Bench) -> None:
        served(bench, sent, EventInvokeConfig(retries=0, on_failure="arn:bad"), "arn:dead")
        bench.pool.queue(bench.invocation())
        await answer(bench, ERROR, failed=True)
        await bench.until(lambda: sent.dead)
        assert "for arn:bad is lost: no such queue" in bench.notices[1]
        await bench.pool.finish()

    run(1, scenario)


def test_record_in_flight_is_sent_before_the_end() -> None:
    """The command waits for it."""
    sent = Sent()

    async def scenario(bench: Bench) -> None:
        sent.gate = asyncio.Event()
        served(bench, sent, EventInvokeConfig(on_success="arn:ok"))
        bench.pool.queue(bench.invocation())
        await answer(bench, b"1")
        await asyncio.sleep(0)
        ending = asyncio.create_task(bench.pool.finish())
        await asyncio.sleep(0)
        assert not sent.records
        sent.gate.set()
        await ending
        assert [arn for arn, _ in sent.records] == ["arn:ok"]

    run(1, scenario)


def test_payload_that_is_not_json_is_sent_as_text() -> None:
    """A runtime may answer with anything."""
    sent = Sent()

    async def scenario(bench: Bench) -> None:
        served(bench, sent, EventInvokeConfig(on_success="arn:ok"))
        bench.pool.queue(bench.invocation())
        await answer(bench, b"plain \xff")
        await bench.until(lambda: sent.records)
        assert sent.records[0][1]["responsePayload"] == "plain \ufffd"
        await bench.pool.finish()

    run(1, scenario)


def test_function_without_concurrency_fails_at_once() -> None:
    """It may not run, so there is no attempt, and the record has no response."""
    sent = Sent()

    async def scenario(bench: Bench) -> None:
        served(bench, sent, EventInvokeConfig(on_failure="arn:bad"), "arn:dead")
        bench.pool.queue(bench.invocation())
        await bench.until(lambda: sent.dead)
        ((_, record),) = sent.records
        context = record["requestContext"]
        assert (context["condition"], context["approximateInvokeCount"]) == ("ZeroReservedConcurrency", 0)
        assert "responseContext" not in record
        assert sent.dead[0][3:] == (429, "ZeroReservedConcurrency")
        assert bench.notices[0].endswith("goes to arn:bad and arn:dead: the reserved concurrency of the function is 0")
        assert not bench.made
        await bench.pool.finish()

    run(0, scenario)


def test_event_does_not_wait_for_an_attempt_that_comes_too_late() -> None:
    """The next attempt is in an hour, and the event may wait for a minute."""
    sent = Sent()

    async def scenario(bench: Bench) -> None:
        served(bench, sent, EventInvokeConfig(max_age=60, on_failure="arn:bad"))
        bench.pool.asynchronous.retry_seconds = (3600.0,)
        bench.pool.queue(bench.invocation())
        await answer(bench, ERROR, failed=True)
        await bench.until(lambda: sent.records)
        assert sent.records[0][1]["requestContext"]["condition"] == "EventAgeExceeded"
        await bench.pool.finish()

    run(1, scenario)


def test_nothing_is_accepted_after_the_end() -> None:
    """A record that comes too late is refused, so that its sender can say that it is lost."""

    async def scenario(bench: Bench) -> None:
        await bench.pool.finish()
        with pytest.raises(Unavailable, match="f is shutting down"):
            bench.pool.queue(bench.invocation())

    run(1, scenario)
