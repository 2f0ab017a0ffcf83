"""Tenants: an environment serves one of them alone, and makes room for another when there are too many."""

from __future__ import annotations

import pytest

from local_lambda.environment.invocation import Invocation
from local_lambda.errors import ApiError
from local_lambda.xray.header import new_tracing
from support.pool_rig import Bench, run


def invoke(bench: Bench, tenant: str | None) -> Invocation:
    """Invoke for a tenant."""
    invocation = Invocation(b"{}", "arn:f", new_tracing(None, False), lambda *answer: None, tenant_id=tenant)
    bench.pool.invoke(invocation, bench.errors.append)
    return invocation


def isolated(bench: Bench) -> None:
    """Let the function isolate tenants."""
    bench.configure(tenant_isolation=True)


def test_environment_serves_its_tenant_again() -> None:
    """Warm for the same tenant, cold for another one."""

    async def scenario(bench: Bench) -> None:
        isolated(bench)
        for tenant in ("a", "b", "a", "b"):
            invoke(bench, tenant)
            served = next(each for each in bench.made if each.current)
            assert served.tenant_id == tenant
            served.finish()
        assert [len(each.served) for each in bench.made] == [2, 2]

    run(5, scenario)


def test_idle_environment_of_another_tenant_makes_room() -> None:
    """At the limit the one that has been idle for longest ends."""

    async def scenario(bench: Bench) -> None:
        isolated(bench)
        for tenant in ("a", "b", "c"):
            invoke(bench, tenant)
            bench.made[-1].finish()
        first, second, third = bench.made
        assert (first.ended, second.ended, third.ended) == (True, False, False)
        assert bench.discarded == [first]
        assert [each.tenant_id for each in bench.made] == ["a", "b", "c"]

    run(2, scenario)


def test_waiting_caller_gets_an_environment_of_its_tenant() -> None:
    """One that is freed goes to its own tenant first, even if that came later; otherwise it ends."""

    async def scenario(bench: Bench) -> None:
        isolated(bench)
        invoke(bench, "a")
        other, own = invoke(bench, "b"), invoke(bench, "a")
        bench.made[0].finish()
        assert bench.made[0].current is own
        bench.made[0].finish()
        assert bench.made[0].ended
        assert bench.made[1].current is other
        assert bench.made[1].tenant_id == "b"
        bench.made[1].finish()

    run(1, scenario)


def test_environment_of_the_tenant_that_is_about_to_be_free_is_waited_for() -> None:
    """No idle one of another tenant has to end for that."""

    async def scenario(bench: Bench) -> None:
        isolated(bench)
        invoke(bench, "a")
        invoke(bench, "b")
        first, second = bench.made
        first.answer()
        second.finish()
        again = invoke(bench, "a")
        assert len(bench.made) == 2
        first.release()
        assert first.current is again
        first.finish()

    run(2, scenario)


@pytest.mark.parametrize(("isolation", "tenant", "text"), [(True, None, "Add a valid"), (False, "a", "Remove the")])
def test_invocation_without_the_right_tenant_is_refused(isolation: bool, tenant: str | None, text: str) -> None:
    """Also an asynchronous one, at once."""

    async def scenario(bench: Bench) -> None:
        bench.configure(tenant_isolation=isolation)
        invocation = invoke(bench, tenant)
        (error,) = bench.errors
        assert (error.status, error.error_type, text in error.message) == (400, "InvalidParameterValueException", True)
        with pytest.raises(ApiError, match=text):
            bench.pool.queue(invocation)
        assert bench.made == []

    run(1, scenario)
