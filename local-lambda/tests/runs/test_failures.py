"""Functions that fail while they are invoked: what the caller gets, what the log says, which events there are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest

from conftest import MakeProject
from support.tool import Outcome, Project

COLD = ["initStart", "initRuntimeDone", "initReport"]
INVOKED = ["start", "runtimeDone", "report"]


@dataclass(frozen=True)
class Case:
    """An event that makes the function fail, and what comes of it. `{id}` in `message` is the request id."""

    event: dict[str, Any]
    error_type: str
    message: str
    status: str = "success"
    """Of the events: an error that the runtime reports is a success of the runtime."""
    reported: str | None = None
    """The error type of the events."""


EXIT = "RequestId: {id} Error: Runtime exited"
PLATFORM = {
    "exit_0": Case({"how": "exits"}, "Runtime.ExitError", f"{EXIT} without providing a reason", "error"),
    "exit_3": Case({"how": "exits", "status": 3}, "Runtime.ExitError", f"{EXIT} with error: exit status 3", "error"),
    "_exit_0": Case(
        {"how": "vanishes", "status": 0}, "Runtime.ExitError", f"{EXIT} without providing a reason", "error"
    ),
    "_exit_7": Case(
        {"how": "vanishes", "status": 7}, "Runtime.ExitError", f"{EXIT} with error: exit status 7", "error"
    ),
    "sigkill": Case({"how": "is_killed"}, "Runtime.ExitError", f"{EXIT} with error: signal: killed", "error"),
    "sigsegv": Case({"how": "crashes"}, "Runtime.ExitError", f"{EXIT} with error: signal: segmentation fault", "error"),
    "timeout": Case(
        {"how": "hangs"}, "Sandbox.Timedout", "RequestId: {id} Error: Task timed out after 1.00 seconds", "timeout"
    ),
}
"""The platform writes the body: `errorType` first."""


@pytest.fixture(scope="module")
def project(make_project: MakeProject) -> Project:
    """A function that fails as its event says."""
    return make_project(Hello={"Handler": "failing.handler", "Timeout": 1})


def statuses(outcome: Outcome) -> list[tuple[str, str | None]]:
    """Status and error type of `platform.runtimeDone` and `platform.report`, in order."""
    records = outcome.records("platform.runtimeDone") + outcome.records("platform.report")
    return [(record["status"], record.get("errorType")) for record in records]


def succeeded(invocation: Any, event: object) -> bool:
    return (invocation["functionError"], invocation["payload"]) == (None, event)


@pytest.mark.parametrize("case", PLATFORM.values(), ids=PLATFORM)
def test_invoke_when_the_runtime_is_lost_reports_it_and_starts_over(project: Project, case: Case) -> None:
    """The body, the REPORT line and the events name the reason; the next invocation begins with a suppressed init."""
    outcome = project.report(case.event, {"after": "that"})
    failed, good = outcome.report["invocations"]
    identifier = failed["requestId"]
    expected = {"errorType": case.error_type, "errorMessage": case.message.format(id=identifier)}
    assert (outcome.status, failed["functionError"]) == (1, "Unhandled")
    assert list(failed["payload"].items()) == list(expected.items())
    assert outcome.event_types == COLD + INVOKED + COLD + INVOKED
    assert [record["phase"] for record in outcome.records("platform.initStart")] == ["init", "invoke"]
    kind = None if case.status == "timeout" else case.error_type
    assert statuses(outcome) == [(case.status, kind), ("success", None)] * 2
    end = "Status: timeout" if case.status == "timeout" else f"Status: error\tError Type: {case.error_type}"
    init, start, stop, report = failed["logTail"].splitlines()
    assert init.startswith("INIT_START Runtime Version: python:3.")
    assert (start, stop) == (f"START RequestId: {identifier} Version: $LATEST", f"END RequestId: {identifier}")
    assert re.fullmatch(
        rf"REPORT RequestId: {identifier}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\t"
        rf"Max Memory Used: \d+ MB\tInit Duration: [\d.]+ ms\t{end}",
        report,
    )
    assert succeeded(good, {"after": "that"})


def test_invoke_when_it_times_out_lasts_exactly_its_timeout(project: Project) -> None:
    """Duration is the timeout to the hundredth, and the cold start is billed with it."""
    outcome = project.report({"how": "hangs"})
    metrics = outcome.records("platform.report")[0]["metrics"]
    assert metrics["durationMs"] == 1000
    assert metrics["billedDurationMs"] == -(-(1000 + metrics["initDurationMs"]) // 1)
    assert "\tDuration: 1000.00 ms\t" in outcome.report["invocations"][0]["logTail"]


def test_invoke_when_the_handler_raises_passes_its_error_on(project: Project) -> None:
    """Message, type and stack trace of the exception; the process stays, and the traceback is one log event."""
    outcome = project.report({"how": "raises", "name": "you"}, {"after": "that"})
    failed, good = outcome.report["invocations"]
    payload = failed["payload"]
    assert (outcome.status, failed["functionError"]) == (1, "Unhandled")
    assert list(payload) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert (payload["errorMessage"], payload["errorType"]) == ("sorry for you", "CustomError")
    assert payload["requestId"] == failed["requestId"]
    for line, name in zip(payload["stackTrace"], ["handler", "raises"], strict=True):
        assert re.match(rf'  File ".*/failing.py", line \d+, in {name}\n    \S', line)
    assert outcome.event_types == [*COLD, "start", "function", "runtimeDone", "report", *INVOKED]
    assert statuses(outcome) == [("success", None)] * 4
    (log,) = outcome.records("function")
    assert re.match(r"\[ERROR\] CustomError: sorry for you\nTraceback \(most recent call last\):\n", log)
    assert log.count("File ") == 2
    assert failed["logTail"].count("\nEND RequestId") == 1
    assert succeeded(good, {"after": "that"})


def test_invoke_when_the_result_is_no_json_names_its_type(project: Project) -> None:
    """`Runtime.MarshalError`, without a stack; the process stays."""
    outcome = project.report({"how": "unserializable"}, {"after": "that"})
    failed, good = outcome.report["invocations"]
    assert list(failed["payload"].items()) == [
        ("errorMessage", "Unable to marshal response: Object of type set is not JSON serializable"),
        ("errorType", "Runtime.MarshalError"),
        ("requestId", failed["requestId"]),
        ("stackTrace", []),
    ]
    assert failed["functionError"] == "Unhandled"
    assert outcome.event_types == [*COLD, "start", "function", "runtimeDone", "report", *INVOKED]
    assert statuses(outcome) == [("success", None)] * 4
    assert outcome.records("function")[0].startswith("[ERROR] Runtime.MarshalError: Unable to marshal response")
    assert succeeded(good, {"after": "that"})


def test_invoke_when_the_result_is_over_6_mb_names_the_limit(project: Project) -> None:
    """The caller's message names the limit; the runtime gets 413 and, being awslambdaric, ends."""
    outcome = project.report({"how": "too_large"}, {"after": "that"})
    failed, good = outcome.report["invocations"]
    assert list(failed["payload"].items()) == [
        ("errorMessage", "Response payload size exceeded maximum allowed payload size (6291556 bytes)."),
        ("errorType", "Function.ResponseSizeTooLarge"),
    ]
    assert failed["functionError"] == "Unhandled"
    assert "Exceeded maximum allowed payload size (6291556 bytes)." in outcome.errors
    assert succeeded(good, {"after": "that"})


def test_invoke_with_a_result_of_6_mb_passes_it_on(project: Project) -> None:
    """The limit is 6 MB and 100 bytes, as in the service."""
    code = "def handler(event, context):\n    return 'x' * (6 * 1024 * 1024 + 98)\n"
    outcome = project.invoke("--code", written(project, code))
    assert (outcome.status, len(outcome.output.strip())) == (0, 6 * 1024 * 1024 + 100)


def written(project: Project, code: str) -> str:
    """A folder with this code as `failing.py`."""
    folder = project.folder / "other"
    folder.mkdir(exist_ok=True)
    (folder / "failing.py").write_text(code)
    return str(folder)


def test_invoke_when_it_fails_again_and_again_starts_over_each_time(project: Project) -> None:
    """Every failure costs its own invocation only."""
    events = [{"how": "vanishes", "status": 1}, {"n": 1}, {"how": "is_killed"}, {"how": "exits"}, {"n": 2}, {"n": 3}]
    outcome = project.report(*events)
    errors = [invocation["functionError"] for invocation in outcome.report["invocations"]]
    assert errors == ["Unhandled", None, "Unhandled", "Unhandled", None, None]
    assert outcome.event_types == (COLD + INVOKED) * 2 + INVOKED + (COLD + INVOKED) * 2 + INVOKED


def test_invoke_when_the_process_dies_after_its_answer_is_answered_all_the_same(project: Project) -> None:
    """That caller has the response, the report has the error, and the next caller gets a new process."""
    code = (
        "import os\n"
        "from awslambdaric.lambda_runtime_client import LambdaRuntimeClient\n"
        "def handler(event, context):\n"
        "    if event.get('dies'):\n"
        "        LambdaRuntimeClient.wait_next_invocation = lambda self: os._exit(9)\n"
        "    return event\n"
    )
    events = [{"dies": True}, {"after": "that"}]
    outcome = project.invoke("--code", written(project, code), "--report", "json", events=events)
    first, second = outcome.report["invocations"]
    assert succeeded(first, {"dies": True})
    assert succeeded(second, {"after": "that"})
    assert statuses(outcome) == [("error", "Runtime.ExitError"), ("success", None)] * 2
    assert outcome.status == 0
