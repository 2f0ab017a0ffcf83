"""No descriptors, no environment, no output: waiting callers get an error, and then everything is as before."""

from __future__ import annotations

import base64
import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from attacks.commands import refused
from attacks.conftest import VICTIMS, Figure
from attacks.connections import connect, invocation, read_answers
from attacks.counting import descendants, descriptors, running, settles
from attacks.mortal import started
from conftest import MakeProject
from support.tool import COMMAND, Outcome, Project

CALLERS = 40
ANSWER_SECONDS = 8.0
BUDGET_SECONDS = 10.0


@pytest.fixture(scope="module")
def project(make_project: MakeProject) -> Project:
    """Functions, one with a route."""
    route = {"Type": "Api", "Properties": {"Path": "/items", "Method": "get"}}
    return make_project(
        None,
        Slow={"Handler": "victim.slow", "CodeUri": str(VICTIMS)},
        Write={"Handler": "victim.write", "CodeUri": str(VICTIMS)},
        Path={"Handler": "victim.path", "CodeUri": str(VICTIMS), "Events": {"Route": route}},
    )


class Starved:
    """`start` with few descriptors, whose port is read from what it says."""

    def __init__(self, project: Project, descriptors: int, *options: str) -> None:
        command = ["start", "-t", project.template, "--python", project.python, "--port", "0", *options]
        self.process = subprocess.Popen(
            [*COMMAND, *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors)),
        )
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if b"listening on" in line:
                self.port = int(line.split()[4].rpartition(b":")[2])
                return
        raise AssertionError("it does not serve")

    def call(self, seconds: float) -> int | str:
        """The status of an invocation, or what happened instead."""
        try:
            with connect("127.0.0.1", self.port, ANSWER_SECONDS) as connection:
                connection.sendall(invocation("Slow", b'{"seconds": %g}' % seconds))
                ((status, _),) = read_answers(connection, 1)
                return status
        except TimeoutError:
            return "hangs"
        except (OSError, EOFError):
            return "closed"

    def end(self) -> int:
        """Signal it and wait for its end."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return self.process.wait(BUDGET_SECONDS)


@contextmanager
def starved(project: Project, descriptors: int, *options: str) -> Iterator[Starved]:
    """A starved tool, ended with all it has started."""
    tool = Starved(project, descriptors, *options)
    try:
        yield tool
    finally:
        family = descendants(tool.process.pid)
        tool.process.kill()
        tool.process.wait()
        settles(lambda: len(running(family)), 0)


def test_callers_when_no_descriptors_are_left(project: Project, figure: Figure) -> None:
    """429 or 503 for those who cannot be served; afterwards all are, and SIGTERM ends the tool."""
    with starved(project, 64, "--max-environments", "40") as tool:
        with ThreadPoolExecutor(CALLERS) as callers:
            statuses = list(callers.map(lambda _: tool.call(0.3), range(CALLERS)))
        afterwards = [tool.call(0) for _ in range(5)]
        figure(f"of {CALLERS} callers of a tool with 64 descriptors hang", statuses.count("hangs"))
        figure(f"of {CALLERS} callers of a tool with 64 descriptors get 500", statuses.count(500))
        assert set(statuses) <= {200, 429, 503}
        assert afterwards == [200] * 5
        assert tool.end() == 0


def test_callers_when_environments_cannot_be_made(project: Project, figure: Figure) -> None:
    """Each caller that waits gets its error at once, and the next good moment serves again."""
    with starved(project, 4096, "--max-environments", "4") as tool:
        assert tool.call(0) == 200
        held = len(os.listdir(f"/proc/{tool.process.pid}/fd"))
        resource.prlimit(tool.process.pid, resource.RLIMIT_NOFILE, (held + 12, 4096))
        with ThreadPoolExecutor(8) as callers:
            statuses = list(callers.map(lambda _: tool.call(0.5), range(8)))
        resource.prlimit(tool.process.pid, resource.RLIMIT_NOFILE, (4096, 4096))
        with ThreadPoolExecutor(4) as callers:
            afterwards = list(callers.map(lambda _: tool.call(0.2), range(4)))
        figure("of 8 callers who wait for environments that cannot be made hang", statuses.count("hangs"))
        assert set(statuses) <= {200, 429, 500, 502, 503}
        assert afterwards == [200] * 4
        assert tool.end() == 0


def test_events_and_routes_when_environments_cannot_be_made(project: Project) -> None:
    """An event is kept for a better moment; who called a route gets an error at once, and is served afterwards."""
    with started(project) as tool:
        pid = tool.process.pid
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (descriptors(pid) + 3, 4096))
        data = base64.b64encode(b"served\n").decode()
        assert tool.invoke("Write", {"data": data}, X_Amz_Invocation_Type="Event").status == 202
        assert tool.request("GET", "/items").status in (429, 500, 502, 503)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (4096, 4096))
        tool.wait_for(r"\| served$")
        assert tool.request("GET", "/items").status == 200
        assert not any(line.startswith("Traceback") for line in tool.lines)


def command(*arguments: str | Path, limit: Callable[[], None] | None = None, **settings: object) -> Outcome:
    """Run the tool to its end."""
    given = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **settings}
    process = subprocess.Popen([*COMMAND, *map(str, arguments)], preexec_fn=limit, **given)  # type: ignore[call-overload]
    output, errors = process.communicate(timeout=BUDGET_SECONDS)
    return Outcome(process.returncode, output or b"", (errors or b"").decode())


def invoke(project: Project) -> list[str | Path]:
    """`invoke` of the function that echoes, with the empty event."""
    return ["invoke", "-t", project.template, "--python", project.python, "Path", "-e", project.folder / "event.json"]


@pytest.fixture(scope="module", autouse=True)
def event(project: Project) -> None:
    """An event for the function with a route."""
    (project.folder / "event.json").write_text('{"path": "/items"}')


@pytest.mark.parametrize("folder", ["missing", "file", "/proc/self/fdinfo", "/dev/null"])
def test_start_up_when_there_is_no_room_for_a_workspace(project: Project, tmp_path: Path, folder: str) -> None:
    """One line that names it, and exit status 3."""
    (tmp_path / "file").write_text("")
    outcome = command(*invoke(project), env={**os.environ, "TMPDIR": str(tmp_path / folder)})
    refused(outcome, 3)
    assert str(tmp_path / folder) in outcome.errors


@pytest.mark.parametrize("count", [8, 12, 16])
def test_start_up_when_there_are_few_descriptors(project: Project, count: int) -> None:
    """One line, and exit status 3."""
    refused(command(*invoke(project), limit=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))), 3)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may start as many processes as it likes")
def test_start_up_when_no_process_can_be_started(project: Project) -> None:
    """One line, and exit status 3."""
    refused(command(*invoke(project), limit=lambda: resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))), 3)


def test_invoke_when_standard_output_is_full(project: Project) -> None:
    """One line says that the response could not be written, and the status is not 0."""
    with open("/dev/full", "wb") as full:
        outcome = command(*invoke(project), stdout=full)
    assert "Traceback" not in outcome.errors
    assert outcome.status == 3
    assert outcome.errors.splitlines()[-1].startswith("local-lambda: ")


def test_invoke_when_standard_output_is_closed(project: Project) -> None:
    """The same."""
    outcome = command(*invoke(project), stdout=None, limit=lambda: os.close(1))
    assert "Traceback" not in outcome.errors
    assert outcome.status == 3
    assert outcome.errors.splitlines()[-1].startswith("local-lambda: ")


@pytest.mark.parametrize("closed", [(0,), (2,), (0, 2), (0, 1, 2)], ids=str)
def test_invoke_when_descriptors_are_closed(project: Project, tmp_path: Path, closed: tuple[int, ...]) -> None:
    """The tool's own descriptors do not take the place of the standard ones: the function is served, or it ends."""
    answer = tmp_path / "answer"

    def close() -> None:
        for descriptor in closed:
            os.close(descriptor)

    with answer.open("wb") as file:
        outcome = command(*invoke(project), stdout=None if 1 in closed else file, limit=close)
    assert outcome.status in ((0, 3) if 1 in closed else (0,)), outcome
    assert answer.read_bytes() == (b"" if 1 in closed else b'{"statusCode": 200, "body": "/items"}\n')


def test_start_when_the_address_is_of_version_six(project: Project) -> None:
    """What it prints can be pasted: the address is in brackets."""
    arguments = ["start", "-t", project.template, "--python", project.python, "--host", "::1", "--port", "0"]
    process = subprocess.Popen([*COMMAND, *map(str, arguments)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert process.stderr is not None
    try:
        line = next((line.decode() for line in process.stderr if b"listening on" in line), "")
    finally:
        process.terminate()
        process.communicate(timeout=BUDGET_SECONDS)
    assert "http://[::1]:" in line, line
