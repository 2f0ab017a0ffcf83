"""An environment that works: what it reports, in which order, when it answers, and what it measures."""

from __future__ import annotations

import pytest

from local_lambda.errors import ApiError, InvalidStateTransition
from local_lambda.events.platform import InitReport, Report, RuntimeDone, Start
from support.environment_rig import EPOCH, TIMEOUT, Rig

COLD = ["initStart init", "initRuntimeDone init success", "initReport init success"]
INVOKED = ["start", "runtimeDone success", "report success"]


@pytest.fixture
def rig() -> Rig:
    """A new environment."""
    return Rig()


def test_invoke_of_a_new_environment_is_a_cold_start(rig: Rig) -> None:
    """Init, then start when the runtime asks, and the end when it asks again."""
    call = rig.call()
    assert rig.state == ("Initializing", "Started")
    assert rig.story() == COLD[:1]
    rig.ask()
    assert rig.delivered == [call.invocation]
    assert rig.state == ("Busy", "Running")
    assert rig.story() == [*COLD, "start"]
    rig.respond(call, b"result")
    assert (call.response.payload, call.response.failed) == (b"result", False)
    assert rig.state == ("Busy", "RuntimeResponseSentState")
    assert rig.story() == [*COLD, "start"]
    rig.ask()
    assert rig.story() == COLD + INVOKED
    assert rig.state == ("Idle", "Ready")
    assert rig.freed == 1


def test_invoke_of_a_warm_environment_has_no_init(rig: Rig) -> None:
    """The waiting next is answered at once."""
    rig.warm()
    call = rig.call()
    assert rig.delivered == [call.invocation]
    rig.respond(call)
    rig.ask()
    assert rig.story() == INVOKED


def test_invoke_after_init_without_an_invocation_is_warm_and_reports_the_init(rig: Rig) -> None:
    """An environment may be initialized before anybody calls."""
    rig.environment.init()
    rig.clock.advance(0.5)
    rig.ask()
    assert rig.freed == 1
    rig.clock.advance(100)
    call = rig.call()
    rig.respond(call)
    rig.ask()
    assert rig.story() == COLD + INVOKED
    assert rig.last(Report).init_duration == pytest.approx(500)


def test_init_begun_before_the_loop_gets_what_is_left_of_its_time() -> None:
    """A runtime is started before the tool has a loop."""
    rig = Rig()
    rig.environment._loop = None
    rig.environment.init()
    rig.clock.now += 4
    rig.environment.attach(rig.clock)
    rig.clock.advance(5.9)
    assert rig.state == ("Initializing", "Started")
    rig.clock.advance(0.2)
    assert rig.last(InitReport).status == "timeout"
    assert rig.last(InitReport).duration == pytest.approx(10_000)


def test_durations_are_measured_and_billed(rig: Rig) -> None:
    """Init, work and overhead each have their time; billed is the sum, rounded up; spans add up."""
    call = rig.call()
    rig.clock.advance(0.25)
    rig.ask()
    rig.clock.advance(0.040)
    rig.environment.runtime.respond(call.id, b"12345", rig.clock.now - 0.010)
    rig.clock.advance(0.0021)
    rig.ask()
    rig.story()
    done, report = rig.last(RuntimeDone), rig.last(Report)
    assert report.init_duration == pytest.approx(250)
    assert report.duration == done.duration == pytest.approx(42.1)
    assert report.billed_duration == 293
    assert (done.produced_bytes, report.memory_size) == (5, 128)
    spans = {span.name: (span.start - EPOCH - 1000.25, span.duration) for span in done.spans}
    assert spans["responseLatency"] == (pytest.approx(0, abs=1e-6), pytest.approx(30))
    assert spans["responseDuration"] == (pytest.approx(0.030, abs=1e-6), pytest.approx(10))
    assert spans["runtimeOverhead"] == (pytest.approx(0.040, abs=1e-6), pytest.approx(2.1))


def test_duration_of_a_warm_invocation_is_billed_alone(rig: Rig) -> None:
    """Nothing of an earlier init is left."""
    rig.warm()
    call = rig.call()
    rig.clock.advance(0.0101)
    rig.respond(call)
    rig.ask()
    rig.story()
    assert (rig.last(Report).billed_duration, rig.last(Report).init_duration) == (11, None)


def test_deadline_is_the_timeout_after_the_start(rig: Rig) -> None:
    """In milliseconds since the epoch, and not counted from the request or the init."""
    call = rig.call()
    rig.clock.advance(2)
    rig.ask()
    rig.story()
    assert call.invocation.deadline_ms == int((EPOCH + 1002 + TIMEOUT) * 1000)
    assert rig.last(Start).time == EPOCH + 1002


def test_error_of_the_handler_is_a_success_of_the_runtime(rig: Rig) -> None:
    """The caller gets the body as it is; status and error type stay those of a success."""
    rig.warm()
    call = rig.call()
    rig.environment.runtime.fail(call.id, b"the error", rig.clock.now, cause="the cause")
    rig.ask()
    assert (call.response.payload, call.response.failed) == (b"the error", True)
    assert rig.story() == INVOKED
    assert (rig.last(RuntimeDone).failed, rig.last(RuntimeDone).cause) == (True, "the cause")


def test_response_that_is_refused_fails_the_invocation_only(rig: Rig) -> None:
    """Too large, cut off, streamed: the caller gets an error, and the runtime keeps running."""
    rig.warm()
    call = rig.call()
    rig.environment.runtime.refuse_response(call.id, b"too large", rig.clock.now)
    assert (call.response.payload, call.response.failed) == (b"too large", True)
    rig.ask()
    assert rig.state == ("Idle", "Ready")


def test_answer_with_the_log_tail_comes_after_the_report(rig: Rig) -> None:
    """The tail has the REPORT line, so it cannot be sent before."""
    rig.warm()
    call = rig.call(tail=True)
    rig.respond(call, b"result")
    assert call.responses == []
    rig.ask()
    assert (call.response.payload, call.response.failed, call.response.log_tail) == (b"result", False, b"the tail")
    assert rig.story() == INVOKED


def test_lines_written_until_the_end_come_before_it(rig: Rig) -> None:
    """Even those that have not been read when the runtime asks for more."""
    call = rig.call()
    rig.process.write("at import")
    rig.ask()
    rig.process.write("in the handler")
    rig.respond(call)
    rig.process.write("after the answer")
    rig.ask()
    lines = ["function in the handler", "function after the answer"]
    assert rig.story() == ["initStart init", "function at import", *COLD[1:], "start", *lines, *INVOKED[1:]]


def test_next_twice_gets_the_invocation_twice(rig: Rig) -> None:
    """While it runs; while it waits only the last one that asked gets it."""
    call = rig.call()
    rig.ask()
    rig.ask()
    assert rig.delivered == [call.invocation] * 2
    rig.respond(call)
    rig.ask()
    rig.ask()
    assert len(rig.delivered) == 2
    other = rig.call()
    assert rig.delivered[2:] == [other.invocation]
    assert rig.story() == [*COLD, *INVOKED, "start"]


def test_next_when_cancelled_gets_nothing(rig: Rig) -> None:
    """The invocation waits for a runtime that still listens."""
    rig.warm()
    lost: list[object] = []
    rig.environment.runtime.next(lost.append)
    rig.environment.runtime.next_cancelled(lost.append)
    other: list[object] = []
    rig.environment.runtime.next_cancelled(other.append)
    call = rig.call()
    rig.ask()
    assert (rig.delivered, other) == ([call.invocation], [])


@pytest.mark.parametrize(
    ("request_id", "invocation_id"), [("another", None), ("another", "same"), (None, "another"), ("", "")]
)
def test_answer_to_something_else_is_refused_and_changes_nothing(
    rig: Rig, request_id: str | None, invocation_id: str | None
) -> None:
    """400 for another request, and for another attempt at the same."""
    rig.warm()
    call = rig.call()
    identifier = call.id if request_id is None else request_id
    attempt = call.invocation.invocation_id if invocation_id == "same" else invocation_id
    before = rig.state
    for verb in (rig.environment.runtime.respond, rig.environment.runtime.fail):
        with pytest.raises(ApiError) as refusal:
            verb(identifier, b"", rig.clock.now, attempt)
        assert (refusal.value.status, refusal.value.error_type) == (400, "InvalidRequestID")
    assert (rig.state, call.responses) == (before, [])
    rig.environment.runtime.respond(call.id, b"", rig.clock.now, call.invocation.invocation_id)
    assert len(call.responses) == 1


def test_answer_twice_is_refused_and_changes_nothing(rig: Rig) -> None:
    """403, and the caller keeps the first."""
    rig.warm()
    call = rig.call()
    rig.respond(call, b"first")
    with pytest.raises(InvalidStateTransition):
        rig.environment.runtime.respond(call.id, b"second", rig.clock.now)
    with pytest.raises(InvalidStateTransition):
        rig.environment.runtime.fail(call.id, b"third", rig.clock.now)
    rig.ask()
    with pytest.raises(InvalidStateTransition):
        rig.environment.runtime.respond(call.id, b"fourth", rig.clock.now)
    assert call.response.payload == b"first"
    assert rig.story() == INVOKED


def test_memory_is_the_highest_seen(rig: Rig) -> None:
    """It does not go down with a new process."""
    rig.warm()
    rig.call()
    rig.process.peak_kilobytes = 300 * 1024
    rig.process.exit(1)
    rig.clock.run()
    call = rig.call()
    rig.ask()
    rig.respond(call)
    rig.ask()
    rig.story()
    assert [event.max_memory_used for event in rig.events if isinstance(event, Report)] == [300, 300]


def test_nothing_is_put_into_words_while_nobody_listens() -> None:
    """An invocation that no sink wants to hear of leaves nothing to hand out."""
    rig = Rig(listening=False)
    rig.warm()
    flushed: list[int] = []
    rig.environment.stream._defer = lambda flush: flushed.append(1)
    call = rig.call()
    rig.respond(call, b"result")
    rig.ask()
    assert call.response.payload == b"result"
    assert rig.state == ("Idle", "Ready")
    assert flushed == []


def test_limits_stand_still_while_a_debugger_is_attached(rig: Rig) -> None:
    """The Init limit and the timeout go on with what was left of them; freezing waits for the debugger to leave."""
    call = rig.call()
    rig.clock.advance(8)
    rig.environment.hold()
    rig.clock.advance(1000)
    assert rig.state[0] == "Initializing"
    rig.ask()
    rig.clock.advance(1000)
    assert call.responses == []
    rig.environment.resume()
    rig.clock.advance(TIMEOUT - 0.1)
    assert call.responses == []
    rig.environment.hold()
    rig.clock.advance(1000)
    rig.environment.resume()
    rig.clock.advance(0.05)
    assert call.responses == []
    rig.clock.advance(0.1)
    assert b"Sandbox.Timedout" in call.response.payload


def test_init_fails_when_the_rest_of_its_limit_is_used_up_after_the_debugger(rig: Rig) -> None:
    """Ten seconds in all, without the time that a debugger was attached."""
    rig.call()
    rig.clock.advance(4)
    rig.environment.hold()
    rig.clock.advance(1000)
    rig.environment.resume()
    rig.clock.advance(5.9)
    assert rig.story() == COLD[:1]
    rig.clock.advance(0.2)
    assert "initReport init timeout" in rig.story()
