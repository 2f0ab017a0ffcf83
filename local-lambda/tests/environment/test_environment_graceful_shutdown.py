"""Shutdown with extensions: what each one is sent in which order, and when it is killed. Time is not real here."""

from __future__ import annotations

import pytest

from support.environment_extended import BOTH, ExtendedRig, MakeRig


def end(rig: ExtendedRig, *names: str) -> None:
    """These processes end by themselves."""
    for name in names:
        rig.program(name).exit(0)
    rig.clock.run()


def test_shutdown_without_extensions_kills_at_once(make_rig: MakeRig) -> None:
    """No SIGTERM, no time."""
    rig = make_rig()
    rig.warm_up()
    assert rig.shut_down() == ["terminated"]
    assert rig.told == ["kill runtime"]


def test_shutdown_with_an_internal_extension_gives_the_runtime_500_ms(make_rig: MakeRig) -> None:
    """SIGTERM, then SIGKILL; it gets no event."""
    rig = make_rig()
    rig.warm_up(internal=("INVOKE",))
    ended = rig.shut_down()
    assert rig.told == ["SIGTERM runtime"]
    rig.clock.advance(0.49)
    assert (rig.told, ended) == ([], [])
    rig.clock.advance(0.02)
    assert rig.told[0] == "SIGKILL runtime"
    assert ended == ["terminated"]


def test_shutdown_when_the_runtime_ends_early_goes_on_at_once(make_rig: MakeRig) -> None:
    """The rest of its share is not used, and the processes it leaves are killed."""
    rig = make_rig()
    rig.warm_up(internal=())
    ended = rig.shut_down()
    rig.clock.advance(0.1)
    end(rig, "runtime")
    assert ended == ["terminated"]
    assert rig.told == ["SIGTERM runtime"]


@pytest.mark.parametrize(("internal", "share"), [(False, 0.3), (True, 0.5)])
def test_shutdown_with_external_extensions_gives_the_runtime_its_share(
    make_rig: MakeRig, internal: bool, share: float
) -> None:
    """300 ms, with an internal extension as well 500 ms; then the extensions have what is left of 2,000 ms."""
    rig = make_rig("one")
    rig.warm_up(one=BOTH, **({"internal": ()} if internal else {}))
    ended = rig.shut_down()
    assert rig.told == ["SIGTERM runtime"]
    rig.clock.advance(share - 0.01)
    assert rig.told == []
    rig.clock.advance(0.02)
    assert rig.told == ["SIGKILL runtime", f"SHUTDOWN one spindown {2 - share:.1f}"]
    end(rig, "extension:one")
    assert ended == ["terminated"]
    assert rig.told == []


def test_shutdown_of_an_extension_that_did_not_subscribe_is_a_kill(make_rig: MakeRig) -> None:
    """When the runtime is gone, without an event; the others get theirs at the same moment."""
    rig = make_rig("one", "two")
    rig.warm_up(one=("INVOKE",), two=("SHUTDOWN",))
    rig.shut_down()
    end(rig, "runtime")
    assert rig.told == ["SIGTERM runtime", "SIGKILL extension:one", "SHUTDOWN two spindown 2.0"]


def test_shutdown_when_an_extension_ignores_it_ends_after_2_seconds(make_rig: MakeRig) -> None:
    """All that is left is killed."""
    rig = make_rig("one", "two")
    rig.warm_up(one=BOTH, two=BOTH)
    ended = rig.shut_down()
    end(rig, "runtime")
    assert rig.told == ["SIGTERM runtime", "SHUTDOWN one spindown 2.0", "SHUTDOWN two spindown 2.0"]
    end(rig, "extension:two")
    rig.clock.advance(1.95)
    assert (rig.told, ended) == ([], [])
    rig.clock.advance(0.1)
    assert (rig.told, ended) == (["kill extension:one"], ["terminated"])


def test_shutdown_when_the_extension_is_busy_is_told_at_its_next(make_rig: MakeRig) -> None:
    """The event waits until it is asked for."""
    rig = make_rig("one")
    rig.warm_up(one=BOTH)
    call = rig.call()
    rig.respond(call)
    ended = rig.shut_down()
    end(rig, "runtime")
    assert rig.told == ["INVOKE one 3.0", "SIGTERM runtime"]
    rig.clock.advance(0.5)
    rig.next("one")
    assert rig.told == ["SHUTDOWN one spindown 1.5"]
    end(rig, "extension:one")
    assert ended == ["terminated"]


def test_shutdown_when_an_extension_fails_meanwhile_is_a_good_end(make_rig: MakeRig) -> None:
    """How it ends is ignored."""
    rig = make_rig("one")
    rig.warm_up(one=BOTH)
    ended = rig.shut_down()
    end(rig, "runtime")
    rig.program("extension:one").exit(3)
    rig.clock.run()
    assert ended == ["terminated"]
    assert rig.story() == []


def test_shutdown_when_an_extension_ends_before_its_turn_goes_on(make_rig: MakeRig) -> None:
    """While the runtime has its time."""
    rig = make_rig("one", "two")
    rig.warm_up(one=BOTH, two=BOTH)
    ended = rig.shut_down()
    end(rig, "extension:two")
    end(rig, "runtime")
    assert rig.told == ["SIGTERM runtime", "SHUTDOWN one spindown 2.0"]
    end(rig, "extension:one")
    assert ended == ["terminated"]


def test_shutdown_when_an_extension_has_said_that_it_fails_ends(make_rig: MakeRig) -> None:
    """Although it still waits for an event, it gets none any more."""
    rig = make_rig("one")
    rig.warm_up(one=BOTH)
    rig.environment.extensions.fail(rig.known["one"].identifier, "exit/error", "Extension.Any")
    ended = rig.shut_down()
    end(rig, "runtime")
    rig.clock.advance(2.1)
    assert ended == ["terminated"]
    assert rig.told == ["SIGTERM runtime", "kill extension:one"]


@pytest.mark.parametrize("reason", ["timeout", "failure"])
def test_reset_tells_extensions_why(make_rig: MakeRig, reason: str) -> None:
    """A timeout stops the runtime gently too; after a crash there is none to stop."""
    rig = make_rig("one")
    rig.warm_up(one=BOTH)
    rig.call()
    rig.next("one")
    assert rig.told == ["INVOKE one 3.0"]
    if reason == "timeout":
        rig.clock.advance(3)
        assert rig.told == ["SIGTERM runtime"]
        end(rig, "runtime")
    else:
        rig.program("runtime").exit(1)
    assert rig.told == [f"SHUTDOWN one {reason} 2.0"]
    end(rig, "extension:one")
    assert rig.state[0] == "Stopped"


def test_reset_after_an_init_that_timed_out_tells_extensions_why(make_rig: MakeRig) -> None:
    """Also those whose next waits since the init."""
    rig = make_rig("one", "two")
    rig.environment.init()
    rig.register("one", *BOTH)
    rig.next("one")
    rig.clock.advance(10)
    assert rig.told == [
        "spawn extension:one",
        "spawn extension:two",
        "SHUTDOWN one timeout 2.0",
        "SIGKILL extension:two",
    ]


def test_shutdown_in_a_reset_waits_for_it(make_rig: MakeRig) -> None:
    """It is not done twice."""
    rig = make_rig("one")
    rig.warm_up(one=BOTH)
    rig.program("runtime").exit(1)
    assert rig.told == ["SHUTDOWN one failure 2.0"]
    ended = rig.shut_down()
    assert ended == []
    end(rig, "extension:one")
    assert ended == ["terminated"]
    assert rig.told == []


@pytest.mark.parametrize("state", ["Started", "Registered"])
def test_shutdown_while_extensions_start_kills_them(make_rig: MakeRig, state: str) -> None:
    """One that has registered for it gets its event."""
    rig = make_rig("one", "two")
    rig.environment.init()
    if state == "Registered":
        rig.register("one", *BOTH)
    rig.told.clear()
    ended = rig.shut_down()
    if state == "Registered":
        rig.next("one")
        assert rig.told == ["SIGKILL extension:two", "SHUTDOWN one spindown 2.0"]
        end(rig, "extension:one")
    else:
        assert rig.told == ["SIGKILL extension:one", "SIGKILL extension:two"]
    assert ended == ["terminated"]
