"""The example as a whole, on local-lambda, on the Python that runs these tests: answers, events, log and exit."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

FOLDER = Path(__file__).resolve().parent.parent
NAME = "python-example-extension"
LIFE = [
    "platform.initStart",
    "platform.initRuntimeDone",
    "platform.extension",
    "platform.initReport",
    "platform.start",
    "platform.runtimeDone",
    "platform.report",
]

pytest.importorskip("pytest_local_lambda", reason="the plugin is in the folder pytest-local-lambda")


def extension_lines(run: Any) -> List[str]:
    """What the extension has written, without its name."""
    lines = run.lines("extension")
    assert all(line.startswith(f"[{NAME}] ") for line in lines)
    return [line[len(f"[{NAME}] ") :] for line in lines]


def extension_events(run: Any) -> List[Dict[str, Any]]:
    """The events the extension has got, as it printed them."""
    return [json.loads(line) for line in extension_lines(run) if line.startswith("{")]


def position(run: Any, kind: str, text: str) -> int:
    """Where in the log a line of that type stands that contains the text."""
    texts = [event["record"] if event["type"] == kind else "" for event in run.events()]
    return next(index for index, record in enumerate(texts) if text in record)


def write_template(folder: Path, layer: Path) -> Path:
    """A copy of the template in folder, with the layer."""
    template = (FOLDER / "template.yaml").read_text(encoding="utf-8")
    assert template.count("ContentUri: package/extension.zip ") == template.count("CodeUri: app\n") == 1
    template = template.replace("ContentUri: package/extension.zip ", f"ContentUri: {layer} ")
    template = template.replace("CodeUri: app\n", f"CodeUri: {FOLDER / 'app'}\n")
    (folder / "template.yaml").write_text(template, encoding="utf-8")
    return folder / "template.yaml"


@pytest.fixture(scope="module")
def invoke(local_lambda: Any) -> Callable[..., Any]:
    """Runs the function `count` times in one environment, with the layer, up to its shutdown."""

    def invoke(folder: Path, layer: Path, count: int = 1) -> Any:
        return local_lambda.run(write_template(folder, layer), events=[FOLDER / "events/hello.json"], count=count)

    return invoke


def build(package: Path, *options: str, **variables: str) -> None:
    """Build the layer as `make package` does."""
    command = [sys.executable, str(FOLDER / "build_package.py"), "--into", NAME, *options, str(package)]
    command += [str(FOLDER / "extensions"), str(FOLDER / NAME)]
    subprocess.run(command, env={**os.environ, **variables}, check=True, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def run(invoke: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Three invocations with the zip file of the layer."""
    folder = tmp_path_factory.mktemp("run")
    build(folder / "extension.zip")
    return invoke(folder, folder / "extension.zip", count=3)


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """The layer as a folder, for a test to break. It has no libraries: those of this Python do."""
    for name in ("extensions", NAME):
        shutil.copytree(str(FOLDER / name), str(tmp_path / "layer" / name))
    return tmp_path / "layer"


def test_answer_when_invoked(run: Any) -> None:
    """Each invocation gets the function's answer, and the command ends with status 0."""
    assert run.status == 0
    assert [invocation["payload"] for invocation in run.report["invocations"]] == [{"greeting": "Hello Ada!"}] * 3
    assert not any(invocation["functionError"] for invocation in run.report["invocations"])


def test_events_when_invoked(run: Any) -> None:
    """One environment starts once, with the extension, and serves all three invocations."""
    types = [event["type"] for event in run.events("platform.") if event["type"] in LIFE]
    assert types == LIFE[:4] + LIFE[4:] * 3
    (state,) = run.events("platform.extension")
    assert state["record"] == {"name": NAME, "state": "Ready", "events": ["INVOKE", "SHUTDOWN"]}


def test_log_when_started(run: Any) -> None:
    """The extension registers first of all, before the runtime has started."""
    assert extension_lines(run)[0] == "registered for INVOKE and SHUTDOWN of HelloFunction $LATEST"
    types = [event["type"] for event in run.report["events"]]
    assert types.index("platform.initStart") < types.index("extension") < types.index("platform.initRuntimeDone")


def test_extension_events_when_invoked(run: Any) -> None:
    """The extension gets one INVOKE event for each invocation, with its id, before that invocation is reported."""
    requests = [invocation["requestId"] for invocation in run.report["invocations"]]
    invokes = extension_events(run)[:-1]
    assert [event["eventType"] for event in invokes] == ["INVOKE"] * 3
    assert [event["requestId"] for event in invokes] == requests
    reports = [index for index, event in enumerate(run.report["events"]) if event["type"] == "platform.report"]
    starts = [index for index, event in enumerate(run.report["events"]) if event["type"] == "platform.start"]
    for request, start, report in zip(requests, starts, reports):
        assert start < position(run, "extension", f'"requestId": "{request}"') < report
        assert start < position(run, "function", f"Handling request {request}") < report


def test_extension_events_when_shut_down(run: Any) -> None:
    """The last event is SHUTDOWN, after everything else; the extension leaves within its two seconds."""
    assert {key: extension_events(run)[-1][key] for key in ("eventType", "shutdownReason")} == {
        "eventType": "SHUTDOWN",
        "shutdownReason": "spindown",
    }
    left = re.fullmatch(r"leaving after 3 invocations, (\d+) ms before Lambda would kill me", extension_lines(run)[-1])
    assert left is not None
    assert 0 < int(left.group(1)) <= 2000
    assert [event["type"] for event in run.report["events"][-2:]] == ["extension"] * 2


def test_overhead_when_invoked(run: Any) -> None:
    """The report of each invocation tells for how long it waited for the extension."""
    spans = [event["record"]["spans"] for event in run.events("platform.report")]
    assert [[span["name"] for span in each] for each in spans] == [["extensionOverhead"]] * 3


def test_init_when_not_executable(invoke: Callable[..., Any], layer: Path, tmp_path: Path) -> None:
    """A launcher without the executable bit keeps the whole function from starting."""
    (layer / "extensions" / NAME).chmod(0o644)
    run = invoke(tmp_path, layer)
    assert run.status == 1
    assert run.report["invocations"][0]["payload"]["errorType"] == "Extension.LaunchError"
    state = run.events("platform.extension")[0]["record"]
    assert (state["name"], state["state"], state["errorType"]) == (NAME, "LaunchError", "PermissionDenied")


def test_init_when_the_name_is_another(invoke: Callable[..., Any], layer: Path, tmp_path: Path) -> None:
    """Under a name that is not a file in /opt/extensions it counts as internal, and those get no SHUTDOWN."""
    file = layer / NAME / "extension.py"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("NAME = Path(__file__).absolute().parent.name", 'NAME = "example"'), encoding="utf-8")
    run = invoke(tmp_path, layer)
    assert run.status == 1
    refusals = [event["record"] for event in run.events("extension")]
    assert refusals
    assert all("403" in line and "ShutdownEventNotSupportedForInternalExtension" in line for line in refusals)


@pytest.mark.skipif(not (shutil.which("make") and shutil.which("curl")), reason="make or curl is missing")
def test_make_invoke_when_serving(local_lambda: Any, layer: Path, tmp_path: Path) -> None:
    """`make invoke` gets the response while the function is served, and the extension exits when that ends."""
    with local_lambda(write_template(tmp_path, layer), "HelloFunction") as function:
        make = ["make", "--silent", "-C", str(FOLDER), "invoke", f"PORT={function.port}"]
        assert json.loads(subprocess.check_output(make)) == {"greeting": "Hello Ada!"}
    assert function.exit_status == 0
    assert function.extension(NAME).events == ["INVOKE", "SHUTDOWN"]
    assert f"[{NAME}] leaving after 1 invocations, " in function.extension(NAME).log
