"""Extensions and phases: who is started when, who is waited for, and what the invocation's end is."""

from __future__ import annotations

import pytest

from local_lambda.errors import ApiError
from local_lambda.events.platform import ExtensionState, InitReport, Report
from support.environment_extended import BOTH, MakeRig

READY = ["initRuntimeDone init success", "extension", "extension", "initReport init success"]
INVOKED = ["start", "runtimeDone success", "report success"]


def test_init_starts_the_runtime_when_every_extension_has_registered(make_rig: MakeRig) -> None:
    """All extensions at once, then nothing until the last one is there."""
    rig = make_rig("one", "two")
    rig.call()
    assert rig.told == ["spawn extension:one", "spawn extension:two"]
    rig.register("two", "INVOKE")
    rig.next("two")
    assert rig.told == []
    rig.register("one")
    assert rig.told == ["spawn runtime"]
    assert rig.story() == ["initStart init"]


@pytest.mark.parametrize("last", ["runtime", "one", "two"])
def test_init_ends_when_runtime_and_all_extensions_have_asked(make_rig: MakeRig, last: str) -> None:
    """In whatever order; one that wants no events at all has to ask too."""
    rig = make_rig("one", "two")
    call = rig.call()
    rig.register("one", *BOTH)
    rig.register("two")
    steps = {"runtime": rig.ask, "one": lambda: rig.next("one"), "two": lambda: rig.next("two")}
    for name in [*(set(steps) - {last}), last]:
        assert not any(isinstance(event, InitReport) for event in rig.events)
        steps[name]()
        rig.clock.run()
    assert rig.delivered == [call.invocation]
    assert rig.story()[1:] == [*READY, "start"]
    assert [(event.name, event.state, event.events) for event in rig.events if isinstance(event, ExtensionState)] == [
        ("one", "Ready", BOTH),
        ("two", "Ready", ()),
    ]


def test_init_closes_registration_and_subscription_in_this_order(make_rig: MakeRig) -> None:
    """The first at the runtime's first next, the second when all are ready."""
    rig = make_rig("one")
    rig.environment.init()
    rig.register("one")
    rig.ask()
    with pytest.raises(ApiError, match="Extension registration closed already"):
        rig.register("internal")
    assert rig.environment.subscriptions.open
    rig.next("one")
    assert not rig.environment.subscriptions.open


def test_internal_extension_registers_while_the_handler_is_imported(make_rig: MakeRig) -> None:
    """It gets INVOKE events, the environment waits for it, and it does not have its own process."""
    rig = make_rig()
    call = rig.call()
    assert rig.told == ["spawn runtime"]
    assert not rig.register("internal", "INVOKE").external
    rig.ask()
    assert rig.delivered == []
    rig.next("internal")
    assert rig.delivered == [call.invocation]
    assert rig.told == ["INVOKE internal 3.0"]
    rig.respond(call)
    rig.ask()
    assert rig.state[0] == "Busy"
    rig.next("internal")
    assert rig.state[0] == "Idle"


def test_internal_extension_whose_name_is_taken_is_refused(make_rig: MakeRig) -> None:
    """Whether an internal or an external extension took it."""
    rig = make_rig("one")
    rig.environment.init()
    rig.register("one")
    rig.register("internal")
    with pytest.raises(ApiError, match="Extension with this name already registered") as refused:
        rig.register("internal", "INVOKE")
    assert (refused.value.status, refused.value.error_type) == (403, "Extension.InvalidExtensionState")
    with pytest.raises(ApiError, match="State transition from Registered to Registered failed for extension one"):
        rig.register("one")


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"events":' + b"[" * 100_000 + b"]" * 100_000 + b"}", b"1" * 5000])
def test_registration_with_a_strange_body_is_refused(make_rig: MakeRig, body: bytes) -> None:
    """It is refused like a body that is not JSON, and changes nothing."""
    rig = make_rig("one")
    rig.environment.init()
    with pytest.raises(ApiError) as refused:
        rig.environment.extensions.register("one", body)
    assert (refused.value.status, refused.value.error_type) == (403, "InvalidRequestFormat")
    rig.register("one", *BOTH)


@pytest.mark.parametrize("external", [0, 4])
def test_extensions_are_ten_at_most(make_rig: MakeRig, external: int) -> None:
    """Internal and external ones together."""
    names = [f"external-{number}" for number in range(external)]
    rig = make_rig(*names)
    rig.environment.init()
    for name in names + [f"internal-{number}" for number in range(10 - external)]:
        rig.register(name)
    with pytest.raises(ApiError, match=r"Extension limit \(10\) reached") as refused:
        rig.register("eleventh")
    assert (refused.value.status, refused.value.error_type) == (403, "Extension.TooManyExtensions")


def test_extension_with_another_name_than_its_file_is_internal(make_rig: MakeRig) -> None:
    """The file's own registration is still missing, so the runtime is never started and the init times out."""
    rig = make_rig("one")
    rig.environment.init()
    assert not rig.register("another", "INVOKE").external
    assert rig.told == ["spawn extension:one"]
    rig.clock.advance(10.1)
    assert rig.last(InitReport).status == "timeout"
    states = [(event.name, event.state) for event in rig.events if isinstance(event, ExtensionState)]
    assert states == [("one", "Started"), ("another", "Registered")]


def test_invoke_goes_to_the_subscribed_and_ends_when_they_are_back(make_rig: MakeRig) -> None:
    """The caller has the response long before; the time until the end is overhead and is billed."""
    rig = make_rig("one", "two")
    rig.warm_up(one=BOTH, two=("SHUTDOWN",))
    call = rig.call()
    assert rig.told == ["INVOKE one 3.0"]
    rig.clock.advance(0.25)
    rig.respond(call, b"result")
    assert call.response.payload == b"result"
    rig.ask()
    assert rig.freed == 0
    assert not rig.environment.free
    assert rig.environment.responded
    rig.clock.advance(0.5)
    assert rig.story() == INVOKED[:2]
    rig.next("one")
    assert rig.story() == INVOKED
    assert rig.freed == 1
    report = rig.last(Report)
    assert (report.duration, report.billed_duration) == (pytest.approx(750), 750)
    (span,) = report.spans
    assert (span.name, span.duration) == ("extensionOverhead", pytest.approx(500))


def test_invoke_when_the_extension_is_back_first_ends_with_the_runtime(make_rig: MakeRig) -> None:
    """The overhead is nothing."""
    rig = make_rig("one")
    rig.warm_up(one=BOTH)
    call = rig.call()
    rig.next("one")
    rig.clock.advance(0.25)
    rig.respond(call)
    rig.ask()
    assert rig.state[0] == "Idle"
    (span,) = rig.last(Report).spans
    assert span.duration == pytest.approx(0)


def test_freeze_stops_between_invocations_only(make_rig: MakeRig) -> None:
    """When all are through, until the next invocation or the end."""
    rig = make_rig("one", freeze=True)
    call = rig.call()
    rig.register("one", *BOTH)
    rig.next("one")
    rig.ask()
    rig.respond(call)
    rig.ask()
    assert "freeze" not in rig.told
    rig.next("one")
    assert rig.told == ["freeze"]
    again = rig.call()
    assert rig.told == ["thaw", "INVOKE one 3.0"]
    rig.respond(again)
    rig.ask()
    rig.next("one")
    rig.shut_down()
    assert rig.told == ["freeze", "thaw", "SIGTERM runtime"]
