"""A command that fails prints one line and has the correct exit status: 2 for usage, 3 for what cannot start."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import MakeProject
from support.tool import COMMAND, Outcome, Project, run


@pytest.fixture(scope="module")
def project(make_project: MakeProject) -> Project:
    """Two functions, so that one has to be named."""
    return make_project(Hello={"Handler": "app.echo"}, Other={"Handler": "app.echo"})


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that is already in use."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def check(outcome: Outcome, status: int, *words: str) -> None:
    """One line that has the words; nothing on standard output."""
    assert (outcome.status, outcome.output) == (status, b""), outcome
    line, *others = outcome.errors.splitlines()
    assert not others, outcome.errors
    assert line.startswith("local-lambda: ")
    for word in words:
        assert word in line


def test_start_on_a_taken_port_is_3(project: Project, taken_port: int) -> None:
    """The line names the port, and what to do."""
    outcome = run("start", "-t", project.template, "--python", project.python, "--port", str(taken_port))
    check(outcome, 3, f"port {taken_port} on 127.0.0.1 is in use", "--port")


def test_exec_on_a_taken_port_is_3(taken_port: int) -> None:
    """The same for `exec`."""
    outcome = run("exec", "--port", str(taken_port), "--", sys.executable)
    check(outcome, 3, f"port {taken_port} on 127.0.0.1 is in use")


def test_recording_is_left_alone_when_the_port_is_taken(project: Project, taken_port: int, tmp_path: Path) -> None:
    """No empty file is created, which `tail --follow` would wait on forever, and an earlier recording is kept."""
    new, earlier = tmp_path / "new.jsonl", tmp_path / "earlier.jsonl"
    earlier.write_text("{}\n", encoding="utf-8")
    for recording in (new, earlier):
        options = ("--port", str(taken_port), "--record", recording)
        started = run("start", "-t", project.template, "--python", project.python, *options)
        check(started, 3, f"port {taken_port} on 127.0.0.1 is in use")
        executed = run("exec", *options, "--", sys.executable)
        check(executed, 3, f"port {taken_port} on 127.0.0.1 is in use")
    assert not new.exists()
    assert earlier.read_text(encoding="utf-8") == "{}\n"


def test_recording_is_left_alone_when_the_command_is_wrong(project: Project, tmp_path: Path) -> None:
    """So it is with a template that cannot be read, with an event that is no JSON, and with a missing interpreter."""
    new, earlier = tmp_path / "new.jsonl", tmp_path / "earlier.jsonl"
    earlier.write_text("{}\n", encoding="utf-8")
    broken = tmp_path / "template.yaml"
    broken.write_text("Resources: [")
    event = tmp_path / "event.json"
    event.write_text("{")
    for recording in (new, earlier):
        options = ("--record", recording, "--timeline", tmp_path / "run.svg")
        check(run("start", "-t", broken, "--port", "0", *options), 2, str(broken))
        check(project.invoke("Hello", "-e", event, *options), 2, str(event))
        check(run("invoke", "-t", project.template, "--python", "python3.99", "Hello", *options), 3, "python3.99")
    assert not new.exists()
    assert earlier.read_text(encoding="utf-8") == "{}\n"
    assert not (tmp_path / "run.svg").exists()


def test_start_on_an_address_of_another_machine_is_3(project: Project) -> None:
    """A host name that does not exist, and an address that this machine does not have."""
    for host in ("192.0.2.1", "host.invalid"):
        outcome = run("start", "-t", project.template, "--python", project.python, "--host", host, "--port", "0")
        check(outcome, 3, f"cannot listen on {host}:0")


TEMPLATES = {
    "yaml": "Resources: [",
    "no_mapping": "- just\n- a list\n",
    "no_function": "Resources: {}\n",
    "no_handler": "Resources: {F: {Type: 'AWS::Serverless::Function', Properties: {Runtime: python3.11}}}",
    "other_runtime": "Resources: {F: {Type: 'AWS::Serverless::Function', Properties: {Runtime: nodejs20.x}}}",
    "binary": "\0\1\2",
}


@pytest.mark.parametrize("command", ["invoke", "start"])
@pytest.mark.parametrize("text", TEMPLATES.values(), ids=TEMPLATES)
def test_template_that_is_broken_is_2(tmp_path: Path, command: str, text: str) -> None:
    """Before anything is started."""
    template = tmp_path / "template.yaml"
    template.write_text(text)
    check(run(command, "-t", template), 2, str(template))


def test_template_that_is_missing_is_2(tmp_path: Path) -> None:
    """The default one, and one that was named."""
    check(run("invoke", cwd=tmp_path), 2, "template.yaml: not found; pass its path with -t")
    check(run("start", "-t", "other.yaml", cwd=tmp_path), 2, "other.yaml: not found; pass its path with -t")


def test_invoke_of_an_unknown_function_is_2(project: Project) -> None:
    """The line lists those there are; so it does when none was named."""
    check(project.invoke("Absent"), 2, "no function Absent", "Hello, Other")
    check(project.invoke(), 2, "several functions", "Hello, Other")


def test_interpreter_that_is_missing_is_3(project: Project, tmp_path: Path) -> None:
    """A path that does not exist, and a command that is not on PATH."""
    for python in (str(tmp_path / "python"), "python3.99"):
        for command in ("invoke", "start"):
            rest = ["Hello"] if command == "invoke" else ["--port", "0"]
            check(run(command, "-t", project.template, "--python", python, *rest), 3, python)


@pytest.mark.parametrize("command", ["invoke", "start"])
def test_interpreter_without_awslambdaric_is_3(project: Project, tmp_path: Path, command: str) -> None:
    """The line says how to install it."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True, timeout=60)
    python = tmp_path / "venv" / "bin" / "python"
    rest = ["Hello"] if command == "invoke" else ["--port", "0"]
    outcome = run(command, "-t", project.template, "--python", python, *rest)
    check(outcome, 3, f"{python} has no awslambdaric", "install")


def test_code_that_is_missing_is_2(make_project: MakeProject) -> None:
    """A CodeUri that does not exist, and an invalid zip."""
    check(make_project(Hello={"Handler": "app.echo", "CodeUri": "absent"}).invoke(), 2, "absent")
    project = make_project({"code.zip": "no zip"}, Hello={"Handler": "app.echo", "CodeUri": "code/code.zip"})
    check(project.invoke(), 2, "code.zip")


EVENTS: dict[str, tuple[bytes, str]] = {
    "no_json": (b"no JSON", " is not JSON: "),
    "two_documents": (b"{} {}", " is not JSON: "),
    "no_utf8": (b'"\xff"', " is not JSON: "),
    "too_large": (b'"' + b"x" * 6_291_455 + b'"', " has 6291457 bytes; Lambda takes 6291456 at most"),
}


@pytest.mark.parametrize(("event", "words"), EVENTS.values(), ids=EVENTS)
def test_event_that_is_bad_is_2(project: Project, event: bytes, words: str) -> None:
    """From a file and from standard input; the function is not invoked."""
    named = f" {project.folder / 'event-0.json'}"
    inputs = [(named, project.invoke("Hello", events=[event])), ("", project.invoke("Hello", "-e", "-", stdin=event))]
    for name, outcome in inputs:
        assert (outcome.status, outcome.output) == (2, b"")
        last = outcome.errors.splitlines()[-1]
        assert last.startswith(f"local-lambda: the event{name}{words}")
        assert "START RequestId" not in outcome.errors


def test_event_file_that_is_missing_is_2(project: Project, tmp_path: Path) -> None:
    """A file that is not there, and one that is a folder."""
    check(project.invoke("Hello", "-e", tmp_path / "absent.json"), 2, "cannot read the event", "No such file")
    check(project.invoke("Hello", "-e", tmp_path), 2, "cannot read the event", "Is a directory")


def test_record_that_cannot_be_written_is_2(project: Project, tmp_path: Path) -> None:
    """Said before the function is started."""
    check(project.invoke("Hello", "--record", tmp_path / "absent" / "run.jsonl"), 2, "cannot write the recording")


def test_exec_without_a_command_is_2() -> None:
    """The line shows how it is used."""
    for arguments in (["exec"], ["exec", "--"]):
        check(run(*arguments), 2, "exec needs the runtime's command", "exec -- python -m awslambdaric")


def test_exec_of_a_missing_program_is_3(tmp_path: Path) -> None:
    """By name, by path, and by a file that is not a program."""
    (tmp_path / "file").write_text("")
    for program in ("no-such-program", str(tmp_path / "absent"), str(tmp_path / "file")):
        check(run("exec", "--port", "0", "--", program), 3, program)


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
def test_exec_with_a_bad_variable_is_2(value: str) -> None:
    """Variables are read like options."""
    variables = {"AWS_LAMBDA_FUNCTION_TIMEOUT": value}
    check(
        run("exec", "--port", "0", "--", sys.executable, variables=variables), 2, f"AWS_LAMBDA_FUNCTION_TIMEOUT={value}"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["absent"],
        ["invoke", "--absent"],
        ["invoke", "--count", "0"],
        ["invoke", "--count", "many"],
        ["invoke", "--report", "xml"],
        ["start", "--port", "65536"],
        ["start", "--port", "many"],
        ["start", "--max-environments", "0"],
    ],
)
def test_arguments_that_are_wrong_are_2(arguments: list[str]) -> None:
    """Usage and one line, from the parser of arguments."""
    outcome = run(*arguments)
    assert (outcome.status, outcome.output) == (2, b"")
    assert outcome.errors.startswith("usage: local-lambda")
    assert outcome.errors.splitlines()[-1].startswith("local-lambda")


def test_output_that_nobody_reads_is_no_traceback(project: Project) -> None:
    """`local-lambda invoke | head -0`."""
    read, write = os.pipe()
    os.close(read)
    arguments = ["invoke", "-t", project.template, "--python", project.python, "Hello"]
    ended = subprocess.run([*COMMAND, *map(str, arguments)], stdout=write, stderr=subprocess.PIPE, timeout=60)
    os.close(write)
    assert b"Traceback" not in ended.stderr
    assert ended.returncode in (0, 141)


def test_address_of_ipv6_stands_in_brackets(project: Project) -> None:
    """As a URL has it, so that it can be copied from the line."""
    with project.serving("--host", "::1") as tool:
        assert tool.host == "[::1]"
    outcome = run("aws", "--host", "::1", "--", "sh", "-c", "echo $AWS_ENDPOINT_URL")
    assert outcome.status == 0
    assert outcome.output.startswith(b"http://[::1]:")


def test_version_and_help_are_on_standard_output() -> None:
    """Each ends with 0."""
    assert run("--version").output.startswith(b"local-lambda ")
    for arguments in (["--help"], ["invoke", "--help"], ["start", "--help"], ["exec", "--help"]):
        outcome = run(*arguments)
        assert (outcome.status, outcome.errors) == (0, "")
        assert outcome.output.startswith(b"usage: local-lambda")
