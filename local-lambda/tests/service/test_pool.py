"""Where invocations go: to a warm environment, a new one, the next that is free, or back to the caller with 429."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from local_lambda.functions.config import FunctionConfig
from support.pool_rig import Bench, FakeEnvironment, run

SOON = 0.01
"""How long an invocation waits here for an environment, in seconds."""


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local_lambda.service.pool.PLACEMENT_SECONDS", SOON)


def test_invoke_on_an_empty_pool_makes_an_environment() -> None:
    """For each invocation, as long as no environment is free and the limit is not reached."""

    async def scenario(bench: Bench) -> None:
        invocations = [bench.invoke() for _ in range(3)]
        assert [environment.served for environment in bench.made] == [[one] for one in invocations]

    run(3, scenario)


def test_invoke_with_a_free_environment_reuses_it() -> None:
    """However many more there might be."""

    async def scenario(bench: Bench) -> None:
        for _ in range(5):
            bench.invoke()
            bench.made[0].finish()
        assert len(bench.made) == 1
        assert len(bench.made[0].served) == 5

    run(3, scenario)


def test_invoke_beyond_the_limit_is_throttled_after_a_moment() -> None:
    """Those who are served are not disturbed."""

    async def scenario(bench: Bench) -> None:
        for number in range(4):
            bench.invoke(number)
        assert bench.throttled == []
        await bench.until(lambda: len(bench.throttled) == 2)
        assert bench.throttled == [2, 3]
        assert [len(environment.served) for environment in bench.made] == [1, 1]
        bench.made[0].finish()
        bench.invoke()
        assert len(bench.made[0].served) == 2

    run(2, scenario)


def test_renew_ends_those_that_are_free_and_the_others_behind_their_work() -> None:
    """Who is served is served to the end by the old one; the next goes to a new one."""

    async def scenario(bench: Bench) -> None:
        ended: list[str] = []
        bench.invoke()
        bench.invoke()
        free, busy = bench.made
        free.finish()
        bench.pool.renew(FunctionConfig("g", "a.b"), lambda: ended.append("all"))
        assert (free.ended, busy.ended, ended) == (True, False, [])
        bench.invoke()
        assert len(bench.made) == 3
        busy.finish()
        assert (busy.ended, ended) == (True, ["all"])
        assert bench.discarded == [free, busy]
        bench.made[2].finish()
        bench.invoke()
        assert (len(bench.made), bench.pool.function.name) == (3, "g")

    run(2, scenario)


def test_renew_of_a_pool_in_which_somebody_waits_serves_him_anew() -> None:
    """He is not forgotten with the environments he waited for, and not throttled."""

    async def scenario(bench: Bench) -> None:
        bench.invoke()
        waiting = bench.invoke(2)
        bench.pool.renew(bench.pool.function, lambda: None)
        await bench.until(lambda: len(bench.made) == 2)
        assert (bench.made[1].served, bench.throttled) == ([waiting], [])

    run(1, scenario)


def test_finish_waits_for_those_that_are_leaving() -> None:
    """And shutdown ends what has been renewed and still works."""

    async def scenario(bench: Bench) -> None:
        bench.invoke()
        bench.pool.renew(bench.pool.function, lambda: None)
        finishing = asyncio.create_task(bench.pool.finish())
        await asyncio.sleep(0)
        assert not finishing.done()
        bench.made[0].finish()
        await finishing
        bench.invoke()
        bench.pool.renew(bench.pool.function, lambda: None)
        await bench.pool.shutdown()
        assert all(environment.ended for environment in bench.made)
        assert bench.discarded == bench.made

    run(1, scenario)


def test_invoke_beyond_the_limit_is_served_by_the_next_that_is_free() -> None:
    """In the order in which they came."""

    async def scenario(bench: Bench) -> None:
        first, second, third = (bench.invoke() for _ in range(3))
        bench.made[0].finish()
        bench.made[0].finish()
        assert bench.made[0].served == [first, second, third]
        assert bench.throttled == []

    run(1, scenario)


def test_invoke_while_one_is_about_to_finish_waits_for_it() -> None:
    """A caller that has its response may call again at once, without a second environment and without 429."""

    async def scenario(bench: Bench) -> None:
        bench.invoke()
        bench.made[0].answer()
        second = bench.invoke()
        assert len(bench.made) == 1
        bench.made[0].release()
        assert bench.made[0].served[-1] is second

    run(2, scenario)


def test_invoke_when_the_one_about_to_finish_takes_long_gets_a_new_environment() -> None:
    """Below the limit, no caller waits for long."""

    async def scenario(bench: Bench) -> None:
        bench.invoke()
        bench.made[0].answer()
        second = bench.invoke()
        await bench.until(lambda: len(bench.made) == 2)
        assert bench.made[1].served == [second]

    run(2, scenario)


def test_invoke_of_several_while_one_finishes_makes_environments_for_the_others() -> None:
    """One that is about to be free can take one, not two."""

    async def scenario(bench: Bench) -> None:
        bench.invoke()
        bench.made[0].answer()
        second, third = bench.invoke(), bench.invoke()
        assert [environment.served[-1] for environment in bench.made[1:]] == [third]
        bench.made[0].release()
        assert bench.made[0].served[-1] is second

    run(3, scenario)


def test_invoke_of_a_pool_without_places_is_throttled() -> None:
    """A limit of zero switches the function off."""

    async def scenario(bench: Bench) -> None:
        bench.invoke(7)
        await bench.until(lambda: bench.throttled)
        assert (bench.throttled, bench.made) == ([7], [])

    run(0, scenario)


def test_environment_that_is_free_twice_is_in_the_pool_once() -> None:
    """A runtime that dies while it is idle is reset, and free again."""

    async def scenario(bench: Bench) -> None:
        bench.invoke()
        bench.made[0].finish()
        bench.made[0].on_free(bench.made[0])
        bench.invoke()
        bench.invoke()
        assert [len(environment.served) for environment in bench.made] == [2, 1]

    run(2, scenario)


def test_adopt_of_a_free_environment_makes_it_warm() -> None:
    """One that is not free yet is used when it is."""

    async def scenario(bench: Bench) -> None:
        free, busy = FakeEnvironment(), FakeEnvironment()
        busy.free = False
        environments: list[Any] = [free, busy]
        for environment in environments:
            bench.pool.adopt(environment)
        first, second = bench.invoke(), bench.invoke()
        busy.release()
        assert (free.served, busy.served, bench.made) == ([first], [second], [])

    run(2, scenario)


def test_queue_is_served_once_when_it_succeeds() -> None:
    """One attempt, no notice."""

    async def scenario(bench: Bench) -> None:
        bench.pool.queue(bench.invocation())
        await bench.until(lambda: bench.made)
        bench.made[0].finish(b"{}")
        await bench.pool.finish()
        assert (len(bench.made[0].served), bench.notices) == (1, [])

    run(1, scenario)


def test_queue_when_it_fails_is_tried_three_times() -> None:
    """The same request id, attempts one to three, and a notice with the last error."""

    async def scenario(bench: Bench) -> None:
        invocation = bench.invocation()
        bench.pool.queue(invocation)
        for attempt in (1, 2, 3):
            await bench.until(lambda: bench.made and bench.made[0].current)
            current = bench.made[0].current
            assert current is not None
            assert (current.request_id, current.tracing.attempt) == (invocation.request_id, attempt)
            bench.made[0].finish(b"error %d" % attempt, failed=True)
        await bench.until(lambda: bench.notices)
        (notice,) = bench.notices
        assert f"{invocation.request_id} of f failed 3 times and is discarded; the last error: error 3" in notice
        assert len({one.invocation_id for one in bench.made[0].served}) == 3

    run(1, scenario)


def test_queue_beyond_the_limit_is_never_throttled() -> None:
    """It waits as long as it takes, behind those who came before."""

    async def scenario(bench: Bench) -> None:
        bench.invoke()
        queued = [bench.invocation() for _ in range(3)]
        for invocation in queued:
            bench.pool.queue(invocation)
        await asyncio.sleep(0)
        bench.invoke(9)
        await bench.until(lambda: bench.throttled)
        for _ in range(4):
            await bench.until(lambda: bench.made[0].current)
            bench.made[0].finish()
        assert bench.made[0].served[1:] == queued
        assert bench.throttled == [9]

    run(1, scenario)


def test_finish_waits_for_those_who_are_served() -> None:
    """And for those who wait for their turn."""

    async def scenario(bench: Bench) -> None:
        bench.invoke()
        bench.pool.queue(bench.invocation())
        finished = asyncio.ensure_future(bench.pool.finish())
        for _ in range(2):
            await bench.until(lambda: bench.made[0].current)
            assert not finished.done()
            bench.made[0].finish()
        await finished
        assert bench.notices == []
        await bench.pool.shutdown()

    run(1, scenario)


def test_finish_of_a_pool_without_places_names_what_waits() -> None:
    """What can never be served must not keep the tool from ending."""

    async def scenario(bench: Bench) -> None:
        bench.invoke()
        bench.pool.queue(bench.invocation())
        await asyncio.sleep(0)
        bench.pool.limit = 0
        bench.pool.renew(bench.pool.function, lambda: None)
        bench.made[0].finish()
        await bench.pool.finish()
        assert bench.notices == ["queued asynchronous invocations of f, dropped at shutdown: 1"]
        await bench.pool.shutdown()

    run(1, scenario)


def test_finish_while_a_caller_waits_in_vain_ends_when_it_is_throttled() -> None:
    """Also without any environment that could become free."""

    async def scenario(bench: Bench) -> None:
        bench.invoke()
        bench.invoke(3)
        bench.fault = OSError(24, "Too many open files")
        bench.pool.renew(bench.pool.function, lambda: None)
        bench.made[0].finish()
        await bench.pool.finish()
        assert [error.error_type for error in bench.errors] == ["ServiceUnavailable"]

    run(1, scenario)


def test_finish_when_nobody_is_served_is_at_once() -> None:
    """Also without any environment."""

    async def scenario(bench: Bench) -> None:
        await bench.pool.finish()
        await bench.pool.shutdown()

    run(1, scenario)


def test_finish_between_two_attempts_names_what_is_dropped() -> None:
    """The pause before the next attempt is not waited for."""

    async def scenario(bench: Bench) -> None:
        bench.pool.asynchronous.retry_seconds = (3600.0,)
        bench.pool.queue(bench.invocation())
        await bench.until(lambda: bench.made and bench.made[0].current)
        bench.made[0].finish(failed=True)
        await asyncio.sleep(0)
        await bench.pool.finish()
        assert bench.notices == ["queued asynchronous invocations of f, dropped at shutdown: 1"]

    run(1, scenario)


def test_an_environment_ends_when_it_was_idle_for_the_time_given() -> None:
    """One that is busy stays, until it has been idle for as long; the next invocation makes a new one."""

    async def scenario(bench: Bench) -> None:
        bench.invoke()
        bench.invoke()
        busy, idle = bench.made
        idle.finish()
        await bench.until(lambda: idle.ended)
        assert (bench.discarded, bench.pool.environments, busy.ended) == ([idle], [busy], False)
        assert bench.notices == ["an environment of f ends: it was idle for 0.01 s"]
        busy.finish()
        await bench.until(lambda: busy.ended)
        bench.invoke()
        assert len(bench.made) == 3
        bench.made[2].finish()
        await bench.pool.shutdown()
        assert bench.made[2].ended

    run(2, scenario, idle_seconds=0.01)
