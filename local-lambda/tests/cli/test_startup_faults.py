"""Where the system refuses what the tool needs to start: one line, exit status 3, and never a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from conftest import MakeProject
from support.tool import COMMAND, DEADLINE_SECONDS, Project

NO_PROCESSES = (sys.executable, str(Path(__file__).parent.parent / "support" / "no_processes.py"))


@pytest.fixture(scope="module")
def project(make_project: MakeProject) -> Project:
    """A function that returns its event."""
    return make_project(Hello={"Handler": "app.echo"})


def shell(project: Project, script: str, command: str = "invoke", tool: tuple[str, ...] = COMMAND) -> tuple[int, str]:
    """Run the script, in which `"$@"` is the command line; exit status and standard error, without a traceback."""
    arguments = [*tool, command, "-t", str(project.template), "--python", str(project.python)]
    if command == "start":
        arguments += ["--port", "0"]
    ended = subprocess.run(
        ["sh", "-c", script, "sh", *arguments], stderr=subprocess.PIPE, text=True, timeout=DEADLINE_SECONDS
    )
    assert "Traceback" not in ended.stderr
    return ended.returncode, ended.stderr


def last_line(errors: str) -> str:
    """The tool's last word."""
    return errors.splitlines()[-1]


@pytest.mark.parametrize("command", ["invoke", "start"])
@pytest.mark.parametrize("files", [8, 12, 16, 24])
def test_too_few_open_files_is_3(project: Project, command: str, files: int) -> None:
    """`ulimit -n 16`; the line says how to raise the limit."""
    status, errors = shell(project, f'ulimit -n {files}; exec "$@"', command)
    assert status == 3
    (line,) = errors.splitlines()
    assert line.startswith(f"local-lambda: only {files} files may be open")
    assert line.endswith("raise the limit, for example with `ulimit -n 4096`")


def test_few_open_files_are_enough_for_one_environment(project: Project) -> None:
    """`ulimit -n 40`."""
    status, errors = shell(project, 'ulimit -n 40; exec "$@" > /dev/null')
    assert (status, errors.count("REPORT RequestId")) == (0, 1)


@pytest.mark.parametrize("command", ["invoke", "start"])
def test_limit_of_processes_is_3(project: Project, command: str) -> None:
    """`ulimit -u`."""
    status, errors = shell(project, 'exec "$@"', command, NO_PROCESSES)
    assert (status, errors) == (
        3,
        "local-lambda: cannot start a process: Resource temporarily unavailable "
        "(the limit of processes is reached, see `ulimit -u`)\n",
    )


@pytest.mark.parametrize("command", ["invoke", "start"])
def test_temporary_folder_that_is_missing_or_read_only_is_3(project: Project, command: str, tmp_path: Path) -> None:
    """The line names it, and the variable."""
    for folder, words in ((tmp_path / "absent", "there is no folder"), (Path("/proc/sys"), "cannot be written to")):
        status, errors = shell(project, f'TMPDIR={folder} exec "$@"', command)
        assert status == 3
        (line,) = errors.splitlines()
        assert str(folder) in line
        assert words in line
        assert line.endswith("set TMPDIR to another one")


def test_temporary_folder_without_space_is_3(project: Project, tmp_path: Path) -> None:
    """No inode is left for the environment's `/tmp`."""
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode:
        pytest.skip("the system does not allow user namespaces")
    mount = f"mount -t tmpfs -o nr_inodes=2,size=64k tmpfs {tmp_path}"
    status, errors = shell(project, f'exec unshare -rm sh -c \'{mount} && TMPDIR={tmp_path} exec "$@"\' sh "$@"')
    assert status == 3
    (line,) = errors.splitlines()
    assert line.startswith(f"local-lambda: cannot create an environment: No space left on device: {tmp_path}/")
    assert line.endswith("(free some space or inodes, or set TMPDIR to a folder on another file system)")


@pytest.mark.parametrize("report", ["", " --report json"])
def test_output_that_is_closed_is_3_before_anything_runs(project: Project, report: str) -> None:
    """A function whose response goes nowhere is not invoked in vain."""
    status, errors = shell(project, f'exec "$@"{report} >&-')
    assert (status, errors) == (
        3,
        "local-lambda: standard output is closed; redirect it to a file, or to /dev/null\n",
    )


@pytest.mark.parametrize("report", ["", " --report json"])
def test_output_that_is_full_is_3(project: Project, report: str) -> None:
    """With the log of what has run."""
    status, errors = shell(project, f'exec "$@"{report} > /dev/full')
    assert status == 3
    assert last_line(errors) == "local-lambda: cannot write to standard output: No space left on device"
    assert "REPORT RequestId" in errors


@pytest.mark.parametrize("stream", ["2>&-", "2>/dev/full", "<&-"])
def test_other_streams_that_are_closed_or_full_are_not_needed(project: Project, stream: str) -> None:
    """The response is still printed, and no socket takes the place of the stream."""
    arguments = [*COMMAND, "invoke", "-t", str(project.template), "--python", str(project.python)]
    ended = subprocess.run(
        ["sh", "-c", f'exec "$@" {stream}', "sh", *arguments], capture_output=True, timeout=DEADLINE_SECONDS
    )
    assert (ended.returncode, ended.stdout) == (0, b"{}\n")


def test_event_from_an_input_that_is_closed_is_2(project: Project) -> None:
    """Nothing else may be read in its place."""
    status, errors = shell(project, 'exec "$@" -e - <&-')
    assert status == 2
    assert last_line(errors) == "local-lambda: cannot read the event from standard input: it is closed"
