"""The example as a whole, on local-lambda, on the Python that runs these tests: answers, events and traces."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Sequence

import checkip
import pytest

FOLDER = Path(__file__).resolve().parent.parent
PYTHON = "{}.{}".format(*sys.version_info)
ANSWER = {
    "greeting": f"Hello Bogdan-Eugen Mihai, this is a Python{PYTHON} AWS Lambda function developed using pip!",
    "result": "Your age in hexadecimal is 0x22",
}

pytest.importorskip("pytest_local_lambda", reason="the plugin is in the folder pytest-local-lambda")


@pytest.fixture(scope="module")
def invoke(local_lambda: Any) -> Callable[..., Any]:
    """Runs an environment from its start to its shutdown; events are files of the example."""

    def invoke(function: str, *events: str, count: int = 1, options: Sequence[str] = (), **variables: str) -> Any:
        paths = [FOLDER / "events" / f"{name}.json" for name in events]
        return local_lambda.run(FOLDER, function, paths, count, environment=variables, options=options)

    return invoke


@pytest.fixture(scope="module")
def check_ip_url() -> Iterator[str]:
    """The address of a service that tells a public IP."""
    with checkip.serving() as url:
        yield url


@pytest.fixture(scope="module")
def warm(invoke: Callable[..., Any], check_ip_url: str) -> Any:
    """Three good invocations that ask for the public IP, one after the other."""
    variables = {"CHECK_IP_URL": check_ip_url, "PACKAGE_MANAGEMENT_SYSTEM": "pip"}
    return invoke("HelloFunction", "public-ip", count=3, **variables)


@pytest.fixture(scope="module")
def failed(invoke: Callable[..., Any]) -> Any:
    """An invocation that asks for an error, and a good one after it."""
    return invoke("HelloFunction", "throw-error", "hello", PACKAGE_MANAGEMENT_SYSTEM="pip")


@pytest.fixture(scope="module")
def offline(invoke: Callable[..., Any]) -> Any:
    """An invocation that asks for the public IP while the check-ip service is down."""
    return invoke("HelloFunction", "public-ip", CHECK_IP_URL="http://127.0.0.1:9", PACKAGE_MANAGEMENT_SYSTEM="pip")


def test_answer_when_invoked(warm: Any) -> None:
    """Each invocation gets the response, and the command ends with status 0."""
    assert warm.status == 0
    assert warm.report["function"] == "HelloFunction"
    assert [invocation["payload"] for invocation in warm.report["invocations"]] == [ANSWER] * 3
    assert {invocation["statusCode"] for invocation in warm.report["invocations"]} == {200}
    assert not any(invocation["functionError"] for invocation in warm.report["invocations"])


def test_events_when_invoked_warm(warm: Any) -> None:
    """One environment starts once and serves all three invocations."""
    init = ["platform.initStart", "platform.initRuntimeDone", "platform.initReport"]
    invocation = ["platform.start", "platform.runtimeDone", "platform.report"]
    types = [event["type"] for event in warm.events("platform.")]
    assert [name for name in types if name in init + invocation] == init + invocation * 3


def test_report_when_invoked_warm(warm: Any) -> None:
    """Only the first invocation is reported with the time its environment took to start."""
    metrics = [event["record"]["metrics"] for event in warm.events("platform.report")]
    assert ["initDurationMs" in metric for metric in metrics] == [True, False, False]
    assert {metric["memorySizeMB"] for metric in metrics} == {256}


def test_log_when_invoked_warm(warm: Any) -> None:
    """The module's random value is one and the same, the other one is new for each invocation."""
    values = re.findall(r"Execution context: (\d{6}) stays while warm, (\d{6}) is new each time", warm.logs)
    assert len(values) == 3
    assert len({stays for stays, _ in values}) == 1
    assert len({new for _, new in values}) == 3


def test_log_when_invoked(warm: Any) -> None:
    """The function finds the context, the variables and the public IP."""
    assert "Function: HelloFunction $LATEST, 256 MB" in warm.logs
    assert f"Request: {warm.report['invocations'][0]['requestId']}, " in warm.logs
    assert f"'AWS_EXECUTION_ENV': 'AWS_Lambda_python{PYTHON}'" in warm.logs
    assert "'PACKAGE_MANAGEMENT_SYSTEM': 'pip'" in warm.logs
    assert warm.logs.count(f"Public IP: {checkip.PUBLIC_IP}") == 3


def test_trace_when_invoked(warm: Any) -> None:
    """Each invocation's trace has the subsegment made by hand and the one of the patched library."""
    own = warm.subsegments("getRuntimeInfo")
    http = warm.subsegments("127.0.0.1")
    assert {subsegment["annotations"]["python"] for subsegment in own} == {sys.version.split()[0]}
    assert [subsegment["namespace"] for subsegment in http] == ["remote"] * 3
    assert [subsegment["http"]["response"]["status"] for subsegment in http] == [200] * 3
    assert not any(subsegment.get("fault") for subsegment in own + http)
    assert len({subsegment["trace_id"] for subsegment in own}) == 3
    assert [subsegment["trace_id"] for subsegment in own] == [subsegment["trace_id"] for subsegment in http]


def test_answer_when_the_caller_wants_an_error(failed: Any) -> None:
    """The caller sees the error as JSON, the command ends with status 1, the environment takes the next event."""
    error, answer = failed.report["invocations"]
    assert failed.status == 1
    assert error["functionError"] == "Unhandled"
    assert error["payload"]["errorType"] == "SimpleException"
    assert error["payload"]["errorMessage"] == "Sorry, but the caller wants me to throw an error"
    assert error["payload"]["requestId"] == error["requestId"]
    assert "in process_request" in error["payload"]["stackTrace"][-1]
    assert answer["payload"] == ANSWER
    assert len(failed.events("platform.initStart")) == 1


def test_log_when_the_caller_wants_an_error(failed: Any) -> None:
    """The log shows the error once, with its traceback."""
    assert failed.logs.count("[ERROR] SimpleException: Sorry, but the caller wants me to throw an error") == 1
    assert "Traceback (most recent call last):" in failed.logs


def test_trace_when_the_caller_wants_an_error(failed: Any) -> None:
    """Of the two invocations, the trace of the first says that the function failed."""
    segments = [segment for segment in failed.report["segments"] if segment.get("origin") == "AWS::Lambda::Function"]
    segments.sort(key=lambda segment: float(segment["start_time"]))
    assert [bool(segment.get("fault") or segment.get("error")) for segment in segments] == [True, False]


def test_answer_when_the_service_does_not_answer(offline: Any) -> None:
    """The function responds as usual, and logs a warning."""
    assert offline.status == 0
    assert offline.report["invocations"][0]["payload"] == ANSWER
    assert "No public IP from http://127.0.0.1:9: " in offline.logs


def test_trace_when_the_service_does_not_answer(offline: Any) -> None:
    """The fault and its cause stand in the subsegment of the HTTP call."""
    (http,) = offline.subsegments("127.0.0.1")
    assert http["namespace"] == "remote"
    assert http["fault"] is True
    assert http["cause"]["exceptions"][0]["type"] == "ConnectionError"


def test_trace_when_no_public_ip_is_asked_for(failed: Any) -> None:
    """There is no call to another service in it."""
    assert len(failed.subsegments("getRuntimeInfo")) == 2
    assert failed.subsegments("checkip.amazonaws.com") == []


def test_answer_when_a_field_is_missing(invoke: Callable[..., Any]) -> None:
    """The error names the field."""
    run = invoke("HelloFunction", "missing-field")
    payload = run.report["invocations"][0]["payload"]
    assert (run.status, payload["errorType"], payload["errorMessage"]) == (1, "InvalidRequest", "age is missing")


def test_answer_when_api_gateway_invokes(invoke: Callable[..., Any]) -> None:
    """The other handler answers with an HTTP response."""
    run = invoke("HelloApiFunction", "api-process", PACKAGE_MANAGEMENT_SYSTEM="pip")
    payload = run.report["invocations"][0]["payload"]
    assert (run.status, payload["statusCode"], json.loads(payload["body"])) == (0, 200, ANSWER)


def test_answer_when_the_variable_is_set(invoke: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that the template names takes the value of the caller's shell."""
    monkeypatch.setenv("PACKAGE_MANAGEMENT_SYSTEM", "conda")
    run = invoke("HelloFunction", "hello")
    assert run.report["invocations"][0]["payload"]["greeting"].endswith("developed using conda!")


@pytest.mark.skipif(not (shutil.which("make") and shutil.which("curl")), reason="make or curl is missing")
def test_make_invoke_when_serving(local_lambda: Any) -> None:
    """`make invoke` prints the response of the default function, and of the one that FUNCTION names."""
    with local_lambda(FOLDER, "HelloFunction", environment={"PACKAGE_MANAGEMENT_SYSTEM": "pip"}) as function:
        make = ["make", "--silent", "-C", str(FOLDER), "invoke", f"PORT={function.port}"]
        assert json.loads(subprocess.check_output(make)) == ANSWER
        make += ["FUNCTION=HelloApiFunction", "EVENT=events/api-process.json"]
        assert json.loads(json.loads(subprocess.check_output(make))["body"]) == ANSWER
    assert function.exit_status == 0


def build(package: Path, *options: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Build the package as `make package` does."""
    command = [sys.executable, str(FOLDER / "build_package.py"), *options, str(package), str(FOLDER / "app")]
    return subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True)


def test_package_when_built_twice(invoke: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Two builds of the real package are the same bytes, and the function answers from the zip as from the folder."""
    packages = [tmp_path_factory.mktemp("build") / "package.zip" for _ in range(2)]
    for package in packages:
        built = build(package)
        assert built.returncode == 0, built.stderr
    assert packages[0].read_bytes() == packages[1].read_bytes()
    run = invoke("HelloFunction", "hello", options=["--code", str(packages[0])], PACKAGE_MANAGEMENT_SYSTEM="pip")
    assert run.report["invocations"][0]["payload"] == ANSWER


NO_INDEX = {"UV_NO_INDEX": "1", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""}


@pytest.mark.parametrize("variables", [NO_INDEX, {**NO_INDEX, "UV": ""}])
def test_package_when_nothing_can_be_installed(variables: Dict[str, str], tmp_path: Path) -> None:
    """The message says what it was for, the exit status is 1, and no earlier package is left to be deployed."""
    (tmp_path / "package.zip").write_text("an earlier package")
    built = build(tmp_path / "package.zip", "--platform", "no_such_platform", **variables)
    assert built.returncode == 1
    assert f"No package: cannot install requirements.txt for Python {PYTHON} on no_such_platform" in built.stderr
    assert list(tmp_path.iterdir()) == []
