"""One durable execution without a function: what an update does, which are refused, and what time changes."""

from __future__ import annotations

from typing import Any

import pytest

from local_lambda.durable.execution import Execution
from local_lambda.durable.operations import Operation
from local_lambda.errors import ApiError
from local_lambda.limits import MAX_EXECUTION_BYTES, MAX_OPERATIONS

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f:1/durable-execution/order/7"
START = 1000.0


class Bench:
    """An execution, and what it has asked for."""

    def __init__(self) -> None:
        self.chained: list[str] = []
        self.changes = 0
        self.execution = Execution(ARN, "order", "arn:f:1", '{"n":1}', 60, START, self._chain, self._change)
        self.token = self.execution.begin()["CheckpointToken"]

    def _chain(self, execution: Execution, operation: Operation, update: dict[str, Any]) -> None:
        self.chained.append(update["ChainedInvokeOptions"]["FunctionName"])

    def _change(self, execution: Execution) -> None:
        self.changes += 1

    def save(self, *updates: dict[str, Any], now: float = START, client: str | None = None) -> list[dict[str, Any]]:
        """A checkpoint; the operations in its response."""
        found = self.execution.checkpoint(self.token, list(updates), client, now)
        self.token = found.get("CheckpointToken", "")
        return list(found["NewExecutionState"]["Operations"])

    def refused(self, *updates: dict[str, Any]) -> str:
        """The message of the error of a checkpoint, which has no effect."""
        before = dict(self.execution.operations)
        with pytest.raises(ApiError) as caught:
            self.execution.checkpoint(self.token, list(updates), None, START)
        assert caught.value.error_type == "InvalidParameterValueException"
        assert self.execution.operations == before
        return caught.value.message


def step(action: str, identifier: str = "a", **members: Any) -> dict[str, Any]:
    """An update of a step."""
    return {"Id": identifier, "Type": "STEP", "Action": action, "Name": "pay", **members}


def update(kind: str, action: str, identifier: str = "a", **members: Any) -> dict[str, Any]:
    """An update."""
    return {"Id": identifier, "Type": kind, "Action": action, **members}


def wait(seconds: object, identifier: str = "w") -> dict[str, Any]:
    """The start of a wait."""
    return update("WAIT", "START", identifier, WaitOptions={"WaitSeconds": seconds})


def test_first_event_has_the_input_under_the_last_part_of_the_arn() -> None:
    """The SDK looks for it there; times are milliseconds."""
    event = Bench().execution.begin()
    (own,) = event["InitialExecutionState"]["Operations"]
    assert own == {
        "Id": "7",
        "Type": "EXECUTION",
        "Status": "STARTED",
        "StartTimestamp": 1_000_000,
        "ExecutionDetails": {"InputPayload": '{"n":1}'},
    }
    assert (event["DurableExecutionArn"], event["UpdatedOperationIds"]) == (ARN, [])


def test_response_has_what_the_function_has_not_seen() -> None:
    """Each operation once."""
    bench = Bench()
    (first,) = bench.save(step("START"))
    assert (first["Status"], first["StartTimestamp"]) == ("STARTED", START)
    (second,) = bench.save(step("SUCCEED", Payload="1"), now=START + 1)
    assert (second["Status"], second["EndTimestamp"], second["StepDetails"]) == (
        "SUCCEEDED",
        START + 1,
        {"Result": "1", "Attempt": 1},
    )
    assert bench.save() == []


def test_token_is_good_for_one_checkpoint_of_one_invocation() -> None:
    """An old one, one of an invocation that has ended, and one after the end are refused."""
    bench = Bench()
    old = bench.token
    bench.save(step("START"))
    bench.token, new = old, bench.token
    assert bench.refused() == "Invalid checkpoint token"
    bench.execution.invoked("r", START, START, None)
    bench.token = new
    assert bench.refused() == "Invalid checkpoint token"
    bench.token = bench.execution.begin()["CheckpointToken"]
    bench.execution.finish("STOPPED", START)
    assert bench.refused() == "Invalid checkpoint token"


def test_request_that_is_repeated_has_no_effect() -> None:
    """It gets the response that was lost."""
    bench = Bench()
    token = bench.token
    first = bench.execution.checkpoint(token, [step("START"), step("SUCCEED", Payload="1")], "mine", START)
    assert bench.execution.checkpoint(token, [step("START"), step("SUCCEED", Payload="1")], "mine", START) == first
    assert bench.execution.operations["a"].details["Attempt"] == 1


@pytest.mark.parametrize(
    ("updates", "message"),
    [
        ([{"Type": "STEP", "Action": "START"}], "An update needs an Id."),
        ([update("SLEEP", "START")], "Unknown operation type."),
        ([update("WAIT", "SUCCEED")], "Invalid action for the given operation type."),
        ([step("SUCCEED", Error={})], "Cannot provide an Error for SUCCEED action."),
        ([step("FAIL", Payload="1")], "Cannot provide a Payload for FAIL action."),
        ([step("RETRY")], "Invalid StepOptions for the given action."),
        ([wait("1")], "Invalid WaitOptions for the given action."),
        ([update("CHAINED_INVOKE", "START")], "Invalid ChainedInvokeOptions for the given action."),
        ([step("START"), step("START")], "Cannot checkpoint multiple operations with the same ID."),
        ([step("START", ParentId="b")], "Invalid parent operation id."),
        ([step("START", "b"), step("START", ParentId="b")], "Invalid parent operation id."),
        ([update("WAIT", "CANCEL")], "Cannot cancel a WAIT that does not exist or has already completed."),
        ([update("EXECUTION", "SUCCEED"), step("START", "b")], "EXECUTION checkpoint must be the last update."),
        (
            [update("EXECUTION", "SUCCEED"), update("EXECUTION", "FAIL", "b")],
            "Cannot checkpoint multiple EXECUTION updates.",
        ),
    ],
)
def test_update_that_is_refused(updates: list[dict[str, Any]], message: str) -> None:
    """None of the updates of its request has an effect."""
    assert Bench().refused(*updates) == message


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (step("START"), "Invalid current STEP state to start."),
        (update("WAIT", "CANCEL"), "Inconsistent operation type."),
        (step("SUCCEED", Name="other"), "Inconsistent operation name."),
        (step("SUCCEED", SubType="Other"), "Inconsistent operation subtype."),
    ],
)
def test_update_that_does_not_fit_what_is_known(second: dict[str, Any], message: str) -> None:
    """The function has taken another way than before."""
    bench = Bench()
    bench.save(step("START"))
    assert bench.refused(second) == message


def test_step_that_has_ended_stays_as_it_is() -> None:
    """It cannot fail after it has succeeded."""
    bench = Bench()
    bench.save(step("START"), step("SUCCEED", Payload="1"))
    assert bench.refused(step("FAIL", Error={})) == "Invalid current STEP state to close."
    assert bench.refused(step("RETRY", StepOptions={"NextAttemptDelaySeconds": 1})) == (
        "Invalid current STEP state to re-attempt."
    )


def test_retry_is_ready_when_its_time_has_come() -> None:
    """Not before; the function may start it then, with the attempts counted."""
    bench = Bench()
    bench.save(step("START"), step("RETRY", Error={"ErrorMessage": "no"}, StepOptions={"NextAttemptDelaySeconds": 5}))
    assert (bench.execution.waits, bench.execution.next_due()) == (True, START + 5)
    bench.execution.complete_due(START + 4.9)
    assert bench.execution.has_news is False
    (ready,) = bench.save(now=START + 5)
    assert (ready["Status"], ready["StepDetails"]["Attempt"]) == ("READY", 1)
    bench.save(step("START"))
    (ended,) = bench.save(step("SUCCEED", Payload="2"))
    assert ended["StepDetails"]["Attempt"] == 2
    assert "Error" not in ended["StepDetails"]


def test_wait_ends_in_the_running_invocation_or_wakes_the_next() -> None:
    """The next event names what has changed since the function has looked."""
    bench = Bench()
    bench.save(wait(1, "one"), wait(9, "nine"))
    (one,) = bench.save(now=START + 1)
    assert (one["Id"], one["Status"]) == ("one", "SUCCEEDED")
    bench.execution.invoked("r", START, START + 1, None)
    bench.execution.complete_due(START + 9)
    event = bench.execution.begin()
    assert event["UpdatedOperationIds"] == ["nine"]
    assert len(event["InitialExecutionState"]["Operations"]) == 3


def test_heartbeat_keeps_a_callback_alive() -> None:
    """Up to its own time limit."""
    bench = Bench()
    options = {"TimeoutSeconds": 10, "HeartbeatTimeoutSeconds": 4}
    (callback,) = bench.save(update("CALLBACK", "START", CallbackOptions=options))
    operation = bench.execution.callbacks[callback["CallbackDetails"]["CallbackId"]]
    assert bench.execution.next_due() == START + 4
    bench.execution.heartbeat(operation, START + 3)
    assert bench.execution.next_due() == START + 7
    bench.execution.heartbeat(operation, START + 7)
    bench.execution.complete_due(START + 10)
    assert (operation.status, operation.details["Error"]["ErrorType"]) == ("TIMED_OUT", "Callback.Timeout")
    with pytest.raises(ApiError, match="timed out"):
        bench.execution.heartbeat(operation, START + 11)


def test_state_has_pages() -> None:
    """By number, and by size in the event of an invocation."""
    bench = Bench()
    half = "x" * (3 * 1024 * 1024)
    for name in "abc":
        bench.save(step("START", name), step("SUCCEED", name, Payload=half))
    state = bench.execution.begin()["InitialExecutionState"]
    assert ([each["Id"] for each in state["Operations"]], state["NextMarker"]) == (["7", "a"], "2")
    page = bench.execution.state("2", 1)
    assert ([each["Id"] for each in page["Operations"]], page["NextMarker"]) == (["b"], "3")
    assert "NextMarker" not in bench.execution.state("3", 9)
    with pytest.raises(ApiError, match="Invalid marker"):
        bench.execution.state("4", 9)


def test_execution_is_bounded() -> None:
    """In the number of its operations, and in what it stores."""
    bench = Bench()
    bench.save(*(step("START", str(number)) for number in range(100, 100 + MAX_OPERATIONS - 1)))
    assert "operations at most" in bench.refused(step("START", "more"))
    large = Bench()
    large.execution._bytes = MAX_EXECUTION_BYTES - 10
    assert "bytes at most" in large.refused(step("SUCCEED", Payload="x" * 11))


def test_history_without_data_says_that_it_is_cut() -> None:
    """Everything else is there."""
    bench = Bench()
    bench.save(step("START"), step("SUCCEED", Payload="secret"))
    events, after = bench.execution.history.page(0, 2, data=False, reverse=True)
    assert [event["EventType"] for event in events] == ["StepSucceeded", "StepStarted"]
    assert events[0]["StepSucceededDetails"] == {"Result": {"Truncated": True}, "RetryDetails": {"CurrentAttempt": 1}}
    assert after == 2


def test_chained_invocation_begins_once() -> None:
    """Its result wakes the function."""
    bench = Bench()
    options = {"FunctionName": "other"}
    bench.save(update("CHAINED_INVOKE", "START", ChainedInvokeOptions=options, Payload="1"))
    assert bench.chained == ["other"]
    bench.execution.complete(bench.execution.operations["a"], "SUCCEEDED", START, "2")
    assert (bench.changes, bench.execution.has_news) == (1, True)
