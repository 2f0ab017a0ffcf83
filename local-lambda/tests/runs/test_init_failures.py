"""Functions that cannot be initialized: the init is tried twice, the error is the caller's, what is mended works."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from conftest import MakeProject
from support.tool import Gate, Project, Tool

GOOD = "def handler(event, context):\n    return event\n"


@dataclass(frozen=True)
class Case:
    """Code of `app.py` (None: there is no such file), the handler, and the error it leads to, a pattern."""

    code: str | None
    error_type: str
    message: str
    handler: str = "app.handler"
    stack: str | None = None
    """A pattern of the stack trace; None when it is empty."""


REPORTED = {
    "module_missing": Case(None, "Runtime.ImportModuleError", "Unable to import module 'app': No module named 'app'"),
    "import_of_a_missing_module": Case(
        "import absent", "Runtime.ImportModuleError", "Unable to import module 'app': No module named 'absent'"
    ),
    "handler_missing": Case("", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"),
    "no_dot": Case(
        GOOD,
        "Runtime.MalformedHandlerName",
        r"Bad handler 'app': not enough values to unpack \(expected 2, got 1\)",
        "app",
    ),
    "builtin_module": Case(
        GOOD, "Runtime.BuiltInModuleConflict", "Cannot use built-in module sys as a handler module", "sys.handler"
    ),
    "syntax_error": Case(
        "def handler(event, context):\n    return event\nthis is no Python\n",
        "Runtime.UserCodeSyntaxError",
        r"Syntax error in module 'app': .+ \(app.py, line 3\)",
        stack=r'  File ".*/app.py" Line 3\n    this is no Python\n',
    ),
    "exception": Case(
        "def connect():\n    raise KeyError('DATABASE')\nconnect()\n",
        "KeyError",
        "'DATABASE'",
        stack=r'(?s).*File ".*/app.py", line 3, in <module>\n    connect\(\)\n.*/app.py", line 2, in connect\n.*',
    ),
}
"""The runtime reports these: `errorMessage` first, no request id."""

LOST = {
    "exit_0": Case("import sys; sys.exit(0)", "Runtime.ExitError", "Runtime exited without providing a reason"),
    "exit_4": Case("import sys; sys.exit(4)", "Runtime.ExitError", "Runtime exited with error: exit status 4"),
    "_exit_5": Case("import os; os._exit(5)", "Runtime.ExitError", "Runtime exited with error: exit status 5"),
    "sigkill": Case(
        "import os; os.kill(os.getpid(), 9)", "Runtime.ExitError", "Runtime exited with error: signal: killed"
    ),
    "sigsegv": Case(
        "import ctypes; ctypes.string_at(0)",
        "Runtime.ExitError",
        "Runtime exited with error: signal: segmentation fault",
    ),
}
"""The platform reports these: `errorType` first."""

CASES = {**REPORTED, **LOST}


@pytest.fixture(scope="module")
def project(make_project: MakeProject) -> Project:
    """A function for each case, each with its own code."""
    cases = {**CASES, "healthy": Case(GOOD, "", "")}
    functions = {name: {"Handler": case.handler, "CodeUri": f"code/{name}"} for name, case in cases.items()}
    project = make_project({}, **functions)
    for name, case in cases.items():
        (project.code / name).mkdir()
        if case.code is not None:
            (project.code / name / "app.py").write_text(case.code)
    return project


@pytest.fixture(scope="module")
def tool(project: Project) -> Iterator[Tool]:
    """All of them, served."""
    with project.serving("--max-environments", "1") as tool:
        yield tool


def check(payload: dict[str, object], request_id: str, name: str) -> None:
    """The error is the one of the case, its members in the order of who made it."""
    case = CASES[name]
    if name in LOST:
        expected = {"errorType": case.error_type, "errorMessage": f"RequestId: {request_id} Error: {case.message}"}
        assert list(payload.items()) == list(expected.items())
        return
    assert list(payload) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert re.fullmatch(case.message, str(payload["errorMessage"]))
    assert (payload["errorType"], payload["requestId"]) == (case.error_type, "")
    stack = payload["stackTrace"]
    assert isinstance(stack, list)
    assert re.fullmatch(case.stack or "", "".join(stack))


@pytest.mark.parametrize("name", CASES)
def test_init_when_it_fails_is_tried_again_in_the_invocation(project: Project, name: str) -> None:
    """Two inits and two INIT_REPORT lines, then START, END and REPORT of an invocation that fails with the error."""
    outcome = project.report({}, function=name)
    (failed,) = outcome.report["invocations"]
    check(failed["payload"], failed["requestId"], name)
    assert (outcome.status, failed["functionError"]) == (1, "Unhandled")
    kind = CASES[name].error_type
    init = ["initStart", "initRuntimeDone", "initReport"]
    platform = [kind for kind in outcome.event_types if kind != "function"]
    assert platform == [*init, *init, "start", "runtimeDone", "report"]
    for record, phase in zip(outcome.records("platform.initReport"), ["init", "invoke"], strict=True):
        assert (record["phase"], record["status"], record["errorType"]) == (phase, "error", kind)
    (report,) = outcome.records("platform.report")
    assert (report["status"], report["errorType"]) == ("error", kind)
    assert "initDurationMs" not in report["metrics"]
    lines = [line for line in failed["logTail"].splitlines() if re.match("INIT|START|END|REPORT", line)]
    starts = ["INIT_START", "INIT_REPORT", "INIT_START", "INIT_REPORT", "START", "END", "REPORT"]
    assert [line.partition(" ")[0] for line in lines] == starts
    for line, phase in zip([lines[1], lines[3]], ["init", "invoke"], strict=True):
        report_line = rf"INIT_REPORT Init Duration: [\d.]+ ms\tPhase: {phase}\tStatus: error\tError Type: {kind}"
        assert re.fullmatch(report_line, line)
    assert lines[-1].endswith(f" MB\tStatus: error\tError Type: {kind}")


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.handler == "app.handler"])
def test_invoke_when_the_code_was_mended_succeeds(project: Project, tool: Tool, name: str) -> None:
    """The environment of a failed init is not lost: it is initialized again with every invocation."""
    failed = tool.invoke(name, {"n": 1})
    assert (failed.status, failed.headers["X-Amz-Function-Error"]) == (200, "Unhandled")
    check(failed.json, failed.request_id, name)
    (project.code / name / "app.py").write_text(GOOD)
    good = tool.invoke(name, {"n": 2})
    assert (good.headers["X-Amz-Function-Error"], good.json) == (None, {"n": 2})
    assert "Init Duration" not in tool.log_of(good.request_id)[-1]


def test_invoke_beside_a_broken_function_succeeds(tool: Tool) -> None:
    """Functions of one template do not disturb each other."""
    assert tool.invoke("no_dot", {}).json["errorType"] == "Runtime.MalformedHandlerName"
    assert tool.invoke("healthy", {"n": 1}).json == {"n": 1}
    assert tool.invoke("no_dot", {}).json["errorType"] == "Runtime.MalformedHandlerName"


SECOND_TIME = """
import os, time
again = os.path.exists(os.environ["MARKER"])
open(os.environ["MARKER"], "w").close()
if again == {again}:
    {action}
def handler(event, context):
    return event
"""


@pytest.fixture
def marked(make_project: MakeProject, make_gate: Callable[[], Gate]) -> Callable[..., Project]:
    """Makes a function that fails by `action` in its second init (`again`), or in the first."""

    def make(action: str, again: bool = False, timeout: int = 30) -> Project:
        properties = {
            "Handler": "app.handler",
            "Timeout": timeout,
            "Environment": {"Variables": {"MARKER": make_gate().path + ".marker"}},
        }
        return make_project({"app.py": SECOND_TIME.format(action=action, again=again)}, Hello=properties)

    return make


@pytest.mark.parametrize("action", ["raise ValueError()", "os._exit(1)"])
def test_init_when_the_second_attempt_succeeds_serves_the_invocation(
    marked: Callable[..., Project], action: str
) -> None:
    """The caller gets a result, the time of the suppressed init is in Duration, and nothing is called an init of it."""
    outcome = marked(action).report({"n": 1}, {"n": 2})
    assert [invocation["payload"] for invocation in outcome.report["invocations"]] == [{"n": 1}, {"n": 2}]
    assert outcome.status == 0
    assert [record["status"] for record in outcome.records("platform.initReport")] == ["error", "success"]
    cold, warm = outcome.records("platform.report")
    suppressed = outcome.records("platform.initReport")[1]["metrics"]["durationMs"]
    assert cold["metrics"]["durationMs"] >= suppressed
    assert "initDurationMs" not in cold["metrics"]
    assert warm["metrics"]["durationMs"] < suppressed


def test_init_when_it_takes_over_ten_seconds_is_stopped(marked: Callable[..., Project]) -> None:
    """INIT_REPORT says timeout; the init within the invocation has the function's timeout, and succeeds here."""
    outcome = marked("time.sleep(3600)").report({"n": 1})
    (invocation,) = outcome.report["invocations"]
    assert (outcome.status, invocation["payload"]) == (0, {"n": 1})
    first, second = outcome.records("platform.initReport")
    assert (first["status"], first["phase"], second["status"]) == ("timeout", "init", "success")
    assert 9_900 <= first["metrics"]["durationMs"] < 20_000
    assert re.search(r"INIT_REPORT Init Duration: [\d.]+ ms\tPhase: init\tStatus: timeout\n", invocation["logTail"])


def test_init_when_the_second_attempt_outlasts_the_timeout_fails_the_invocation(marked: Callable[..., Project]) -> None:
    """A suppressed init counts against the function's timeout, and the caller's message says so."""
    outcome = marked("time.sleep(3600)\nelse:\n    os._exit(1)", again=True, timeout=1).report({})
    (failed,) = outcome.report["invocations"]
    message = f"RequestId: {failed['requestId']} Error: Task timed out after 1.00 seconds"
    assert failed["payload"] == {"errorType": "Sandbox.Timedout", "errorMessage": message}
    assert [record["status"] for record in outcome.records("platform.initReport")] == ["error", "timeout"]
    (report,) = outcome.records("platform.report")
    assert (report["status"], report["metrics"]["durationMs"]) == ("timeout", 1000)
