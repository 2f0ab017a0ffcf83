"""The fixture `local_lambda`, used as a user would: with a real environment, on the Python of these tests."""

import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pytest_local_lambda import LocalLambda
from pytest_local_lambda.result import tree

VERSION = "{}.{}".format(*sys.version_info)
CODE = """
import json, os, time
count = 0

def handler(event, context):
    global count
    count += 1
    print("number", count)
    if event == "fail":
        raise ValueError("as you wish")
    if event == "sleep":
        time.sleep(60)
    if isinstance(event, dict) and "rawPath" in event:
        return {"statusCode": 201, "body": event["rawPath"], "headers": {"x-own": "yes"}}
    return {"event": event, "count": count, "stage": os.environ.get("STAGE"), "name": context.function_name}
"""
TEMPLATE = """
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Runtime: python{version}
      CodeUri: code
      Timeout: 1
      Tracing: Active
      Environment: {{Variables: {{STAGE: template}}}}
      Layers: [!Ref Extension]
      Events: {{Web: {{Type: HttpApi, Properties: {{Path: "/items/{{id}}", Method: get}}}}}}
  Extension: {{Type: AWS::Serverless::LayerVersion, Properties: {{ContentUri: layer}}}}
"""
EXTENSION = """#!{python}
import json, os, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2020-01-01/extension"

def call(path, data=None, **headers):
    return urllib.request.urlopen(urllib.request.Request(api + path, data, headers))

identity = call("/register", b'{{"events": ["INVOKE", "SHUTDOWN"]}}', **{{"Lambda-Extension-Name": "watcher"}}).headers
identity = {{"Lambda-Extension-Identifier": identity["Lambda-Extension-Identifier"]}}
while True:
    event = json.load(call("/event/next", **identity))
    print("got", event["eventType"], flush=True)
    if event["eventType"] == "SHUTDOWN":
        break
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A template with a function and an extension."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "code").mkdir()
    (folder / "code" / "app.py").write_text(CODE)
    (folder / "layer" / "extensions").mkdir(parents=True)
    extension = folder / "layer" / "extensions" / "watcher"
    extension.write_text(EXTENSION.format(python=sys.executable))
    extension.chmod(0o755)
    (folder / "template.yaml").write_text(TEMPLATE.format(version=VERSION))
    return folder / "template.yaml"


def test_result_has_everything_of_a_warm_invocation(local_lambda: LocalLambda, template: Path) -> None:
    """Payload, log, events, trace and extension; the second of two invocations is warm."""
    function = local_lambda(template, "Hello")
    first, second = function.invoke({"a": 1}), function.invoke([2])
    assert first.payload == {"event": {"a": 1}, "count": 1, "stage": "template", "name": "Hello"}
    assert (first.cold, second.cold) == (True, False)
    assert first.events[0]["type"] == "platform.initStart"
    assert second.events[0]["type"] == "platform.start"
    assert (second.error, second.logs, second.status) == (None, "number 2\n", 200)
    assert 0 < second.duration_ms < 1000
    assert second.metrics["memorySizeMB"] == 128
    assert second.extension("watcher").events == ["INVOKE"]
    assert second.trace.name == "Hello"
    assert second.trace.subsegments == []
    assert local_lambda(template, "Hello").invoke().payload["count"] == 3  # one environment for all tests


def test_error_is_the_functions(local_lambda: LocalLambda, template: Path) -> None:
    """An error, and a timeout."""
    function = local_lambda(template, "Hello")
    failed = function.invoke("fail")
    assert failed.error is not None
    assert (failed.error.type, failed.error.message) == ("ValueError", "as you wish")
    assert "in handler" in failed.error.stack_trace[-1]
    assert failed.trace.failed
    late = function.invoke("sleep")
    assert late.timed_out
    assert late.error is not None
    assert late.error.type == "Sandbox.Timedout"


def test_with_gives_an_environment_and_its_shutdown(local_lambda: LocalLambda, template: Path) -> None:
    """Variables over those of the template; a reset is a cold start; at the end everything has been shut down."""
    with local_lambda(template, "Hello", environment={"STAGE": "test", "MORE": "1"}, freeze=True) as function:
        assert function.invoke().payload["stage"] == "test"
        function.reset()
        assert function.invoke().cold
    assert function.extension("watcher").events == ["INVOKE", "SHUTDOWN"]
    assert function.extension("watcher").log == "got INVOKE\ngot SHUTDOWN\n"
    kinds = [event["type"] for event in function.events("local.")]
    assert "local.freeze" in kinds
    assert kinds[-1] == "local.stopped"


def test_routes_answer(local_lambda: LocalLambda, template: Path) -> None:
    """As the function's users see it."""
    response = local_lambda(template, "Hello").http.get("/items/7")
    assert (response.status, response.text, response.headers["X-Own"]) == (201, "/items/7", "yes")


def test_send_is_tried_again(local_lambda: LocalLambda, template: Path) -> None:
    """An asynchronous invocation that fails has a second attempt with the same id."""
    reports = local_lambda(template, "Hello").send("fail").wait(attempts=2)
    assert len({report["requestId"] for report in reports}) == 1
    assert len(reports) == 2


def test_run_is_one_whole_life(local_lambda: LocalLambda, template: Path, tmp_path: Path) -> None:
    """Two events, exit status 1 because one fails, and the events up to the shutdown."""
    (tmp_path / "event.json").write_text('"fail"')
    run = local_lambda.run(template, "Hello", events=[{"n": 1}, tmp_path / "event.json"])
    assert (run.status, [result.cold for result in run.results]) == (1, [True, False])
    assert run.payloads[0]["event"] == {"n": 1}
    assert run.results[1].error is not None
    assert run.results[0].trace.name == "Hello"
    assert run.lines("extension")[-1] == "got SHUTDOWN"
    assert "number 1\nnumber 2\n" in run.logs


def test_a_warm_invocation_costs_little(local_lambda: LocalLambda, template: Path) -> None:
    """Prints what one costs; `benchmarks` of the repository measure speed, tests do not."""
    function = local_lambda(template, "Hello")
    function.invoke()
    began = time.perf_counter()
    for _ in range(50):
        function.invoke()
    print(f"{(time.perf_counter() - began) / 50 * 1000:.2f} ms")


def test_mistakes_have_one_clear_error(local_lambda: LocalLambda, template: Path, tmp_path: Path) -> None:
    """A template that is not there, and a function that is not in it."""
    with pytest.raises(RuntimeError, match="not found; pass its path with -t"):
        local_lambda(tmp_path / "none.yaml", "Hello").invoke()
    with pytest.raises(RuntimeError, match="Function not found"):
        local_lambda(template, "Nobody").invoke()


def test_tree_nests_what_arrived_flat() -> None:
    """Subsegments arrive as documents with a parent, or inside of one."""
    below: Any = {"id": "4", "name": "inner", "start_time": 4.0}
    documents: Any = [
        {"id": "1", "name": "f", "origin": "AWS::Lambda", "start_time": 1.0},
        {
            "id": "2",
            "parent_id": "1",
            "name": "f",
            "origin": "AWS::Lambda::Function",
            "start_time": 2.0,
            "subsegments": [{"id": "3", "name": "Invocation", "start_time": 3.0}],
        },
        {"id": "5", "parent_id": "3", "name": "outer", "start_time": 3.5, "subsegments": [below], "fault": True},
    ]
    segment = tree(documents)
    assert [each.name for each in segment.subsegments] == ["outer"]
    assert [each.name for each in segment.find("inner")] == ["inner"]
    assert segment.subsegments[0].failed


def test_failed_test_shows_log_and_picture(
    pytester: pytest.Pytester, template: Path, local_lambda: LocalLambda
) -> None:
    """The report has what the function wrote and the timeline, and the folder a picture."""
    pytester.makepyfile(
        f"""
        def test_fails(local_lambda):
            assert local_lambda({str(template)!r}, "Hello").invoke({{"n": 1}}).payload == "something else"
        """
    )
    ended = pytester.runpytest_subprocess("--local-lambda", local_lambda.command, "--local-lambda-timeline", "pictures")
    ended.assert_outcomes(failed=1)
    ended.stdout.re_match_lines([r".* local-lambda .*", r"function \| number 1", r".* local-lambda timeline .*"])
    (picture,) = (pytester.path / "pictures").iterdir()
    assert picture.name == "test_failed_test_shows_log_and_picture.py-test_fails.svg"
    assert picture.read_text(encoding="utf-8").startswith("<svg")


def test_tests_are_skipped_when_there_is_no_local_lambda(pytester: pytest.Pytester, monkeypatch: Any) -> None:
    """The reason says how to get it."""
    monkeypatch.delenv("LOCAL_LAMBDA", raising=False)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    pytester.makepyfile("def test_it(local_lambda): ...")
    ended = pytester.runpytest_subprocess("-rs")
    ended.assert_outcomes(skipped=1)
    ended.stdout.fnmatch_lines(["*local-lambda is missing: install it with*"])
