"""The extension in this process, against a stand-in for Lambda's Extensions API."""

import json
import threading
from typing import List

import pytest
from app import extension
from extensions_api import IDENTIFIER, PREFIX, ExtensionsApi

INVOKE = {"eventType": "INVOKE", "requestId": "first", "deadlineMs": 1700000000000}


@pytest.mark.parametrize("events", [[], ["INVOKE"]])
def test_registration_when_started(api: ExtensionsApi, events: List[str]) -> None:
    """It registers before start() is over, because later it would be too late, and then asks for an event."""
    extension.start(events)
    request = api.requests[0]
    assert (request.method, request.path) == ("POST", f"{PREFIX}/register")
    assert request.headers["lambda-extension-name"] == extension.NAME
    assert json.loads(request.body) == {"events": events}
    api.wait_until_asked()
    assert api.requests[1].path == f"{PREFIX}/event/next"


def test_connections_when_events_come(api: ExtensionsApi) -> None:
    """All calls come over one connection, and each `next` says who asks."""
    extension.start(["INVOKE"])
    for _ in range(3):
        api.events.put(INVOKE)
        api.wait_until_asked()
    api.wait_until_asked()
    nexts = api.requests[1:]
    assert len({request.client for request in api.requests}) == 1
    assert [request.headers["lambda-extension-identifier"] for request in nexts] == [IDENTIFIER] * 4


def test_output_when_events_come(api: ExtensionsApi, capsys: pytest.CaptureFixture) -> None:
    """Registration and events are printed, each as a line with the extension's name."""
    extension.start(["INVOKE"])
    api.events.put(INVOKE)
    api.wait_until_asked()
    api.wait_until_asked()
    registered, event = capsys.readouterr().out.splitlines()
    assert registered == f'[{extension.NAME}] registered for ["INVOKE"]'
    assert json.loads(event[len(f"[{extension.NAME}] ") :]) == INVOKE


def test_error_when_shutdown_is_asked_for(api: ExtensionsApi) -> None:
    """The exception has Lambda's reason, and no thread is left behind."""
    reason = {"errorMessage": "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"}
    api.refusals["/register"] = (403, reason)
    before = set(threading.enumerate())
    with pytest.raises(extension.RegistrationRefused, match=r"403 .*ShutdownEventNotSupportedForInternalExtension"):
        extension.start(["INVOKE", "SHUTDOWN"])
    assert [request.path for request in api.requests] == [f"{PREFIX}/register"]
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name == extension.NAME]


def test_connections_when_there_is_a_proxy(api: ExtensionsApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """The function's proxy settings do not concern the calls inside the environment."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    extension.start([])
    api.wait_until_asked()
    assert len(api.requests) == 2


def test_thread_when_started(api: ExtensionsApi) -> None:
    """The thread does not keep the process alive."""
    before = set(threading.enumerate())
    extension.start([])
    (thread,) = [each for each in threading.enumerate() if each not in before and each.name == extension.NAME]
    assert thread.daemon
