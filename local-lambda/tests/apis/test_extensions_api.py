"""The Extensions API as an external extension sees it: answers, events, and every refusal with its words."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from conftest import MakeProject
from support.extended import Told, told, words
from support.tool import Outcome

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
UNKNOWN = "01234567-89ab-cdef-0123-456789abcdef"
TRANSITION = "State transition from {} to {} failed for extension one. Error: State transition is not allowed"
CONTEXT = """
import os
def handler(event, context):
    return {"deadline": context._epoch_deadline_time_in_ms, "trace": os.environ["_X_AMZN_TRACE_ID"]}
"""
SCRIPT = """
def ask(label, method, path, body=None, **headers):
    if headers.pop("identified", False): headers["Lambda_Extension_Identifier"] = identifier
    status, _, answer = call(method, EXTENSION + path, body, **headers)
    say(label, status=status, answer=answer)

def name(name="one"):
    return {"Lambda_Extension_Name": name}
kind = {"Lambda_Extension_Function_Error_Type": "Extension.Any"}
id = "Lambda_Extension_Identifier"

ask("nobody next", "GET", "event/next")
ask("invalid next", "GET", "event/next", **{id: "one"})
ask("unknown next", "GET", "event/next", **{id: UNKNOWN})
for verb in "init", "exit":
    ask("nobody " + verb, "POST", verb + "/error", b"", **kind)
    ask("invalid " + verb, "POST", verb + "/error", b"", **kind, **{id: "one"})
    ask("unknown " + verb, "POST", verb + "/error", b"", **kind, **{id: UNKNOWN})
ask("no name", "POST", "register", {"events": []})
ask("empty name", "POST", "register", {"events": []}, **name(""))
ask("no JSON", "POST", "register", b"{events}", **name())
ask("no object", "POST", "register", [1], **name())
ask("no body", "POST", "register", b"", **name())
ask("no list", "POST", "register", {"events": "INVOKE"}, **name())
ask("configuration keys", "POST", "register", {"events": [], "configurationKeys": ["A"]}, **name())
ask("unknown event", "POST", "register", {"events": ["INVOKE", "FREEZE"]}, **name())
ask("internal shutdown", "POST", "register", {"events": ["SHUTDOWN"]}, **name("other"))
ask("wrong path", "POST", "registers", {"events": []}, **name())
ask("wrong method", "GET", "register", **name())
register("INVOKE", "SHUTDOWN", Lambda_Extension_Accept_Feature="unknown, accountId")
ask("registered twice", "POST", "register", {"events": []}, **name())
ask("no error type", "POST", "init/error", b"", identified=True)
waiting = send("GET", EXTENSION + "event/next", Lambda_Extension_Identifier=identifier)
"""
HOLD = """
register("INVOKE")
open(os.environ["GATE"]).read()
serve()
"""
"""An extension that keeps the Init phase from ending, so that the other one stays in its state."""
WHEN_READY = """
ask("second next", "GET", "event/next", identified=True)
ask("init error when ready", "POST", "init/error", b"", identified=True, **kind)
open(os.environ["GATE"], "w").close()
receive(waiting)
ask("init error when running", "POST", "init/error", b"", identified=True, **kind)
ask("late registration", "POST", "register", {"events": []}, **name("late"))
ask("registered late again", "POST", "register", {"events": []}, **name())
serve()
"""


@dataclass(frozen=True)
class Refusal:
    """An error answer."""

    error_type: str
    message: str
    status: int = 403


def identifier_refusals(label: str, unknown: str) -> dict[str, Refusal]:
    """Of a request that needs an identifier."""
    return {
        f"nobody {label}": Refusal(
            "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"
        ),
        f"invalid {label}": Refusal("Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier"),
        f"unknown {label}": Refusal("Extension.UnknownExtensionIdentifier", unknown),
    }


CLOSED = Refusal("Extension.RegistrationClosed", "Extension registration closed already")
REFUSALS = {
    **identifier_refusals("next", f"Unknown extension {UNKNOWN}"),
    **identifier_refusals("init", "Unknown Lambda-Extension-Identifier"),
    **identifier_refusals("exit", "Unknown Lambda-Extension-Identifier"),
    "no name": Refusal("Extension.InvalidExtensionName", "Empty extension name"),
    "empty name": Refusal("Extension.InvalidExtensionName", "Empty extension name"),
    "no JSON": Refusal("InvalidRequestFormat", "Expecting property name.*"),
    "no object": Refusal("InvalidRequestFormat", "the body is not a JSON object"),
    "no body": Refusal("InvalidRequestFormat", "Expecting value.*"),
    "no list": Refusal("InvalidRequestFormat", "events is not a list of strings"),
    "configuration keys": Refusal(
        "InvalidRequestFormat", "configurationKeys are deprecated; use environment variables instead"
    ),
    "unknown event": Refusal("Extension.InvalidEventType", "FREEZE: ErrorInvalidEventType"),
    "internal shutdown": Refusal(
        "Extension.InvalidEventType", "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"
    ),
    "wrong path": Refusal("NotFound", "No such path in the Extensions API: /2020-01-01/extension/registers", 404),
    "wrong method": Refusal("MethodNotAllowed", "GET is not allowed on this path", 405),
    "registered twice": Refusal("Extension.InvalidExtensionState", TRANSITION.format("Registered", "Registered")),
    "no error type": Refusal("Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found"),
    "second next": Refusal("Extension.InvalidExtensionState", TRANSITION.format("Ready", "Ready")),
    "init error when ready": Refusal("Extension.InvalidExtensionState", TRANSITION.format("Ready", "InitError")),
    "init error when running": Refusal("Extension.InvalidExtensionState", TRANSITION.format("Running", "InitError")),
    "late registration": CLOSED,
    "registered late again": CLOSED,
}


@pytest.fixture(scope="module")
def outcome(extend: MakeProject, shared_folder: Path) -> Outcome:
    """Two invocations of a function with an extension that makes all mistakes before it serves."""
    gate = shared_folder / "hold"
    os.mkfifo(gate)
    script = SCRIPT.replace("UNKNOWN", repr(UNKNOWN)) + WHEN_READY
    project = extend({"one": script, "two": HOLD}, code=CONTEXT, variables={"GATE": str(gate)}, Tracing="Active")
    outcome: Outcome = project.report({"n": 1}, {"n": 2})
    return outcome


@pytest.fixture(scope="module")
def answers(outcome: Outcome) -> dict[str, Told]:
    """What it was answered."""
    return {line["what"]: line for line in told(outcome)}


@pytest.mark.parametrize("label", REFUSALS)
def test_request_when_it_is_refused_says_why(answers: dict[str, Told], label: str) -> None:
    """Status, error type and message are those of the service."""
    answer, refusal = answers[label]["answer"], REFUSALS[label]
    assert (answers[label]["status"], answer["errorType"]) == (refusal.status, refusal.error_type)
    assert answer["errorMessage"] == refusal.message or re.fullmatch(refusal.message, answer["errorMessage"])


def test_refusals_when_there_were_many_change_nothing(outcome: Outcome) -> None:
    """The function is served, and the extension is what it registered as."""
    assert outcome.status == 0
    assert [record["status"] for record in outcome.records("platform.report")] == ["success", "success"]
    assert outcome.records("platform.extension") == [
        {"name": "one", "state": "Ready", "events": ["INVOKE", "SHUTDOWN"]},
        {"name": "two", "state": "Ready", "events": ["INVOKE"]},
    ]


def test_register_answers_with_the_function(outcome: Outcome) -> None:
    """Name, version and handler; the account only when the extension accepts it."""
    function = {"functionName": "Hello", "functionVersion": "$LATEST", "handler": "app.handler"}
    for name, expected in ("one", {**function, "accountId": "123456789012"}), ("two", function):
        registered = next(line for line in told(outcome, name) if line["what"] == "registered")
        assert (registered["status"], registered["answer"]) == (200, expected)
        assert re.fullmatch(UUID, registered["identifier"])


def test_invoke_event_describes_the_invocation(outcome: Outcome) -> None:
    """Request id, ARN and trace are the function's own, the deadline is what the context counts down to."""
    for name, count in ("one", 1), ("two", 2):
        events = [line for line in told(outcome, name) if line["what"] == "event" and "requestId" in line["event"]]
        assert len(events) == count
        for line, payload, invocation in zip(
            reversed(events), reversed(outcome.payloads), reversed(outcome.report["invocations"]), strict=False
        ):
            assert line["event"] == {
                "eventType": "INVOKE",
                "deadlineMs": payload["deadline"],
                "requestId": invocation["requestId"],
                "invokedFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:Hello",
                "tracing": {"type": "X-Amzn-Trace-Id", "value": payload["trace"]},
            }
            assert re.fullmatch(UUID, line["id"])


def test_shutdown_event_says_why_and_until_when(outcome: Outcome) -> None:
    """Only to the extension that subscribed to it, as its last event, without an identifier."""
    last = told(outcome)[-1]
    assert (last["event"]["eventType"], last["event"]["shutdownReason"], last["id"]) == ("SHUTDOWN", "spindown", None)
    assert 0 < last["event"]["deadlineMs"] - last["at"] * 1000 <= 2000
    assert words(told(outcome, "two")) == ["registered", "INVOKE", "INVOKE"]
