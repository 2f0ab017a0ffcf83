"""From recordings to timelines: what real runs look like, and the messages about files that are not recordings."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from local_lambda.errors import UsageError
from local_lambda.timeline.model import Environment, Lane, Timeline
from local_lambda.timeline.reading import read
from local_lambda.timeline.terminal import draw_terminal
from support.recordings import START, line
from support.tool import COMMAND, DEADLINE_SECONDS, Project, run

MakeProject = Callable[..., Project]


def recorded(project: Project, folder: Path, *arguments: str, status: int = 0) -> Timeline:
    """A run, as its recording tells it."""
    recording = folder / "run.jsonl"
    outcome = project.invoke(*arguments, "--record", recording)
    assert outcome.status == status, outcome.errors
    with recording.open() as lines:
        return read(lines)


def the(timeline: Timeline) -> Environment:
    """The only environment."""
    (environment,) = timeline.environments
    return environment


def lane(environment: Environment, name: str) -> Lane:
    """A lane by its name."""
    return next(lane for lane in environment.lanes if lane.name == name)


def spans(lane: Lane) -> list[str]:
    """The names of its spans, in the order of their beginning."""
    return [span.name for span in sorted(lane.spans, key=lambda span: span.start)]


def kinds(lane: Lane) -> list[str]:
    """The kinds of its marks, in order."""
    return [mark.kind for mark in lane.marks]


def test_run_has_phases_and_the_runtimes_spans(make_project: MakeProject, tmp_path: Path) -> None:
    """Init, every invocation, Shutdown; the handler and what the runtime does after it."""
    code = {"app.py": "def handler(event, context):\n    print('seen')\n"}
    timeline = recorded(make_project(code, Hello={"Handler": "app.handler"}), tmp_path, "--count", "2")
    environment = the(timeline)
    assert (environment.function, timeline.complete) == ("Hello", True)
    assert [phase.name for phase in environment.phases] == ["Init", "Invoke 1", "Invoke 2", "Shutdown"]
    assert not any(phase.failed for phase in environment.phases)
    runtime = lane(environment, "runtime")
    assert spans(runtime) == ["start", *["handler", "overhead"] * 2, "shutdown"]
    assert kinds(runtime) == ["log", "log", "kill", "exit"]
    init, first, second, _ = environment.phases
    assert 0 <= init.start < init.end <= first.start < first.end <= second.start
    handler = next(span for span in runtime.spans if span.name == "handler")
    assert first.start <= handler.start < handler.end <= first.end


def test_extension_has_its_life_in_a_lane(extend: Callable[..., Project], tmp_path: Path) -> None:
    """From its start to the SHUTDOWN event it ends after."""
    environment = the(recorded(extend({"one": None}), tmp_path, "Hello", "--count", "2"))
    extension = lane(environment, "extension:one")
    assert spans(extension) == ["start", "register", "event", "event", "shutdown"]
    assert kinds(extension)[-1] == "exit"
    assert not any(span.failed for span in extension.spans)


@pytest.mark.parametrize("earlier", [0.00005, 0.0], ids=["before the phase", "with the phase"])
def test_invocation_with_an_init_inside_is_drawn_behind_it(earlier: float) -> None:
    """It waits for the repeated Init phase, and fails with it. Both began at about the same time."""
    inner = {"functionName": "Hello", "phase": "invoke"}
    failed = {"status": "error", "errorType": "Runtime.ImportModuleError"}
    lines = [
        START,
        line(10.2, "platform.initReport", failed),
        line(11.0 - earlier, "platform.start", {"requestId": "a"}),
        line(11.0, "platform.initStart", inner),
        line(11.2, "platform.initReport", failed),
        line(11.2, "platform.runtimeDone", {"requestId": "a", **failed}),
        line(11.201, "platform.report", {"requestId": "a", **failed}),
    ]
    if not earlier:
        lines[2:4] = lines[3], lines[2]
    phases = [(phase.name, phase.failed, round(phase.start)) for phase in the(read(lines)).phases]
    assert phases == [("Init", True, 0), ("Init", True, 1000), ("Invoke 1", True, 1200)]


def test_runtime_that_was_never_started_has_no_bar(extend: Callable[..., Project], tmp_path: Path) -> None:
    """An extension ends before it registers: nothing ran in the runtime's lane, in the invocation neither."""
    project = extend({"one": "raise SystemExit(3)"})
    environment = the(recorded(project, tmp_path, "Hello", status=1))
    assert [phase.name for phase in environment.phases if phase.failed] == ["Init", "Init", "Invoke 1"]
    assert spans(lane(environment, "runtime")) == []
    assert "█" not in draw_terminal(Timeline(0, (environment,)), 100, color=False)


def test_frozen_time_is_the_platforms(extend: Callable[..., Project], tmp_path: Path) -> None:
    """With --freeze, between the invocations and after the last."""
    environment = the(recorded(extend({"one": None}), tmp_path, "Hello", "--count", "2", "--freeze"))
    assert spans(lane(environment, "platform")) == ["frozen", "frozen"]


def test_failed_handler_fails_its_invocation_alone(make_project: MakeProject, tmp_path: Path) -> None:
    """Although Lambda itself calls the runtime's status a success."""
    code = {"app.py": "def handler(event, context):\n    raise ValueError\n"}
    environment = the(recorded(make_project(code, Hello={"Handler": "app.handler"}), tmp_path, status=1))
    assert [(phase.name, phase.failed) for phase in environment.phases] == [
        ("Init", False),
        ("Invoke 1", True),
        ("Shutdown", False),
    ]
    runtime = lane(environment, "runtime")
    assert "error" in kinds(runtime)
    assert [span.name for span in runtime.spans if span.failed] == ["handler"]


def test_crash_is_followed_by_a_reset(make_project: MakeProject, tmp_path: Path) -> None:
    """The invocation ends with the process; what is left is stopped, and the next one begins with an Init."""
    code = {"app.py": "import os\ndef handler(event, context):\n    os._exit(3)\n"}
    project = make_project(code, Hello={"Handler": "app.handler"})
    environment = the(recorded(project, tmp_path, "--count", "2", status=1))
    names = [phase.name for phase in environment.phases]
    assert names == ["Init", "Invoke 1", "Reset", "Init", "Invoke 2", "Reset"]
    runtime = lane(environment, "runtime")
    assert kinds(runtime) == ["error", "error"] * 2
    assert [mark.detail for mark in runtime.marks][:2] == ["exit status 3", "Runtime.ExitError"]


def test_timeout_kills_the_runtime(make_project: MakeProject, tmp_path: Path) -> None:
    """SIGKILL at once, for there is no extension."""
    code = {"app.py": "import time\ndef handler(event, context):\n    time.sleep(60)\n"}
    project = make_project(code, Hello={"Handler": "app.handler", "Timeout": 1})
    environment = the(recorded(project, tmp_path, status=1))
    assert [(phase.name, phase.failed) for phase in environment.phases][:3] == [
        ("Init", False),
        ("Invoke 1", True),
        ("Reset", False),
    ]
    assert kinds(lane(environment, "runtime")) == ["error", "kill", "exit"]


def test_init_that_fails_is_there_twice(make_project: MakeProject, tmp_path: Path) -> None:
    """It is tried once on its own, and again inside the invocation."""
    project = make_project({"app.py": "1 / 0\n"}, Hello={"Handler": "app.handler"})
    environment = the(recorded(project, tmp_path, status=1))
    assert [(phase.name, phase.failed) for phase in environment.phases if phase.name == "Init"] == [("Init", True)] * 2


def test_subsegments_are_below_the_handler(make_project: MakeProject, tmp_path: Path) -> None:
    """What the SDK sent, with its depth, inside the invocation."""
    code = """
from aws_xray_sdk.core import xray_recorder
def handler(event, context):
    with xray_recorder.in_subsegment("outer"):
        with xray_recorder.in_subsegment("inner"):
            pass
"""
    project = make_project({"app.py": code}, Hello={"Handler": "app.handler", "Tracing": "Active"})
    environment = the(recorded(project, tmp_path, "--count", "2"))
    found = [(part.phase, part.name, part.depth) for part in environment.subsegments]
    assert found == [(f"Invoke {n}", name, depth) for n in (1, 2) for name, depth in (("outer", 0), ("inner", 1))]
    phase = next(phase for phase in environment.phases if phase.name == "Invoke 1")
    outer, inner = environment.subsegments[:2]
    assert phase.start - 1 <= outer.start <= inner.start <= inner.end <= outer.end <= phase.end + 1


def test_deliveries_are_in_the_lane_of_the_listener() -> None:
    """With what was delivered; one that failed is an error."""
    record = {"process": "extension:one", "records": 3, "bytes": 70, "durationMs": 1.5}
    failed = {**record, "error": "nobody listens"}
    lines = [START, line(10.1, "local.delivery", record), line(10.2, "local.delivery", failed)]
    marks = lane(the(read(lines)), "extension:one").marks
    assert [(mark.kind, mark.detail) for mark in marks] == [
        ("delivery", "3 records, 70 bytes, 1.5 ms"),
        ("error", "not delivered: nobody listens"),
    ]


def test_environments_are_apart() -> None:
    """Lines of several may be mixed; times count from the first of all."""
    other = line(12.0, "platform.initStart", {"functionName": "Other"}, 2)
    timeline = read([other, START])
    assert [(each.number, each.function) for each in timeline.environments] == [(1, "Hello"), (2, "Other")]
    assert [each.phases[0].start for each in timeline.environments] == [0.0, 2000.0]


def test_recording_that_was_cut_off_ends_where_it_ends() -> None:
    """In the middle of a phase, or of a line."""
    ready = line(10.2, "platform.initReport", {"status": "success"})
    begun = line(10.5, "platform.start", {"requestId": "1"})
    for lines in ([START, ready, begun], [START, ready, begun, begun[:20]]):
        timeline = read(lines)
        assert not timeline.complete
        assert [(phase.name, phase.end) for phase in the(timeline).phases] == [("Init", 200.0), ("Invoke 1", 500.0)]


@pytest.mark.parametrize(
    "text", ["{}\n", "nonsense\n", "[]\n", '{"at": "x", "environment": 1, "type": "", "record": 1}\n']
)
def test_line_that_no_recording_has_is_named(text: str) -> None:
    """With its number."""
    with pytest.raises(UsageError, match=r"my\.jsonl: line 2 is not an event of a recording"):
        read([START, text, START], "my.jsonl")


def test_recording_that_is_empty_is_a_usage_error() -> None:
    """With the way to make one."""
    with pytest.raises(UsageError, match="is empty; make one with `local-lambda invoke --record FILE`"):
        read([])


def test_timeline_of_a_file_that_is_not_there_is_2(tmp_path: Path) -> None:
    """So is one that is not text, or has an output of an unknown kind."""
    outcome = run("timeline", tmp_path / "absent.jsonl")
    assert (outcome.status, "cannot read the recording" in outcome.errors) == (2, True)
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    assert "it is not a text file" in run("timeline", binary).errors
    (tmp_path / "run.jsonl").write_text(START)
    outcome = run("timeline", tmp_path / "run.jsonl", "-o", tmp_path / "run.png")
    assert (outcome.status, "must end with .svg or .html or .json" in outcome.errors) == (2, True)


@pytest.mark.parametrize("options", [["--timeline", "absent/run.svg"], ["--trace-events", "run.svg"]])
def test_drawing_that_cannot_be_written_is_2_before_anything_runs(
    make_project: MakeProject, tmp_path: Path, options: list[str]
) -> None:
    """The message comes before a long run, not after it."""
    project = make_project(None, Hello={"Handler": "app.hello"})
    command = [*COMMAND, "invoke", "-t", str(project.template), "--python", str(project.python), *options]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=DEADLINE_SECONDS)
    assert ended.returncode == 2
    assert b"INIT_START" not in ended.stderr


def test_streamed_response_is_a_span_from_its_first_byte_to_its_last() -> None:
    """The handler's span ends with the first byte, which is what the caller waits for."""
    produced = {"requestId": "1", "status": "success", "metrics": {"durationMs": 90.0}}
    took = {"responseLatency": 20.0, "responseDuration": 60.0, "runtimeOverhead": 10.0}
    produced["spans"] = [{"name": name, "durationMs": duration} for name, duration in took.items()]
    timeline = read(
        [
            START,
            line(10.0, "local.processStarted", {"process": "runtime"}),
            line(10.1, "platform.initRuntimeDone", {"status": "success"}),
            line(10.1, "platform.initReport", {"status": "success"}),
            line(10.2, "platform.start", {"requestId": "1"}),
            line(10.29, "platform.runtimeDone", produced, streamed=True),
        ]
    )
    shown = [(span.name, span.start, span.end) for span in lane(the(timeline), "runtime").spans]
    assert shown[1:] == [("handler", 200.0, 220.0), ("response", 220.0, 280.0), ("overhead", 280.0, 290.0)]
