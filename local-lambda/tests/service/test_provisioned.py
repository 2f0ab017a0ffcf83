"""Environments that start ahead, in a pool of fakes."""

from __future__ import annotations

from typing import Any

from local_lambda.functions.config import PROVISIONED, FunctionConfig
from support.pool_rig import Bench, FakeEnvironment, run


def ahead(bench: Bench) -> Any:
    """A function that makes environments that start ahead."""

    def create() -> FakeEnvironment:
        environment = FakeEnvironment()
        environment.function = FunctionConfig("f", "a.b", initialization_type=PROVISIONED)
        bench.made.append(environment)
        return environment

    return create


def test_environments_that_started_ahead_do_not_end_when_idle() -> None:
    """Those that started on demand do."""

    async def scenario(bench: Bench) -> None:
        bench.pool.provision(ahead(bench), 1)
        first = bench.made[0]
        first.release()
        bench.invoke()
        bench.invoke()
        second = bench.made[1]
        first.finish()
        second.finish()
        await bench.until(lambda: second.ended)
        assert not first.ended

    run(2, scenario, idle_seconds=0.01)


def test_environments_start_ahead_again_when_the_function_is_renewed() -> None:
    """As many as before."""

    async def scenario(bench: Bench) -> None:
        bench.pool.provision(ahead(bench), 2)
        for environment in bench.made:
            environment.release()
        bench.pool.renew(FunctionConfig("f", "a.b"), lambda: None)
        await bench.until(lambda: bench.made[1].ended)
        assert [each.ended for each in bench.made] == [True, True, False, False]

    run(2, scenario)


def test_environments_that_started_ahead_are_preferred() -> None:
    """Also when one that started on demand has become idle after them."""

    async def scenario(bench: Bench) -> None:
        bench.pool.provision(ahead(bench), 1)
        provisioned = bench.made[0]
        provisioned.release()
        bench.invoke()
        bench.invoke()
        on_demand = bench.made[1]
        provisioned.finish()
        on_demand.finish()
        bench.invoke()
        assert (provisioned.free, on_demand.free) == (False, True)
        provisioned.finish()

    run(2, scenario)
