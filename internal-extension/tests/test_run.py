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
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Sequence

import pytest

FOLDER = Path(__file__).resolve().parent.parent
NAME = "internal-example-extension"
EVENT = FOLDER / "events/visit.json"
ANSWERS = [{"pending": 1}, {"pending": 2}, {"pending": 3}]
# From 3.12 on the runtime interface client waits for the next event in a different thread from the main one.
HANDLERS_RUN = sys.version_info >= (3, 12)

pytest.importorskip("pytest_local_lambda", reason="the plugin is in the folder pytest-local-lambda")


class Visited(NamedTuple):
    """A finished run, and how many visits are in the database after it."""

    run: Any
    visits: int

    def log(self) -> List[str]:
        """The lines that the function, its extension and its clean-up have written."""
        return list(self.run.logs.splitlines())

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


@pytest.fixture(scope="module")
def visit(local_lambda: Any) -> Callable[..., Visited]:
    """Runs a function with a new database, in one environment, up to its shutdown."""

    def visit(
        function: str, *more: Any, events: str = "INVOKE", count: int = 3, options: Sequence[str] = ()
    ) -> Visited:
        with new_database() as path:
            variables = {"DATABASE_PATH": path, "EXTENSION_EVENTS": events}
            run = local_lambda.run(FOLDER, function, [EVENT, *more], count, environment=variables, options=options)
            return Visited(run, count_visits(path))

    return visit


@pytest.fixture(scope="module")
def graceful(visit: Callable[..., Visited]) -> Visited:
    """Three visits, with the extension and clean-up in a thread."""
    return visit("GracefulFunction")


def test_answer_when_invoked(graceful: Visited) -> None:
    """Each invocation gets its response, and the command ends with status 0."""
    assert graceful.run.status == 0
    assert graceful.run.payloads == ANSWERS
    assert not any(invocation["functionError"] for invocation in graceful.run.report["invocations"])


def test_events_when_invoked(graceful: Visited) -> None:
    """One environment starts once, with the extension, and serves all three invocations."""
    init = ["platform.initStart", "platform.initRuntimeDone", "platform.extension", "platform.initReport"]
    invocation = ["platform.start", "platform.runtimeDone", "platform.report"]
    types = [event["type"] for event in graceful.run.events("platform.")]
    assert [name for name in types if name in init + invocation] == init + invocation * 3
    (state,) = graceful.run.events("platform.extension")
    assert state["record"] == {"name": NAME, "state": "Ready", "events": ["INVOKE"]}


def test_extension_events_when_invoked(graceful: Visited) -> None:
    """The extension gets one INVOKE event for each invocation, and no other event."""
    requests = [invocation["requestId"] for invocation in graceful.run.report["invocations"]]
    assert [event["eventType"] for event in graceful.extension_events()] == ["INVOKE"] * 3
    assert [event["requestId"] for event in graceful.extension_events()] == requests


def test_database_when_shut_down(graceful: Visited) -> None:
    """Clean-up is the last that is heard of the function, within its time, and all visits are in the database."""
    committed = re.fullmatch(r"\[journal\] visits committed: 3, in (\d+\.\d) ms", graceful.log()[-1])
    assert committed is not None
    assert float(committed.group(1)) < 500
    assert graceful.run.report["events"][-1]["type"] == "function"
    assert graceful.visits == 3


def test_database_when_the_extension_asks_for_no_event(visit: Callable[..., Visited]) -> None:
    """It hears nothing of the invocations, but its registration still buys the time to clean up."""
    done = visit("GracefulFunction", events="")
    assert (done.run.status, done.run.payloads, done.visits) == (0, ANSWERS, 3)
    assert done.extension_events() == []
    assert done.run.events("platform.extension")[0]["record"]["events"] == []


def test_database_when_the_handler_is_the_obvious_one(visit: Callable[..., Visited]) -> None:
    """A signal handler does the same from Python 3.12 on, and nothing at all before."""
    done = visit("ObviousFunction")
    assert (done.run.status, done.run.payloads) == (0, ANSWERS)
    assert done.visits == (3 if HANDLERS_RUN else 0)
    assert any(line.startswith("[journal]") for line in done.log()) == HANDLERS_RUN


def test_database_when_there_is_no_extension(visit: Callable[..., Visited]) -> None:
    """There is no SIGTERM, and so no clean-up."""
    done = visit("NoExtensionFunction")
    assert (done.run.status, done.run.payloads, done.visits) == (0, ANSWERS, 0)
    assert done.log() == []
    assert done.run.events("platform.extension") == []


def test_answer_when_shutdown_is_asked_for(visit: Callable[..., Visited]) -> None:
    """Lambda refuses the registration, and the caller learns why the function cannot start."""
    done = visit("GracefulFunction", events="INVOKE SHUTDOWN", count=1)
    (error,) = done.run.payloads
    assert (done.run.status, error["errorType"]) == (1, "RegistrationRefused")
    assert "ShutdownEventNotSupportedForInternalExtension" in error["errorMessage"]
    assert [event["record"]["status"] for event in done.run.events("platform.initReport")] == ["error", "error"]


def test_database_when_an_invocation_fails(visit: Callable[..., Visited], tmp_path: Path) -> None:
    """An event without a name is an error of its sender; the visits of others are kept."""
    nobody = tmp_path / "nobody.json"
    nobody.write_text("{}")
    done = visit("GracefulFunction", nobody, count=1)
    assert done.run.status == 1
    assert done.run.payloads[0] == {"pending": 1}
    assert done.run.payloads[1]["errorType"] == "KeyError"
    assert done.visits == 1


needs_make = pytest.mark.skipif(not (shutil.which("make") and shutil.which("curl")), reason="make or curl is missing")


def visit_once(port: str, function: str, path: str) -> None:
    """Visit a function that is served; the visit is not in the database yet."""
    make = ["make", "--silent", "invoke", f"PORT={port}", f"FUNCTION={function}"]
    assert json.loads(subprocess.check_output(make, cwd=str(FOLDER))) == {"pending": 1}
    assert count_visits(path) == 0


@needs_make
def test_make_invoke_when_serving(local_lambda: Any) -> None:
    """`make invoke` gets the response while the functions keep being served; the end of that commits the visit."""
    with new_database() as path:
        variables = {"DATABASE_PATH": path, "EXTENSION_EVENTS": "INVOKE"}
        with local_lambda(FOLDER, "GracefulFunction", environment=variables) as function:
            visit_once(str(function.port), "GracefulFunction", path)
        assert (function.exit_status, count_visits(path)) == (0, 1)


@needs_make
@pytest.mark.parametrize(("module", "visits"), [("fn_graceful", 1), ("fn_obvious", 0)])
def test_database_when_run_as_in_an_image(local_lambda: Any, module: str, visits: int) -> None:
    """Outside of Lambda's own runtimes the obvious handler runs on no Python; clean-up in a thread works there, too."""
    command = [local_lambda.command, "exec", "--port", "0", "--"]
    command += [sys.executable, "-m", "awslambdaric", f"app.{module}.lambda_handler"]
    with new_database() as path:
        environment = {**os.environ, "DATABASE_PATH": path, "EXTENSION_EVENTS": "INVOKE"}
        server = subprocess.Popen(command, cwd=str(FOLDER), env=environment, stderr=subprocess.PIPE, text=True)
        try:
            assert server.stderr is not None
            ports = (re.search(r"listening on http://127\.0\.0\.1:(\d+)", line) for line in server.stderr)
            visit_once(next(filter(None, ports)).group(1), "function", path)
        finally:
            server.terminate()
            server.communicate(timeout=30)
        assert (server.returncode, count_visits(path)) == (0, visits)


def test_package_when_built_twice(visit: Callable[..., Visited], tmp_path: Path) -> None:
    """Two builds of the real package are the same bytes, and the function runs from the zip as from the folder."""
    packages = [tmp_path / name for name in ("first.zip", "second.zip")]
    for package in packages:
        build = [sys.executable, str(FOLDER / "build_package.py"), str(package), str(FOLDER / "app")]
        subprocess.run(build, check=True)
    assert packages[0].read_bytes() == packages[1].read_bytes()
    done = visit("GracefulFunction", options=["--code", str(packages[0])])
    assert (done.run.status, done.run.payloads, done.visits) == (0, ANSWERS, 3)


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
