"""What learners see when their function does something that a check does not expect."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest
from learn.checks import SECONDS, Answer, Failed, Run, ToolFault, tool_of
from learn.exercise import ROOT, Exercise, NoCopy
from learner import EXERCISES, FIRST, run, write

HTTP = next(exercise for exercise in EXERCISES if exercise.name == "12-http")


@pytest.fixture(autouse=True)
def python(monkeypatch: pytest.MonkeyPatch) -> None:
    """The functions run on the Python of the tests."""
    monkeypatch.setenv("LEARN_PYTHON", sys.executable)


def failure_of(code: str, tmp_path: Path, exercise: Exercise = FIRST) -> Failed:
    """How the check fails for this code."""
    write(tmp_path, code, exercise)
    with pytest.raises(Failed) as failure:
        exercise.check(tmp_path / exercise.name)
    return failure.value


@pytest.fixture(name="served")
def serving(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Run]:
    """A function with this body."""
    (tmp_path / "app.py").write_text(f"def handler(event, context):\n    {request.param}\n", encoding="utf-8")
    with Run(tmp_path, {}, *tool_of(ROOT)) as served:
        yield served


def test_calls_use_no_proxy(tmp_path: Path) -> None:
    """Even when the environment variables name one."""
    done = run(tmp_path, "--once", http_proxy="http://127.0.0.1:9", no_proxy="", NO_PROXY="")
    assert "Not yet. The caller got null" in done.stdout


@pytest.mark.parametrize(
    ("response", "saw"),
    [
        ("{'statusCode': 201, 'body': 'no JSON'}", "JSONDecodeError: Expecting value"),
        ("{'statusCode': 201, 'body': '{\"id\": 7}', 'headers': [1]}", "'list' object has no attribute 'items'"),
    ],
)
def test_response_of_a_form_that_a_check_does_not_expect(tmp_path: Path, response: str, saw: str) -> None:
    """It is a failed check with a hint, not the end of the session. The exercise's own checks may name it first."""
    check = tmp_path / "check"
    check.mkdir()
    for name in ("README.md", "hints.md"):
        (check / name).write_text((HTTP.folder / name).read_text(encoding="utf-8"), encoding="utf-8")
    (check / "check.py").write_text(
        "import json\n\ndef check(run):\n    payload = run.invoke().payload\n"
        "    json.loads(payload['body'])\n    payload['headers'].items()\n"
    )
    failure = failure_of(
        f"def handler(event, context):\n    return {response}\n", tmp_path, Exercise(check, tmp_path / "c")
    )
    assert saw in failure.saw
    assert "form that the check does not expect" in failure.saw
    assert failure.hint == 1


def test_tool_that_is_missing(tmp_path: Path) -> None:
    """One line says what to do."""
    done = run(tmp_path, "--once", LOCAL_LAMBDA="/nonexistent")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "/nonexistent: command not found" in done.stderr
    assert "make learn" in done.stderr


@pytest.mark.parametrize(
    ("code", "saw"),
    [
        ("import missing_module", "ImportModuleError: Unable to import module 'app': No module named 'missing_module'"),
        ("handle = 1", "HandlerNotFound: Handler 'handler' missing on module 'app'"),
        ("import sys\nsys.exit(3)", "ExitError: Runtime exited with error: exit status 3"),
        ("def read():\n    raise ValueError('no table')\nread()", "ValueError: no table"),
    ],
)
def test_function_that_cannot_be_started(tmp_path: Path, code: str, saw: str) -> None:
    """The learner sees the error and the last frames, whatever the check looks at."""
    failure = failure_of(code, tmp_path)
    assert failure.saw.startswith(f"The function could not be started: {saw}")
    assert "importlib" not in failure.saw
    assert ("line 2, in read" in failure.saw) is ("read()" in code)


def test_function_that_cannot_be_started_because_of_a_library(tmp_path: Path) -> None:
    """The frames are those of the learner's files, not those of the library."""
    failure = failure_of("import json\ndef read():\n    json.loads('{')\nread()", tmp_path)
    assert "JSONDecodeError: Expecting property name" in failure.saw
    assert ["line 4, in <module>" in failure.saw, "line 3, in read" in failure.saw] == [True, True]
    assert "decoder.py" not in failure.saw


def test_function_that_cannot_be_started_for_an_asynchronous_event(tmp_path: Path) -> None:
    """The attempts are not counted."""
    retries = next(exercise for exercise in EXERCISES if exercise.name == "19-retries")
    assert "could not be started: ImportModuleError" in failure_of("import missing_module", tmp_path, retries).saw


@pytest.mark.parametrize("served", ["return event['name']"], indirect=True)
def test_error_on_one_line(served: Run) -> None:
    """As Python shows it."""
    assert served.invoke().error == "KeyError: 'name'"
    assert served.invoke({"name": 1}).error == ""


def test_error_without_the_id_of_the_request() -> None:
    """It is noise in a sentence."""
    payload = {
        "errorType": "Sandbox.Timedout",
        "errorMessage": "RequestId: 1-2 Error: Task timed out after 3.00 seconds",
    }
    assert Answer(payload, True, [], {}).error == "Sandbox.Timedout: Task timed out after 3.00 seconds"


def test_responses_are_shown_as_text_and_cut() -> None:
    """Five megabytes are no message."""
    assert Answer("Grüße", False, [], {}).shown == '"Grüße"'
    assert len(Answer("x" * 5_000_000, False, [], {}).shown) == 301


def test_output_of_a_failed_check(tmp_path: Path) -> None:
    """The last ten lines that the function wrote, and no more than 200 characters of each."""
    code = "def handler(event, context):\n    for n in range(20):\n        print(f'line {n}')\n"
    code += "    print('\\x1b[2J' + 'x' * 300)\n"
    failure = failure_of(code, tmp_path)
    assert failure.output[:-1] == [f"function | line {n}" for n in range(11, 20)]
    assert failure.output[-1].endswith("x…")
    shown = run(tmp_path, "--once").stdout
    assert "\n  function | line 19\n  function | \\x1b[2Jxxx" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize("served", ["print(event['n'])"], indirect=True)
def test_output_is_that_of_the_last_invocation(served: Run) -> None:
    """Earlier ones are not shown."""
    for number in (1, 2):
        served.invoke({"n": number})
    served.end()
    assert served.output() == ["function | 2"]


def test_output_of_an_extension(tmp_path: Path) -> None:
    """Its lines have its lane."""
    exercise = next(each for each in EXERCISES if each.name == "14-extension")
    exercise = Exercise(exercise.folder, tmp_path)
    exercise.begin()
    watcher = exercise.copy / "layer/extensions/watcher"
    watcher.write_text(watcher.read_text() + "print('registered', flush=True)\n")
    with pytest.raises(Failed) as failure:
        exercise.check(exercise.copy)
    assert "extension | registered" in failure.value.output


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda path: None], ids=["empty", "file", "missing"])
def test_copy_that_cannot_be_used(tmp_path: Path, make: Any) -> None:
    """One line says what to do."""
    make(tmp_path / "copy")
    with pytest.raises(NoCopy, match="Run `make learn RESET=01` in a different terminal"):
        FIRST.check(tmp_path / "copy")


def test_response_that_is_not_json(tmp_path: Path) -> None:
    """The learner sees it."""
    (tmp_path / "app.py").write_text(
        "from awslambdaric.lambda_runtime_client import LambdaRuntimeClient as Client\n"
        "post = Client.post_invocation_result\n"
        "Client.post_invocation_result = lambda self, id, _, *more: post(self, id, 'not JSON', *more)\n"
        "def handler(event, context):\n    return 1\n"
    )
    with Run(tmp_path, {}, *tool_of(ROOT)) as served, pytest.raises(Failed, match="The response is 'not JSON'"):
        served.invoke()


def test_patience_is_enough_for_each_exercise() -> None:
    """For an Init phase of ten seconds, another one in the invocation, and the invocation."""
    longest = max(getattr(exercise._check(), "PROPERTIES", {}).get("Timeout", 3) for exercise in EXERCISES)
    assert 10 + 2 * longest < SECONDS


def test_tool_that_does_not_respond(tmp_path: Path) -> None:
    """It is not the function's fault."""
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\necho 'listening on http://127.0.0.1:9' >&2\n")
    tool.chmod(0o755)
    done = run(tmp_path / "learning", "--once", LOCAL_LAMBDA=str(tool))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "the exercise could not be run: local-lambda did not respond" in done.stderr


def test_run_names_what_the_tool_said(tmp_path: Path) -> None:
    """A template that the tool refuses."""
    (tmp_path / "app.py").touch()
    with pytest.raises(ToolFault, match="Timeout"):
        Run(tmp_path, json.loads('{"Timeout": -1}'), *tool_of(ROOT))
