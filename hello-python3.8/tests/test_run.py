"""The example as a whole, on local-lambda, on the Python that runs these tests: answers, events and traces."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple

import checkip
import pytest

FOLDER = Path(__file__).resolve().parent.parent
LOCAL_LAMBDA = os.environ.get("LOCAL_LAMBDA") or str(FOLDER.parent / "local-lambda/.venv/bin/local-lambda")
PYTHON = "{}.{}".format(*sys.version_info)
ANSWER = {
    "greeting": f"Hello Bogdan-Eugen Mihai, this is a Python{PYTHON} AWS Lambda function developed using pip!",
    "result": "Your age in hexadecimal is 0x22",
}

# If LOCAL_LAMBDA names one, these tests are wanted, so a missing one is an error.
pytestmark = pytest.mark.skipif(
    "LOCAL_LAMBDA" not in os.environ and not shutil.which(LOCAL_LAMBDA),
    reason=f"{LOCAL_LAMBDA} is missing: `make install` installs it",
)


class Run(NamedTuple):
    """A finished run of `local-lambda invoke`: its exit status and the document it printed."""

    status: int
    report: Dict[str, Any]

    def events(self, prefix: str) -> List[Dict[str, Any]]:
        """The events whose type begins with the prefix."""
        return [event for event in self.report["events"] if event["type"].startswith(prefix)]

    def log(self) -> str:
        """All that the function has logged."""
        return "".join(event["record"] for event in self.events("function"))

    def subsegments(self, name: str) -> List[Dict[str, Any]]:
        """The subsegments of that name, in the order of time, wherever they stand in the traces."""
        found = []
        unvisited = list(self.report["segments"])
        while unvisited:
            segment = unvisited.pop()
            unvisited += segment.get("subsegments", [])
            if segment["name"] == name:
                found.append(segment)
        return sorted(found, key=lambda segment: float(segment["start_time"]))


def run_invoke(*arguments: str, **variables: str) -> Run:
    """Run `local-lambda invoke` with these arguments and variables."""
    command = [LOCAL_LAMBDA, "invoke", "--template", str(FOLDER / "template.yaml"), "--python", sys.executable]
    command += ["--report", "json", *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "PACKAGE_MANAGEMENT_SYSTEM"}
    process = subprocess.run(command, env={**environment, **variables}, capture_output=True, timeout=120)
    assert process.stdout, process.stderr.decode()
    return Run(process.returncode, json.loads(process.stdout))


def event_file(name: str) -> str:
    """The path of one of the example's events."""
    return str(FOLDER / "events" / f"{name}.json")


@pytest.fixture(scope="module")
def check_ip_url() -> Iterator[str]:
    """The address of a service that tells a public IP."""
    with checkip.serving() as url:
        yield url


@pytest.fixture(scope="module")
def warm(check_ip_url: str) -> Run:
    """Three good invocations that ask for the public IP, one after the other."""
    return run_invoke("HelloFunction", "-e", event_file("public-ip"), "--count", "3", CHECK_IP_URL=check_ip_url)


@pytest.fixture(scope="module")
def failed() -> Run:
    """An invocation that asks for an error, and a good one after it."""
    return run_invoke("HelloFunction", "-e", event_file("throw-error"), "-e", event_file("hello"))


@pytest.fixture(scope="module")
def offline() -> Run:
    """An invocation that asks for the public IP while the check-ip service is down."""
    return run_invoke("HelloFunction", "-e", event_file("public-ip"), CHECK_IP_URL="http://127.0.0.1:9")


def test_answer_when_invoked(warm: Run) -> None:
    """Each invocation gets the response, and the command ends with status 0."""
    assert warm.status == 0
    assert warm.report["function"] == "HelloFunction"
    assert [invocation["payload"] for invocation in warm.report["invocations"]] == [ANSWER] * 3
    assert {invocation["statusCode"] for invocation in warm.report["invocations"]} == {200}
    assert not any(invocation["functionError"] for invocation in warm.report["invocations"])


def test_events_when_invoked_warm(warm: Run) -> None:
    """One environment starts once and serves all three invocations."""
    init = ["platform.initStart", "platform.initRuntimeDone", "platform.initReport"]
    invocation = ["platform.start", "platform.runtimeDone", "platform.report"]
    types = [event["type"] for event in warm.events("platform.")]
    assert [name for name in types if name in init + invocation] == init + invocation * 3


def test_report_when_invoked_warm(warm: Run) -> None:
    """Only the first invocation is reported with the time its environment took to start."""
    metrics = [event["record"]["metrics"] for event in warm.events("platform.report")]
    assert ["initDurationMs" in metric for metric in metrics] == [True, False, False]
    assert {metric["memorySizeMB"] for metric in metrics} == {256}


def test_log_when_invoked_warm(warm: Run) -> None:
    """The module's random value is one and the same, the other one is new for each invocation."""
    values = re.findall(r"Execution context: (\d{6}) stays while warm, (\d{6}) is new each time", warm.log())
    assert len(values) == 3
    assert len({stays for stays, _ in values}) == 1
    assert len({new for _, new in values}) == 3


def test_log_when_invoked(warm: Run) -> None:
    """The function finds the context, the variables and the public IP."""
    assert "Function: HelloFunction $LATEST, 256 MB" in warm.log()
    assert f"Request: {warm.report['invocations'][0]['requestId']}, " in warm.log()
    assert f"'AWS_EXECUTION_ENV': 'AWS_Lambda_python{PYTHON}'" in warm.log()
    assert "'PACKAGE_MANAGEMENT_SYSTEM': 'pip'" in warm.log()
    assert warm.log().count(f"Public IP: {checkip.PUBLIC_IP}") == 3


def test_trace_when_invoked(warm: Run) -> None:
    """Each invocation's trace has the subsegment made by hand and the one of the patched library."""
    own = warm.subsegments("getRuntimeInfo")
    http = warm.subsegments("127.0.0.1")
    assert {subsegment["annotations"]["python"] for subsegment in own} == {sys.version.split()[0]}
    assert [subsegment["namespace"] for subsegment in http] == ["remote"] * 3
    assert [subsegment["http"]["response"]["status"] for subsegment in http] == [200] * 3
    assert not any(subsegment.get("fault") for subsegment in own + http)
    assert len({subsegment["trace_id"] for subsegment in own}) == 3
    assert [subsegment["trace_id"] for subsegment in own] == [subsegment["trace_id"] for subsegment in http]


def test_answer_when_the_caller_wants_an_error(failed: Run) -> None:
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


def test_log_when_the_caller_wants_an_error(failed: Run) -> None:
    """The log shows the error once, with its traceback."""
    assert failed.log().count("[ERROR] SimpleException: Sorry, but the caller wants me to throw an error") == 1
    assert "Traceback (most recent call last):" in failed.log()


def test_trace_when_the_caller_wants_an_error(failed: Run) -> None:
    """Of the two invocations, the trace of the first says that the function failed."""
    segments = [segment for segment in failed.report["segments"] if segment.get("origin") == "AWS::Lambda::Function"]
    segments.sort(key=lambda segment: float(segment["start_time"]))
    assert [bool(segment.get("fault") or segment.get("error")) for segment in segments] == [True, False]


def test_answer_when_the_service_does_not_answer(offline: Run) -> None:
    """The function responds as usual, and logs a warning."""
    assert offline.status == 0
    assert offline.report["invocations"][0]["payload"] == ANSWER
    assert "No public IP from http://127.0.0.1:9: " in offline.log()


def test_trace_when_the_service_does_not_answer(offline: Run) -> None:
    """The fault and its cause stand in the subsegment of the HTTP call."""
    (http,) = offline.subsegments("127.0.0.1")
    assert http["namespace"] == "remote"
    assert http["fault"] is True
    assert http["cause"]["exceptions"][0]["type"] == "ConnectionError"


def test_trace_when_no_public_ip_is_asked_for(failed: Run) -> None:
    """There is no call to another service in it."""
    assert len(failed.subsegments("getRuntimeInfo")) == 2
    assert failed.subsegments("checkip.amazonaws.com") == []


def test_answer_when_a_field_is_missing() -> None:
    """The error names the field."""
    run = run_invoke("HelloFunction", "-e", event_file("missing-field"))
    payload = run.report["invocations"][0]["payload"]
    assert (run.status, payload["errorType"], payload["errorMessage"]) == (1, "InvalidRequest", "age is missing")


def test_answer_when_api_gateway_invokes() -> None:
    """The other handler answers with an HTTP response."""
    run = run_invoke("HelloApiFunction", "-e", event_file("api-process"))
    payload = run.report["invocations"][0]["payload"]
    assert (run.status, payload["statusCode"], json.loads(payload["body"])) == (0, 200, ANSWER)


def test_answer_when_the_variable_is_set() -> None:
    """A variable that the template names takes the value of the caller's shell."""
    run = run_invoke("HelloFunction", "-e", event_file("hello"), PACKAGE_MANAGEMENT_SYSTEM="conda")
    assert run.report["invocations"][0]["payload"]["greeting"].endswith("developed using conda!")


@pytest.mark.skipif(not (shutil.which("make") and shutil.which("curl")), reason="make or curl is missing")
def test_make_invoke_when_serving() -> None:
    """`make invoke` prints the response of the default function, and of the one that FUNCTION names."""
    command = [LOCAL_LAMBDA, "start", "--template", str(FOLDER / "template.yaml"), "--python", sys.executable]
    server = subprocess.Popen([*command, "--port", "0"], stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        ports = (re.search(r"listening on http://127\.0\.0\.1:(\d+)", line) for line in server.stderr)
        make = ["make", "--silent", "-C", str(FOLDER), "invoke", "PORT=" + next(filter(None, ports)).group(1)]
        assert json.loads(subprocess.check_output(make)) == ANSWER
        make += ["FUNCTION=HelloApiFunction", "EVENT=events/api-process.json"]
        assert json.loads(json.loads(subprocess.check_output(make))["body"]) == ANSWER
    finally:
        server.terminate()
        server.communicate(timeout=30)
    assert server.returncode == 0


def build(package: Path, *options: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Build the package as `make package` does."""
    command = [sys.executable, str(FOLDER / "build_package.py"), *options, str(package), str(FOLDER / "app")]
    return subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True)


def test_package_when_built_twice(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Two builds of the real package are the same bytes, and the function answers from the zip as from the folder."""
    packages = [tmp_path_factory.mktemp("build") / "package.zip" for _ in range(2)]
    for package in packages:
        built = build(package)
        assert built.returncode == 0, built.stderr
    assert packages[0].read_bytes() == packages[1].read_bytes()
    run = run_invoke("HelloFunction", "--code", str(packages[0]), "-e", event_file("hello"))
    assert run.report["invocations"][0]["payload"] == ANSWER


@pytest.mark.parametrize("variables", [{}, {"UV": "", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""}])
def test_package_when_nothing_can_be_installed(variables: Dict[str, str], tmp_path: Path) -> None:
    """The message says what it was for, the exit status is 1, and no earlier package is left to be deployed."""
    (tmp_path / "package.zip").write_text("an earlier package")
    built = build(tmp_path / "package.zip", "--platform", "no_such_platform", **variables)
    assert built.returncode == 1
    assert f"No package: cannot install requirements.txt for Python {PYTHON} on no_such_platform" in built.stderr
    assert list(tmp_path.iterdir()) == []
