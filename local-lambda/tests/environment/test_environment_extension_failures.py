"""Extensions that fail, and a runtime that does not know yet: what is reported, and that nothing else is touched."""

from __future__ import annotations

import pytest

from local_lambda.errors import ApiError
from local_lambda.events.platform import Report
from support.environment_extended import BOTH, MakeRig
from support.environment_rig import TIMEOUT


def test_invoke_when_an_extension_never_comes_back_times_out_after_the_answer(make_rig: MakeRig) -> None:
    """The caller keeps its response, the report says timeout, extensions are notified, and the next one is served."""
    rig = make_rig("one", "two")
    rig.warm_up(one=BOTH, two=("SHUTDOWN",))
    call = rig.call()
    rig.respond(call, b"result")
    rig.ask()
    rig.clock.advance(TIMEOUT - 0.1)
    assert rig.state[0] == "Busy"
    assert rig.told == ["INVOKE one 3.0"]
    rig.clock.advance(0.2)
    assert (call.response.payload, call.response.failed) == (b"result", False)
    assert rig.story() == ["start", "runtimeDone success", "report timeout"]
    assert rig.last(Report).duration == 3000
    rig.program("runtime").exit(0)
    assert rig.told == ["SIGTERM runtime", "SHUTDOWN two timeout 1.9"]
    rig.program("extension:two").exit(0)
    rig.clock.advance(2)
    assert rig.told == ["kill extension:one"]
    assert rig.state[0] == "Stopped"
    rig.events.clear()
    again = rig.call()
    assert rig.told == ["spawn extension:one", "spawn extension:two"]
    for name in ("one", "two"):
        rig.register(name)
        rig.next(name)
    rig.ask()
    rig.respond(again, b"good")
    rig.ask()
    assert again.response.payload == b"good"
    assert rig.story()[-1] == "report success"


@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize("answered", [False, True])
def test_invoke_when_an_extension_ends_fails(make_rig: MakeRig, code: int, answered: bool) -> None:
    """Whatever the status; a caller without a response gets the error."""
    rig = make_rig("one")
    rig.warm_up(one=BOTH)
    call = rig.call()
    if answered:
        rig.respond(call, b"result")
    rig.program("extension:one").exit(code)
    assert call.response.failed != answered
    crash = "error Extension.Crash"
    assert rig.story() == ["start", f"runtimeDone {crash}", f"report {crash}"]
    rig.program("runtime").exit(0)
    rig.clock.run()
    assert rig.state[0] == "Stopped"


def test_extension_that_ends_between_invocations_resets_the_environment(make_rig: MakeRig) -> None:
    """Nothing is reported of it, and the next invocation begins with an init."""
    rig = make_rig("one", "two")
    rig.warm_up(one=BOTH, two=BOTH)
    rig.program("extension:two").exit(1)
    assert rig.told == ["SIGTERM runtime"]
    rig.program("runtime").exit(0)
    assert rig.told == ["SHUTDOWN one failure 2.0"]
    rig.program("extension:one").exit(0)
    assert rig.story() == []
    assert rig.state[0] == "Stopped"
    rig.call()
    assert rig.story() == ["initStart invoke"]


def test_invoke_when_an_extension_has_said_that_it_fails_waits_for_its_end(make_rig: MakeRig) -> None:
    """What it said is stored; the phase fails when its process ends."""
    rig = make_rig("one")
    rig.warm_up(one=BOTH)
    rig.environment.extensions.fail(rig.known["one"].identifier, "exit/error", "Extension.Any")
    call = rig.call()
    assert rig.told == []
    rig.respond(call)
    rig.ask()
    assert rig.state[0] == "Busy"
    rig.program("extension:one").exit(1)
    assert rig.story() == ["start", "runtimeDone success", "report error Extension.ExitError"]


def test_init_when_an_extension_ends_after_the_runtime_is_ready_fails(make_rig: MakeRig) -> None:
    """The runtime's part of it was a success, and stays one."""
    rig = make_rig("one")
    rig.environment.init()
    rig.register("one", *BOTH)
    rig.ask()
    rig.program("extension:one").exit(1)
    assert rig.story() == [
        *("initStart init", "initRuntimeDone init success", "extension"),
        "initReport init error Extension.Crash",
    ]


def test_runtime_that_gets_ready_after_the_init_has_failed_is_not_reported(make_rig: MakeRig) -> None:
    """It has its time to end, and may still ask in it."""
    rig = make_rig("one", "two")
    rig.environment.init()
    for name in ("one", "two"):
        rig.register(name, *BOTH)
        rig.next(name)
    rig.program("extension:one").exit(1)
    told = rig.story()
    rig.ask()
    assert rig.story() == told
    assert rig.state[0] == "Resetting"


@pytest.mark.parametrize("answered", [False, True])
def test_runtime_that_goes_on_after_the_invocation_has_failed_is_not_heard(make_rig: MakeRig, answered: bool) -> None:
    """A response in the time it has to end comes too late."""
    rig = make_rig("one", "two")
    rig.warm_up(one=BOTH, two=BOTH)
    call = rig.call()
    if answered:
        rig.respond(call, b"in time")
    rig.program("extension:one").exit(1)
    told, answer = rig.story(), call.response
    assert rig.state[0] == "Resetting"
    if not answered:
        with pytest.raises(ApiError, match="Invalid request ID"):
            rig.respond(call, b"too late")
    rig.ask()
    assert (rig.story(), call.response) == (told, answer)
