"""Extensions that fail in, between and after invocations, and the good invocation afterwards."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from conftest import MakeProject
from support.extended import inits, message, reports, told, words

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
    """The others are notified of the failure; all are back for the next invocation."""
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
    """The caller may have its response; the report has the error, and the next invocation begins with an init."""
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
    """The tool still ends properly."""
    script = "register('INVOKE', 'SHUTDOWN')\nwait()\nwait()\nsay('ignored')\nforever()"
    outcome = extend({"one": script}).report({"n": 1})
    assert (outcome.status, outcome.payloads) == (0, [{"n": 1}])
    assert words(told(outcome)) == ["registered", "INVOKE", "SHUTDOWN", "ignored"]


def test_extension_that_fails_at_shutdown_is_no_failure(extend: MakeProject) -> None:
    """How it ends is ignored."""
    outcome = extend({"one": "register('SHUTDOWN')\nserve()\nsys.exit(3)"}).report({"n": 1})
    assert (outcome.status, outcome.payloads) == (0, [{"n": 1}])
    assert words(told(outcome)) == ["registered", "SHUTDOWN"]
