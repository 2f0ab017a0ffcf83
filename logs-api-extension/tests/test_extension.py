"""The extension as a process, against Lambda's APIs made up for the test."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import pytest
from extensions_api import IDENTIFIER, SECONDS, ExtensionsApi, invoke_event, shutdown_event

FOLDER = Path(__file__).resolve().parent.parent
LAUNCHER = FOLDER / "extensions/logs-api-extension"
PREFIX = "BATCH RECEIVED: "


def record(kind: str, content: Any) -> Dict[str, Any]:
    """A record as Lambda sends it."""
    return {"time": "2026-03-01T10:00:00.000Z", "type": kind, "record": content}


def function_records(lines: Sequence[str]) -> List[Dict[str, Any]]:
    """Records of lines that the function has written."""
    return [record("function", f"{line}\n") for line in lines]


def runtime_done(request_id: str) -> Dict[str, Any]:
    """The record that says that the function is done with a request."""
    return record("platform.runtimeDone", {"requestId": request_id, "status": "success"})


class Extension:
    """A running extension; `batches` collects what it has printed so far."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.batches: List[Any] = []

    def read_batch(self) -> Any:
        """Wait for the next batch to be printed; lines of other kinds are left out."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(PREFIX):
                self.batches.append(json.loads(line[len(PREFIX) :]))
                return self.batches[-1]
        raise AssertionError("the extension has ended")

    def end(self) -> Tuple[int, str, str]:
        """Wait until it has ended; returns exit status, the rest of its output, and its errors."""
        output, errors = self.process.communicate(timeout=SECONDS)
        for line in output.splitlines():
            if line.startswith(PREFIX):
                self.batches.append(json.loads(line[len(PREFIX) :]))
        return self.process.returncode, output, errors


@pytest.fixture
def extension(api: ExtensionsApi, request: Any) -> Extension:
    """The extension, having asked for its first event. A test may give it variables as an indirect parameter."""
    process = api.start(LAUNCHER, **getattr(request, "param", {}))
    api.wait_until_asked()
    return Extension(process)


def test_calls_when_started(api: ExtensionsApi, extension: Extension) -> None:
    """It registers, listens, subscribes and asks for an event, in this order and over one connection."""
    assert api.lines() == ["POST register", "PUT logs", "GET next"]
    register, *others = api.requests
    assert (register.method, register.path) == ("POST", "/2020-01-01/extension/register")
    assert register.headers["lambda-extension-name"] == "logs-api-extension"
    assert json.loads(register.body) == {"events": ["INVOKE", "SHUTDOWN"]}
    assert [call.headers["lambda-extension-identifier"] for call in others] == [IDENTIFIER] * 2
    assert api.requests[1].path == "/2020-08-15/logs"
    assert api.subscription["types"] == ["platform", "function"]
    assert len({request.client for request in api.requests}) == 1


@pytest.mark.parametrize("extension", [{"LOGS_API": "telemetry", "http_proxy": "http://127.0.0.1:9"}], indirect=True)
def test_calls_when_the_telemetry_api_is_wanted(api: ExtensionsApi, extension: Extension) -> None:
    """One variable is all the difference; and a proxy of the function's has no part in it."""
    assert api.requests[1].path == "/2022-07-01/telemetry"
    assert api.subscription["schemaVersion"] == "2022-12-13"


def test_next_when_records_are_missing(api: ExtensionsApi, extension: Extension) -> None:
    """It does not ask for the next event before the platform.runtimeDone of this invocation."""
    api.events.put(invoke_event("request-2"))
    batches = [
        [*function_records(["late"]), runtime_done("request-1")],
        function_records(["line 1", "line 2"]),
        [*function_records(["line 3"]), runtime_done("request-2")],
    ]
    for batch in batches:
        assert api.lines().count("GET next") == 1
        assert api.send(batch) == 200
        assert extension.read_batch() == batch
    api.wait_until_asked()
    assert api.lines().count("GET next") == 2


def test_next_when_the_records_came_before_the_event(api: ExtensionsApi, extension: Extension) -> None:
    """What came while the extension was not waiting is printed with the next event, and counts."""
    api.send([runtime_done("request-1")])
    api.events.put(invoke_event("request-1"))
    assert extension.read_batch() == [runtime_done("request-1")]
    api.wait_until_asked()


def test_next_when_the_record_does_not_come(api: ExtensionsApi, extension: Extension) -> None:
    """Shortly before the deadline it gives up and says so: better to lose records than the whole environment."""
    api.events.put(invoke_event("request-1", seconds=0.3))
    api.wait_until_asked()
    api.events.put(shutdown_event(seconds=0))
    assert "no platform.runtimeDone of request-1 in time" in extension.end()[1]


@pytest.mark.parametrize("extension", [{"LOGS_WAIT_FOR": "nothing"}], indirect=True)
def test_next_when_it_shall_not_wait(api: ExtensionsApi, extension: Extension) -> None:
    """It prints what is there, asks immediately, and exits immediately: what came later is lost."""
    api.send(function_records(["in time"]))
    api.events.put(invoke_event("request-1"))
    api.wait_until_asked()
    api.send(function_records(["too late"]))
    api.events.put(shutdown_event())
    status, output, _ = extension.end()
    assert extension.batches == [function_records(["in time"])]
    assert "leaving after 1 invocations: 1 lines of the function, 1 records" in output
    assert status == 0


def test_batches_when_shut_down(api: ExtensionsApi, extension: Extension) -> None:
    """Records that come after SHUTDOWN are printed, too. When none has come for a while it ends with status 0."""
    api.send(function_records(["before"]))
    api.events.put(shutdown_event(seconds=20))
    assert extension.read_batch() == function_records(["before"])
    for number in range(3):
        api.send(function_records([f"after {number}"]))
        assert extension.read_batch() == function_records([f"after {number}"])
    status, output, errors = extension.end()
    assert (status, errors) == (0, "")
    assert "leaving after 0 invocations: 4 lines of the function, 4 records" in output


def test_end_when_batches_go_on_coming(api: ExtensionsApi, extension: Extension) -> None:
    """It still exits before the deadline, because after that it would be killed."""
    api.events.put(shutdown_event(seconds=0.5))
    sent = 0
    try:
        while True:
            api.send(function_records([f"line {sent}"]))
            sent += 1
    except OSError:
        pass  # the listener is closed
    status, output, _ = extension.end()
    assert status == 0
    assert "leaving after" in output
    assert sent > 0


def test_answer_when_printing_is_slow(api: ExtensionsApi, extension: Extension) -> None:
    """Batches are answered although the output is not read, and at the end all of them come out in order."""
    api.events.put(invoke_event("request-1"))
    batches = [function_records([f"{number} {'x' * 1000}"] * 200) for number in range(5)]
    for batch in batches:
        assert api.send(batch) == 200
    api.send([runtime_done("request-1")])
    for batch in [*batches, [runtime_done("request-1")]]:
        assert extension.read_batch() == batch


def test_batch_when_it_is_not_json(api: ExtensionsApi, extension: Extension) -> None:
    """The halves of a record that was too large for one batch are printed as they are, and the extension continues."""
    api.events.put(invoke_event("request-1"))
    api.send(b'[{"type":"function","record":"cut}]')
    api.send([runtime_done("request-1")])
    assert extension.process.stdout is not None
    lines = (line for line in extension.process.stdout if "RECEIVED" in line)
    assert next(lines) == 'PART OF A BATCH RECEIVED: [{"type":"function","record":"cut}]\n'
    assert next(lines).startswith(PREFIX)


def test_lines_when_there_are_many(api: ExtensionsApi, extension: Extension) -> None:
    """Ten thousand lines come out complete and in order."""
    api.events.put(invoke_event("request-1"))
    lines = [f"line {number}" for number in range(10000)]
    for start in range(0, len(lines), 1000):
        api.send(function_records(lines[start : start + 1000]))
    api.send([runtime_done("request-1")])
    while extension.read_batch() != [runtime_done("request-1")]:
        pass
    printed = [record["record"].strip() for batch in extension.batches[:-1] for record in batch]
    assert printed == lines


def run_to_init_error(api: ExtensionsApi, **variables: str) -> Tuple[int, str, Dict[str, Any]]:
    """Run an extension that cannot start; returns exit status, errors, and what it reported to Lambda."""
    process = api.start(LAUNCHER, **variables)
    _, errors = process.communicate(timeout=SECONDS)
    assert api.lines()[-1] == "POST error"
    call = api.requests[-1]
    assert call.path == "/2020-01-01/extension/init/error"
    assert call.headers["lambda-extension-identifier"] == IDENTIFIER
    reported: Dict[str, Any] = json.loads(call.body)
    assert call.headers["lambda-extension-function-error-type"] == reported["errorType"] == "Extension.NoSubscription"
    assert reported["errorMessage"] in errors
    return process.returncode, errors, reported


def test_exit_when_the_subscription_is_refused(api: ExtensionsApi) -> None:
    """It reports Lambda's reason, then ends with status 1."""
    api.refusals["/logs"] = (400, {"errorMessage": "because the test says so"})
    status, errors, reported = run_to_init_error(api)
    assert status == 1
    assert reported["errorMessage"].startswith("subscription refused: 400")
    assert "because the test says so" in errors
    assert "Traceback" not in errors


def test_exit_when_a_variable_makes_no_sense(api: ExtensionsApi) -> None:
    """It reports which one, and does not subscribe."""
    status, _, reported = run_to_init_error(api, LOGS_TIMEOUT_MS="soon")
    assert (status, reported["errorMessage"]) == (1, "LOGS_TIMEOUT_MS is soon, but must be a whole number")
    assert "PUT logs" not in api.lines()


def test_next_when_nothing_is_ever_delivered(api: ExtensionsApi) -> None:
    """Emulators without the API say 202: then it says so, and does not wait for records."""
    api.refusals["/logs"] = (202, "OK")
    api.events.put(invoke_event("request-1"))
    api.events.put(shutdown_event())
    process = api.start(LAUNCHER)
    output, _ = process.communicate(timeout=SECONDS)
    assert "no logs are delivered here" in output
    assert "leaving after 1 invocations" in output
    assert process.returncode == 0


def test_name_when_the_folder_is_elsewhere(api: ExtensionsApi, tmp_path: Path) -> None:
    """It runs from any folder, and with another name registers under that one."""
    layer = tmp_path / "another folder"
    shutil.copytree(str(FOLDER / "logs-api-extension"), str(layer / "renamed"))
    shutil.copytree(str(FOLDER / "extensions"), str(layer / "extensions"))
    os.rename(str(layer / "extensions/logs-api-extension"), str(layer / "extensions/renamed"))
    api.events.put(shutdown_event())
    process = api.start(layer / "extensions/renamed")
    assert "[renamed] leaving" in process.communicate(timeout=SECONDS)[0]
    assert process.returncode == 0
    assert api.requests[0].headers["lambda-extension-name"] == "renamed"
