"""A tool that has hardly any descriptors left answers those it cannot serve, and serves on afterwards."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from attacks.counting import settles
from conftest import MakeProject
from support import tool
from support.tool import Tool
from support.watching import descriptors
from support.wire import Wire

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
CALLERS = 40
LIMIT = 64


@pytest.fixture
def few_descriptors(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`ulimit -n 64` for every tool of the test."""
    script = tmp_path / "tool"
    script.write_text(f'#!/bin/sh\nulimit -n {LIMIT}\nexec {shlex.join(tool.COMMAND)} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setattr(tool, "COMMAND", (str(script),))


def status_of(started: Tool) -> int:
    """The status of an invocation; 0 for a connection that was cut."""
    try:
        return started.invoke("Hello", {}).status
    except ConnectionError:
        return 0


@pytest.mark.usefixtures("few_descriptors")
def test_callers_are_answered_when_descriptors_run_out(make_project: MakeProject, callers: ThreadPoolExecutor) -> None:
    """None of 40 at once is left waiting; later ones are served, and SIGTERM ends the tool."""
    code = "import time\n\ndef handler(event, context):\n    time.sleep(0.2)\n"
    project = make_project({"app.py": code}, Hello={"Handler": "app.handler"})
    with project.serving() as started:
        for _ in range(2):
            calls = [callers.submit(status_of, started) for _ in range(CALLERS)]
            statuses = Counter(call.result(tool.DEADLINE_SECONDS) for call in calls)
            assert statuses[200] >= 1
            assert set(statuses) <= {0, 200, 429, 500, 503}
            assert descriptors(started) <= LIMIT
            settles(lambda: descriptors(started), LIMIT - 10)
        assert started.invoke("Hello", {}).status == 200


@pytest.mark.usefixtures("few_descriptors")
def test_connections_without_a_request_leave_room_for_others(make_project: MakeProject) -> None:
    """Who only connects cannot take every descriptor; when they leave, there is room again."""
    project = make_project({"app.py": "def handler(event, context):\n    return 1\n"}, Hello={"Handler": "app.handler"})
    with project.serving("--max-environments", "1") as started:
        assert started.invoke("Hello", {}).status == 200
        before = descriptors(started)
        with ExitStack() as idle:
            for _ in range(LIMIT * 2):
                wire = Wire(f"{started.host}:{started.port}")
                idle.callback(wire.hang_up)
            assert descriptors(started) < LIMIT
        assert settles(lambda: descriptors(started), before) <= before
        assert started.invoke("Hello", {}).status == 200
