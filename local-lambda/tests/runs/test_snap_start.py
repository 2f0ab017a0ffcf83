"""SnapStart: a version is initialized once, and its environments continue from there, with the real client's hooks."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from conftest import MakeProject
from support.api_gateway import route
from support.aws_endpoint import error_of, serving_aws
from support.extended import make_layer
from support.sandboxed import IMPOSSIBLE
from support.streaming import client
from support.tool import DEADLINE_SECONDS, Tool
from support.watching import Processes, descendants

pytestmark = pytest.mark.skipif(sys.version_info < (3, 12), reason="SnapStart needs Python 3.12")
CODE = """
import os, random, signal, uuid
from snapshot_restore_py import register_after_restore, register_before_snapshot

AT_INIT = uuid.uuid4().hex
AFTER = None
with open("/tmp/note", "w") as file:
    file.write("init")
print("INIT in", os.getpid())

@register_before_snapshot
def before():
    print("BEFORE")
    if os.environ.get("FAIL") == "before":
        raise ValueError("not now")

@register_after_restore
def after():
    global AFTER
    AFTER = uuid.uuid4().hex
    print("AFTER")
    if os.environ.get("FAIL") == "after":
        raise ValueError("no connection")

def handler(event, context):
    if "gate" in event:
        gate = os.open(event["gate"], os.O_RDONLY)
        print("waiting at", event["gate"])
        os.read(gate, 1)
    if "kill" in event:
        os.kill(os.getpid(), signal.SIGKILL)
    with open("/tmp/note") as file:
        note = file.read()
    with open("/tmp/note", "a") as file:
        file.write("+")
    return {"init": AT_INIT, "after": AFTER, "random": random.random(), "note": note, "pid": os.getpid(),
            "type": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], "api": os.environ["AWS_LAMBDA_RUNTIME_API"],
            "stream": os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")}
"""
SNAP = {"AutoPublishAlias": "live", "SnapStart": {"ApplyOn": "PublishedVersions"}, "Timeout": 30}
LIVE = "Hello:live"


@pytest.fixture(scope="module")
def tool(make_project: MakeProject) -> Iterator[Tool]:
    """A function with SnapStart."""
    project = make_project({"app.py": CODE}, Hello={"Handler": "app.handler", **SNAP})
    with project.serving("--record", project.folder / "events.jsonl") as tool:
        yield tool


@pytest.fixture(scope="module")
def single(make_project: MakeProject) -> Iterator[Tool]:
    """The same with one environment for each version."""
    project = make_project({"app.py": CODE}, Hello={"Handler": "app.handler", **SNAP})
    with project.serving("--max-environments", "1") as tool:
        yield tool


def invoke(tool: Tool, event: object = None, name: str = LIVE) -> dict[str, Any]:
    """The result of the function."""
    return dict(tool.invoke(name, event or {}).json)


def at_once(tool: Tool, gate: Path, count: int = 2) -> list[Any]:
    """What that many environments return that serve at the same time."""
    os.mkfifo(gate)
    descriptor = os.open(gate, os.O_RDWR)
    found: list[Any] = []
    event = {"gate": str(gate)}
    threads = [threading.Thread(target=lambda: found.append(tool.invoke(LIVE, event).json)) for _ in range(count)]
    for thread in threads:
        thread.start()
    tool.wait_for_lines(f"waiting at {gate}", count)
    os.write(descriptor, b"g" * count)
    for thread in threads:
        thread.join()
    os.close(descriptor)
    return found


def test_environments_have_what_was_made_at_init(tool: Tool, shared_folder: Path) -> None:
    """They share ids and the generator's state, which is the trap; what a hook makes is their own, and so is /tmp."""
    first, second = at_once(tool, shared_folder / "gate")
    assert first["init"] == second["init"]
    assert first["random"] == second["random"]
    assert first["after"] != second["after"]
    assert first["api"] != second["api"]
    assert first["stream"] is second["stream"] is None
    assert {each["type"] for each in (first, second)} == {"snap-start"}
    if not IMPOSSIBLE:
        assert [first["note"], second["note"]] == ["init", "init"]
    assert sum("INIT in" in line for line in tool.lines) == 1


ASYNCIO = """
import asyncio, os, time

loop = asyncio.new_event_loop()

async def work():
    process = await asyncio.create_subprocess_exec("true")
    await process.wait()
    for _ in range(50):
        await asyncio.to_thread(time.sleep, 0.001)
    return process.returncode

def handler(event, context):
    gate = os.open(event["gate"], os.O_RDONLY)
    print("waiting at", event["gate"])
    os.read(gate, 1)
    return {"at init": loop.run_until_complete(work()), "own": asyncio.run(work()), "pid": os.getpid()}
"""


def test_asyncio(make_project: MakeProject, shared_folder: Path) -> None:
    """Importing it is harmless, and a loop that was made at Init works in several environments at once."""
    project = make_project({"app.py": ASYNCIO}, Hello={"Handler": "app.handler", **SNAP})
    with project.serving() as tool:
        found = at_once(tool, shared_folder / "three", 3)
    assert len({each.pop("pid") for each in found}) == 3
    assert found == [{"at init": 0, "own": 0}] * 3


ODD = """
import os, signal, socket

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.mkfifo("/tmp/pipe")
listener = socket.socket(socket.AF_UNIX)
listener.bind("/tmp/socket")

def handler(event, context):
    gate = os.open(event["gate"], os.O_RDONLY)
    print("waiting at", event["gate"])
    os.read(gate, 1)
    return [os.path.exists("/tmp/" + name) for name in ("pipe", "socket")]
"""


def test_function_that_ignores_its_children(make_project: MakeProject, shared_folder: Path) -> None:
    """The snapshot stays, also with files in /tmp that are no files, of which a socket is not copied."""
    project = make_project({"app.py": ODD}, Hello={"Handler": "app.handler", **SNAP})
    with project.serving() as tool:
        found = at_once(tool, shared_folder / "children", 2)
        assert "is lost" not in tool.text and "share their /tmp" not in tool.text
    if not IMPOSSIBLE:
        assert found == [[True, False]] * 2


def test_warm_environment_goes_on(single: Tool) -> None:
    """It has its memory and its /tmp."""
    one, two = invoke(single), invoke(single)
    assert (one["pid"], one["after"]) == (two["pid"], two["after"])
    assert one["random"] != two["random"]
    assert two["note"] == one["note"] + "+"


def test_latest_starts_cold(single: Tool) -> None:
    """As on AWS, SnapStart is for published versions."""
    since = len(single.text)
    cold = invoke(single, name="Hello")
    assert (cold["type"], cold["after"]) == ("on-demand", None)
    assert cold["init"] != invoke(single)["init"]
    assert "RESTORE_START" not in single.text[since:].partition("END")[0]


def test_killed_runtime_is_restored_again(single: Tool) -> None:
    """From the same snapshot, with what the environment has in /tmp."""
    before = invoke(single)
    killed = single.invoke(LIVE, {"kill": 1})
    assert killed.headers["X-Amz-Function-Error"] == "Unhandled"
    after = invoke(single)
    assert (before["init"], before["api"]) == (after["init"], after["api"])
    assert before["after"] != after["after"]
    assert after["note"].startswith(before["note"])


def test_events_and_lines_of_a_restore(make_project: MakeProject) -> None:
    """The Init phase is reported once, for the snapshot; a first REPORT has its restore instead."""
    project = make_project({"app.py": CODE}, Hello={"Handler": "app.handler", **SNAP})
    record = project.folder / "events.jsonl"
    with project.serving("--record", record) as tool:
        invoke(tool)
        invoke(tool)
    events = [json.loads(line) for line in record.read_text().splitlines()]
    types = [event["type"] for event in events if "nit" in event["type"] or "estore" in event["type"]]
    assert types == [
        "platform.initStart",
        "platform.initRuntimeDone",
        "platform.initReport",
        "platform.restoreStart",
        "platform.restoreRuntimeDone",
        "platform.restoreReport",
    ]
    assert next(event for event in events if event["type"] == "platform.initStart")["record"]["initializationType"] == (
        "snap-start"
    )
    reports = [event["record"]["metrics"] for event in events if event["type"] == "platform.report"]
    assert "initDurationMs" not in reports[0]
    assert reports[0]["billedRestoreDurationMs"] >= reports[0]["restoreDurationMs"] > 0
    assert "restoreDurationMs" not in reports[1]
    lines = [line for line in tool.text.splitlines() if "RE" in line]
    assert sum("RESTORE_REPORT Restore Duration: " in line for line in lines) == 1
    assert sum("\tRestore Duration: " in line and "\tBilled Restore Duration: " in line for line in lines) == 1
    assert tool.text.index("BEFORE") < tool.text.index("RESTORE_START") < tool.text.index("AFTER")


def test_hook_that_fails_after_a_restore(make_project: MakeProject) -> None:
    """The caller gets the service's error, by whatever way it calls, and the next one another attempt."""
    variables = {"Environment": {"Variables": {"FAIL": "after"}}}
    events = {"Web": route("HttpApi", "/web", "get")}
    url = {"FunctionUrlConfig": {"AuthType": "NONE"}, "Events": events}
    project = make_project({"app.py": CODE}, Hello={"Handler": "app.handler", **SNAP, **variables, **url})
    with project.serving() as tool:
        with pytest.raises(HTTPError) as refused:
            urlopen(tool.wait_for(r"URL of Hello: (\S+)")[1], timeout=DEADLINE_SECONDS)
        assert (refused.value.code, refused.value.headers["x-amzn-ErrorType"]) == (400, "SnapStartException")
        assert tool.request("GET", "/web").status == 500
        tool.wait_for("GET /web: status 500, Lambda couldn't restore the snapshot: Runtime.AfterRestoreError")
        kind, _ = error_of(lambda: client(tool).invoke_with_response_stream(FunctionName=LIVE))[1:]
        assert kind == "SnapStartException"
        for _ in range(2):
            reply = tool.invoke(LIVE, {})
            assert (reply.status, reply.headers["x-amzn-ErrorType"]) == (400, "SnapStartException")
            assert "Runtime.AfterRestoreError" in reply.json["message"]
        assert "ValueError: no connection" in tool.text
        assert "Status: error\tError Type: Runtime.AfterRestoreError" in tool.text


def test_hook_that_fails_before_the_snapshot(make_project: MakeProject) -> None:
    """There is no snapshot: a line says so, and callers get the service's error."""
    variables = {"Environment": {"Variables": {"FAIL": "before"}}}
    project = make_project({"app.py": CODE}, Hello={"Handler": "app.handler", **SNAP, **variables})
    with project.serving() as tool:
        tool.wait_for("there is no snapshot of Hello:1, because its Init phase failed: Runtime.BeforeSnapshotError")
        reply = tool.invoke(LIVE, {})
        assert (reply.status, reply.headers["x-amzn-ErrorType"]) == (400, "SnapStartException")
        assert invoke(tool, name="Hello")["type"] == "on-demand"


def test_frozen_environments_are_restored(make_project: MakeProject, shared_folder: Path) -> None:
    """The snapshot is not frozen, or nothing could be forked from it."""
    project = make_project({"app.py": CODE}, Hello={"Handler": "app.handler", **SNAP})
    with project.serving("--freeze") as tool:
        first, second = at_once(tool, shared_folder / "frozen")
        assert first["init"] == second["init"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_the_tool_ends(make_project: MakeProject, number: signal.Signals) -> None:
    """Neither the snapshot nor what was forked from it."""
    project = make_project({"app.py": CODE}, Hello={"Handler": "app.handler", **SNAP})
    with project.serving() as tool:
        invoke(tool)
        processes = Processes(descendants(tool.process.pid))
        try:
            assert len(processes.descriptors) >= 5
            tool.process.send_signal(number)
            assert processes.ended()
            tool.process.wait(DEADLINE_SECONDS)  # or the end of the block would send another signal
        finally:
            processes.close()


def test_snapshot_that_was_killed_is_taken_again(make_project: MakeProject) -> None:
    """The environments in its process namespace end with it; the next invocation has a new snapshot."""
    project = make_project({"app.py": CODE}, Hello={"Handler": "app.handler", **SNAP})
    with project.serving("--max-environments", "1") as tool:
        before = invoke(tool)
        import os

        runtime = next(
            pid
            for pid in descendants(tool.process.pid)
            if b"bootstrap" in Path(f"/proc/{pid}/cmdline").read_bytes() and not _forked(pid)
        )
        os.kill(runtime, signal.SIGKILL)
        tool.wait_for("the snapshot of Hello:1 is lost")
        after = tool.invoke(LIVE, {})
        assert after.status == 200
        assert after.json["init"] != before["init"]


def _forked(pid: int) -> bool:
    """Whether a process with the runtime's command line is one that was forked from the snapshot."""
    above = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    supervised = b"bootstrap" in Path(f"/proc/{above}/cmdline").read_bytes()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return supervised or bool(children)


def test_new_code_has_a_new_snapshot(make_project: MakeProject) -> None:
    """With --watch."""
    project = make_project({"app.py": CODE}, Hello={"Handler": "app.handler", **SNAP})
    with project.serving("--watch") as tool:
        tool.wait_for("watching code")
        before = invoke(tool)
        (project.code / "app.py").write_text(CODE.replace('"init": AT_INIT', '"new": AT_INIT'))
        tool.wait_for("app.py has changed: Hello is reloaded, and so is its version 1 .on AWS a deployment publishes")
        after = invoke(tool)
        assert after["new"] != before["init"]
        assert after["type"] == "snap-start"


def test_threads_of_the_init_phase_are_named(make_project: MakeProject) -> None:
    """A fork has one thread."""
    threaded = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    project = make_project({"app.py": threaded + CODE}, Hello={"Handler": "app.handler", **SNAP})
    with project.serving() as tool:
        assert invoke(tool)["type"] == "snap-start"
        tool.wait_for("Hello: threads of the Init phase, which restored environments lack: 1")


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"EphemeralStorage": {"Size": 1024}}, "up to an EphemeralStorage of 512 MB only"),
        ({"ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 1}}, "not combine it with provisioned"),
    ],
)
def test_what_aws_does_not_combine_is_named(make_project: MakeProject, properties: dict[str, Any], reason: str) -> None:
    """The version starts cold."""
    project = make_project({"app.py": CODE}, Hello={"Handler": "app.handler", **SNAP, **properties})
    with project.serving() as tool:
        tool.wait_for(f"Hello: SnapStart has no effect, its versions start cold: .*{reason}")
        assert invoke(tool)["type"] != "snap-start"


def test_one_invocation_is_of_latest(make_project: MakeProject) -> None:
    """So `invoke` says that it starts cold."""
    outcome = make_project({"app.py": CODE}, Hello={"Handler": "app.handler", **SNAP}).invoke("Hello", events=[{}])
    assert "Hello: SnapStart is for published versions; $LATEST starts cold" in outcome.errors


def test_picture_of_a_restore(make_project: MakeProject) -> None:
    """It has the phase under its name."""
    project = make_project({"app.py": CODE}, Hello={"Handler": "app.handler", **SNAP})
    picture = project.folder / "run.svg"
    with project.serving("--timeline", picture) as tool:
        invoke(tool)
    assert "Restore" in picture.read_text()


def test_extensions_are_named(make_project: MakeProject) -> None:
    """A function with extensions starts cold, as a line says."""

    project = make_project({"app.py": CODE}, Hello={"Handler": "app.handler", **SNAP})
    layer = make_layer(project.folder / "layer", ["one"])
    document = json.loads(project.template.read_text())
    document["Resources"]["Hello"]["Properties"]["Layers"] = [{"Ref": "Layer"}]
    document["Resources"]["Layer"] = {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": str(layer)}}
    project.template.write_text(json.dumps(document))
    with project.serving() as tool:
        tool.wait_for("Hello: SnapStart has no effect, its versions start cold: it is not emulated together with")


def test_version_on_the_endpoint(function_python: Path) -> None:
    """It is pending until there is a snapshot; what cannot have SnapStart is refused."""
    with serving_aws(function_python) as aws:
        snap = {"SnapStart": {"ApplyOn": "PublishedVersions"}}
        created = aws.create("fast", CODE, **snap)
        assert created["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}
        version = aws.lambda_.publish_version(FunctionName="fast")
        assert (version["State"], version["SnapStart"]["OptimizationStatus"]) == ("Pending", "On")
        aws.lambda_.get_waiter("published_version_active").wait(
            FunctionName="fast", Qualifier="1", WaiterConfig={"Delay": 0.1, "MaxAttempts": 200}
        )
        assert aws.call("fast:1", {})["type"] == "snap-start"
        assert aws.call("fast", {})["type"] == "on-demand"
        large = error_of(aws.create, name="large", text=CODE, EphemeralStorage={"Size": 1024}, **snap)
        assert large[:2] == (400, "InvalidParameterValueException")
        old = error_of(
            aws.lambda_.update_function_configuration, FunctionName="fast", Runtime="python3.11", Handler="app.handler"
        )
        assert old[1:] == (
            "InvalidParameterValueException",
            "python3.11 is not supported for SnapStart enabled functions.",
        )
        broken = aws.create("broken", "raise ValueError('no')", Publish=True, **snap)
        aws.tool.wait_for("there is no snapshot of broken:1")
        found = aws.lambda_.get_function_configuration(FunctionName="broken", Qualifier="1")
        assert (broken["State"], found["State"]) == ("Pending", "Failed")
