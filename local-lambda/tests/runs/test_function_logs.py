"""What a function writes: each line, or record of the runtime client, is one event and is in the log."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from conftest import MakeProject
from support.tool import Outcome, Project

LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


@pytest.fixture(scope="module")
def project(make_project: MakeProject) -> Project:
    """One function, with logs as text, as JSON, and as JSON with levels."""

    def logging(**config: str) -> dict[str, Any]:
        return {"Handler": "writing.handler", "LoggingConfig": config}

    return make_project(
        Text={"Handler": "writing.handler"},
        Json=logging(LogFormat="JSON"),
        Quiet=logging(LogFormat="JSON", ApplicationLogLevel="ERROR", SystemLogLevel="WARN"),
        Loud=logging(LogFormat="JSON", ApplicationLogLevel="DEBUG", SystemLogLevel="DEBUG"),
    )


def write(project: Project, how: str, function: str = "Text", **event: object) -> Outcome:
    """Invoke the function that writes in this way."""
    outcome = project.report({"how": how, **event}, function=function)
    assert outcome.status == 0, outcome.report["invocations"]
    return outcome


def tail(outcome: Outcome) -> list[str]:
    """The lines of the log tail that the function wrote."""
    lines: list[str] = outcome.report["invocations"][0]["logTail"].split("\n")
    assert lines.pop() == ""
    return [line for line in lines if not re.match(r"INIT_START|START |END |REPORT |\{\"time\"", line)]


@pytest.mark.parametrize(
    ("how", "records"),
    [
        ("prints", ["one\n", "two\rstill two\n"]),
        ("on_stderr", ["wrong\n"]),
        ("no_text", ["\ufffd\ufffd\x00bytes\n"]),
        ("in_a_child", ["from a child\n"]),
    ],
)
def test_write_of_lines_makes_an_event_of_each(project: Project, how: str, records: list[str]) -> None:
    """Exactly as written, between start and report; the tail has the same, and the console, which shows controls."""
    outcome = write(project, how)
    assert outcome.records("function") == records
    kinds = [kind for kind in outcome.event_types if not kind.startswith("init")]
    assert kinds == ["start", *["function"] * len(records), "runtimeDone", "report"]
    assert tail(outcome) == [record.rstrip("\n") for record in records]
    for record in records:
        shown = record.rstrip().replace("\r", "\\r").replace("\0", "\\x00")
        assert f"function | {shown}\n" in outcome.errors


def test_write_without_a_line_end_waits_for_it(project: Project) -> None:
    """Until the rest of the line comes, in the next invocation if need be, or until the process ends."""
    outcome = project.report({"how": "without_end"}, {"how": "prints"}, {"how": "without_end"}, function="Text")
    assert outcome.records("function") == ["no endone\n", "two\rstill two\n", "no end"]
    assert outcome.event_types[-2:] == ["report", "function"]


def test_write_without_a_line_end_before_a_crash_is_a_line(make_project: MakeProject) -> None:
    """What the process wrote last is a separate line before REPORT, not the beginning of a different line."""
    code = {"app.py": "import os\ndef handler(event, context):\n    os.write(1, b'no end')\n    os._exit(1)\n"}
    outcome = make_project(code, Hello={"Handler": "app.handler"}).report({}, {})
    assert outcome.records("function") == ["no end"] * 2
    kinds = [kind for kind in outcome.event_types if kind in ("start", "function", "report")]
    assert kinds == ["start", "function", "report"] * 2


def test_write_of_a_megabyte_is_cut_into_events(project: Project) -> None:
    """Nothing is lost, and the tail stays at 4 KB."""
    outcome = write(project, "a_megabyte")
    records = outcome.records("function")
    assert "".join(records) == "x" * (1 << 20) + "\n"
    assert len(records) > 1
    assert len(outcome.report["invocations"][0]["logTail"]) == 4096


def test_write_of_much_until_the_answer_is_complete(project: Project) -> None:
    """The last line before the response is printed before END, however much came before."""
    outcome = write(project, "much", lines=20_000)
    assert outcome.records("function") == [f"line {number}\n" for number in range(20_000)]
    assert "line 19999\nEND RequestId: " in outcome.report["invocations"][0]["logTail"]


def test_log_record_of_several_lines_is_one_event(project: Project) -> None:
    """Through the log descriptor a record stays whole; on the console each of its lines has the lane."""
    (record,) = write(project, "logs_lines").records("function")
    assert re.fullmatch(r"\[ERROR\]\t[\d:.TZ-]+\t[0-9a-f-]{36}\tfirst\nsecond\n", record)


def test_log_record_of_a_traceback_is_one_event(project: Project) -> None:
    """The exception belongs to the record it was logged with."""
    outcome = write(project, "logs_traceback")
    (record,) = outcome.records("function")
    assert re.search(r"\tit happened\nTraceback \(most recent call last\):\n", record)
    assert record.rstrip("\n").endswith("ValueError: caught")
    assert "function | ValueError: caught\n" in outcome.errors


def test_log_records_as_text_have_the_service_form(project: Project) -> None:
    """Level, time, request id and message, separated by tabs."""
    outcome = write(project, "logs")
    identifier = outcome.report["invocations"][0]["requestId"]
    records = outcome.records("function")
    assert len(records) == len(LEVELS)
    for level, record in zip(LEVELS, records, strict=True):
        moment = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
        assert re.fullmatch(rf"\[{level}\]\t{moment}\t{identifier}\ta {level.lower()}\n", record)


def test_log_records_as_json_are_objects(project: Project) -> None:
    """Level, message, logger and request id; INFO is the least that the runtime client writes."""
    outcome = write(project, "logs", "Loud")
    identifier = outcome.report["invocations"][0]["requestId"]
    records = outcome.records("function")
    assert [record["level"] for record in records] == LEVELS
    assert {(record["logger"], record["requestId"]) for record in records} == {("tests", identifier)}
    assert [record["message"] for record in records] == [f"a {level.lower()}" for level in LEVELS]


@pytest.mark.parametrize(
    ("function", "application", "system"),
    [
        ("Json", ["INFO", "WARNING", "ERROR", "CRITICAL"], ["initStart", "start", "report"]),
        ("Quiet", ["ERROR", "CRITICAL"], []),
        ("Loud", LEVELS, ["initStart", "initRuntimeDone", "initReport", "start", "runtimeDone", "report"]),
    ],
)
def test_log_tail_as_json_follows_the_levels(
    project: Project, function: str, application: list[str], system: list[str]
) -> None:
    """Application and system lines have separate levels, which do not filter events."""
    outcome = write(project, "logs", function)
    lines = [json.loads(line) for line in outcome.report["invocations"][0]["logTail"].splitlines()]
    assert [line["level"] for line in lines if "level" in line] == application
    types = [line["type"].removeprefix("platform.") for line in lines if "type" in line]
    assert types == system
    assert len([kind for kind in outcome.event_types if kind != "function"]) == 6


def test_print_of_json_is_filtered_by_its_level(project: Project) -> None:
    """A printed object with a time and a level counts as one of that level, plain text as INFO."""
    at = "2026-01-12T15:37:41Z"
    outcome = write(project, "prints_json", "Json")
    printed = f'{{"timestamp": "{at}", "level": "ERROR", "message": "printed"}}'
    assert [line for line in tail(outcome) if line] == [printed, "plain"]
    assert outcome.records("function") == [
        {"timestamp": at, "level": "ERROR", "message": "printed"},
        {"timestamp": at, "level": "DEBUG", "message": "hidden"},
        "plain\n",
    ]
