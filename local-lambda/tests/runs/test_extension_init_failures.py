"""Extensions that fail before the first invocation: what is reported, logged and returned, and what happens next."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from conftest import MakeProject
from support import tool
from support.extended import ECHO, inits, message, reports, states, told, words

STARTING = f"import threading\nthreading.Event().wait()\n{ECHO}"
"""A function whose module is never imported to the end: no extension fails after the runtime is ready."""

ONCE = "if first_time():\n    {}\nregister('INVOKE', 'SHUTDOWN')\nserve()"
"""An extension that fails in its first life only."""


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
    "exits": Case("sys.exit(0)", "Exited", "Extension.Crash", "exit code 0"),
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
        "exit code 0",
        "Extension.Reason",
    ),
}


@pytest.mark.parametrize("name", INIT_FAILURES)
def test_extension_that_fails_in_init_twice_fails_the_invocation(extend: MakeProject, name: str) -> None:
    """Two inits, then START, END and REPORT; the log has a line for the extension and for each init."""
    case = INIT_FAILURES[name]
    outcome = extend({"one": case.script}, STARTING).report({"n": 1})
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
    """The response says which and why; the runtime is never started."""
    bad = tmp_path / "extensions" / "bad"
    bad.parent.mkdir()
    bad.write_text(content)
    bad.chmod(mode)
    outcome = extend(Layers=[tmp_path]).report({"n": 1})
    assert message(outcome) == ("Extension.LaunchError", f"fork/exec /opt/extensions/bad: {reason}")
    assert states(outcome) == [("LaunchError", error_type)] * 2
    assert inits(outcome) == [("error", "Extension.LaunchError")] * 2
    assert reports(outcome) == [("error", "Extension.LaunchError")]
    assert outcome.status == 1


def test_extension_that_was_mended_is_started(extend: MakeProject) -> None:
    """A folder that is the only layer is used in place, so the next invocation finds it."""
    project = extend({"one": None})
    extension = project.layers[0] / "extensions" / "one"
    extension.chmod(0o644)
    with project.serving("--max-environments", "1") as served:
        assert served.invoke("Hello", {"n": 1}).json["errorType"] == "Extension.LaunchError"
        served.wait_for(r"EXTENSION\tName: one\tState: LaunchError\tEvents: \[\]\tError Type: PermissionDenied$")
        extension.chmod(0o755)
        assert served.invoke("Hello", {"n": 2}).json == {"n": 2}


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
    monkeypatch.setattr(tool, "COMMAND", (sys.executable, str(Path(tool.__file__).with_name("quick_init.py"))))


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
    """It is taken for an internal one; with its correct name it is still served."""
    outcome = extend({"one": REFUSED}).report({"n": 1})
    refused, registered, again, *rest = told(outcome)
    assert (refused["status"], refused["answer"]["errorType"]) == (403, "Extension.InvalidEventType")
    assert (registered["status"], again["status"]) == (200, 403)
    assert again["answer"]["errorType"] == "Extension.InvalidExtensionState"
    assert words(rest) == ["INVOKE", "SHUTDOWN"]
    assert outcome.payloads == [{"n": 1}]
