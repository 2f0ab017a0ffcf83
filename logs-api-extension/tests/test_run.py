"""The example as a whole, on local-lambda, on the Python of these tests: what the extension gets, and its end."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

FOLDER = Path(__file__).resolve().parent.parent
NAME = "logs-api-extension"
PREFIX = "BATCH RECEIVED: "
# Records that come once, and not at the same place in both APIs.
SETUP = ("platform.logsSubscription", "platform.telemetrySubscription", "platform.extension")
LINES = [f"line {number} of 3\n" for number in (1, 2, 3)]
# A variable of the caller's shell would win over the template.
SETTINGS = [name for name in os.environ if name.startswith("LOGS_")]

pytest.importorskip("pytest_local_lambda", reason="the plugin is in the folder pytest-local-lambda")


class Received:
    """A finished run, and what its extension has received."""

    def __init__(self, run: Any) -> None:
        self.run = run
        self.status, self.report, self.payloads, self.events = run.status, run.report, run.payloads, run.events

    def said(self) -> List[str]:
        """What the extension has printed, without the batches."""
        return [line for line in self.run.lines("extension") if not line.startswith(PREFIX)]

    def batches(self) -> List[Any]:
        """The batches the extension has printed."""
        lines = self.run.lines("extension")
        return [json.loads(line[len(PREFIX) :]) for line in lines if line.startswith(PREFIX)]

    def received(self, prefix: str = "") -> List[Dict[str, Any]]:
        """The records of all batches whose type begins with the prefix."""
        return [record for batch in self.batches() for record in batch if record["type"].startswith(prefix)]

    def lines(self) -> List[Any]:
        """What the function has written, as the extension got it."""
        return [record["record"] for record in self.received("function")]


def build(package: Path, folder: Path = FOLDER, **variables: str) -> None:
    """Build the layer as `make package` does, or from a copy of this folder."""
    command = [sys.executable, str(folder / "build_package.py"), "--into", NAME, str(package), "extensions", NAME]
    subprocess.run(command, cwd=folder, env={**os.environ, **variables}, check=True, stdout=subprocess.DEVNULL)


class Example:
    """The example with its layer built for this Python; call it to run."""

    def __init__(self, local_lambda: Any, folder: Path) -> None:
        self.local_lambda = local_lambda
        self.folder = folder
        build(folder / "extension.zip")

    def template(self, timeout: int = 10) -> Path:
        """A template with absolute paths and a timeout."""
        text = (FOLDER / "template.yaml").read_text(encoding="utf-8")
        for old, new in {
            "ContentUri: package/extension.zip ": f"ContentUri: {self.folder / 'extension.zip'} ",
            "CodeUri: app\n": f"CodeUri: {FOLDER / 'app'}\n",
            "Timeout: 10 ": f"Timeout: {timeout} ",
        }.items():
            assert text.count(old) == 1
            text = text.replace(old, new)
        path = self.folder / f"template-{timeout}.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    def __call__(
        self, *events: str, count: int = 1, freeze: bool = False, timeout: int = 10, **variables: str
    ) -> Received:
        """Run an environment from its start to its shutdown; events are files of the example."""
        paths = [FOLDER / "events" / name for name in events]
        template = self.template(timeout)
        run = self.local_lambda.run(
            template, events=paths, count=count, freeze=freeze, environment=variables, without=SETTINGS
        )
        return Received(run)


@pytest.fixture(scope="module")
def example(local_lambda: Any, tmp_path_factory: pytest.TempPathFactory) -> Example:
    """The example, ready to run."""
    return Example(local_lambda, tmp_path_factory.mktemp("example"))


@pytest.fixture(scope="module")
def logs(example: Example) -> Received:
    """Two invocations with the Logs API."""
    return example("three-lines.json", count=2)


@pytest.fixture(scope="module")
def telemetry(example: Example) -> Received:
    """The same with the Telemetry API."""
    return example("three-lines.json", count=2, LOGS_API="telemetry")


def kinds(records: List[Dict[str, Any]]) -> List[str]:
    """The types of records."""
    return [record["type"] for record in records]


@pytest.mark.parametrize("api", ["logs", "telemetry"])
def test_answer_when_invoked(api: str, request: Any) -> None:
    """The invocations get their answers, and the command ends with status 0."""
    run = request.getfixturevalue(api)
    assert run.status == 0
    assert run.payloads == [{"lines": 3}] * 2


@pytest.mark.parametrize("api", ["logs", "telemetry"])
def test_lines_when_invoked(api: str, request: Any) -> None:
    """All that the function has written arrives, as written and in order, from the start of the environment on."""
    run = request.getfixturevalue(api)
    assert run.lines() == ["Loading the function\n", *LINES, *LINES]
    assert run.received("function") == run.events("function")


def test_records_when_from_the_logs_api(logs: Received) -> None:
    """Lambda's own records around each invocation are those of the schema 2021-03-18."""
    assert {"platform.logsSubscription", "platform.extension"} <= set(kinds(logs.received()))
    around = [kind for kind in kinds(logs.received("platform.")) if kind not in SETUP]
    assert around == ["platform.start", "platform.runtimeDone", "platform.end", "platform.report"] * 2
    for record in logs.received("platform.runtimeDone"):
        assert set(record["record"]) == {"requestId", "status"}


def test_records_when_from_the_telemetry_api(telemetry: Received) -> None:
    """They are those of the schema 2022-12-13: also about the start, with spans, and without platform.end."""
    assert {"platform.telemetrySubscription", "platform.extension"} <= set(kinds(telemetry.received()))
    around = [kind for kind in kinds(telemetry.received("platform.")) if kind not in SETUP]
    start = ["platform.initStart", "platform.initRuntimeDone", "platform.initReport"]
    assert around == [*start, *["platform.start", "platform.runtimeDone", "platform.report"] * 2]
    for record in telemetry.received("platform.runtimeDone"):
        assert {"metrics", "spans"} <= set(record["record"])


@pytest.mark.parametrize("api", ["logs", "telemetry"])
def test_order_when_invoked(api: str, request: Any) -> None:
    """The lines of an invocation are printed before it is reported: the extension has waited for them."""
    run = request.getfixturevalue(api)
    done = []
    for event in run.report["events"]:
        if event["type"] == "extension" and event["record"].startswith(PREFIX):
            records = json.loads(event["record"][len(PREFIX) :])
            done += [each["record"]["requestId"] for each in records if each["type"] == "platform.runtimeDone"]
        if event["type"] == "platform.report":
            assert done[-1] == event["record"]["requestId"]
    assert done == [invocation["requestId"] for invocation in run.report["invocations"]]


@pytest.mark.parametrize("api", ["logs", "telemetry"])
def test_end_when_shut_down(api: str, request: Any) -> None:
    """The extension drains, counts, and exits: its last line is the last event of all."""
    run = request.getfixturevalue(api)
    assert run.report["events"][-1]["type"] == "extension"
    assert run.report["invocations"][1]["requestId"] == run.received("platform.report")[-1]["record"]["requestId"]
    total = len(run.received())
    assert run.said()[-1] == f"[{NAME}] leaving after 2 invocations: 7 lines of the function, {total} records"


def test_subscription_when_started(logs: Received, telemetry: Received) -> None:
    """The extension says what it has subscribed to."""
    assert "2021-03-18" in logs.said()[0]
    assert "2022-12-13" in telemetry.said()[0]


def test_lines_when_there_are_many(example: Example) -> None:
    """Five thousand lines come in batches of a thousand records at most, none lost, in order."""
    run = example("many-lines.json")
    assert run.lines() == ["Loading the function\n", *(f"line {number} of 5000\n" for number in range(1, 5001))]
    assert max(map(len, run.batches())) <= 1000


def test_records_when_the_function_fails(example: Example) -> None:
    """The traceback is a line of the function; Lambda calls the invocation a success, for the runtime did its work."""
    run = example("throw-error.json", "three-lines.json")
    assert run.status == 1
    assert run.payloads[0]["errorType"] == "RuntimeError"
    assert run.payloads[1] == {"lines": 3}
    assert any("Traceback (most recent call last)" in line for line in run.lines())
    assert [record["record"]["status"] for record in run.received("platform.runtimeDone")] == ["success"] * 2


def test_records_when_the_function_takes_too_long(example: Example) -> None:
    """The lines before the timeout are printed, and so is what comes after the environment has been started again."""
    run = example("too-long.json", "three-lines.json", timeout=2)
    assert run.status == 1
    assert run.payloads[0]["errorType"] == "Sandbox.Timedout"
    assert run.payloads[1] == {"lines": 3}
    assert [line for line in run.lines() if not line.startswith("Loading")] == [
        "line 1 of 2\n",
        "line 2 of 2\n",
        *LINES,
    ]
    assert [record["record"]["status"] for record in run.received("platform.runtimeDone")] == ["timeout", "success"]
    assert [line for line in run.said() if "leaving after 1 invocations" in line] != []


def test_lines_when_frozen(example: Example) -> None:
    """With all processes stopped between invocations nothing is lost, for the extension has waited."""
    run = example("three-lines.json", count=2, freeze=True)
    assert run.lines() == ["Loading the function\n", *LINES, *LINES]


def test_lines_when_frozen_and_naive(example: Example) -> None:
    """An extension that does not wait is frozen before the batch comes, and leaves before the last one."""
    run = example("three-lines.json", count=2, freeze=True, LOGS_WAIT_FOR="nothing")
    assert run.status == 0
    assert len(run.lines()) < 7
    assert run.lines() == ["Loading the function\n", *LINES, *LINES][: len(run.lines())]
    assert f"leaving after 2 invocations: {len(run.lines())} lines of the function" in run.said()[-1]


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"LOGS_TIMEOUT_MS": "5"}, "subscription refused: 400"),
        ({"LOGS_API": "cloudwatch"}, "LOGS_API is cloudwatch, but must be one of logs, telemetry"),
    ],
    ids=["timeout", "api"],
)
def test_init_when_the_subscription_is_wrong(example: Example, variables: Dict[str, str], reason: str) -> None:
    """The function does not start, and the log tells why."""
    run = example("three-lines.json", **variables)
    assert run.status == 1
    assert run.payloads[0]["errorType"] == "Extension.InitError"
    assert reason in run.said()[0]
    states = [event["record"]["state"] for event in run.events("platform.extension")]
    assert set(states) == {"InitError"}


@pytest.mark.skipif(not (shutil.which("make") and shutil.which("curl")), reason="make or curl is missing")
def test_make_invoke_when_serving(local_lambda: Any, example: Example) -> None:
    """`make invoke` gets the response while the function keeps being served, and no line is lost when that ends."""
    with local_lambda(example.template(), "LogsFunction", environment=dict.fromkeys(SETTINGS, "")) as function:
        make = ["make", "--silent", "-C", str(FOLDER), "invoke", f"PORT={function.port}"]
        assert json.loads(subprocess.check_output(make)) == {"lines": 3}
    assert function.exit_status == 0
    assert f"[{NAME}] leaving after 1 invocations: 4 lines of the function" in function.extension(NAME).log
