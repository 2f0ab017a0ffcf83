"""The Restore phase: what the time limit and the failures of a restore do, and what waiting for a snapshot does not."""

from __future__ import annotations

from local_lambda.environment.restore_phase import OnSnapshot
from local_lambda.errors import ApiError
from local_lambda.events import platform
from support.environment_rig import Rig


def at_once(action: OnSnapshot) -> None:
    """There is a snapshot."""
    action(None)


def refusal(rig: Rig, error: ApiError | None) -> tuple[int, str]:
    """Status and type of the error of the API."""
    assert error is not None
    assert rig.events[-1].type != "platform.report"
    return error.status, error.error_type


def test_restore_that_takes_too_long() -> None:
    """The ten seconds begin when the forked runtime does; its caller gets the service's error."""
    rig = Rig(restored_when=at_once)
    call = rig.call()
    rig.clock.advance(100)
    assert not call.responses
    rig.environment.runtime.restore_next()
    rig.clock.advance(9.9)
    assert not call.responses
    rig.clock.advance(0.2)
    assert call.response.failed
    assert refusal(rig, call.invocation.refusal) == (408, "SnapStartTimeoutException")
    (report,) = [event for event in rig.events if isinstance(event, platform.RestoreReport)]
    assert report.status == "timeout"


def test_waiting_for_the_snapshot_is_not_part_of_the_restore() -> None:
    """The restore is measured from the moment when there is a snapshot."""
    waiting: list[OnSnapshot] = []
    rig = Rig(restored_when=waiting.append)
    call = rig.call()
    rig.clock.advance(60)
    assert not rig.group.running
    assert not rig.events
    waiting.pop()(None)
    rig.environment.runtime.restore_next()
    rig.clock.advance(0.25)
    rig.ask()
    (report,) = [event for event in rig.events if isinstance(event, platform.RestoreReport)]
    assert (report.status, round(report.duration)) == ("success", 250)
    assert call.invocation.restore == report.duration
    assert rig.delivered == [call.invocation]


def test_snapshot_that_fails_while_a_caller_waits() -> None:
    """That caller and every later one get the reason; nothing is restored, and nothing is reported."""
    waiting: list[OnSnapshot] = []
    rig = Rig(restored_when=waiting.append)
    reason = ApiError(400, "SnapStartException", "There is no snapshot of hello:1: Runtime.ImportModuleError")
    for _ in range(2):
        call = rig.call()
        assert not call.responses
        waiting.pop()(reason)
        rig.clock.run()
        assert call.response.failed
        assert call.invocation.refusal is reason
        assert rig.environment.free
    assert not rig.group.running
    assert not [event for event in rig.events if event.type.startswith("platform.")]
    rig.call()
    waiting.pop()(None)
    assert rig.process.name == "runtime"


def test_shutdown_before_the_snapshot_fails() -> None:
    """The failure comes too late to be one."""
    waiting: list[OnSnapshot] = []
    rig = Rig(restored_when=waiting.append)
    call = rig.call()
    waiting.pop()(ApiError(400, "SnapStartException", "There is no snapshot"))
    assert rig.shut_down() == ["terminated"]
    assert call.invocation.refusal is None


def test_shutdown_while_it_waits() -> None:
    """Nothing is started any more."""
    waiting: list[OnSnapshot] = []
    rig = Rig(restored_when=waiting.append)
    rig.call()
    ended: list[bool] = []
    rig.environment.shutdown(lambda: ended.append(True))
    rig.clock.run()
    waiting.pop()(None)
    assert ended == [True]
    assert not rig.group.running


def test_error_during_a_restore_is_the_error_of_the_restore() -> None:
    """Whichever path the runtime posts it to."""
    rig = Rig(restored_when=at_once)
    call = rig.call()
    rig.environment.runtime.restore_next()
    rig.environment.runtime.fail_init(b"{}", "Runtime.Odd")
    assert rig.state == ("Initializing", "RuntimeRestoreErrorState")
    rig.process.exit(65)
    rig.clock.run()
    assert refusal(rig, call.invocation.refusal) == (400, "SnapStartException")
    (done,) = [event for event in rig.events if isinstance(event, platform.RestoreRuntimeDone)]
    assert (done.status, done.error_type) == ("error", "Runtime.Odd")
