"""The extension as a process, started by its launcher, against a stand-in for Lambda's Extensions API."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List

import extension
import pytest
from extensions_api import IDENTIFIER, PREFIX, ExtensionsApi

FOLDER = Path(__file__).resolve().parent.parent
NAME = "python-example-extension"
SECONDS = 30


def invoke(request_id: str) -> Dict[str, Any]:
    """An INVOKE event."""
    return {"eventType": "INVOKE", "requestId": request_id, "deadlineMs": 1700000000000}


def shutdown() -> Dict[str, Any]:
    """A SHUTDOWN event with two seconds left."""
    return {"eventType": "SHUTDOWN", "shutdownReason": "spindown", "deadlineMs": time.time() * 1000 + 2000}


class Starter:
    """Starts extensions, and leaves none behind."""

    def __init__(self, api: ExtensionsApi) -> None:
        self.api = api
        self.started: List[subprocess.Popen[str]] = []

    def __call__(self, launcher: Path = FOLDER / "extensions" / NAME, **variables: str) -> "subprocess.Popen[str]":
        """Start a launcher as Lambda does; its working directory is no help."""
        path = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
        environment = {"PATH": path, "AWS_LAMBDA_RUNTIME_API": self.api.address, **variables}
        process = subprocess.Popen(
            [str(launcher)], env=environment, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.started.append(process)
        return process


@pytest.fixture
def start(api: ExtensionsApi) -> Iterator[Starter]:
    """Starts extensions."""
    starter = Starter(api)
    yield starter
    for process in starter.started:
        process.kill()
        process.communicate()


def ask(api: ExtensionsApi) -> None:
    """Wait until the extension has asked for an event."""
    api.waiting.get(timeout=SECONDS)


def test_registration_when_started(api: ExtensionsApi, start: Starter) -> None:
    """The first call registers for both events under the name of the launcher."""
    start()
    ask(api)
    request = api.requests[0]
    assert (request.method, request.path) == ("POST", f"{PREFIX}/register")
    assert request.headers["Lambda-Extension-Name"] == NAME
    assert json.loads(request.body) == {"events": ["INVOKE", "SHUTDOWN"]}


def test_output_when_events_come(api: ExtensionsApi, start: Starter) -> None:
    """Each event is printed as it came, and SHUTDOWN is the last: the process ends well."""
    events = [invoke("first"), invoke("second"), shutdown()]
    for event in events:
        api.events.put(event)
    process = start()
    out, err = process.communicate(timeout=SECONDS)
    registered, *printed, leaving = out.splitlines()
    assert registered == f"[{NAME}] registered for INVOKE and SHUTDOWN of HelloFunction $LATEST"
    assert [json.loads(line[len(f"[{NAME}] ") :]) for line in printed] == events
    assert leaving.startswith(f"[{NAME}] leaving after 2 invocations, ")
    assert (process.returncode, err) == (0, "")


def test_connections_when_events_come(api: ExtensionsApi, start: Starter) -> None:
    """All calls come over one connection, and each `next` says who asks."""
    for event in (invoke("first"), invoke("second"), shutdown()):
        api.events.put(event)
    start().communicate(timeout=SECONDS)
    nexts = api.requests[1:]
    assert len({request.client for request in api.requests}) == 1
    assert {(request.method, request.path) for request in nexts} == {("GET", f"{PREFIX}/event/next")}
    assert [request.headers["Lambda-Extension-Identifier"] for request in nexts] == [IDENTIFIER] * 3


def test_next_event_when_it_takes_long() -> None:
    """The client waits for the next event for ever."""
    timeouts = []

    class Session:
        def get(self, url: str, timeout: object = "missing") -> Any:
            timeouts.append(timeout)
            response = extension.requests.Response()
            response.status_code, response._content = 200, b'{"eventType": "INVOKE"}'
            return response

    assert extension.next_event(Session(), "http://localhost") == {"eventType": "INVOKE"}  # type: ignore[arg-type]
    assert timeouts == [None]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_exit_when_signalled(api: ExtensionsApi, start: Starter, number: signal.Signals) -> None:
    """A signal ends a waiting extension at once, and well."""
    process = start()
    ask(api)
    process.send_signal(number)
    out, err = process.communicate(timeout=SECONDS)
    assert out.splitlines()[-1] == f"[{NAME}] leaving on {number.name}"
    assert (process.returncode, err) == (0, "")


@pytest.mark.parametrize("name", ["another-extension", "with space", "with.dot.sh"])
def test_registration_when_moved_and_renamed(api: ExtensionsApi, start: Starter, tmp_path: Path, name: str) -> None:
    """Launcher and folder may lie anywhere and have any name, as long as it is the same name."""
    layer = tmp_path / "a layer"
    (layer / "extensions").mkdir(parents=True)
    shutil.copy(str(FOLDER / "extensions" / NAME), str(layer / "extensions" / name))
    shutil.copytree(str(FOLDER / NAME), str(layer / name))
    start(layer / "extensions" / name)
    ask(api)
    assert api.requests[0].headers["Lambda-Extension-Name"] == name


def test_exit_when_refused(api: ExtensionsApi, start: Starter) -> None:
    """When Lambda refuses the registration, its reason is the only output, and the exit status tells of failure."""
    api.refuses = True
    process = start()
    out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (1, "")
    assert err.startswith(f"[{NAME}] POST http://{api.address}{PREFIX}/register: 403 ")
    assert '"Extension.InvalidExtensionName"' in err
    assert len(err.splitlines()) == 1


def test_exit_when_the_api_goes_away(api: ExtensionsApi, start: Starter) -> None:
    """An extension without Lambda does not linger."""
    api.events.put(None)
    process = start()
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert "ConnectionError" in err


def test_connections_when_there_is_a_proxy(api: ExtensionsApi, start: Starter) -> None:
    """The function's proxy settings do not concern the calls inside the environment."""
    start(HTTP_PROXY="http://127.0.0.1:9", http_proxy="http://127.0.0.1:9", ALL_PROXY="http://127.0.0.1:9")
    ask(api)
    assert len(api.requests) == 2


def test_launcher_when_its_folder_is_missing(api: ExtensionsApi, start: Starter, tmp_path: Path) -> None:
    """A launcher without an extension ends with an error that names the file."""
    (tmp_path / "extensions").mkdir()
    shutil.copy(str(FOLDER / "extensions" / NAME), str(tmp_path / "extensions" / NAME))
    process = start(tmp_path / "extensions" / NAME)
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode != 0
    assert f"{NAME}/extension.py" in err
