"""The example as a whole, on local-lambda, on the Python of these tests."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest
from aws_stand_in import AWS

FOLDER = Path(__file__).resolve().parent.parent
EVENT = FOLDER / "events/order.json"
EXTENSIONS = ["config-cache", "runtime-proxy", "telemetry-to-s3"]
# A variable of the caller's shell would win over the template.
SETTINGS = [name for name in os.environ if name.startswith(("CACHE_", "S3_", "IMPORTS", "PROXY_", "TOOLBOX_"))]

pytest.importorskip("pytest_local_lambda", reason="the plugin is in the folder pytest-local-lambda")


def build(package: Path, folder: Path = FOLDER, **variables: str) -> None:
    """Build the layer as `make package` does, or from a copy of this folder."""
    command = [sys.executable, str(folder / "build_package.py"), "--into", "toolbox", str(package)]
    command += ["extensions", "toolbox", "wrappers"]
    subprocess.run(command, cwd=str(folder), env={**os.environ, **variables}, check=True, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template with absolute paths, and the layer built for this Python."""
    folder = tmp_path_factory.mktemp("example")
    build(folder / "extension.zip")
    text = (FOLDER / "template.yaml").read_text(encoding="utf-8")
    for old, new in {
        "ContentUri: package/extension.zip ": f"ContentUri: {folder / 'extension.zip'} ",
        "CodeUri: app\n": f"CodeUri: {FOLDER / 'app'}\n",
    }.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    (folder / "template.yaml").write_text(text, encoding="utf-8")
    return folder / "template.yaml"


@pytest.fixture
def run(local_lambda: Any, template: Path, cloud: AWS) -> Any:
    """Runs an environment from its start to its shutdown, next to AWS."""

    def run(count: int = 2, freeze: bool = False, **settings: str) -> Any:
        variables = {"TOOLBOX_ENDPOINT_URL": cloud.url, **settings}
        return local_lambda.run(
            template, events=[EVENT], count=count, freeze=freeze, environment=variables, without=SETTINGS
        )

    return run


def uploaded(cloud: AWS) -> List[Dict[str, Any]]:
    """All records that are in S3, in the order of their objects."""
    bodies = [cloud.objects[key] for key in sorted(cloud.objects)]
    return [json.loads(line) for body in bodies for line in body.splitlines()]


def test_answers_when_all_tools_work(run: Any, cloud: AWS) -> None:
    """Each of the four leaves its mark, and the environment ends in order."""
    done = run(3, freeze=True, IMPORTS="1000")  # all: which are the slowest, only a clock knows
    assert done.status == 0
    answer = {"message": "Hello Ada", "coupon": "coupon-1", "card": "************1234"}
    assert done.payloads == [answer] * 3
    assert [call.partition(" ")[0] for call in cloud.calls] == ["GetParameter", "GetSecretValue", "PutObject"]
    requests = [invocation["requestId"] for invocation in done.report["invocations"]]
    lines = [line for line in done.logs.splitlines() if line.startswith("order of")]
    assert [f"correlation {request}," in line for request, line in zip(requests, lines)] == [True] * 3
    assert re.search(r"^\[time-imports\] .*: urllib\.request$", done.logs, re.MULTILINE)
    said = done.lines("extension")
    assert sorted(line for line in said if "leaving" in line) == [
        "[config-cache] leaving: 2 calls of AWS, 4 saved",
        "[runtime-proxy] leaving",
        "[telemetry-to-s3] leaving: 1 object, 0 of them lost",
    ]


def test_events_when_started(run: Any) -> None:
    """Three processes register; only one of them is waited for at each invocation."""
    states = {event["record"]["name"]: event["record"]["events"] for event in run(1).events("platform.extension")}
    assert sorted(states) == EXTENSIONS
    assert [states[name] for name in EXTENSIONS] == [["SHUTDOWN"], ["SHUTDOWN"], ["INVOKE", "SHUTDOWN"]]


def test_coupon_when_it_expires(run: Any) -> None:
    """A value that may not be old is asked for again, also after the environment was frozen."""
    assert [payload["coupon"] for payload in run(2, freeze=True, CACHE_SECONDS="0").payloads] == [
        "coupon-1",
        "coupon-2",
    ]


def test_records_when_in_small_objects(run: Any, cloud: AWS) -> None:
    """Nothing that Lambda has sent is lost, and no object is too large."""
    done = run(2, freeze=True, S3_RECORDS="5")
    assert max(body.count(b"\n") for body in cloud.objects.values()) == 5
    lines = [record["record"] for record in uploaded(cloud) if record["type"] == "function"]
    assert [line for line in lines if line.startswith("order of")] == [
        f"{line}\n" for line in done.logs.splitlines() if line.startswith("order of")
    ]
    assert [each["type"] for each in uploaded(cloud)].count("platform.report") == 2


def test_records_when_uploaded_by_a_timer(run: Any, cloud: AWS) -> None:
    """The naive way: there is nothing in S3."""
    done = run(2, freeze=True, S3_FLUSH="timer")
    assert (done.status, cloud.objects) == (0, {})


def test_imports_when_printed_at_the_exit(run: Any) -> None:
    """The naive way: no line, because the runtime is killed."""
    assert "time-imports" not in run(1, IMPORTS_PRINT="exit").logs


def test_error_when_the_secret_is_refused(run: Any, cloud: AWS) -> None:
    """Without AWS there is no value; the function fails, but the environment and its end are in order."""
    done = run(1, TOOLBOX_ENDPOINT_URL="http://127.0.0.1:9")
    assert (done.status, done.payloads[0]["errorType"]) == (1, "HTTPError")
    assert "[telemetry-to-s3] leaving: 1 object, 1 of them lost" in done.lines("extension")


@pytest.mark.skipif(not (shutil.which("make") and shutil.which("curl")), reason="make or curl is missing")
def test_make_invoke_when_serving(local_lambda: Any, template: Path, cloud: AWS) -> None:
    """`make invoke` gets the response while the function keeps being served; S3 gets the records when that ends."""
    variables = {**dict.fromkeys(SETTINGS, ""), "TOOLBOX_ENDPOINT_URL": cloud.url}
    with local_lambda(template, "OrdersFunction", environment=variables) as function:
        make = ["make", "--silent", "-C", str(FOLDER), "invoke", f"PORT={function.port}"]
        assert json.loads(subprocess.check_output(make))["coupon"] == "coupon-1"
        assert cloud.objects == {}
    assert function.exit_status == 0
    assert len(cloud.objects) == 1
