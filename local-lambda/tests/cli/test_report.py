"""`local-lambda invoke`: payloads on standard output, or one report, and the same events in a recording."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from conftest import MakeProject
from support.tool import COMMAND, DEADLINE_SECONDS, Project

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
LANE = re.compile(r"(platform|function|trace) +\| .*")


@pytest.fixture(scope="module")
def project(make_project: MakeProject) -> Project:
    """Functions that return, return bytes that are not JSON, fail and count."""
    code = {
        "app.py": (
            "invocations = 0\n"
            "def echo(event, context):\n    return event\n"
            "def text(event, context):\n    return 'gr\\u00fc\\u00dfe'.encode('latin-1')\n"
            "def fail(event, context):\n    print('about to fail')\n    raise ValueError('no')\n"
            "def count(event, context):\n    global invocations\n    invocations += 1\n    return invocations\n"
        )
    }
    functions: dict[str, dict[str, Any]] = {
        name.capitalize(): {"Handler": f"app.{name}"} for name in ("echo", "text", "fail", "count")
    }
    return make_project(code, **functions)


def test_invoke_prints_the_payload_only(project: Project) -> None:
    """Everything else is on standard error, each line in a lane."""
    outcome = project.invoke("Echo", events=[{"name": "Bögdan"}])
    assert (outcome.status, json.loads(outcome.output)) == (0, {"name": "Bögdan"})
    assert outcome.output.endswith(b"}\n")
    assert all(LANE.fullmatch(line) for line in outcome.errors.splitlines())
    assert [line.split()[2] for line in outcome.errors.splitlines()] == ["INIT_START", "START", "END", "REPORT"]


def test_invoke_without_an_event_gives_an_empty_object(project: Project) -> None:
    """So does an empty standard input."""
    assert project.invoke("Echo").output == b"{}\n"
    assert project.invoke("Echo", "-e", "-", stdin=b"").output == b"{}\n"


def test_invoke_with_an_event_from_standard_input_takes_it(project: Project) -> None:
    """`-e -`."""
    assert project.invoke("Echo", "-e", "-", stdin=b'{"from": "stdin"}').output == b'{"from": "stdin"}\n'


def test_invoke_with_several_events_prints_a_line_for_each(project: Project) -> None:
    """In their order, in one environment."""
    outcome = project.invoke("Echo", events=[{"n": 1}, {"n": 2}, {"n": 3}])
    assert outcome.output == b'{"n": 1}\n{"n": 2}\n{"n": 3}\n'
    assert outcome.errors.count("INIT_START") == 1


def test_invoke_with_count_reuses_the_environment(project: Project) -> None:
    """`--count` goes through all events again and again."""
    assert project.invoke("Count", "--count", "5").output == b"1\n2\n3\n4\n5\n"
    outcome = project.invoke("Echo", "--count", "2", events=[{"n": 1}, {"n": 2}])
    assert outcome.output == b'{"n": 1}\n{"n": 2}\n' * 2


def test_invoke_when_the_function_fails_is_1(project: Project) -> None:
    """The error object is the payload, as for any caller."""
    outcome = project.invoke("Fail", "--count", "2")
    assert outcome.status == 1
    errors = [json.loads(line) for line in outcome.output.splitlines()]
    assert [error["errorMessage"] for error in errors] == ["no", "no"]


def test_invoke_by_function_name_or_logical_id_works(make_project: MakeProject) -> None:
    """And without a name when there is only one."""
    project = make_project(Hello={"Handler": "app.echo", "FunctionName": "hello-name"})
    for name in (["Hello"], ["hello-name"], []):
        assert project.invoke(*name).output == b"{}\n"


def test_report_is_one_document(project: Project) -> None:
    """Function, invocations, events and segments; nothing else on standard output."""
    outcome = project.invoke("Count", "--report", "json", "--count", "2")
    report = outcome.report
    assert list(report) == ["function", "invocations", "events", "segments"]
    assert (report["function"], report["segments"]) == ("Count", [])
    identifiers = []
    for number, invocation in enumerate(report["invocations"], 1):
        assert list(invocation) == [
            "requestId",
            "statusCode",
            "functionError",
            "executedVersion",
            "payload",
            "logTail",
        ]
        assert re.fullmatch(UUID, invocation["requestId"])
        identifiers.append(invocation["requestId"])
        assert (invocation["statusCode"], invocation["functionError"]) == (200, None)
        assert (invocation["executedVersion"], invocation["payload"]) == ("$LATEST", number)
        assert f"START RequestId: {identifiers[-1]}" in invocation["logTail"]
    assert len(set(identifiers)) == 2
    for kind in ("platform.start", "platform.runtimeDone", "platform.report"):
        assert [record["requestId"] for record in outcome.records(kind)] == identifiers


def test_report_has_events_in_telemetry_shape(project: Project) -> None:
    """Time, type and record of every event, in the order in which things happened."""
    outcome = project.invoke("Fail", "--report", "json")
    events = outcome.report["events"]
    assert outcome.event_types == [
        *("initStart", "initRuntimeDone", "initReport"),
        *("start", "function", "function", "runtimeDone", "report"),
    ]
    assert all(list(event) == ["time", "type", "record"] for event in events)
    platform = [event["time"] for event in events if event["type"] != "function"]
    assert platform == sorted(platform)
    for event in events:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"])
        datetime.fromisoformat(event["time"])
    assert outcome.records("function")[0] == "about to fail\n"


def test_report_has_measured_metrics(project: Project) -> None:
    """Durations add up, memory is that of a real process, bytes are those of the payload."""
    outcome = project.report({"name": "x" * 1000}, {}, function="Echo")
    cold, warm = (record["metrics"] for record in outcome.records("platform.report"))
    (init,) = outcome.records("platform.initReport")
    assert cold["initDurationMs"] == init["metrics"]["durationMs"]
    assert "initDurationMs" not in warm
    assert cold["billedDurationMs"] == -(-(cold["durationMs"] + cold["initDurationMs"]) // 1)
    assert warm["billedDurationMs"] == -(-warm["durationMs"] // 1)
    assert 5 < cold["maxMemoryUsedMB"] <= warm["maxMemoryUsedMB"] < 128
    first, second = outcome.records("platform.runtimeDone")
    assert first["metrics"]["producedBytes"] == len(json.dumps({"name": "x" * 1000}))
    assert second["metrics"]["producedBytes"] == 2
    for record in (first, second):
        spans = record["spans"]
        assert [span["name"] for span in spans] == ["responseLatency", "responseDuration", "runtimeOverhead"]
        total = sum(span["durationMs"] for span in spans)
        assert total == pytest.approx(record["metrics"]["durationMs"], abs=0.01)


def test_report_with_peak_memory_counts_children(make_project: MakeProject) -> None:
    """The highest of the process tree, not only of the runtime, and not only at the end."""
    code = {
        "app.py": (
            "import subprocess, sys, time\n"
            "def handler(event, context):\n"
            "    if event:\n"
            "        use = 'x = bytearray(150_000_000); import time; time.sleep(1)'\n"
            "        subprocess.check_call([sys.executable, '-c', use])\n"
        )
    }
    outcome = make_project(code, Hello={"Handler": "app.handler", "MemorySize": 512}).report({}, {"child": True}, {})
    before, child, after = (record["metrics"]["maxMemoryUsedMB"] for record in outcome.records("platform.report"))
    assert before < 100 < 143 < child
    assert after == child


def test_report_of_a_payload_that_is_no_json_has_its_text(project: Project) -> None:
    """Whatever the function returns, the report is JSON."""
    outcome = project.invoke("Text", "--report", "json")
    assert outcome.report["invocations"][0]["payload"] == "gr\ufffd\ufffde"
    assert project.invoke("Text").output == "grüße\n".encode("latin-1")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_of_six_megabytes_is_complete(make_project: MakeProject, unbuffered: str) -> None:
    """Through a pipe that is read slowly, with signals in between, and whatever `PYTHONUNBUFFERED` says."""
    code = {"app.py": "def handler(event, context):\n    return 'x' * 6_000_000\n"}
    project = make_project(code, Hello={"Handler": "app.handler"})
    for arguments in ([], ["--report", "json"]):
        outcome = project.invoke(*arguments, variables={"PYTHONUNBUFFERED": unbuffered})
        assert outcome.status == 0
        assert outcome.output.count(b"x") >= 6_000_000


@pytest.mark.parametrize("events", [[{}], [{}, {}]])
def test_lines_of_a_run_are_in_the_order_of_what_happened(project: Project, events: list[object]) -> None:
    """Where both streams are one, the response stands behind the log of its invocation, before the next one begins."""
    arguments = ["invoke", "-t", project.template, "--python", project.python, "Fail", "--count", str(len(events))]
    ended = subprocess.run(
        [*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=DEADLINE_SECONDS
    )
    lines = [line.removeprefix("platform | ").split()[0] for line in ended.stdout.decode().splitlines()]
    log = [line for line in lines if line in ("INIT_START", "START", "END", "REPORT") or line.startswith("{")]
    assert log == ["INIT_START", *["START", "END", "REPORT", '{"errorMessage":'] * len(events)]


def test_report_of_a_lone_surrogate_is_json(make_project: MakeProject) -> None:
    """It is not a character, but it is in the payload."""
    # As bytes: from Python 3.12 on the runtime interface client fails to encode a surrogate in an object.
    returned = rb'{"half": "\ud83d", "whole": "\ud83d\ude00"}'
    code = {"app.py": f"def handler(event, context):\n    return {returned!r}\n"}
    project = make_project(code, Hello={"Handler": "app.handler"})
    outcome = project.invoke("--report", "json")
    assert outcome.status == 0
    assert outcome.payloads == [{"half": "\ud83d", "whole": "\U0001f600"}]
    assert b'"half": "\\ud83d"' in outcome.output


def test_report_when_a_payload_has_controls_is_the_same_json_without_them(make_project: MakeProject) -> None:
    """Escaped as JSON allows, so the value is the same."""
    code = {"app.py": "def handler(event, context):\n    return '\x7f\x9b2J\u2028'\n"}
    project = make_project(code, Hello={"Handler": "app.handler"})
    outcome = project.invoke("--report", "json")
    assert outcome.payloads == ["\x7f\x9b2J\u2028"]
    assert all(char.isprintable() or char == "\n" for char in outcome.output.decode())


def test_long_warning_of_the_runtime_is_shown_once(make_project: MakeProject) -> None:
    """An Init that fails is tried again, with the same 700 characters; the report has both as they are."""
    project = make_project(Hello={"Handler": "app.absent"})
    warnings = [line for line in project.invoke().errors.splitlines() if "LAMBDA_WARNING" in line]
    assert [len(line) > 600 for line in warnings] == [True, False]
    assert warnings[1].endswith("LAMBDA_WARNING: Unhandled exception. (the rest as above)")
    lines = [line for line in project.invoke("--report", "json").records("function") if "LAMBDA_WARNING" in line]
    assert [len(line) > 600 for line in lines] == [True, True]


def test_template_that_names_another_python_is_noted_once(make_project: MakeProject) -> None:
    """However many functions it describes."""
    functions = {name: {"Handler": "app.echo", "Runtime": "python3.9"} for name in ("First", "Second")}
    project = make_project(**functions)
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    line = f"platform | the template says python3.9, this runs on {version}"
    assert project.invoke("First").errors.splitlines().count(line) == 1
    with project.serving() as tool:
        assert [text.rstrip() for text in tool.lines if "the template says" in text] == [line]


def test_deprecated_runtime_is_noted_once(make_project: MakeProject) -> None:
    """With the date, however many functions name it; there is no message about a runtime that AWS supports."""
    functions = {name: {"Handler": "app.echo", "Runtime": "python3.9"} for name in ("First", "Second")}
    project = make_project(**functions, Third={"Handler": "app.echo", "Runtime": "python3.13"})
    line = "platform | AWS deprecated python3.9 on 15 December 2025; name a newer Runtime in the template"
    assert project.invoke("First").errors.splitlines().count(line) == 1
    assert "deprecated" not in project.invoke("Third").errors
    with project.serving() as tool:
        assert [text.rstrip() for text in tool.lines if "deprecated" in text] == [line]


def test_record_has_the_events_of_the_report(project: Project, tmp_path: Path) -> None:
    """As JSON lines, written while they happen."""
    recording = tmp_path / "run.jsonl"
    outcome = project.invoke("Fail", "--report", "json", "--record", recording, "--count", "2")
    lines = [json.loads(line) for line in recording.read_text().splitlines()]
    telemetry = [line for line in lines if not line["type"].startswith("local.")]
    assert [{name: line[name] for name in ("time", "type", "record")} for line in telemetry] == outcome.report["events"]
    assert {line["environment"] for line in lines} == {1}
    assert len(telemetry) < len(lines)


def test_record_while_it_runs_is_complete_so_far(
    make_project: MakeProject, tmp_path: Path, shared_folder: Path
) -> None:
    """Even when the tool is killed: every line that is there is whole."""
    code = {"app.py": "def handler(event, context):\n    event and open(event['fifo'], 'w').write('now')\n"}
    project = make_project(code, Hello={"Handler": "app.handler"})
    recording, fifo = tmp_path / "run.jsonl", shared_folder / "fifo"
    os.mkfifo(fifo)
    (tmp_path / "first.json").write_text("{}")
    (tmp_path / "second.json").write_text(json.dumps({"fifo": str(fifo)}))
    events = ["-e", tmp_path / "first.json", "-e", tmp_path / "second.json"]
    arguments = ["invoke", "-t", project.template, "--python", project.python, *events, "--record", recording]
    ended = subprocess.Popen([*COMMAND, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert fifo.read_text() == "now"
    ended.kill()
    ended.wait(DEADLINE_SECONDS)
    assert ended.returncode == -9
    types = [json.loads(line)["type"] for line in recording.read_text().splitlines()]
    types = [kind.removeprefix("platform.") for kind in types if not kind.startswith("local.")]
    happened = ["initStart", "initRuntimeDone", "initReport", *["start", "runtimeDone", "report"] * 2]
    assert len(types) >= 3
    assert types == happened[: len(types)]


def on_a_terminal(project: Project, **variables: str) -> str:
    """Standard error of an invocation that has a terminal."""
    ours, theirs = pty.openpty()
    arguments = ["invoke", "-t", project.template, "--python", project.python, "Fail"]
    shell = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm", **variables}
    process = subprocess.Popen([*COMMAND, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=theirs, env=shell)
    os.close(theirs)
    seen = b""
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:  # Linux: the other side is closed
            break
        if not data:
            break
        seen += data
    os.close(ours)
    assert process.wait(DEADLINE_SECONDS) == 1
    return seen.decode()


def test_console_on_a_terminal_is_colored(project: Project) -> None:
    """Unless NO_COLOR is set or the terminal is dumb; and never without a terminal."""
    assert "\x1b[36mfunction | about to fail\x1b[0m" in on_a_terminal(project)
    for variables in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in on_a_terminal(project, **variables)
    assert "\x1b" not in project.invoke("Fail").errors


def test_invoke_shows_the_function_alone_when_it_is_quiet(make_project: MakeProject) -> None:
    """The payload on standard output, and on standard error what the function prints; without `--quiet`, more."""
    code = "def handler(event, context):\n    print('hello')\n    return 1\n"
    project = make_project({"app.py": code}, Hello={"Handler": "app.handler", "Tracing": "Active"})
    quiet = project.invoke("--quiet")
    assert (quiet.output, quiet.errors) == (b"1\n", "function | hello\n")
    loud = project.invoke("--no-trace")
    assert {line.split()[0] for line in loud.errors.splitlines()} == {"platform", "function"}
