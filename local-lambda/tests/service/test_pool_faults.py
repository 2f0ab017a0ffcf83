"""What a pool does when there can be no environment, when one breaks, and when too much waits."""

from __future__ import annotations

import asyncio

import pytest

from local_lambda.errors import Throttled
from local_lambda.functions.config import EventInvokeConfig, FunctionConfig
from support.pool_rig import Bench, run

NO_DESCRIPTORS = OSError(24, "Too many open files")


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local_lambda.service.pool.PLACEMENT_SECONDS", 0.01)


def test_invoke_when_no_environment_can_be_created_gets_the_error_at_once() -> None:
    """The service's error, one line for the reader however often it happens, and the next good moment serves again."""

    async def scenario(bench: Bench) -> None:
        bench.fault = NO_DESCRIPTORS
        for _ in range(2):
            bench.invoke()
        assert [(error.status, error.error_type) for error in bench.errors] == [(503, "ServiceUnavailable")] * 2
        assert "Too many open files" in bench.errors[0].message
        assert bench.notices == ["no environment for f: [Errno 24] Too many open files"]
        bench.fault = None
        bench.invoke()
        assert len(bench.made[0].served) == 1

    run(2, scenario)


def test_callers_that_wait_when_no_environment_can_be_created_get_the_error() -> None:
    """None of them is forgotten, and nothing is raised in the timer that looks after them."""

    async def scenario(bench: Bench) -> None:
        faults: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: faults.append(context))
        for _ in range(3):
            bench.invoke()
        for number in (1, 2, 3):
            bench.invoke(number)
        bench.fault = OSError(28, "No space left on device")
        bench.pool.renew(bench.pool.function, lambda: None)
        await bench.until(lambda: len(bench.errors) == 3)
        assert {error.error_type for error in bench.errors} == {"ServiceUnavailable"}
        bench.fault = None
        late = bench.invoke()
        assert bench.made[-1].served == [late]
        assert (faults, bench.throttled) == ([], [])

    run(3, scenario)


def test_environment_whose_processes_cannot_be_started_leaves_the_pool() -> None:
    """The caller gets the error and nothing else; the next one a new environment."""

    async def scenario(bench: Bench) -> None:
        responses: list[object] = []
        bench.invoke()
        (broken,) = bench.made
        broken.finish()
        broken.fault = NO_DESCRIPTORS
        invocation = bench.invocation()
        invocation.on_response = lambda *response: responses.append(response)
        bench.pool.invoke(invocation, bench.errors.append)
        assert [error.error_type for error in bench.errors] == ["ServiceUnavailable"]
        assert (responses, broken.ended, bench.discarded) == ([], True, [broken])
        bench.invoke()
        assert len(bench.made[1].served) == 1

    run(1, scenario)


def test_caller_that_waits_for_an_environment_that_breaks_gets_the_error() -> None:
    """And a new environment serves the one after it."""

    async def scenario(bench: Bench) -> None:
        bench.invoke()
        first, second = bench.invoke(), bench.invoke()
        bench.made[0].fault = NO_DESCRIPTORS
        bench.made[0].finish()
        assert [error.error_type for error in bench.errors] == ["ServiceUnavailable"]
        await bench.until(lambda: len(bench.made) == 2)
        assert bench.made[1].served == [second]
        assert first not in bench.made[0].served

    run(1, scenario)


def test_call_gives_the_response_or_raises_the_refusal() -> None:
    """One way for the command line, RabbitMQ and the APIs."""

    async def scenario(bench: Bench) -> None:
        calling = asyncio.create_task(bench.pool.call(bench.invocation()))
        await bench.until(lambda: bench.made)
        with pytest.raises(Throttled) as throttled:
            await bench.pool.call(bench.invocation())
        assert (throttled.value.status, throttled.value.reason) == (429, "ConcurrentInvocationLimitExceeded")
        bench.made[0].finish(b"1")
        assert (await calling).payload == b"1"
        bench.pool.function = FunctionConfig("f", "a.b", reserved_concurrency=1)
        patient = asyncio.create_task(bench.pool.call(bench.invocation(), patient=True))
        await bench.until(lambda: bench.made[0].current)
        with pytest.raises(Throttled, match="Rate Exceeded") as throttled:
            await bench.pool.call(bench.invocation())
        assert throttled.value.reason == "ReservedFunctionConcurrentInvocationLimitExceeded"
        bench.made[0].finish(b"2")
        assert (await patient).payload == b"2"

    run(1, scenario)


def test_call_that_is_cancelled_does_not_disturb_the_environment() -> None:
    """The function keeps working, and its response is discarded."""

    async def scenario(bench: Bench) -> None:
        calling = asyncio.create_task(bench.pool.call(bench.invocation()))
        await bench.until(lambda: bench.made)
        calling.cancel()
        await asyncio.sleep(0)
        bench.made[0].finish()
        bench.invoke()
        assert len(bench.made[0].served) == 2

    run(1, scenario)


def test_queue_when_no_environment_can_be_created_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of the service does not count as an attempt: the first that reaches the function is attempt 1."""
    monkeypatch.setattr("local_lambda.service.asynchronous.FAULT_SECONDS", (0.0, 0.0))

    async def scenario(bench: Bench) -> None:
        bench.fault = NO_DESCRIPTORS
        invocation = bench.invocation()
        bench.pool.queue(invocation)
        await bench.until(lambda: bench.notices)
        bench.fault = None
        await bench.until(lambda: bench.made and bench.made[0].current)
        current = bench.made[0].current
        assert current is not None
        assert (current.request_id, current.tracing.attempt) == (invocation.request_id, 1)
        bench.made[0].finish()
        await bench.pool.finish()
        assert len(bench.notices) == 1

    run(1, scenario)


def test_queue_gives_up_when_the_fault_lasts_for_as_long_as_an_event_may_wait() -> None:
    """It is named."""

    async def scenario(bench: Bench) -> None:
        bench.configure(event_invoke={"$LATEST": EventInvokeConfig(max_age=0)})
        bench.fault = NO_DESCRIPTORS
        invocation = bench.invocation()
        bench.pool.queue(invocation)
        await bench.until(lambda: len(bench.notices) == 2)
        assert f"{invocation.request_id} of f is discarded: its event is older than 0 seconds" in bench.notices[1]

    run(1, scenario)


def test_queue_that_is_full_refuses_and_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """By bytes, payloads and what surrounds them; when some are done there is room again."""
    monkeypatch.setattr("local_lambda.service.asynchronous.QUEUE_BYTES", 3 * (2048 + 2))

    async def scenario(bench: Bench) -> None:
        for _ in range(3):
            bench.pool.queue(bench.invocation())
        for _ in range(2):
            with pytest.raises(Throttled) as throttled:
                bench.pool.queue(bench.invocation())
        assert (throttled.value.status, throttled.value.reason) == (429, "CallerRateLimitExceeded")
        assert len(bench.notices) == 1
        assert "the queue of f is full: 3 asynchronous invocations wait" in bench.notices[0]
        for _ in range(3):
            await bench.until(lambda: bench.made and bench.made[0].current)
            bench.made[0].finish()
        await bench.until(lambda: not bench.pool.asynchronous._queued)
        bench.pool.queue(bench.invocation())
        await bench.until(lambda: bench.made[0].current)
        bench.made[0].finish()
        await bench.pool.finish()

    run(1, scenario)
