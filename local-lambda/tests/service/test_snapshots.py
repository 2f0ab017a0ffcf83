"""Snapshots of SnapStart: what those who wait for one learn, and when it is taken again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local_lambda.environment.failures import Failure
from local_lambda.environment.states import IDLE
from local_lambda.errors import ApiError
from local_lambda.functions.config import FunctionConfig
from local_lambda.service.foundation import Program
from local_lambda.service.snapshots import Snapshots, why_cold


class FakeEnvironment:
    """Becomes a snapshot, or fails, when the test says so."""

    def __init__(self) -> None:
        self.init_failure: Failure | None = None
        self.machine = SimpleNamespace(state="Initializing")
        self.on_free: Callable[[Any], None]

    def init(self) -> None:
        """Begin."""

    def fail(self, error_type: str) -> None:
        """The Init phase failed."""
        self.init_failure = Failure("error", error_type, "no such module")
        self.on_free(self)

    def succeed(self) -> None:
        """The Init phase succeeded."""
        self.machine.state = IDLE
        self.on_free(self)

    def shutdown(self, when_terminated: Callable[[], None]) -> None:
        """End."""
        when_terminated()


def test_failed_snapshot_is_explained_until_it_is_taken_again(tmp_path: Path) -> None:
    """To callers that waited for it and to later ones; after a change of the function they wait for the next one."""
    made: list[FakeEnvironment] = []
    lines: list[str] = []
    settled: list[str | None] = []

    def create(program: Program, label: str) -> FakeEnvironment:
        made.append(FakeEnvironment())
        return made[-1]

    async def scenario() -> None:
        factory: Any = SimpleNamespace(create=create)
        program = Program(FunctionConfig("hello", "app.handler", version="1"), tmp_path, None, None)
        snapshots = Snapshots(factory, lambda: program, "", lines.append, settled.append)
        learned: list[ApiError | None] = []
        first = snapshots.take()
        first.when_ready(learned.append)
        assert learned == []
        made[0].fail("Runtime.ImportModuleError")
        first.when_ready(learned.append)
        text = "There is no snapshot of hello:1: Runtime.ImportModuleError"
        assert [error and error.message for error in learned] == [text, text]
        assert settled == [text]
        with pytest.raises(ApiError, match=text):
            snapshots.create("")
        snapshots.renew()
        assert snapshots.create("") is made[-1]  # it waits for the new snapshot
        made[1].succeed()
        assert settled[-1] is None
        await snapshots.close()

    asyncio.run(scenario())
    assert lines == ["there is no snapshot of hello:1, because its Init phase failed: Runtime.ImportModuleError"]


def test_function_that_isolates_tenants_has_no_snapshots(tmp_path: Path) -> None:
    """As on AWS."""
    function = FunctionConfig("hello", "app.handler", tenant_isolation=True)
    assert why_cold(Program(function, tmp_path, None, None)) == "AWS does not combine it with TenancyConfig"
