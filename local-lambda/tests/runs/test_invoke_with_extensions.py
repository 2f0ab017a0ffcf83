"""Invocations of functions with extensions: when the caller has its response, and when the environment is free."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conftest import MakeProject
from support.extended import told, words
from support.tool import Gate

INTERNAL = """
import http.client, json, os, threading

def extension(path, body=None, **headers):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("GET" if body is None else "POST", "/2020-01-01/extension/" + path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.getheader("Lambda-Extension-Identifier"), json.loads(answer.read())

def register(name, *events):
    return extension("register", json.dumps({"events": events}), Lambda_Extension_Name=name)

def poll(identifier):
    while True:
        print("internal", json.dumps(extension("event/next", Lambda_Extension_Identifier=identifier)[2]), flush=True)

refused = [register("internal", "SHUTDOWN"), register("one", "INVOKE")]
registered = register("internal", "INVOKE")
refused += [register("internal", "INVOKE")]
threading.Thread(target=poll, args=(registered[1],), daemon=True).start()

def handler(event, context):
    return {"registered": registered, "refused": refused, "late": register("late")}
"""


def test_internal_extension_is_served_from_inside_the_handlers_module(extend: MakeProject) -> None:
    """It may have INVOKE events only, has its own name, and registers before the runtime is ready."""
    outcome = extend({"one": None}, code=INTERNAL).report({})
    (seen,) = outcome.payloads
    assert seen["registered"][0] == 200
    types = [(status, answer["errorType"], answer["errorMessage"]) for status, _, answer in seen["refused"]]
    assert types == [
        (403, "Extension.InvalidEventType", "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"),
        (403, "Extension.InvalidExtensionState", types[1][2]),
        (403, "Extension.InvalidExtensionState", "Extension with this name already registered"),
    ]
    assert types[1][2].startswith("State transition from ")
    assert (seen["late"][0], seen["late"][2]["errorType"]) == (403, "Extension.RegistrationClosed")
    assert [record["name"] for record in outcome.records("platform.extension")] == ["one", "internal"]
    events = [line for line in outcome.records("function") if line.startswith("internal ")]
    assert len(events) == 1
    assert '"eventType": "INVOKE"' in events[0]
    assert words(told(outcome)) == ["registered", "INVOKE", "SHUTDOWN"]


def test_runtime_starts_after_every_extension_has_registered(extend: MakeProject, shared_folder: Path) -> None:
    """A slow one holds it back: its marker is there before the handler's module is imported."""
    marker = shared_folder / "registered"
    slow = f"time.sleep(0.3)\nopen({str(marker)!r}, 'w').close()\nregister()\nserve()"
    code = f"import os\nseen = os.path.exists({str(marker)!r})\ndef handler(event, context):\n    return seen"
    outcome = extend({"one": None, "two": slow}, code=code).report({})
    assert outcome.payloads == [True]
    assert words(told(outcome, "two")) == ["registered"]


SLOW = """
register("INVOKE", "SHUTDOWN")
def slowly(event):
    if event["eventType"] == "INVOKE":
        say("working")
        open(os.environ["GATE"], "rb", buffering=0).readline()
        say("done")
serve(slowly)
"""


def test_caller_has_its_answer_while_an_extension_still_works(
    extend: MakeProject, make_gate: Callable[[], Gate], callers: ThreadPoolExecutor
) -> None:
    """The environment is not free before: the next invocation waits or gets another one."""
    gate = make_gate()
    with extend({"one": SLOW}, variables={"GATE": gate.path}).serving("--max-environments", "2") as tool:
        first = tool.invoke("Hello", {"n": 1})
        assert first.json == {"n": 1}
        tool.wait_for('"working"')
        assert "END" not in tool.text
        second = tool.invoke("Hello", {"n": 2})
        assert second.json == {"n": 2}
        tool.wait_for("#2.*working")
        for _ in range(2):
            gate.open()
        for reply in (first, second):
            assert tool.log_of(reply.request_id)[-2].startswith("END")
        third = callers.submit(tool.invoke, "Hello", {"n": 3})
        assert third.result().json == {"n": 3}
        gate.open()
        tool.log_of(third.result().request_id)


def test_invoke_reports_and_bills_the_extensions_overhead(extend: MakeProject) -> None:
    """From the runtime's next to the last extension's."""
    script = "register('INVOKE')\nserve(lambda event: time.sleep(0.2))"
    outcome = extend({"one": script}).report({}, {})
    for report, done in zip(outcome.records("platform.report"), outcome.records("platform.runtimeDone"), strict=True):
        (span,) = report["spans"]
        metrics = report["metrics"]
        assert span["name"] == "extensionOverhead"
        assert done["metrics"]["durationMs"] + span["durationMs"] == pytest.approx(metrics["durationMs"], abs=1)
        assert metrics["durationMs"] >= 200
        total = metrics["durationMs"] + metrics.get("initDurationMs", 0)  # both are rounded to microseconds
        assert metrics["billedDurationMs"] in (math.ceil(total - 0.001), math.ceil(total + 0.001))


def test_extension_without_invoke_is_not_waited_for(extend: MakeProject) -> None:
    """Neither one for SHUTDOWN only nor one without any event, which still has to ask once."""
    outcome = extend({"one": "register('SHUTDOWN')\nserve()", "two": "register()\nserve()"}).report({}, {})
    assert words(told(outcome)) == ["registered", "SHUTDOWN"]
    assert words(told(outcome, "two")) == ["registered"]
    assert [record["status"] for record in outcome.records("platform.report")] == ["success", "success"]
    assert [record["state"] for record in outcome.records("platform.extension")] == ["Ready", "Ready"]


STUCK = """
register("INVOKE", "SHUTDOWN")
if first_time():
    wait()
    forever()
serve()
"""


def test_extension_that_never_comes_back_times_the_invocation_out(extend: MakeProject) -> None:
    """The caller has its 200; the report says timeout, the others are notified, and the next invocation succeeds."""
    project = extend({"one": STUCK, "two": None}, Timeout=1)
    outcome = project.report({"n": 1}, {"n": 2})
    assert (outcome.status, outcome.payloads) == (0, [{"n": 1}, {"n": 2}])
    late, good = outcome.records("platform.report")
    assert (late["status"], late["metrics"]["durationMs"], good["status"]) == ("timeout", 1000, "success")
    assert [record["status"] for record in outcome.records("platform.runtimeDone")] == ["success", "success"]
    assert [record["phase"] for record in outcome.records("platform.initStart")] == ["init", "invoke"]
    reasons = [line["event"].get("shutdownReason") for line in told(outcome, "two") if line["what"] == "event"]
    assert reasons == [None, "timeout", None, "spindown"]
    assert words(told(outcome)) == ["registered", "INVOKE", "registered", "INVOKE", "SHUTDOWN"]
    tail = outcome.report["invocations"][0]["logTail"]
    assert tail.endswith("Status: timeout\n")


COUNT = """
import os
def handler(event, context):
    with open(os.environ["COUNT"], "a+") as file:
        file.write("x")
        file.seek(0)
        count = len(file.read())
    if event.get("exit"):
        os._exit(1)
    return count
"""


def test_reset_gives_new_identifiers_and_keeps_tmp(extend: MakeProject, tmp_path: Path) -> None:
    """Registrations are lost, files are not."""
    path = Path(f"/tmp/{tmp_path.name}-{time.time_ns()}")
    try:
        project = extend({"one": None}, code=COUNT, variables={"COUNT": str(path)})
        outcome = project.report({}, {"exit": True}, {}, {})
    finally:
        path.unlink(missing_ok=True)
    assert [outcome.payloads[number] for number in (0, 2, 3)] == [1, 3, 4]
    first, second = [line for line in told(outcome) if line["what"] == "registered"]
    assert first["identifier"] != second["identifier"]
    reasons = [line["event"].get("shutdownReason") for line in told(outcome) if line["what"] == "event"]
    assert reasons == [None, None, "failure", None, None, "spindown"]
