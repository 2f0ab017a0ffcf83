"""The extension as a process, against an Extensions API made up for the test."""

import json
import os
import shutil
from pathlib import Path
from typing import Tuple

import pytest
from extensions_api import IDENTIFIER, PREFIX, SECONDS, ExtensionsApi, invoke_event, shutdown_event

FOLDER = Path(__file__).resolve().parent.parent
LAUNCHER = FOLDER / "opt/extensions/container-extension"


def run(api: ExtensionsApi, **variables: str) -> Tuple[int, str, str]:
    """Run the extension to its end; returns exit status, output and errors."""
    process = api.start(LAUNCHER, **variables)
    output, errors = process.communicate(timeout=SECONDS)
    return process.returncode, output, errors


def test_registration_when_started(api: ExtensionsApi) -> None:
    """It registers first, for both events, under the name of its file, and shows the identifier ever after."""
    api.events.put(shutdown_event())
    run(api)
    register, *others = api.requests
    assert (register.method, register.path) == ("POST", f"{PREFIX}/register")
    assert register.headers["lambda-extension-name"] == "container-extension"
    assert json.loads(register.body) == {"events": ["INVOKE", "SHUTDOWN"]}
    assert api.lines() == ["POST register", "GET next"]
    assert [request.headers["lambda-extension-identifier"] for request in others] == [IDENTIFIER]


def test_output_when_invoked_and_shut_down(api: ExtensionsApi) -> None:
    """It reports each event in turn, and exits on SHUTDOWN with status 0."""
    for event in (invoke_event("request-1"), invoke_event("request-2"), shutdown_event("timeout")):
        api.events.put(event)
    status, output, errors = run(api)
    registered, first, second, end = output.splitlines()
    assert (
        registered
        == "[container-extension] registered for function HelloFunction, handler lambda_function.lambda_handler"
    )
    assert first.startswith("[container-extension] INVOKE request-1, ")
    assert second.startswith("[container-extension] INVOKE request-2, ")
    assert end.startswith("[container-extension] SHUTDOWN (timeout) after 2 invocations, ")
    assert (status, errors) == (0, "")
    assert api.lines()[1:] == ["GET next"] * 3


def test_connection_when_events_follow_each_other(api: ExtensionsApi) -> None:
    """All calls share one connection."""
    for event in (invoke_event("request-1"), invoke_event("request-2"), shutdown_event()):
        api.events.put(event)
    run(api)
    assert len(api.requests) == 4
    assert len({request.client for request in api.requests}) == 1


def test_calls_when_a_proxy_is_set(api: ExtensionsApi) -> None:
    """The variables of a proxy are for the internet: the API is reached without."""
    api.events.put(shutdown_event())
    assert run(api, http_proxy="http://127.0.0.1:9", HTTP_PROXY="http://127.0.0.1:9")[0] == 0


def test_name_when_the_folder_is_elsewhere(api: ExtensionsApi, tmp_path: Path) -> None:
    """It runs from any folder, and a launcher of another name registers under that one."""
    opt = tmp_path / "another folder"
    shutil.copytree(str(FOLDER / "opt"), str(opt))
    os.rename(str(opt / "extensions/container-extension"), str(opt / "extensions/renamed.sh"))
    api.events.put(shutdown_event())
    process = api.start(opt / "extensions/renamed.sh")
    assert "[renamed.sh] SHUTDOWN" in process.communicate(timeout=SECONDS)[0]
    assert process.returncode == 0
    assert api.requests[0].headers["lambda-extension-name"] == "renamed.sh"


@pytest.mark.parametrize("path", ["/register", "/event/next"])
def test_exit_when_the_api_refuses(api: ExtensionsApi, path: str) -> None:
    """A refused call ends it with status 1 and Lambda's reason."""
    api.events.put({})
    api.refusals[path] = (403, {"errorType": "Extension.Refused", "errorMessage": "because the test says so"})
    status, _, errors = run(api)
    assert status == 1
    assert f"{path}: 403 " in errors
    assert "because the test says so" in errors
    assert "Traceback" not in errors
