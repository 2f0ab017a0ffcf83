"""Segment documents that belong to no invocation, or come when it is over, in a run that is recorded and drawn."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conftest import MakeProject
from local_lambda.timeline.subsegments import read_subsegments
from support.tool import Project

SENDS = """
import json, os, socket, time
def handler(event, context):
    host, port = os.environ["AWS_XRAY_DAEMON_ADDRESS"].split(":")
    document = {"name": "foreign", "id": "53995c3f42cd8ad8", "type": "subsegment",
                "trace_id": "1-5759e988-bd862e3fe1be46a994272793", "parent_id": "53995c3f42cd8ad9",
                "start_time": time.time(), "end_time": time.time()}
    data = b'{"format":"json","version":1}\\n' + json.dumps(document).encode()
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.sendto(data, (host, int(port)))
    return "sent"
"""


@pytest.fixture(scope="module")
def project(make_project: MakeProject) -> Project:
    """A function that sends a well-formed subsegment of a trace that was never begun."""
    return make_project({"app.py": SENDS}, Hello={"Handler": "app.handler", "Tracing": "Active"})


@pytest.mark.parametrize("options", [[], ["--record"], ["--timeline"], ["--report"], ["--record", "--timeline"]])
def test_segment_of_another_trace_is_named_and_the_run_succeeds(
    project: Project, options: list[str], tmp_path: Path
) -> None:
    """One line says whose it is; recording and drawing are there."""
    values = {"--record": tmp_path / "run.jsonl", "--timeline": tmp_path / "run.svg", "--report": "json"}
    outcome = project.invoke("Hello", *(part for option in options for part in (option, values[option])))
    assert outcome.status == 0, outcome.errors
    line = "trace    | subsegment 'foreign' of trace 1-5759e988-bd862e3fe1be46a994272793 belongs to no invocation seen"
    assert outcome.errors.splitlines().count(line) == 1
    if "--report" in options:
        assert [segment["name"] for segment in outcome.report["segments"]].count("foreign") == 1
    else:
        assert outcome.output == b'"sent"\n'
    for option in {"--record", "--timeline"} & set(options):
        assert Path(values[option]).stat().st_size > 0
    if "--timeline" in options:
        assert outcome.errors.splitlines()[-1] == f"local-lambda: drew {values['--timeline']}"


def test_segment_that_is_its_own_parent_is_drawn_once() -> None:
    """It hangs on itself, which is where the handler's subsegments are looked for."""
    handler = "53995c3f42cd8ad8"
    function = {"id": "b", "subsegments": [{"name": "Invocation", "id": handler, "start_time": 1.0}], "start_time": 1.0}
    times = {"start_time": 1.0, "end_time": 2.0}
    own = {"id": handler, "parent_id": handler, "name": "ring", **times}
    inner = {"id": "c", "parent_id": handler, "name": "inner", **times}
    documents = [{"id": "a", "start_time": 1.0}, function, own, inner]
    found = read_subsegments(json.loads(json.dumps(documents)), "invoke", 1.0)
    assert sorted(part.name for part in found) == ["inner", "ring"]
