"""What the machine refuses while functions are served: callers hear of it at once, and it passes."""

from __future__ import annotations

import json
import shlex
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import pytest

from conftest import MakeProject
from support import tool as support
from support.sandboxed import IMPOSSIBLE
from support.tool import DEADLINE_SECONDS, Tool

MEGABYTE = 1024 * 1024
WAITS = """
import os, time
def handler(event, context):
    while not os.path.exists(event["marker"]):
        time.sleep(0.01)
    return os.environ["LAMBDA_TASK_ROOT"]
"""


@pytest.fixture
def few_descriptors(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The tool is started with 64 descriptors."""
    script = tmp_path / "tool"
    script.write_text(f'#!/bin/sh\nulimit -n 64\nexec {shlex.join(support.COMMAND)} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setattr(support, "COMMAND", (str(script),))


@pytest.mark.usefixtures("few_descriptors")
def test_callers_when_no_descriptors_are_left_get_an_answer(
    make_project: MakeProject, callers: ThreadPoolExecutor, shared_folder: Path
) -> None:
    """Those with an environment are served, the others get the service's error; afterwards all is as before."""
    marker = shared_folder / "descriptors"
    event = {"marker": str(marker)}
    project = make_project({"app.py": WAITS}, Wait={"Handler": "app.handler", "Timeout": 60})
    with project.serving("--max-environments", "40") as tool:
        calls = [callers.submit(tool.invoke, "Wait", event) for _ in range(8)]
        tool.wait_for("no environment for Wait: cannot create an environment: Too many open files")
        tool.wait_for("START RequestId")
        marker.touch()
        replies = [call.result(DEADLINE_SECONDS) for call in calls]
        assert {reply.status for reply in replies} == {200, 503}
        failed = next(reply for reply in replies if reply.status == 503)
        assert failed.headers["x-amzn-ErrorType"] == "ServiceUnavailable"
        assert "Too many open files" in failed.json["Message"]
        assert tool.invoke("Wait", event).status == 200


@pytest.mark.skipif(IMPOSSIBLE is not None, reason=f"the sandbox {IMPOSSIBLE}")
def test_environment_when_its_sandbox_cannot_be_made_for_a_moment_is_refused(
    make_project: MakeProject, callers: ThreadPoolExecutor, shared_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would work without one for the rest of its life; the next environment has its sandbox."""
    monkeypatch.setattr(support, "COMMAND", (sys.executable, str(Path(support.__file__).with_name("no_sandbox.py"))))
    fault, marker = shared_folder / "fault", shared_folder / "marker"
    event = {"marker": str(marker)}
    project = make_project({"app.py": WAITS}, Wait={"Handler": "app.handler", "Timeout": 60})
    with project.serving(variables={"NO_SANDBOX_WHILE": str(fault)}) as tool:
        first = callers.submit(tool.invoke, "Wait", event)
        tool.wait_for("START RequestId")
        fault.touch()
        refused = tool.invoke("Wait", event)
        assert (refused.status, refused.headers["x-amzn-ErrorType"]) == (503, "ServiceUnavailable")
        assert "cannot create an environment: no sandbox: " in refused.json["Message"]
        fault.unlink()
        second = callers.submit(tool.invoke, "Wait", event)
        tool.wait_for_lines("START RequestId", 2)
        marker.touch()
        assert [call.result(DEADLINE_SECONDS).json for call in (first, second)] == ["/var/task"] * 2


def test_queue_of_large_events_is_bounded_by_bytes(make_project: MakeProject, shared_folder: Path) -> None:
    """What does not fit is refused with 429, memory follows, and when the queue has been served there is room again."""
    project = make_project({"app.py": WAITS}, Wait={"Handler": "app.handler", "Timeout": 60})
    marker = shared_folder / "queue"
    with project.serving("--max-environments", "1") as tool:
        before = resident(tool)
        payload = json.dumps({"marker": str(marker), "more": ""})
        payload = json.dumps({"marker": str(marker), "more": "x" * (MEGABYTE - len(payload))})
        statuses, body = events(tool, payload.encode(), 200)
        assert (statuses[202] + statuses[429], 50 < statuses[202] < 64) == (200, True)
        assert json.loads(body)["Reason"] == "CallerRateLimitExceeded"
        assert resident(tool) - before < 150
        assert tool.text.count("the queue of Wait is full") == 1
        marker.touch()
        tool.wait_for_lines("REPORT RequestId", statuses[202])
        assert tool.invoke("Wait", {"marker": str(marker)}, X_Amz_Invocation_Type="Event").status == 202


def events(tool: Tool, payload: bytes, count: int) -> tuple[Counter[int], bytes]:
    """Queue so many events on one connection; the statuses, and the last body."""
    statuses: Counter[int] = Counter()
    connection = HTTPConnection(tool.host, tool.port, timeout=DEADLINE_SECONDS)
    body = b""
    for _ in range(count):
        path = "/2015-03-31/functions/Wait/invocations"
        connection.request("POST", path, payload, {"X-Amz-Invocation-Type": "Event"})
        response = connection.getresponse()
        body = response.read()
        statuses[response.status] += 1
    connection.close()
    return statuses, body


def resident(tool: Tool) -> float:
    """The tool's memory in MB."""
    (line,) = [
        line for line in Path(f"/proc/{tool.process.pid}/status").read_text().splitlines() if line.startswith("VmRSS:")
    ]
    return int(line.split()[1]) / 1024
