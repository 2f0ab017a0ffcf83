"""The fixture `local_lambda`, its options, and what a failed test shows."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Dict, Generator, Iterator, List, Mapping, Optional, Sequence, Set, Union

import pytest

from pytest_local_lambda.function import Function
from pytest_local_lambda.result import Run
from pytest_local_lambda.tool import INSTALL, Process, Settings, draw, find_command, variables_without

SECONDS = 900.0


class LocalLambda:
    """Serves functions of templates. One per session; functions with equal settings share a process."""

    def __init__(self, command: str, folder: Path) -> None:
        self.command = command
        self._folder = folder
        self._shared: Dict[str, Process] = {}
        self._private: List[Process] = []
        self.used: Set[Process] = set()
        """The processes that the current test has used."""
        self.positions: Dict[Process, int] = {}
        """How much of each log was written before the current test."""
        self.runs: List[str] = []
        """What whole runs of the current test have written."""

    def __call__(
        self,
        template: Union[str, Path],
        function: str,
        environment: Optional[Mapping[str, str]] = None,
        freeze: bool = False,
        python: Optional[str] = None,
        options: Sequence[str] = (),
    ) -> Function:
        """A function, by its logical id or name.

        `template` is relative to the folder of pytest's configuration. `environment` has variables over those of the
        template, `python` is the interpreter (the one that runs the tests), and `options` are more options of
        `local-lambda start`. With `freeze`, processes stand still between invocations, as on AWS.
        """
        settings = self._settings(template, environment, freeze, python, options)

        def start() -> Process:
            return self._use(self._shared.get(settings.key) or self._start(settings, shared=True))

        def restart() -> Process:
            return self._use(self._start(settings, shared=False))

        return Function(function, start, restart)

    def run(
        self,
        template: Union[str, Path],
        function: Optional[str] = None,
        events: Sequence[Any] = ({},),
        count: int = 1,
        environment: Optional[Mapping[str, str]] = None,
        freeze: bool = False,
        python: Optional[str] = None,
        options: Sequence[str] = (),
        without: Sequence[str] = (),
    ) -> Run:
        """One complete life of an environment: start, every event (the list `count` times), shutdown.

        An event is a JSON value, or the path of a file. `without` names variables of the shell that the run must not
        see. Raises RuntimeError if it could not be started.
        """
        settings = self._settings(template, environment, freeze, python, options)
        with tempfile.TemporaryDirectory(prefix="pytest-local-lambda-") as name:
            folder = Path(name)
            command = [self.command, "invoke", *([function] if function else [])]
            command += [*settings.arguments(folder), "--report", "json", "--count", str(count)]
            for number, event in enumerate(events):
                path = event if isinstance(event, Path) else folder / f"event-{number}.json"
                if not isinstance(event, Path):
                    path.write_text(json.dumps(event), encoding="utf-8")
                command += ["--event", str(path)]
            ended = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env=variables_without(without),
                timeout=SECONDS,
            )
        log = ended.stderr.decode("utf-8", "replace")
        self.runs.append(log)
        if not ended.stdout:
            raise RuntimeError(f"local-lambda invoke ended with status {ended.returncode}:\n{log}")
        return Run(ended.returncode, json.loads(ended.stdout), log)

    def close(self) -> None:
        """Shut everything down."""
        for process in (*self._shared.values(), *self._private):
            process.stop()
            process.remove()
        self._shared.clear()
        self._private.clear()

    def begin_test(self) -> None:
        """Forget what earlier tests have used."""
        self.used.clear()
        self.runs.clear()
        self.positions = {process: len(process.log) for process in (*self._shared.values(), *self._private)}

    def _settings(
        self,
        template: Union[str, Path],
        environment: Optional[Mapping[str, str]],
        freeze: bool,
        python: Optional[str],
        options: Sequence[str],
    ) -> Settings:
        path = self._folder / template
        if path.is_dir():
            path = path / "template.yaml"
        more = ("--freeze",) if freeze else ()
        return Settings(path, environment or {}, python, (*more, *options))

    def _start(self, settings: Settings, shared: bool) -> Process:
        process = Process(self.command, settings)
        if shared:
            self._shared[settings.key] = process
        else:
            self._private.append(process)
        return process

    def _use(self, process: Process) -> Process:
        self.used.add(process)
        return process


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and the setting of the plugin."""
    group = parser.getgroup("local-lambda")
    group.addoption("--local-lambda", metavar="COMMAND", help="the command local-lambda (default: LOCAL_LAMBDA, PATH)")
    group.addoption(
        "--local-lambda-timeline", metavar="DIR", type=Path, help="keep a picture of each failed test in this folder"
    )
    parser.addini("local_lambda", "the command local-lambda, like the option --local-lambda")


@pytest.fixture(scope="session")
def local_lambda(request: pytest.FixtureRequest) -> Iterator[LocalLambda]:
    """Serves functions: `local_lambda("template.yaml", "HelloFunction").invoke({})`."""
    config = request.config
    chosen = config.getoption("--local-lambda") or config.getini("local_lambda") or None
    command = find_command(chosen, config.rootpath)
    if command is None:
        pytest.skip(f"local-lambda is missing: {INSTALL}")
    config.stash[_STATE] = serving = LocalLambda(command, config.rootpath)
    yield serving
    serving.close()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Remember what was written before this test."""
    serving = item.config.stash.get(_STATE, None)
    if serving is not None:
        serving.begin_test()


_STATE = pytest.StashKey[LocalLambda]()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Generator[None, Any, None]:
    """Show what local-lambda has written during a failed test, and a picture as text."""
    outcome = yield
    report = outcome.get_result()
    serving = item.config.stash.get(_STATE, None)
    if serving is None or not report.failed or "local_lambda" not in getattr(item, "fixturenames", ()):
        return
    for log in serving.runs:
        report.sections.append(("local-lambda", log))
    folder = item.config.getoption("--local-lambda-timeline")
    for number, process in enumerate(sorted(serving.used, key=lambda each: str(each.folder))):
        report.sections.append(("local-lambda", process.log[serving.positions.get(process, 0) :]))
        if process.recording.raw.stat().st_size == 0:
            continue
        report.sections.append(("local-lambda timeline", draw(serving.command, process.recording.raw)))
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            name = re.sub(r"[^A-Za-z0-9_.-]+", "-", item.nodeid) + (f"-{number}" if number else "")
            draw(serving.command, process.recording.raw, folder / f"{name}.svg")
