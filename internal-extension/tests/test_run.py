"""The example as a whole, on local-lambda, on the Python that runs these tests: answers, events, log and database."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple

import pytest

FOLDER = Path(__file__).resolve().parent.parent
LOCAL_LAMBDA = os.environ.get("LOCAL_LAMBDA") or str(FOLDER.parent / "local-lambda/.venv/bin/local-lambda")
NAME = "internal-example-extension"
EVENT = str(FOLDER / "events/visit.json")
ANSWERS = [{"pending": 1}, {"pending": 2}, {"pending": 3}]
# From 3.12 on the runtime interface client waits for the next event in a different thread from the main one.
HANDLERS_RUN = sys.version_info >= (3, 12)

# If LOCAL_LAMBDA names one, these tests are wanted, so a missing one is an error.
pytestmark = pytest.mark.skipif(
    "LOCAL_LAMBDA" not in os.environ and not shutil.which(LOCAL_LAMBDA),
    reason=f"{LOCAL_LAMBDA} is missing: `make install` installs it",
)


class Run(NamedTuple):
    """A finished run of `local-lambda invoke`: exit status, the document it printed, and what is in the database."""

    status: int
    report: Dict[str, Any]
    visits: int

    def answers(self) -> List[Any]:
        """What the callers got."""
        return [invocation["payload"] for invocation in self.report["invocations"]]

    def events(self, prefix: str) -> List[Dict[str, Any]]:
        """The events whose type begins with the prefix."""
        return [event for event in self.report["events"] if event["type"].startswith(prefix)]

    def log(self) -> List[str]:
        """The lines that the function, its extension and its clean-up have written."""
        return "".join(event["record"] for event in self.events("function")).splitlines()

    def extension_events(self) -> List[Dict[str, Any]]:
        """The events the extension has got, as it printed them."""
        start = f"[{NAME}] {{"
        return [json.loads(line[len(start) - 1 :]) for line in self.log() if line.startswith(start)]


@contextmanager
def new_database() -> Iterator[str]:
    """The path of a database that does not exist yet. Not in /tmp, which every environment has for itself."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        yield f"{folder}/visits.sqlite3"


def count_visits(path: str) -> int:
    """Count what has been committed."""
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM visits").fetchone()[0])


def run_invoke(function: str, *arguments: str, events: str = "INVOKE", count: int = 3) -> Run:
    """Run the function with a new database, in one environment."""
    command = [LOCAL_LAMBDA, "invoke", "--template", str(FOLDER / "template.yaml"), "--python", sys.executable]
    command += ["--report", "json", "-e", EVENT, "--count", str(count), function, *arguments]
    with new_database() as path:
        environment = {**os.environ, "DATABASE_PATH": path, "EXTENSION_EVENTS": events}
        process = subprocess.run(command, env=environment, capture_output=True, timeout=120)
        assert process.stdout, process.stderr.decode()
        return Run(process.returncode, json.loads(process.stdout), count_visits(path))


@pytest.fixture(scope="module")
def graceful() -> Run:
    """Three visits, with the extension and clean-up in a thread."""
    return run_invoke("GracefulFunction")


def test_answer_when_invoked(graceful: Run) -> None:
    """Each invocation gets its response, and the command ends with status 0."""
    assert graceful.status == 0
    assert graceful.answers() == ANSWERS
    assert not any(invocation["functionError"] for invocation in graceful.report["invocations"])


def test_events_when_invoked(graceful: Run) -> None:
    """One environment starts once, with the extension, and serves all three invocations."""
    init = ["platform.initStart", "platform.initRuntimeDone", "platform.extension", "platform.initReport"]
    invocation = ["platform.start", "platform.runtimeDone", "platform.report"]
    types = [event["type"] for event in graceful.events("platform.")]
    assert [name for name in types if name in init + invocation] == init + invocation * 3
    (state,) = graceful.events("platform.extension")
    assert state["record"] == {"name": NAME, "state": "Ready", "events": ["INVOKE"]}


def test_extension_events_when_invoked(graceful: Run) -> None:
    """The extension gets one INVOKE event for each invocation, and no other event."""
    requests = [invocation["requestId"] for invocation in graceful.report["invocations"]]
    assert [event["eventType"] for event in graceful.extension_events()] == ["INVOKE"] * 3
    assert [event["requestId"] for event in graceful.extension_events()] == requests


def test_database_when_shut_down(graceful: Run) -> None:
    """Clean-up is the last that is heard of the function, within its time, and all visits are in the database."""
    committed = re.fullmatch(r"\[journal\] visits committed: 3, in (\d+\.\d) ms", graceful.log()[-1])
    assert committed is not None
    assert float(committed.group(1)) < 500
    assert graceful.report["events"][-1]["type"] == "function"
    assert graceful.visits == 3


def test_database_when_the_extension_asks_for_no_event() -> None:
    """It hears nothing of the invocations, but its registration still buys the time to clean up."""
    run = run_invoke("GracefulFunction", events="")
    assert (run.status, run.answers(), run.visits) == (0, ANSWERS, 3)
    assert run.extension_events() == []
    assert run.events("platform.extension")[0]["record"]["events"] == []


def test_database_when_the_handler_is_the_obvious_one() -> None:
    """A signal handler does the same from Python 3.12 on, and nothing at all before."""
    run = run_invoke("ObviousFunction")
    assert (run.status, run.answers()) == (0, ANSWERS)
    assert run.visits == (3 if HANDLERS_RUN else 0)
    assert any(line.startswith("[journal]") for line in run.log()) == HANDLERS_RUN


def test_database_when_there_is_no_extension() -> None:
    """There is no SIGTERM, and so no clean-up."""
    run = run_invoke("NoExtensionFunction")
    assert (run.status, run.answers(), run.visits) == (0, ANSWERS, 0)
    assert run.log() == []
    assert run.events("platform.extension") == []


def test_answer_when_shutdown_is_asked_for() -> None:
    """Lambda refuses the registration, and the caller learns why the function cannot start."""
    run = run_invoke("GracefulFunction", events="INVOKE SHUTDOWN", count=1)
    (error,) = run.answers()
    assert (run.status, error["errorType"]) == (1, "RegistrationRefused")
    assert "ShutdownEventNotSupportedForInternalExtension" in error["errorMessage"]
    assert [event["record"]["status"] for event in run.events("platform.initReport")] == ["error", "error"]


def test_database_when_an_invocation_fails(tmp_path: Path) -> None:
    """An event without a name is an error of its sender; the visits of others are kept."""
    nobody = tmp_path / "nobody.json"
    nobody.write_text("{}")
    run = run_invoke("GracefulFunction", "-e", str(nobody), count=1)
    assert run.status == 1
    assert run.answers()[0] == {"pending": 1}
    assert run.answers()[1]["errorType"] == "KeyError"
    assert run.visits == 1


def serve_and_visit(*command: str) -> int:
    """Serve a function, visit it once with `make invoke`, end it, and count what is in the database then."""
    with new_database() as path:
        environment = {**os.environ, "DATABASE_PATH": path, "EXTENSION_EVENTS": "INVOKE"}
        server = subprocess.Popen(
            [LOCAL_LAMBDA, *command], cwd=str(FOLDER), env=environment, stderr=subprocess.PIPE, text=True
        )
        try:
            assert server.stderr is not None
            ports = (re.search(r"listening on http://127\.0\.0\.1:(\d+)", line) for line in server.stderr)
            make = ["make", "--silent", "invoke", "PORT=" + next(filter(None, ports)).group(1)]
            function = "function" if command[0] == "exec" else "GracefulFunction"
            answer = subprocess.check_output([*make, f"FUNCTION={function}"], cwd=str(FOLDER))
            assert json.loads(answer) == {"pending": 1}
            assert count_visits(path) == 0
        finally:
            server.terminate()
            server.communicate(timeout=30)
        assert server.returncode == 0
        return count_visits(path)


needs_make = pytest.mark.skipif(not (shutil.which("make") and shutil.which("curl")), reason="make or curl is missing")


@needs_make
def test_make_invoke_when_serving() -> None:
    """`make invoke` gets the response while the functions keep being served; the end of that commits the visit."""
    assert serve_and_visit("start", "--port", "0", "--python", sys.executable) == 1


@needs_make
@pytest.mark.parametrize(("module", "visits"), [("fn_graceful", 1), ("fn_obvious", 0)])
def test_database_when_run_as_in_an_image(module: str, visits: int) -> None:
    """Outside of Lambda's own runtimes the obvious handler runs on no Python; clean-up in a thread works there, too."""
    program = [sys.executable, "-m", "awslambdaric", f"app.{module}.lambda_handler"]
    assert serve_and_visit("exec", "--port", "0", "--", *program) == visits


def test_package_when_built_twice(tmp_path: Path) -> None:
    """Two builds of the real package are the same bytes, and the function runs from the zip as from the folder."""
    packages = [tmp_path / name for name in ("first.zip", "second.zip")]
    for package in packages:
        build = [sys.executable, str(FOLDER / "build_package.py"), str(package), str(FOLDER / "app")]
        subprocess.run(build, check=True)
    assert packages[0].read_bytes() == packages[1].read_bytes()
    run = run_invoke("GracefulFunction", "--code", str(packages[0]))
    assert (run.status, run.answers(), run.visits) == (0, ANSWERS, 3)


def test_visits_when_counted() -> None:
    """count_visits.py prints what has been committed, removes the database, and says so when there is none."""
    with new_database() as path:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.executescript("CREATE TABLE visits (name); INSERT INTO visits VALUES ('Ada'), ('Grace')")
        command, environment = [sys.executable, str(FOLDER / "count_visits.py")], {**os.environ, "DATABASE_PATH": path}
        outputs = [subprocess.run(command, env=environment, capture_output=True, text=True) for _ in range(2)]
        assert outputs[0].stdout == "Visits in the database: 2\n"
        assert (outputs[1].returncode, outputs[1].stderr) == (
            1,
            f"{path}: there is no database; run a function first\n",
        )
