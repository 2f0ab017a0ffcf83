"""Extensions that fail: what is reported, logged and answered, and the good invocation afterwards."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import tool
from conftest import MakeProject
from extended import told, words
from tool import Outcome

ONCE = "if first_time():\n    {}\nregister('INVOKE', 'SHUTDOWN')\nserve()"
"""An extension that fails in its first life only."""


def states(outcome: Outcome) -> list[tuple[str, str | None]]:
    """State and error type of the extension at the end of each init."""
    return [(record["state"], record.get("errorType")) for record in outcome.records("platform.extension")]


def inits(outcome: Outcome) -> list[tuple[str, str | None]]:
    """Status and error type of each init."""
    return [(record["status"], record.get("errorType")) for record in outcome.records("platform.initReport")]


def reports(outcome: Outcome) -> list[tuple[str, str | None]]:
    """Status and error type of each invocation."""
    return [(record["status"], record.get("errorType")) for record in outcome.records("platform.report")]


def message(outcome: Outcome, number: int = 0) -> tuple[str, str]:
    """Error type and message of an answer, the latter without the request id."""
    invocation = outcome.report["invocations"][number]
    assert invocation["functionError"] == "Unhandled"
    error = invocation["payload"]
    assert list(error) == ["errorType", "errorMessage"]
    before = f"RequestId: {invocation['requestId']} Error: "
    assert error["errorMessage"].startswith(before)
    return error["errorType"], error["errorMessage"].removeprefix(before)


@dataclass(frozen=True)
class Case:
    """What an extension does in its Init phase, and what that is called."""

    script: str
    state: str
    error_type: str
    reason: str
    stored: str | None = None
    """The error type that it posted itself."""


INIT_FAILURES = {
    "exits": Case("sys.exit(0)", "Exited", "Extension.Crash", "exit status 0"),
    "fails": Case("sys.exit(3)", "Exited", "Extension.Crash", "exit status 3"),
    "is_killed": Case("os.kill(os.getpid(), 9)", "Exited", "Extension.Crash", "signal: killed"),
    "fails_when_registered": Case("register('INVOKE'); sys.exit(1)", "Exited", "Extension.Crash", "exit status 1"),
    "posts_init_error": Case(
        "register('INVOKE'); error('init'); sys.exit(2)",
        "InitError",
        "Extension.InitError",
        "exit status 2",
        "Extension.Reason",
    ),
    "posts_exit_error": Case(
        "register('INVOKE'); error('exit'); error('exit'); sys.exit(0)",
        "ExitError",
        "Extension.ExitError",
        "exit status 0",
        "Extension.Reason",
    ),
}


@pytest.mark.parametrize("name", INIT_FAILURES)
def test_extension_that_fails_in_init_twice_fails_the_invocation(extend: MakeProject, name: str) -> None:
    """Two inits, then START, END and REPORT; the log has a line for the extension and for each init."""
    case = INIT_FAILURES[name]
    outcome = extend({"one": case.script}).report({"n": 1})
    assert outcome.status == 1
    assert message(outcome) == (case.error_type, case.reason)
    assert states(outcome) == [(case.state, case.stored)] * 2
    assert inits(outcome) == [("error", case.error_type)] * 2
    assert reports(outcome) == [("error", case.error_type)]
    assert outcome.records("function") == []
    (done, again) = outcome.records("platform.initRuntimeDone")
    assert (done["status"], done["errorType"], again["phase"]) == ("error", case.error_type, "invoke")
    tail = outcome.report["invocations"][0]["logTail"]
    ends = rf"Status: error\tError Type: {case.error_type}"
    assert re.search(rf"EXTENSION\tName: one\tState: {case.state}\tEvents: \[(INVOKE)?\]", tail)
    assert re.search(rf"INIT_REPORT Init Duration: [\d.]+ ms\tPhase: init\t{ends}\n", tail)
    assert re.search(rf"INIT_REPORT Init Duration: [\d.]+ ms\tPhase: invoke\t{ends}\n", tail)
    assert re.search(rf"REPORT RequestId: .*\t{ends}\n", tail)


@pytest.mark.parametrize("name", INIT_FAILURES)
def test_extension_that_fails_in_the_first_init_only_is_forgiven(extend: MakeProject, name: str) -> None:
    """The second init is part of the invocation, which succeeds."""
    case = INIT_FAILURES[name]
    outcome = extend({"one": ONCE.format(case.script)}).report({"n": 1}, {"n": 2})
    assert (outcome.status, outcome.payloads) == (0, [{"n": 1}, {"n": 2}])
    assert states(outcome) == [(case.state, case.stored), ("Ready", None)]
    assert inits(outcome) == [("error", case.error_type), ("success", None)]
    assert reports(outcome) == [("success", None)] * 2
    assert words(told(outcome))[-4:] == ["registered", "INVOKE", "INVOKE", "SHUTDOWN"]


@pytest.mark.parametrize(
    ("content", "mode", "error_type", "reason"),
    [
        ("#!/bin/sh\n", 0o644, "PermissionDenied", "permission denied"),
        ("#!/no/such\n", 0o755, "UnknownError", "no such file or directory"),
        ("no program\n", 0o755, "UnknownError", "exec format error"),
    ],
    ids=["not executable", "interpreter missing", "no program"],
)
def test_extension_that_cannot_be_started_fails_the_invocation(
    extend: MakeProject, tmp_path: Path, content: str, mode: int, error_type: str, reason: str
) -> None:
    """The answer says which and why; the runtime is never started."""
    bad = tmp_path / "extensions" / "bad"
    bad.parent.mkdir()
    bad.write_text(content)
    bad.chmod(mode)
    outcome = extend(Layers=[tmp_path]).report({"n": 1})
    assert message(outcome) == ("Extension.LaunchError", f"cannot start /opt/extensions/bad: {reason}")
    assert states(outcome) == [("LaunchError", error_type)] * 2
    assert inits(outcome) == [("error", "Extension.LaunchError")] * 2
    assert reports(outcome) == [("error", "Extension.LaunchError")]
    assert outcome.status == 1


def test_extensions_when_there_are_eleven_are_too_many(extend: MakeProject) -> None:
    """None of them is started."""
    names = [f"one{number:02}" for number in range(11)]
    outcome = extend(dict.fromkeys(names)).report({"n": 1})
    assert message(outcome)[0] == "Extension.LaunchError"
    assert states(outcome) == [("LaunchError", "TooManyExtensions")] * 22
    assert reports(outcome) == [("error", "Extension.LaunchError")]
    assert outcome.records("extension") == []


def test_extensions_when_there_are_ten_are_served(extend: MakeProject) -> None:
    """All of them get all events."""
    names = [f"one{number}" for number in range(10)]
    outcome = extend(dict.fromkeys(names)).report({"n": 1})
    assert outcome.payloads == [{"n": 1}]
    for name in names:
        assert words(told(outcome, name)) == ["registered", "INVOKE", "SHUTDOWN"]


@pytest.fixture
def quick_init(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Init phase may take two seconds, not ten."""
    monkeypatch.setattr(tool, "COMMAND", (sys.executable, str(Path(__file__).with_name("quick_init.py"))))


@pytest.mark.parametrize(
    ("script", "state"),
    [
        ("forever()", "Started"),
        ("register('INVOKE', name='other'); forever()", "Started"),
        ("register('INVOKE'); forever()", "Registered"),
    ],
    ids=["never registers", "wrong name", "never calls next"],
)
@pytest.mark.usefixtures("quick_init")
def test_extension_that_never_gets_ready_lets_the_init_time_out(extend: MakeProject, script: str, state: str) -> None:
    """It is killed, and the init within the invocation succeeds with one that has learned."""
    outcome = extend({"one": ONCE.format(script)}).report({"n": 1})
    assert (outcome.status, outcome.payloads) == (0, [{"n": 1}])
    assert states(outcome)[0] == (state, None)
    assert inits(outcome) == [("timeout", None), ("success", None)]
    assert reports(outcome) == [("success", None)]
    tail = outcome.report["invocations"][0]["logTail"]
    assert re.search(r"INIT_REPORT Init Duration: [\d.]+ ms\tPhase: init\tStatus: timeout\n", tail)


REFUSED = """
register("SHUTDOWN", name="other")
register("INVOKE", "SHUTDOWN")
good = identifier
register("INVOKE", "SHUTDOWN")
identifier = good
serve()
"""


def test_extension_that_asks_for_shutdown_by_a_wrong_name_is_told(extend: MakeProject) -> None:
    """It is taken for an internal one; with its right name it is served all the same."""
    outcome = extend({"one": REFUSED}).report({"n": 1})
    refused, registered, again, *rest = told(outcome)
    assert (refused["status"], refused["answer"]["errorType"]) == (403, "Extension.InvalidEventType")
    assert (registered["status"], again["status"]) == (200, 403)
    assert again["answer"]["errorType"] == "Extension.InvalidExtensionState"
    assert words(rest) == ["INVOKE", "SHUTDOWN"]
    assert outcome.payloads == [{"n": 1}]


BUSY = "register('INVOKE', 'SHUTDOWN')\nwait()\nwait()\nif first_time():\n    {}\nserve()"
"""An extension that fails in the second invocation of its first life."""
INVOKE_FAILURES = {
    "exits": ("sys.exit(0)", "Extension.Crash"),
    "fails": ("sys.exit(3)", "Extension.Crash"),
    "posts_exit_error": ("error('exit'); error('exit'); sys.exit(1)", "Extension.ExitError"),
}


WAITING = """
register("INVOKE", "SHUTDOWN")
def end():
    open(os.environ["GATE"]).read()
    os._exit(1)
threading.Thread(target=end).start()
serve()
"""
"""An extension that ends when the test says so."""


def test_extension_that_ends_between_invocations_is_started_again(extend: MakeProject, shared_folder: Path) -> None:
    """The others are told of the failure; the next invocation finds everybody back."""
    gate = shared_folder / "between"
    os.mkfifo(gate)
    project = extend({"one": WAITING, "two": None}, variables={"GATE": str(gate)})
    with project.serving("--max-environments", "1") as served:
        assert served.invoke("Hello", {"n": 1}).json == {"n": 1}
        gate.write_text("")
        served.wait_for('"two".*"shutdownReason": "failure"')
        since = len(served.lines)
        reply = served.invoke("Hello", {"n": 2})
        assert (reply.headers["X-Amz-Function-Error"], reply.json) == (None, {"n": 2})
        assert "Status" not in served.log_of(reply.request_id)[-1]
        for name in ("one", "two"):
            served.wait_for(f'"{name}", "what": "registered"', since)


@pytest.mark.parametrize("name", INVOKE_FAILURES)
def test_extension_that_ends_in_an_invocation_fails_it(extend: MakeProject, name: str) -> None:
    """The caller may have its answer; the report has the error, and the next invocation begins with an init."""
    script, error_type = INVOKE_FAILURES[name]
    outcome = extend({"one": BUSY.format(script)}).report({"n": 1}, {"n": 2}, {"n": 3}, {"n": 4})
    assert reports(outcome) == [("success", None), ("error", error_type), ("success", None), ("success", None)]
    assert [outcome.payloads[number] for number in (0, 2, 3)] == [{"n": 1}, {"n": 3}, {"n": 4}]
    if outcome.report["invocations"][1]["functionError"]:
        assert message(outcome, 1)[0] == error_type
    else:
        assert outcome.payloads[1] == {"n": 2}
    assert inits(outcome) == [("success", None)] * 2
    assert [record["phase"] for record in outcome.records("platform.initStart")] == ["init", "invoke"]


def test_extension_that_ignores_shutdown_is_killed(extend: MakeProject) -> None:
    """The tool ends well all the same."""
    script = "register('INVOKE', 'SHUTDOWN')\nwait()\nwait()\nsay('ignored')\nforever()"
    outcome = extend({"one": script}).report({"n": 1})
    assert (outcome.status, outcome.payloads) == (0, [{"n": 1}])
    assert words(told(outcome)) == ["registered", "INVOKE", "SHUTDOWN", "ignored"]


def test_extension_that_fails_at_shutdown_is_no_failure(extend: MakeProject) -> None:
    """How it ends is ignored."""
    outcome = extend({"one": "register('SHUTDOWN')\nserve()\nsys.exit(3)"}).report({"n": 1})
    assert (outcome.status, outcome.payloads) == (0, [{"n": 1}])
    assert words(told(outcome)) == ["registered", "SHUTDOWN"]
