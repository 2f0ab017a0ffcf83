"""An environment whose runtime fails: what is reported and answered, and how it starts over."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from local_lambda.errors import InvalidStateTransition
from local_lambda.events.platform import InitReport, Report, RuntimeDone
from support.environment_rig import EPOCH, TIMEOUT, Call, Rig

COLD = ["initStart init", "initRuntimeDone init success", "initReport init success"]
AGAIN = ["initStart invoke", "initRuntimeDone invoke success", "initReport invoke success"]
INVOKED = ["start", "runtimeDone success", "report success"]
CRASHED = ["runtimeDone error Runtime.ExitError", "report error Runtime.ExitError"]
INIT_CRASHED = ["initRuntimeDone init error Runtime.ExitError", "initReport init error Runtime.ExitError"]


@pytest.fixture
def rig() -> Rig:
    """A new environment."""
    return Rig()


def recovers(rig: Rig) -> None:
    """The next invocation begins with a suppressed init and succeeds."""
    assert rig.state[0] == "Stopped"
    rig.events.clear()
    call = rig.call()
    rig.ask()
    rig.respond(call, b"good")
    rig.ask()
    assert call.response.payload == b"good"
    assert rig.story() == AGAIN + INVOKED


def error(call: Call) -> str:
    """The message of the error object without the request id."""
    document = json.loads(call.response.payload)
    assert call.response.failed
    assert list(document) == ["errorType", "errorMessage"]
    return f"{document['errorType']}: {document['errorMessage'].removeprefix(f'RequestId: {call.id} Error: ')}"


def test_timeout_stops_the_runtime(rig: Rig) -> None:
    """At the deadline, not before; the duration is the timeout exactly."""
    rig.warm()
    call = rig.call()
    rig.clock.advance(TIMEOUT - 0.05)
    assert call.responses == []
    rig.clock.advance(0.2)
    assert error(call) == "Sandbox.Timedout: Task timed out after 3.00 seconds"
    assert rig.story() == ["start", "runtimeDone timeout", "report timeout"]
    assert (rig.last(Report).duration, rig.last(Report).billed_duration) == (3000, 3000)
    assert rig.freed == 1
    recovers(rig)


def test_timeout_after_the_answer_leaves_the_caller_its_answer(rig: Rig) -> None:
    """A runtime that does not ask for more runs into the same deadline."""
    rig.warm()
    call = rig.call()
    rig.respond(call, b"in time")
    rig.clock.advance(TIMEOUT + 0.2)
    assert call.response.payload == b"in time"
    assert rig.story() == ["start", "runtimeDone timeout", "report timeout"]
    recovers(rig)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (0, "Runtime exited without providing a reason"),
        (3, "Runtime exited with error: exit status 3"),
        (-9, "Runtime exited with error: signal: killed"),
        (-11, "Runtime exited with error: signal: segmentation fault"),
    ],
)
def test_exit_while_it_runs_is_the_answer(rig: Rig, code: int, message: str) -> None:
    """At once; what was written until then stands before it."""
    rig.warm()
    call = rig.call()
    rig.process.write("last words")
    rig.process.exit(code)
    assert error(call) == f"Runtime.ExitError: {message}"
    assert rig.story() == ["start", "function last words", *CRASHED]
    rig.clock.run()
    assert rig.freed == 1
    recovers(rig)


def test_exit_after_the_answer_leaves_the_caller_its_answer(rig: Rig) -> None:
    """The report has the error."""
    rig.warm()
    call = rig.call()
    rig.respond(call, b"in time")
    rig.process.exit(1)
    rig.clock.run()
    assert call.response.payload == b"in time"
    assert rig.story() == ["start", *CRASHED]
    recovers(rig)


def test_exit_while_idle_is_no_event(rig: Rig) -> None:
    """Nothing is served; the next invocation starts over."""
    rig.warm()
    rig.process.exit(1)
    rig.clock.run()
    assert rig.story() == []
    recovers(rig)


def test_invoke_while_it_resets_waits_for_the_reset(rig: Rig) -> None:
    """It is served as soon as the processes are gone."""
    rig.warm()
    rig.process.exit(1)
    assert rig.state[0] == "Resetting"
    call = Call(tail=False)
    rig.environment.invoke(call.invocation)
    rig.clock.run()
    rig.ask()
    rig.respond(call)
    rig.ask()
    assert rig.story() == AGAIN + INVOKED


def exit_early(rig: Rig) -> None:
    rig.process.exit(1)
    rig.clock.run()


def post_init_error(rig: Rig) -> None:
    rig.environment.runtime.fail_init(b'{"posted":1}', "Runtime.Posted")
    exit_early(rig)


def take_too_long(rig: Rig) -> None:
    rig.clock.advance(10)


def not_start(rig: Rig) -> None:
    rig.process.exit(127, (2, "No such file or directory"))
    rig.clock.run()


FAILURES: dict[str, tuple[Callable[[Rig], None], str]] = {
    "exit": (exit_early, "error Runtime.ExitError"),
    "init_error": (post_init_error, "error Runtime.Posted"),
    "timeout": (take_too_long, "timeout"),
    "launch": (not_start, "error Runtime.InvalidEntrypoint"),
}


@pytest.mark.parametrize(("fail", "status"), FAILURES.values(), ids=FAILURES)
def test_init_that_fails_before_any_invocation_is_reported_and_kept_quiet(
    rig: Rig, fail: Callable[[Rig], None], status: str
) -> None:
    """There is nobody to tell; the first invocation tries again, and its success is a success."""
    rig.environment.init()
    fail(rig)
    assert rig.story() == ["initStart init", f"initRuntimeDone init {status}", f"initReport init {status}"]
    assert rig.environment.init_failure is not None
    assert rig.freed == 1
    recovers(rig)
    assert rig.environment.init_failure is None


@pytest.mark.parametrize(("fail", "status"), FAILURES.values(), ids=FAILURES)
def test_init_that_fails_with_an_invocation_waiting_is_tried_again_for_it(
    rig: Rig, fail: Callable[[Rig], None], status: str
) -> None:
    """The suppressed init is part of the duration; there is no init duration; the deadline starts again."""
    call = rig.call()
    fail(rig)
    assert rig.state == ("Initializing", "Started")
    began = rig.clock.now
    rig.clock.advance(0.5)
    rig.ask()
    rig.clock.advance(0.1)
    rig.respond(call)
    rig.ask()
    init = ["initStart init", f"initRuntimeDone init {status}", f"initReport init {status}"]
    assert rig.story() == init + AGAIN + INVOKED
    report = rig.last(Report)
    assert (report.duration, report.init_duration) == (pytest.approx(600), None)
    done = rig.last(RuntimeDone)
    assert [span.start - EPOCH - began for span in done.spans] == pytest.approx([0, 0.6, 0.6], abs=1e-5)
    assert done.time - EPOCH - began == pytest.approx(0.6, abs=1e-5)
    assert call.invocation.deadline_ms == int((rig.clock.time() - 0.1 + TIMEOUT) * 1000)
    assert rig.clock.now == pytest.approx(began + 0.6)


@pytest.mark.parametrize(("fail", "status"), FAILURES.values(), ids=FAILURES)
def test_init_that_fails_twice_fails_the_invocation(rig: Rig, fail: Callable[[Rig], None], status: str) -> None:
    """It has the error of the second; start, runtimeDone and report are still there."""
    call = rig.call()
    fail(rig)
    fail(rig)
    assert call.response.failed
    assert rig.story() == [
        *("initStart init", f"initRuntimeDone init {status}", f"initReport init {status}"),
        *("initStart invoke", f"initRuntimeDone invoke {status}", f"initReport invoke {status}"),
        *("start", f"runtimeDone {status}", f"report {status}"),
    ]
    assert rig.last(Report).init_duration is None
    recovers(rig)


def test_init_error_is_the_answer_byte_for_byte(rig: Rig) -> None:
    """It is that of the last attempt, not one that we made."""
    call = rig.call()
    post_init_error(rig)
    post_init_error(rig)
    assert call.response.payload == b'{"posted":1}'


def test_init_error_after_the_first_next_is_refused(rig: Rig) -> None:
    """And changes nothing."""
    rig.warm()
    with pytest.raises(InvalidStateTransition):
        rig.environment.runtime.fail_init(b"{}", "Runtime.Posted")
    assert rig.state == ("Idle", "Ready")
    assert rig.environment.init_failure is None


def test_init_in_an_invocation_has_the_function_timeout(rig: Rig) -> None:
    """Ten seconds the first time, the function's timeout the second."""
    call = rig.call()
    rig.clock.advance(9.9)
    assert rig.state == ("Initializing", "Started")
    rig.clock.advance(0.1 + TIMEOUT - 0.1)
    assert call.responses == []
    rig.clock.advance(0.2)
    assert error(call) == "Sandbox.Timedout: Task timed out after 3.00 seconds"
    reports = [event.duration for event in rig.events if isinstance(event, InitReport)]
    assert reports == [pytest.approx(10_000), pytest.approx(3000)]
    assert rig.last(Report).duration == 3000


@pytest.mark.parametrize("fail", [exit_early, lambda rig: rig.clock.advance(TIMEOUT + 0.2)], ids=["exit", "timeout"])
def test_log_tail_of_a_failed_invocation_comes_with_the_answer(rig: Rig, fail: Callable[[Rig], None]) -> None:
    """Once, when the report is there."""
    rig.warm()
    call = rig.call(tail=True)
    fail(rig)
    assert (call.response.failed, call.response.log_tail) == (True, b"the tail")


def test_log_tail_of_an_invocation_whose_init_failed_comes_with_the_answer(rig: Rig) -> None:
    """As in any other."""
    call = rig.call(tail=True)
    exit_early(rig)
    exit_early(rig)
    assert (call.response.failed, call.response.log_tail) == (True, b"the tail")


def lose_the_supervisor(rig: Rig) -> None:
    """All processes are gone at once, and nothing more is to be killed."""
    rig.group.kill_all = lambda when_killed: when_killed()
    rig.process.exit(-9)
    del rig.group.kill_all


def test_lost_processes_fail_the_invocation_in_them_alone(rig: Rig) -> None:
    """The environment is reset although no signal can be delivered, and starts over."""
    rig.warm()
    call = rig.call()
    lose_the_supervisor(rig)
    assert error(call) == "Runtime.ExitError: Runtime exited with error: signal: killed"
    assert rig.story() == ["start", *CRASHED]
    assert rig.freed == 1
    recovers(rig)


def test_lost_processes_of_an_idle_environment_cost_nobody_anything(rig: Rig) -> None:
    """The next invocation begins with a suppressed init."""
    rig.warm()
    lose_the_supervisor(rig)
    assert rig.story() == []
    recovers(rig)


def test_lost_processes_in_an_init_are_replaced_for_the_invocation_that_waits(rig: Rig) -> None:
    """As after any init that failed."""
    call = rig.call()
    lose_the_supervisor(rig)
    assert rig.state == ("Initializing", "Started")
    rig.ask()
    rig.respond(call, b"good")
    rig.ask()
    assert call.response.payload == b"good"
