"""The end of an environment, from every state it can be in."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from support.environment_rig import Call, Rig

Reach = Callable[[Rig], Call | None]


def new(rig: Rig) -> None:
    """Nothing has happened."""


def initializing(rig: Rig) -> None:
    rig.environment.init()


def initializing_for_somebody(rig: Rig) -> Call:
    return rig.call()


def idle(rig: Rig) -> None:
    rig.warm()


def busy(rig: Rig) -> Call:
    rig.warm()
    return rig.call()


def answered(rig: Rig) -> Call:
    call = busy(rig)
    rig.respond(call, b"result")
    return call


def resetting(rig: Rig) -> None:
    rig.warm()
    rig.process.exit(1)


def stopped(rig: Rig) -> None:
    resetting(rig)
    rig.clock.run()


STATES: dict[str, Reach] = {
    "New": new,
    "Initializing": initializing,
    "Idle": idle,
    "Resetting": resetting,
    "Stopped": stopped,
}
SERVING: dict[str, Reach] = {"Initializing": initializing_for_somebody, "Busy": busy, "Answered": answered}


@pytest.fixture
def rig() -> Rig:
    """A new environment."""
    return Rig()


@pytest.mark.parametrize("state", STATES)
def test_shutdown_when_nobody_is_served_is_quiet(rig: Rig, state: str) -> None:
    """The processes are gone, the environment has terminated, and nothing is reported of it."""
    STATES[state](rig)
    rig.events.clear()
    assert rig.state[0] == state
    assert rig.shut_down() == ["terminated"]
    assert (rig.state[0], rig.group.running, rig.group.closed) == ("Terminated", [], True)
    assert rig.story() in ([], ["initStart init"])


@pytest.mark.parametrize("state", SERVING)
def test_shutdown_when_somebody_is_served_answers(rig: Rig, state: str) -> None:
    """No caller is left waiting: one without a response gets an error."""
    call = SERVING[state](rig)
    assert call is not None
    assert rig.shut_down() == ["terminated"]
    if state == "Answered":
        assert call.response.payload == b"result"
    else:
        assert json.loads(call.response.payload)["errorType"] == "Sandbox.Failure"
        assert call.response.failed
    assert (rig.state[0], rig.group.running, rig.group.closed) == ("Terminated", [], True)
    if state != "Initializing":
        assert rig.story()[-2:] == ["runtimeDone failure Sandbox.Failure", "report failure Sandbox.Failure"]


def test_shutdown_before_the_second_init_of_an_invocation_answers(rig: Rig) -> None:
    """The first one failed, its processes are being killed, and the caller waits."""
    call = rig.call()
    rig.process.exit(1)
    assert rig.state[0] == "Resetting"
    assert rig.shut_down() == ["terminated"]
    assert json.loads(call.response.payload)["errorType"] == "Sandbox.Failure"


def test_shutdown_while_it_initializes_answers_who_wants_the_log_tail(rig: Rig) -> None:
    """There is no report to wait for."""
    call = rig.call(tail=True)
    assert rig.shut_down() == ["terminated"]
    assert (call.response.failed, call.response.log_tail) == (True, b"the tail")


@pytest.mark.parametrize("state", [*STATES, *SERVING])
def test_shutdown_twice_calls_both_back(rig: Rig, state: str) -> None:
    """While it shuts down, and when it has."""
    (STATES | SERVING)[state](rig)
    ended: list[int] = []
    rig.environment.shutdown(lambda: ended.append(1))
    rig.environment.shutdown(lambda: ended.append(2))
    rig.clock.run()
    assert sorted(ended) == [1, 2]
    rig.environment.shutdown(lambda: ended.append(3))
    assert ended[2:] == [3]


@pytest.mark.parametrize("state", [*STATES, *SERVING])
def test_shutdown_leaves_no_timer(rig: Rig, state: str) -> None:
    """Nothing happens afterwards, however long one waits."""
    (STATES | SERVING)[state](rig)
    rig.shut_down()
    told = rig.story()
    rig.clock.advance(1000)
    assert rig.story() == told


def test_shutdown_hands_out_what_was_reported_before(rig: Rig) -> None:
    """Events that wait for their turn are not lost."""
    rig.warm()
    call = rig.call()
    rig.environment.runtime.respond(call.id, b"1", rig.clock.now)
    rig.environment.runtime.next(rig.delivered.append)
    assert rig.shut_down() == ["terminated"]
    assert rig.story() == ["start", "runtimeDone success", "report success"]
