"""Extensions that subscribe: what their listeners get of a real function, and what bad subscriptions do."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import MakeProject
from support.extended import Told, told, words
from support.free_ports import free_port
from support.tool import Outcome

COUNTING = """
def handler(event, context):
    for number in range(event["lines"]):
        print("line", number)
    return event
"""
SUBSCRIBED = """
register("INVOKE", "SHUTDOWN")
subscribe(listen(when_batch=lambda records: say("batch", records=records)), {})
serve()
"""
TELEMETRY = [
    "platform.initStart",
    "platform.initRuntimeDone",
    "platform.extension",
    "platform.initReport",
    "platform.start",
    "platform.runtimeDone",
    "platform.report",
    "platform.start",
    "platform.runtimeDone",
    "platform.report",
]
LOGS = [
    "platform.extension",
    "platform.start",
    "platform.runtimeDone",
    "platform.end",
    "platform.report",
    "platform.start",
    "platform.runtimeDone",
    "platform.end",
    "platform.report",
]


def received(outcome: Outcome, name: str = "one") -> list[Any]:
    """The records an extension has got, in order."""
    batches = [line["records"] for line in told(outcome, name) if line["what"] == "batch"]
    return [record for batch in batches for record in batch]


def kinds(records: list[Any]) -> list[str]:
    """The types of the platform's records, but for the subscription: the runtime may be ready before or after it."""
    wanted = [record["type"] for record in records if record["type"].startswith("platform.")]
    return [kind for kind in wanted if not kind.endswith("Subscription")]


def lines(records: list[Any]) -> list[str]:
    """The function's lines."""
    return [record["record"] for record in records if record["type"] == "function"]


def statuses(outcome: Outcome, name: str = "one") -> list[tuple[int, Any]]:
    """What subscriptions were answered: the body, of an error its type."""
    answers = [line for line in told(outcome, name) if line["what"] == "subscribed"]
    return [(line["status"], error_type(line)) for line in answers]


def error_type(line: Told) -> Any:
    """The error type of a refusal, or the response."""
    answer = line["answer"]
    return answer["errorType"] if isinstance(answer, dict) else answer


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [("", TELEMETRY), ("path='/2020-08-15/logs', schema='2021-03-18'", LOGS)],
    ids=["Telemetry API", "Logs API"],
)
def test_subscriber_gets_the_story_of_its_environment(extend: MakeProject, arguments: str, expected: list[str]) -> None:
    """From the start of the init, which was before its subscription, to the last report; all lines in order."""
    outcome = extend({"one": SUBSCRIBED.format(arguments)}, code=COUNTING).report({"lines": 500}, {"lines": 300})
    assert statuses(outcome) == [(200, "OK")]
    records = received(outcome)
    assert kinds(records) == expected
    assert len([record for record in records if record["type"].endswith("Subscription")]) == 1
    assert lines(records) == [f"line {number}\n" for count in (500, 300) for number in range(count)]
    assert words(told(outcome))[-1] in ("batch", "SHUTDOWN")


LATE = """
register("INVOKE", "SHUTDOWN")
open(os.environ["MARKERS"] + "/imported").read()
subscribe(listen(when_batch=lambda records: say("batch", records=records)))
serve()
"""


def test_subscriber_when_it_is_late_gets_what_was_before(extend: MakeProject) -> None:
    """The lines of a handler's module included."""
    code = """
import os
print("imported", flush=True)
path = os.environ["MARKERS"] + "/imported"
def handler(event, context):
    print("handled")
"""
    early = "os.mkfifo(os.environ['MARKERS'] + '/imported')\n" + LATE
    code += "open(path, 'w').close()\n"
    outcome = extend({"one": early}, code=code).report({})
    records = received(outcome)
    assert kinds(records) == TELEMETRY[:7]
    assert lines(records) == ["imported\n", "handled\n"]


PATIENT = """
register("INVOKE", "SHUTDOWN")
subscribe(listen(), timeoutMs=30000)
def flushed(event):
    say("has", types=[record["type"] for batch in batches for record in batch])
serve(flushed)
"""


def test_subscriber_has_everything_before_it_is_told_to_leave(extend: MakeProject) -> None:
    """Although its batches may wait for 30 seconds, the last runtimeDone and report are there before SHUTDOWN."""
    outcome = extend({"one": PATIENT}, code=COUNTING).report({"lines": 1}, {"lines": 1})
    *_, last = [line["types"] for line in told(outcome) if line["what"] == "has"]
    assert kinds([{"type": kind} for kind in last]) == TELEMETRY


def test_subscriber_after_a_reset_is_subscribed_already(extend: MakeProject) -> None:
    """The subscription outlives the process; its successor gets the story of the second init."""
    script = (
        "register('INVOKE', 'SHUTDOWN')\n"
        "port = listen(int(os.environ['PORT']), when_batch=lambda records: say('batch', records=records))\n"
        "subscribe(port)\nserve()"
    )
    code = "import os\ndef handler(event, context):\n    os._exit(1) if event.get('exit') else print('good')\n"
    outcome = extend({"one": script}, code=code, variables={"PORT": str(free_port())}).report({"exit": True}, {})
    assert statuses(outcome) == [(200, "OK")] * 2
    states = [record["state"] for record in outcome.records("platform.telemetrySubscription")]
    assert states == ["Subscribed", "Already subscribed"]
    records = received(outcome)
    assert lines(records) == ["good\n"]
    phases = [record["record"]["phase"] for record in records if record["type"] == "platform.initStart"]
    assert phases == ["init", "invoke"]


def test_extension_lines_go_to_the_others_only(extend: MakeProject) -> None:
    """So that one who logs what it gets does not feed itself."""
    outcome = extend({"one": SUBSCRIBED.format("'extension'"), "two": None}).report({})
    got = [record["record"] for record in received(outcome)]
    assert got
    assert not [line for line in got if '"name": "one"' in line]
    assert [line for line in got if '"name": "two", "what": "registered"' in line]


BAD = {
    "bad buffering": ("subscribe(4243, maxItems=1)", 400, "ValidationError"),
    "foreign host": ("subscribe(4243, host='example.com')", 403, "Telemetry.AccessDenied"),
    "no type": ("subscribe(4243, 'everything')", 400, "Telemetry.DeserializationError"),
    "reserved port": ("subscribe(9001)", 400, "ValidationError"),
}


@pytest.mark.parametrize("name", BAD)
def test_subscription_that_is_refused_does_not_disturb(extend: MakeProject, name: str) -> None:
    """The extension gets the reason and keeps running; so does the function."""
    call, status, kind = BAD[name]
    outcome = extend({"one": f"register('INVOKE')\n{call}\nserve()"}).report({"n": 1})
    ((refused, got),) = statuses(outcome)
    assert refused == status
    assert got in (kind, f"Telemetry.{kind}")
    assert (outcome.status, outcome.payloads) == (0, [{"n": 1}])
    assert outcome.records("platform.telemetrySubscription") == []


DEAD = {
    "closed port": "subscribe(1)",
    "answers 500": "subscribe(listen(answer='500 Broken'))",
    "hangs": "subscribe(listen(answer=None))",
    "closes early": "subscribe(listen(answer=''))",
}


@pytest.mark.parametrize("name", DEAD)
def test_listener_that_takes_nothing_does_not_slow_the_function(extend: MakeProject, name: str) -> None:
    """Invocations are fine, and so is the end."""
    script = f"register('INVOKE', 'SHUTDOWN')\n{DEAD[name]}\nserve()"
    outcome = extend({"one": script}, code=COUNTING, Timeout=5).report({"lines": 50}, {"lines": 50})
    assert (outcome.status, len(outcome.payloads)) == (0, 2)
    assert statuses(outcome) == [(200, "OK")]
    assert [record["status"] for record in outcome.records("platform.report")] == ["success"] * 2
    assert words(told(outcome))[-3:] == ["INVOKE", "INVOKE", "SHUTDOWN"]
