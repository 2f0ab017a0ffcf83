"""The state tables: every legal row, and that everything else is refused and changes nothing."""

from __future__ import annotations

import pytest

from local_lambda.environment.states import ENVIRONMENT, EXTENSION, RUNTIME, TARGETS, Machine, Table
from local_lambda.errors import InvalidStateTransition

RUNTIME_ROWS = """
    Started next Ready
    Started init/error InitError
    Started restore/next Restoring
    Restoring next Ready
    Restoring restore/error RuntimeRestoreErrorState
    Ready next Ready
    Ready invoke Running
    Running next Running
    Running response RuntimeResponseSentState
    Running error RuntimeResponseSentState
    Running stream InvocationResponse
    InvocationResponse streamed RuntimeResponseSentState
    RuntimeResponseSentState next Ready
"""
"""As in AWS's own supervisor."""


def illegal(table: Table) -> list[tuple[str, str]]:
    """All pairs of a state and a verb that have no row."""
    states = {state for state, _ in table.rows} | set(table.rows.values())
    verbs = {verb for _, verb in table.rows}
    return sorted((state, verb) for state in states for verb in verbs if (state, verb) not in table.rows)


def test_runtime_table_is_the_supervisors() -> None:
    """Nothing was added to the states of a runtime, and nothing left out."""
    rows = {(state, verb): target for state, verb, target in map(str.split, RUNTIME_ROWS.strip().splitlines())}
    assert rows == RUNTIME.rows


@pytest.mark.parametrize("table", [RUNTIME, EXTENSION, ENVIRONMENT], ids=lambda table: table.what)
def test_advance_along_every_row_reaches_its_target(table: Table) -> None:
    """Every legal transition is taken."""
    for (state, verb), target in table.rows.items():
        machine = Machine("it", table, state)
        machine.advance(verb)
        assert machine.state == target


@pytest.mark.parametrize("table", [RUNTIME, EXTENSION, ENVIRONMENT], ids=lambda table: table.what)
def test_advance_without_a_row_raises_and_changes_nothing(table: Table) -> None:
    """The refusal is a 403 that names both states; the state stays."""
    pairs = illegal(table)
    assert pairs
    for state, verb in pairs:
        machine = Machine("runtime", table, state)
        with pytest.raises(InvalidStateTransition) as refusal:
            machine.advance(verb)
        assert machine.state == state
        assert (refusal.value.status, refusal.value.error_type) == (403, "InvalidStateTransition")
        assert refusal.value.message == (
            f"State transition from {state} to {TARGETS.get(verb, verb)} failed for runtime. "
            "Error: State transition is not allowed"
        )


def test_environment_table_reaches_the_end_from_every_state() -> None:
    """Whatever happens, an environment can be shut down, and only the end has no way out."""
    for state in {state for state, _ in ENVIRONMENT.rows} | set(ENVIRONMENT.rows.values()):
        machine = Machine("environment", ENVIRONMENT, state)
        if state == "Terminated":
            assert not [row for row in ENVIRONMENT.rows if row[0] == state]
            continue
        if state != "ShuttingDown":
            machine.advance("shutdown")
        if machine.state == "ShuttingDown":
            machine.advance("stopped")
        assert machine.state == "Terminated"
