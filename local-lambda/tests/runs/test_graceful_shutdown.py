"""The end of real processes: who gets SIGTERM, what a handler's child sees of it, and who never hears of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import MakeProject
from support.extended import told, words
from support.tool import Project

SIGNALLED = """
import http.client, json, os, signal, subprocess, threading

FOLDER = os.environ["FOLDER"]
read, write = os.pipe()
os.set_blocking(write, False)
signal.set_wakeup_fd(write)  # the runtime client keeps Python's own handlers from running before Python 3.12
signal.signal(signal.SIGTERM, lambda *_: None)

def clean_up():
    number, = os.read(read, 1)
    with open(FOLDER + "/runtime", "w") as file:
        file.write(signal.Signals(number).name)
    child.wait()
    print("cleaned up", flush=True)
    os._exit(0)

threading.Thread(target=clean_up, daemon=True).start()
script = 'trap "echo SIGTERM > $FOLDER/child; exit" TERM; echo; while :; do read line; done'
child = subprocess.Popen(["/bin/sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()

if os.environ.get("INTERNAL"):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    headers = {"Lambda-Extension-Name": "internal"}
    connection.request("POST", "/2020-01-01/extension/register", json.dumps({"events": []}), headers)
    answer = connection.getresponse()
    headers = {"Lambda-Extension-Identifier": answer.getheader("Lambda-Extension-Identifier")}
    answer.read()
    poll = lambda: connection.request("GET", "/2020-01-01/extension/event/next", headers=headers)
    threading.Thread(target=poll, daemon=True).start()

def handler(event, context):
    if event.get("exit"):
        os._exit(1)
    while event.get("hang"):
        signal.pause()
    return event
"""


@pytest.fixture
def folder(shared_folder: Path, tmp_path: Path) -> Path:
    """Where processes leave what they have seen."""
    folder = shared_folder / tmp_path.name
    folder.mkdir()
    return folder


@pytest.fixture
def make(extend: MakeProject, folder: Path) -> Callable[..., Project]:
    """Makes a function that notes its SIGTERM, with a child that does."""

    def make(extensions: dict[str, str | None] | None = None, internal: bool = False, **properties: int) -> Project:
        variables = {"FOLDER": str(folder), **({"INTERNAL": "yes"} if internal else {})}
        project: Project = extend(extensions, code=SIGNALLED, variables=variables, **properties)
        return project

    return make


def seen(folder: Path) -> dict[str, str]:
    """Who has noted which signal."""
    return {path.name: path.read_text().strip() for path in folder.iterdir()}


def test_shutdown_without_extensions_sends_no_sigterm(make: Callable[..., Project], folder: Path) -> None:
    """There is no notification; the end comes at once."""
    assert make().report({"n": 1}).payloads == [{"n": 1}]
    assert seen(folder) == {}


@pytest.mark.parametrize("kind", ["external", "internal"])
def test_shutdown_with_an_extension_sends_sigterm_to_the_runtimes_group(
    make: Callable[..., Project], folder: Path, kind: str
) -> None:
    """Whatever the kind of the extension: runtime and child both get it, and what they write last is not lost."""
    project = make({"one": None}) if kind == "external" else make(internal=True)
    outcome = project.report({"n": 1})
    assert (outcome.status, outcome.payloads) == (0, [{"n": 1}])
    assert seen(folder) == {"runtime": "SIGTERM", "child": "SIGTERM"}
    assert outcome.records("function") == ["cleaned up\n"]


STUBBORN = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
def handler(event, context):
    return event
"""


def test_shutdown_of_a_runtime_that_ignores_sigterm_goes_on(extend: MakeProject) -> None:
    """It is killed when its share is over; the extension has the rest."""
    outcome = extend({"one": None}, code=STUBBORN).report({"n": 1})
    assert (outcome.status, outcome.payloads) == (0, [{"n": 1}])
    event = told(outcome)[-1]
    assert event["event"]["shutdownReason"] == "spindown"
    assert event["event"]["deadlineMs"] - event["at"] * 1000 <= 1700


NOTING = """
def note(number, frame):
    say(signal.Signals(number).name)
    sys.exit()
signal.signal(signal.SIGTERM, note)
{}
"""


def test_shutdown_sends_extensions_no_sigterm(extend: MakeProject) -> None:
    """One has its event, the other is killed without a word."""
    one = NOTING.format("register('SHUTDOWN')\nserve()")
    two = NOTING.format("register('INVOKE')\nserve()")
    outcome = extend({"one": one, "two": two}).report({"n": 1})
    assert words(told(outcome)) == ["registered", "SHUTDOWN"]
    assert words(told(outcome, "two")) == ["registered", "INVOKE"]


def test_reset_after_a_timeout_is_graceful_too(make: Callable[..., Project], folder: Path) -> None:
    """SIGTERM, then SHUTDOWN with the reason; without an internal or external extension there would be none."""
    outcome = make({"one": None}, Timeout=1).report({"hang": True}, {"n": 2})
    assert outcome.payloads[0]["errorType"] == "Sandbox.Timedout"
    assert outcome.payloads[1] == {"n": 2}
    assert seen(folder) == {"runtime": "SIGTERM", "child": "SIGTERM"}
    reasons = [line["event"].get("shutdownReason") for line in told(outcome) if line["what"] == "event"]
    assert reasons == [None, "timeout", None, "spindown"]
    assert outcome.records("function") == ["cleaned up\n"] * 2


def test_reset_after_a_crash_tells_extensions_of_the_failure(make: Callable[..., Project]) -> None:
    """There is no runtime left to stop."""
    outcome = make({"one": None}).report({"exit": True}, {"n": 2})
    assert [outcome.payloads[0]["errorType"], outcome.payloads[1]] == ["Runtime.ExitError", {"n": 2}]
    reasons = [line["event"].get("shutdownReason") for line in told(outcome) if line["what"] == "event"]
    assert reasons == [None, "failure", None, "spindown"]
