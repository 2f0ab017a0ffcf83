"""`make run` in a copy of the root folder whose examples are two lines of make."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import run_examples
from examples import ROOT

INSTALLED = "install: ; @echo installed\n"
PATIENCE = 60


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two examples, `b` before `a`, and a tool."""
    for name in ("Makefile", "tests/run_examples.py", "tests/examples.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "README.md").write_text("1. [b](b/README.md)\n2. [a](a/README.md)\n")
    for name in ("a", "b", "local-lambda"):
        write(tmp_path, name, INSTALLED + "run: ; @echo this is $(CURDIR)\n")
    for name in ("a", "b"):
        (tmp_path / name / "template.yaml").touch()
    return tmp_path


def write(repository: Path, folder: str, makefile: str) -> None:
    """Give a folder this Makefile."""
    (repository / folder).mkdir(exist_ok=True)
    (repository / folder / "Makefile").write_text(makefile)


AS_ON_A_TERMINAL = ("env", "--default-signal=INT")
"""A command that a shell runs in the background ignores Ctrl-C, and so does everything it starts."""


def start(repository: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    """Start `make run` with these arguments and environment variables."""
    command = ["make", "--no-print-directory", "run", "UV=", *arguments]
    kept = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    return subprocess.Popen(
        [*AS_ON_A_TERMINAL, *command],
        cwd=repository,
        env={**kept, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def run(repository: Path, *arguments: str, **variables: str) -> tuple[int, list[str]]:
    """Run `make run`; returns the exit status and the lines, their times as [S]."""
    process = start(repository, *arguments, **variables)
    output, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, re.sub(r"\(\d+\.\d s\)", "([S])", output).splitlines()


def test_lines_when_all_examples_succeed(repository: Path) -> None:
    """One line each in the order of the learning path; what an example prints is in its log."""
    status, lines = run(repository)
    assert lines == [
        "local-lambda … ok ([S])",
        "[1/2] b … ok ([S])",
        "[2/2] a … ok ([S])",
        "All 2 examples ran. Their full output is in run-logs/; make run VERBOSE=1 prints it here.",
    ]
    assert status == 0
    assert (repository / "run-logs/a.log").read_text() == f"installed\nthis is {repository}/a\n"
    assert (repository / "run-logs/b.log").read_text() == f"installed\nthis is {repository}/b\n"


def test_lines_when_an_example_fails(repository: Path) -> None:
    """The end of its log is shown without control characters, the others still run, the exit status is not 0."""
    write(repository, "b", INSTALLED + "run:\n\t@seq 100\n\t@printf '\\033]0;title\\007red\\n'; exit 3\n")
    status, lines = run(repository)
    assert lines[1] == "[1/2] b … FAILED while running, exit status 2. The end of run-logs/b.log:"
    assert lines[2:22] == [*(f"    {number}" for number in range(83, 101)), "    ]0;titlered", lines[21]]
    assert "Error 3" in lines[21]
    assert lines[22:24] == ["[2/2] a … ok ([S])", "1 of 2 examples failed: b"]
    assert status == 2, "make's own status for a command that failed"
    script = subprocess.run(["python3", "tests/run_examples.py"], cwd=repository, capture_output=True, timeout=PATIENCE)
    assert script.returncode == 1


def test_lines_when_an_example_cannot_be_installed(repository: Path) -> None:
    """The line says so, and that example is not run."""
    write(repository, "a", "install: ; @echo no network; exit 1\nrun: ; @touch was-run\n")
    status, lines = run(repository)
    assert lines[2:4] == [
        "[2/2] a … FAILED while installing, exit status 2. The end of run-logs/a.log:",
        "    no network",
    ]
    assert status == 2
    assert not (repository / "a/was-run").exists()


def test_lines_when_the_tool_cannot_be_installed(repository: Path) -> None:
    """The reason is shown once, not for every example."""
    write(repository, "local-lambda", "install: ; @echo no network; exit 1\n")
    status, lines = run(repository)
    assert lines[:2] == [
        "local-lambda … FAILED while installing, exit status 2. The end of run-logs/local-lambda.log:",
        "    no network",
    ]
    assert not [line for line in lines if line.startswith("[1/2]")]
    assert status == 2


def test_output_when_verbose(repository: Path) -> None:
    """Everything is printed, between the first and the last line of each example, and is in the log as well."""
    status, lines = run(repository, "VERBOSE=1")
    assert lines[-9:-1] == [
        "[1/2] b …",
        "installed",
        f"this is {repository}/b",
        "[1/2] b … ok ([S])",
        "[2/2] a …",
        "installed",
        f"this is {repository}/a",
        "[2/2] a … ok ([S])",
    ]
    assert status == 0
    assert "this is" in (repository / "run-logs/a.log").read_text()


def test_variables_when_given_to_make(repository: Path) -> None:
    """An example gets those of the command line and UV, but none of make's options."""
    write(repository, "a", INSTALLED + "run: ; @echo 'WORD=$(WORD) UV=$(UV) PYTHON=$(PYTHON) $(MAKEFLAGS)'\n")
    status, _ = run(repository, "-j3", "WORD=hello", "UV=/bin/sh")
    log = (repository / "run-logs/a.log").read_text()
    assert status == 0
    assert "WORD=hello UV=/bin/sh PYTHON=python3" in log
    assert "-j" not in log


@pytest.mark.parametrize(
    ("variables", "index"),
    [
        ({"PIP_INDEX_URL": "http://pip"}, "http://pip"),
        ({"PIP_INDEX_URL": "http://pip", "UV_INDEX_URL": "http://uv"}, "http://uv"),
        ({"PIP_INDEX_URL": "http://pip", "UV_DEFAULT_INDEX": "http://uv"}, "http://uv"),
        ({}, ""),
    ],
)
def test_index_when_it_is_named_for_pip(repository: Path, variables: dict[str, str], index: str) -> None:
    """uv does not read pip's variables; its own come first."""
    write(repository, "a", INSTALLED + "run: ; @echo index=$$UV_DEFAULT_INDEX\n")
    status, _ = run(repository, **{"PIP_INDEX_URL": "", "UV_INDEX_URL": "", **variables})
    assert status == 0
    assert (repository / "run-logs/a.log").read_text().splitlines()[-1] == f"index={index}"


@pytest.mark.parametrize("some_are_installed", [True, False])
def test_message_when_the_package_index_is_out_of_reach(repository: Path, some_are_installed: bool) -> None:
    """uv's reason is shown before tox starts; what is already installed is still tested."""
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("no uv on PATH")
    (repository / ".venv/bin").mkdir(parents=True)
    (repository / ".venv/bin/uv").symlink_to(uv)
    (repository / ".venv/.installed").touch()
    if some_are_installed:
        (repository / ".tox").mkdir()
    shell = {**os.environ, "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple"}
    command = ["make", "need-index", "UV="]
    done = subprocess.run(command, cwd=repository, env=shell, capture_output=True, text=True, timeout=PATIENCE)
    assert "http://127.0.0.1:9/simple/pip/" in done.stderr
    assert "the package index is not available, see above" in done.stderr
    assert (done.returncode == 0) is some_are_installed


def test_progress_when_an_installation_takes_long(repository: Path) -> None:
    """It is named while it is still at work."""
    os.mkfifo(repository / "a/go")
    write(repository, "a", "install: ; @read line < go\nrun: ; @:\n")
    process = start(repository)
    assert process.stdout is not None
    seen = ""
    while not seen.endswith("[2/2] a … installing …"):
        seen += process.stdout.read(1) or pytest.fail(f"ended before it said so:\n{seen}")
    (repository / "a/go").write_text("go\n")
    rest, _ = process.communicate(timeout=PATIENCE)
    assert re.match(r" *ok \(\d", rest)


def test_processes_when_interrupted(repository: Path) -> None:
    """Everything that was started ends before `make run` does, and nothing else starts."""
    for folder in ("a", "b"):
        os.mkfifo(repository / folder / "pid")
        write(repository, folder, f"{INSTALLED}run: ; @sleep 1000 & echo $$! > pid; wait; touch went-on\n")
    process = start(repository)
    started = [int((repository / folder / "pid").read_text()) for folder in ("a", "b")]
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=PATIENCE)
    assert "stopped" in output
    assert "Traceback" not in output
    assert process.returncode == -signal.SIGINT
    assert [pid for pid in started if is_running(pid)] == []
    assert list(repository.glob("*/went-on")) == []


def test_process_when_it_ignores_being_asked_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is killed; a command that comes later does not start."""
    monkeypatch.setattr(run_examples, "PATIENCE", 0.1)
    os.mkfifo(tmp_path / "pid")
    commands = run_examples.Commands(verbose=False)
    with ThreadPoolExecutor() as pool:
        script = f"trap '' TERM; sleep 1000 & echo $! > {tmp_path}/pid; wait"
        ended = pool.submit(commands.run, ["sh", "-c", script], tmp_path / "log")
        pid = int((tmp_path / "pid").read_text())
        commands.stop()
        with pytest.raises(run_examples.Failed, match="killed by signal 9"):
            ended.result(PATIENCE)
    assert not is_running(pid)
    with pytest.raises(run_examples.Failed, match="stopped"):
        commands.run(["touch", str(tmp_path / "later")], tmp_path / "log")
    assert not (tmp_path / "later").exists()


def is_running(pid: int) -> bool:
    """Whether there is a process of this number that has not ended."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout
    return bool(state.strip()) and not state.startswith("Z")
