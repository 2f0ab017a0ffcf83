"""The page of a tool that runs functions: states, lines, pictures and buttons, over its real port."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import pytest

from conftest import MakeProject
from support.live_page import LivePage
from support.tool import FUNCTIONS, Gate, serving

ECHO = "def handler(event, context):\n    print('echo', event)\n    return event\n"
WAITING = """
import os
def handler(event, context):
    print("waiting at", event["gate"])
    with open(event["gate"]) as gate:
        return gate.readline()
"""


def test_states_follow_the_environments(
    make_project: MakeProject, make_gate: Callable[[], Gate], callers: ThreadPoolExecutor
) -> None:
    """Two invocations at once need two environments; each button changes the state of one."""
    project = make_project({"app.py": WAITING}, Hello={"Handler": "app.handler"})
    with project.serving("--ui") as tool:
        page, gates = LivePage(tool), [make_gate(), make_gate()]
        with page.messages() as messages:
            assert messages.next() == ("snapshot", {"environments": [], "forgotten": 0, "version": 0})
            calls = [callers.submit(page.invoke, "Hello", gate.event) for gate in gates]
            messages.until_states("busy", "busy")
            for gate in gates:
                gate.open()
            assert sorted(call.result().status for call in calls) == [200, 200]
            found = messages.until_states("idle", "idle")
            assert [(each["function"], each["invocations"], each["inits"]) for each in found] == [("Hello", 1, 1)] * 2

            assert page.request("POST", "/api/environments/1/freeze").status == 200
            messages.until_states("frozen", "idle")
            again = page.request("POST", "/api/environments/1/freeze")
            assert (again.status, again.json["message"]) == (
                409,
                "Environment 1 cannot be frozen: only one that is idle can",
            )
            assert page.request("POST", "/api/environments/1/thaw").status == 200
            messages.until_states("idle", "idle")
            assert page.request("POST", "/api/environments/1/thaw").status == 409

            assert page.request("POST", "/api/environments/2/kill").status == 200
            messages.until_states("idle", "cold")
            assert page.request("POST", "/api/environments/2/kill").status == 409
            assert page.request("POST", "/api/environments/2/shutdown").status == 200
            messages.until_states("idle", "ended")
            assert page.request("POST", "/api/environments/2/shutdown").status in (404, 409)

            assert page.request("POST", "/api/functions/Hello/end").status == 200
            messages.until_states("ended", "ended")
            stopped = callers.submit(tool.stop)
            assert messages.until(lambda event, data: event == "end") == {}
            assert stopped.result().status == 0


def test_frozen_environment_serves_and_busy_one_ends_after_its_invocation(
    make_project: MakeProject, make_gate: Callable[[], Gate], callers: ThreadPoolExecutor
) -> None:
    """An invocation thaws, and to shut down waits for the response."""
    project = make_project({"app.py": WAITING}, Hello={"Handler": "app.handler"})
    with project.serving("--ui") as tool:
        page, gate = LivePage(tool), make_gate()
        with page.messages() as messages:
            gate.open()
            assert page.invoke("Hello", gate.event).status == 200
            messages.until_idle_after(1)
            assert page.request("POST", "/api/environments/1/freeze").status == 200
            messages.until_states("frozen")
            call = callers.submit(page.invoke, "Hello", gate.event)
            messages.until_states("busy")
            assert page.request("POST", "/api/environments/1/shutdown").status == 200
            gate.open("done")
            assert call.result().json == "done\n"
            assert messages.until_states("ended")[0]["invocations"] == 2


def test_lines_traces_and_pictures_come_from_the_run(make_project: MakeProject) -> None:
    """What the function printed, the tree of its trace, and the picture of its phases."""
    project = make_project({"app.py": ECHO}, Hello={"Handler": "app.handler", "Tracing": "Active"})
    with project.serving("--ui") as tool:
        page = LivePage(tool)
        with page.messages() as messages:
            assert page.invoke("Hello", {"a": 1}).json == {"a": 1}
            traces = messages.until(lambda event, data: event == "traces")
        with page.messages() as messages:  # a page that is opened later sees the same
            lines = messages.until(lambda event, data: event == "lines")["lines"]
            assert messages.until(lambda event, data: event == "traces") == traces
        assert ("function", "echo {'a': 1}") in [(line["lane"], line["text"]) for line in lines]
        assert traces[0]["lines"][2]["text"].endswith("Hello (AWS::Lambda) 200")
        found = page.request("GET", "/api/picture?environments=1&last=8").json
        assert 'data-phase="Init"' in found["svg"]
        assert 'data-phase="Invoke 1"' in found["svg"]
        assert "<style" not in found["svg"]  # the policy of the page would forbid it
        assert found["pauseMs"] >= 250
        only = page.request("GET", "/api/picture?environments=1&phase=Init").json["svg"]
        assert 'data-phase="Init"' in only
        assert "Invoke 1" not in only


def test_picture_counts_what_it_leaves_out(make_project: MakeProject) -> None:
    """The page keeps 30 phases of an environment; a phase has the number that it has in the recording."""
    with make_project({"app.py": ECHO}, Hello={"Handler": "app.handler"}).serving("--ui") as tool:
        page = LivePage(tool)
        for number in range(40):
            assert page.invoke("Hello", number).json == number
        with page.messages() as messages:
            messages.until(lambda event, data: event == "snapshot" and data["environments"][0]["invocations"] == 40)
            found = page.request("GET", "/api/picture?environments=1&last=3").json
        phases = [f"Invoke {number}" for number in range(1, 41) if f'data-phase="Invoke {number}"' in found["svg"]]
        assert (phases, found["leftOut"]) == (["Invoke 38", "Invoke 39", "Invoke 40"], 37)
        assert 'data-phase="Init"' in found["svg"]


def test_editor_offers_events_of_the_folder_and_made_ones(make_project: MakeProject) -> None:
    """Those next to the template, and those that the command makes, which are the same."""
    project = make_project({"app.py": ECHO}, Hello={"Handler": "app.handler"})
    events = project.folder / "events"
    events.mkdir()
    (events / "one.json").write_text('{"one": 1}')
    (events / "notes.txt").write_text("not an event")
    with project.serving("--ui") as tool:
        page = LivePage(tool)
        about = page.request("GET", "/api/about").json
        assert about["events"] == ["one.json"]
        assert [each["name"] for each in about["functions"]] == ["Hello"]
        assert page.request("GET", "/api/events/one.json").json == {"text": '{"one": 1}'}
        assert set(about["kinds"]) >= {"sqs", "s3", "http-api", "cognito"}
        for kind in about["kinds"]:
            json.loads(page.request("GET", f"/api/kinds/{kind}").json["text"])
        records = json.loads(page.request("GET", "/api/kinds/sqs").json["text"])["Records"]
        assert records[0]["eventSource"] == "aws:sqs"


def test_recording_has_everything_while_a_page_samples(make_project: MakeProject, tmp_path: Path) -> None:
    """Many more lines than a message takes: the page is told how many it does not get, the file has them all."""
    code = "def handler(event, context):\n    for number in range(3000):\n        print('line', number)\n"
    record = tmp_path / "run.jsonl"
    project = make_project({"app.py": code}, Hello={"Handler": "app.handler"})
    with project.serving("--ui", "--record", record) as tool:
        page = LivePage(tool)
        with page.messages() as messages:
            page.invoke("Hello")
            got = skipped = 0
            while True:
                event, data = messages.next()
                if event == "lines":
                    got, skipped = got + len(data["lines"]), skipped + data["skipped"]
                    if data["lines"][-1]["text"].startswith("REPORT"):
                        break
        assert got < 3000
        assert got + skipped == 3000 + 4  # initStart, initReport, start, report
    entries = [json.loads(line) for line in record.read_text().splitlines()]
    lines = [entry["record"].rstrip("\n") for entry in entries if entry["type"] == "function"]
    assert lines == [f"line {number}" for number in range(3000)]


def test_recording_is_replayed(make_project: MakeProject, tmp_path: Path) -> None:
    """At each time it has the states of then; a file that is no recording is refused with the reason."""
    record = tmp_path / "run.jsonl"
    project = make_project({"app.py": ECHO}, Hello={"Handler": "app.handler", "Tracing": "Active"})
    assert project.invoke("Hello", "--record", record, "--count", "3", "--freeze", events=[1]).status == 0
    with project.serving("--ui") as tool:
        page = LivePage(tool)
        loaded = page.request("POST", "/api/recordings?name=run.jsonl", record.read_bytes()).json
        assert (loaded["name"], loaded["number"]) == ("run.jsonl", 1)
        entries = [json.loads(line) for line in record.read_text().splitlines()]
        freezes = [entry["at"] for entry in entries if entry["type"] == "local.freeze" and entry["record"]["frozen"]]
        done = next(entry["at"] for entry in entries if entry["type"] == "platform.runtimeDone")

        def at(time: float) -> tuple[str, int]:
            found = page.request("GET", f"/api/recordings/1?until={time!r}").json["environments"][0]
            return found["state"], found["invocations"]

        assert at(loaded["end"]) == ("ended", 3)
        assert at(freezes[1]) == ("frozen", 1)
        assert at(done)[1] == 1
        first = page.request("GET", f"/api/recordings/1?until={loaded['began']!r}").json
        assert [line["text"] for line in first["lines"]] in ([], ["Init phase begins"])
        last = page.request("GET", f"/api/recordings/1?until={loaded['end']!r}").json
        assert len(last["traces"]) == 3
        drawn = page.request("GET", f"/api/picture?recording=1&environments=1&until={freezes[1]!r}").json["svg"]
        assert 'data-phase="Invoke 1"' in drawn
        assert 'data-phase="Invoke 2"' not in drawn

        for body, reason in (
            (b"hello\n", "run.txt: line 1 is not an event of a recording (see `local-lambda invoke --record`)"),
            (b"", "run.txt is empty; make a recording with `local-lambda invoke --record FILE`"),
            (b"\xff\xfe", "run.txt is not a text file"),
            (
                b'{"at": 1.0, "environment": 1, "type": "platform.start", "record": {}}\n',
                "run.txt has events whose records `local-lambda --record` does not write",
            ),
            *(
                (
                    b'{"at": %b, "environment": %b, "type": "function", "record": "x"}\n' % tuple(numbers.split()),
                    "run.txt has events whose records `local-lambda --record` does not write",
                )
                for numbers in (b"NaN 1", b"1e300 1", b"1 -5", b"1 true", b"1 9999999999999")
            ),
            (
                b'{"at": 1, "environment": 1, "type": "platform.runtimeDone", "record":'
                b' {"requestId": "1", "status": "success", "metrics": {"durationMs": 1e999}}}\n',
                "run.txt has events whose records `local-lambda --record` does not write",
            ),
        ):
            refused = page.request("POST", "/api/recordings?name=run.txt", body)
            assert (refused.status, refused.json["message"]) == (400, reason)
        assert page.request("POST", "/api/recordings", bytes(17 * 1024 * 1024)).status == 413
        for _ in range(2):
            page.request("POST", "/api/recordings", record.read_bytes())
        assert page.request("GET", "/api/recordings/1?until=0").status == 404  # two are kept


@pytest.mark.skipif(sys.version_info < (3, 12), reason="SnapStart needs Python 3.12")
def test_snapshot_is_shown_and_left_alone(make_project: MakeProject) -> None:
    """With SnapStart the process that was initialized is a snapshot, and buttons cannot change it."""
    snap = {"AutoPublishAlias": "live", "SnapStart": {"ApplyOn": "PublishedVersions"}, "Timeout": 30}
    project = make_project({"app.py": ECHO}, Hello={"Handler": "app.handler", **snap})
    with project.serving("--ui") as tool:
        page = LivePage(tool)
        with page.messages() as messages:
            assert page.invoke("Hello:live", {}).status == 200
            found = messages.until_states("snapshot", "idle")
            assert [each["invocations"] for each in found] == [0, 1]
        for action in ("freeze", "thaw", "kill", "shutdown"):
            refused = page.request("POST", f"/api/environments/1/{action}")
            assert refused.status == 409
            assert "it is a snapshot" in refused.json["message"]


def test_page_is_not_imported_when_it_is_switched_off(make_project: MakeProject) -> None:
    """Without the option none of its modules is loaded."""
    project = make_project({"app.py": ECHO}, Hello={"Handler": "app.handler"})
    script = "\n".join(
        [
            "import atexit, sys",
            "from local_lambda.cli.arguments import main",
            "status = main(sys.argv[1:])",
            "names = [name for name in sys.modules if name.startswith(('local_lambda.ui', 'local_lambda.cli.live'))]",
            "print('imported:', names, file=sys.stderr)",
            "sys.exit(status)",
        ]
    )
    command = [sys.executable, "-c", script, "start", "-t", project.template, "--python", project.python, "--port", "0"]
    with subprocess.Popen([*map(str, command)], stderr=subprocess.PIPE, text=True) as tool:
        assert tool.stderr is not None
        port = re.search(r"listening on http://127\.0\.0\.1:(\d+)", tool.stderr.readline())
        assert port is not None
        connection = HTTPConnection("127.0.0.1", int(port[1]))
        connection.request("POST", "/2015-03-31/functions/Hello/invocations", b"1")
        assert connection.getresponse().read() == b"1"
        connection.close()
        tool.terminate()
        assert tool.stderr.read().splitlines()[-1] == "imported: []"


def test_runtime_of_exec_has_a_page(function_python: Path) -> None:
    """The same page, with the one function of the environment variables."""
    shell = {"AWS_LAMBDA_FUNCTION_NAME": "lonely", "PYTHONPATH": str(FUNCTIONS)}
    command = ("exec", "--ui", "--", function_python, "-m", "awslambdaric", "app.echo")
    with serving(*command, variables=shell) as tool:
        page = LivePage(tool)
        assert [each["name"] for each in page.request("GET", "/api/about").json["functions"]] == ["lonely"]
        with page.messages() as messages:
            assert page.invoke("lonely", 1).json == 1
            messages.until_idle_after(1)


def test_taken_port_is_named_with_its_option(make_project: MakeProject) -> None:
    """One line, and the status of what could not start."""
    project = make_project({"app.py": ECHO}, Hello={"Handler": "app.handler"})
    with project.serving("--ui") as tool:
        page = LivePage(tool)
        command = [sys.executable, "-m", "local_lambda", "start", "-t", project.template, "--port", "0"]
        ended = subprocess.run([*map(str, command), "--ui", str(page.port)], capture_output=True, text=True)
        assert ended.returncode == 3
        assert ended.stderr == (
            f"local-lambda: port {page.port} on 127.0.0.1 is in use; choose another with --ui (0: any free one)\n"
        )
