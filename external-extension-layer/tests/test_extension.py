"""The extension as a process, started by its launcher, against a stand-in for Lambda's Extensions API."""

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import extension
import pytest
from extensions_api import IDENTIFIER, PREFIX, SECONDS, ExtensionsApi, invoke_event, shutdown_event

FOLDER = Path(__file__).resolve().parent.parent
NAME = "python-example-extension"
LAUNCHER = FOLDER / "extensions" / NAME


def test_registration_when_started(api: ExtensionsApi) -> None:
    """The first call registers for both events under the name of the launcher."""
    api.start(LAUNCHER)
    api.wait_until_asked()
    request = api.requests[0]
    assert (request.method, request.path) == ("POST", f"{PREFIX}/register")
    assert request.headers["lambda-extension-name"] == NAME
    assert json.loads(request.body) == {"events": ["INVOKE", "SHUTDOWN"]}


def test_output_when_events_come(api: ExtensionsApi) -> None:
    """Each event is printed as it came, and SHUTDOWN is the last: the process ends well."""
    events = [invoke_event("first"), invoke_event("second"), shutdown_event()]
    for event in events:
        api.events.put(event)
    process = api.start(LAUNCHER)
    out, err = process.communicate(timeout=SECONDS)
    registered, *printed, leaving = out.splitlines()
    assert registered == f"[{NAME}] registered for INVOKE and SHUTDOWN of HelloFunction $LATEST"
    assert [json.loads(line[len(f"[{NAME}] ") :]) for line in printed] == events
    assert leaving.startswith(f"[{NAME}] leaving after 2 invocations, ")
    assert (process.returncode, err) == (0, "")


def test_connections_when_events_come(api: ExtensionsApi) -> None:
    """All calls come over one connection, and each `next` says who asks."""
    for event in (invoke_event("first"), invoke_event("second"), shutdown_event()):
        api.events.put(event)
    api.start(LAUNCHER).communicate(timeout=SECONDS)
    nexts = api.requests[1:]
    assert len({request.client for request in api.requests}) == 1
    assert {(request.method, request.path) for request in nexts} == {("GET", f"{PREFIX}/event/next")}
    assert [request.headers["lambda-extension-identifier"] for request in nexts] == [IDENTIFIER] * 3


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
def test_exit_when_signalled(api: ExtensionsApi, number: signal.Signals) -> None:
    """A signal ends a waiting extension immediately, with status 0."""
    process = api.start(LAUNCHER)
    api.wait_until_asked()
    process.send_signal(number)
    out, err = process.communicate(timeout=SECONDS)
    assert out.splitlines()[-1] == f"[{NAME}] leaving on {number.name}"
    assert (process.returncode, err) == (0, "")


@pytest.mark.parametrize("name", ["another-extension", "with space", "with.dot.sh"])
def test_registration_when_moved_and_renamed(api: ExtensionsApi, tmp_path: Path, name: str) -> None:
    """Launcher and folder may lie anywhere and have any name, as long as it is the same name."""
    layer = tmp_path / "a layer"
    (layer / "extensions").mkdir(parents=True)
    shutil.copy(str(FOLDER / "extensions" / NAME), str(layer / "extensions" / name))
    shutil.copytree(str(FOLDER / NAME), str(layer / name))
    api.start(layer / "extensions" / name)
    api.wait_until_asked()
    assert api.requests[0].headers["lambda-extension-name"] == name


def test_exit_when_refused(api: ExtensionsApi) -> None:
    """When Lambda refuses the registration, its reason is the only output, and the exit status is 1."""
    reason = {"errorType": "Extension.InvalidExtensionName", "errorMessage": "Empty extension name"}
    api.refusals["/register"] = (403, reason)
    process = api.start(LAUNCHER)
    out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (1, "")
    assert err.startswith(f"[{NAME}] POST http://{api.address}{PREFIX}/register: 403 ")
    assert '"Extension.InvalidExtensionName"' in err
    assert len(err.splitlines()) == 1


def test_exit_when_the_api_goes_away(api: ExtensionsApi) -> None:
    """An extension without Lambda does not linger."""
    api.events.put(None)
    process = api.start(LAUNCHER)
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert "ConnectionError" in err


def test_connections_when_there_is_a_proxy(api: ExtensionsApi) -> None:
    """The function's proxy settings do not concern the calls inside the environment."""
    api.start(
        LAUNCHER, HTTP_PROXY="http://127.0.0.1:9", http_proxy="http://127.0.0.1:9", ALL_PROXY="http://127.0.0.1:9"
    )
    api.wait_until_asked()
    assert len(api.requests) == 2


def test_launcher_when_its_folder_is_missing(api: ExtensionsApi, tmp_path: Path) -> None:
    """A launcher without an extension ends with an error that names the file."""
    (tmp_path / "extensions").mkdir()
    shutil.copy(str(FOLDER / "extensions" / NAME), str(tmp_path / "extensions" / NAME))
    process = api.start(tmp_path / "extensions" / NAME)
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode != 0
    assert f"{NAME}/extension.py" in err
