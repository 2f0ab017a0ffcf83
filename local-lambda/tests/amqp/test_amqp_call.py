"""`local-lambda call`: payload on standard output, the exit statuses of `invoke`, and no password anywhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from socket import create_server
from threading import Thread

import pytest

from conftest import MakeProject
from support.broker import RabbitMQ
from support.requester import Requester
from support.tool import Tool, run

FUNCTION = """
def handler(event, context):
    if event == "fail":
        raise ValueError("no")
    return event
"""
EVENT = '{"name": "Ada"}'


@pytest.fixture(scope="module")
def tool(make_project: MakeProject, broker: RabbitMQ) -> Iterator[Tool]:
    """A worker that serves the queue `Called`."""
    project = make_project({"app.py": FUNCTION}, Called={"Handler": "app.handler"})
    with project.serving("--amqp", broker.uri) as tool:
        yield tool


def test_call_when_function_succeeds(tool: Tool, broker: RabbitMQ, tmp_path: Path) -> None:
    """Standard output contains only the payload; status 0."""
    (tmp_path / "event.json").write_text(EVENT)
    outcome = run("call", "--amqp", broker.uri, "Called", "-e", tmp_path / "event.json")
    assert outcome == type(outcome)(0, f"{EVENT}\n".encode(), "")


def test_call_when_variable_names_the_broker(tool: Tool, broker: RabbitMQ) -> None:
    """AMQP_URI takes the place of the option; `-` is standard input, no event is `{}`."""
    variables = {"AMQP_URI": broker.uri}
    assert run("call", "Called", "-e", "-", stdin=b"[1, 2]", variables=variables).output == b"[1, 2]\n"
    assert run("call", "Called", variables=variables).output == b"{}\n"


def test_call_when_function_fails(tool: Tool, broker: RabbitMQ) -> None:
    """The error object is the payload; status 1."""
    outcome = run("call", "--amqp", broker.uri, "Called", "-e", "-", stdin=b'"fail"')
    assert outcome.status == 1
    assert b'"errorType": "ValueError"' in outcome.output


@pytest.mark.parametrize(
    ("arguments", "event", "message"),
    [
        (("Missing",), b"{}", "there is no queue Missing on amqp://127.0.0.1:"),
        (("Called",), b"{", "the event is not JSON"),
        (("Called",), b'"%s"' % (b"x" * 6_291_456), "the event has 6291458 bytes"),
        (("Called", "--timeout", "0"), b"{}", "0 is not a number of seconds"),
    ],
    ids=["no function", "no JSON", "too large", "no seconds"],
)
def test_call_when_used_wrongly(
    tool: Tool, broker: RabbitMQ, arguments: tuple[str, ...], event: bytes, message: str
) -> None:
    """A function that is not served, and an invalid event, are status 2."""
    outcome = run("call", *arguments, "-e", "-", stdin=event, variables={"AMQP_URI": broker.uri})
    assert (outcome.status, outcome.output) == (2, b"")
    assert message in outcome.errors


def test_call_when_no_broker_is_named() -> None:
    """Status 2, and what to give."""
    outcome = run("call", "Called", variables={"AMQP_URI": ""})
    assert outcome.status == 2
    assert "--amqp amqp://" in outcome.errors


def test_call_when_nobody_answers(broker: RabbitMQ) -> None:
    """Status 3 after the timeout; the request has expired with it."""
    with Requester(broker.uri) as requester:
        requester.run(requester.channel.declare_queue("Unserved", durable=True))
        outcome = run("call", "--amqp", broker.uri, "Unserved", "--timeout", "0.3")
        assert (outcome.status, outcome.output) == (3, b"")
        assert "no response from Unserved within 0.3 s" in outcome.errors
        while requester.depth("Unserved"):
            pass


CALL, START, EXEC = ("call", "Called"), ("start",), ("exec", "--", sys.executable, "-c", "")
REFUSED = "as guest: the broker refuses this user name and password"


@pytest.mark.parametrize(
    ("command", "uri", "message"),
    [
        (CALL, "amqp://guest:secret-word@127.0.0.1:{port}/", REFUSED),
        (START, "amqp://guest:secret-word@127.0.0.1:{port}/", REFUSED),
        (EXEC, "amqp://guest:secret-word@127.0.0.1:{port}/", REFUSED),
        (
            CALL,
            "amqp://guest:guest@127.0.0.1:{port}/nowhere",
            "check that virtual host nowhere exists and that guest may access it",
        ),
        (START, "amqp://guest:secret-word@127.0.0.1:1/", "amqp://127.0.0.1:1/ as guest: connection refused"),
        (CALL, "amqps://guest:secret-word@127.0.0.1:{port}/", "no TLS there"),
        (EXEC, "http://guest:secret-word@127.0.0.1:{port}/", "this is not an AMQP URI; expected something like"),
        (START, "amqp://guest:12#secret-word@127.0.0.1:{port}/", "write it as %23 %2F or %3F"),
        (CALL, "amqp://guest:12/secret-word@127.0.0.1:{port}/", "write it as %23 %2F or %3F"),
        (CALL, "amqp://guest:secret-word@127.0.0.1:many/", "this is not an AMQP URI; expected something like"),
    ],
)
def test_commands_when_broker_cannot_be_had(
    make_project: MakeProject, broker: RabbitMQ, command: tuple[str, ...], uri: str, message: str
) -> None:
    """A wrong URI, address, virtual host or password ends the command at once: one line, status 3, no password."""
    project = make_project(Hello={"Handler": "app.echo"})
    given = ("-t", project.template, "--python", project.python) if command == ("start",) else ()
    listen = () if command[0] == "call" else ("--port", "0")
    variables = {"AMQP_URI": uri.format(port=broker.port)}
    outcome = run(command[0], *given, *listen, *command[1:], variables=variables)
    assert (outcome.status, outcome.output) == (3, b"")
    assert message in outcome.errors
    assert outcome.errors.count("\n") == 1
    assert "secret-word" not in outcome.errors


def test_call_when_address_is_no_broker() -> None:
    """Something else that listens there and hangs up is an error, not a traceback."""

    def hang_up() -> None:
        connection, _ = server.accept()
        connection.recv(100)
        connection.close()

    with create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=hang_up, daemon=True)
        thread.start()
        outcome = run("call", "--amqp", f"amqp://a:secret-word@127.0.0.1:{server.getsockname()[1]}/", "Called")
        thread.join(60)
    assert outcome.status == 3
    assert "secret-word" not in outcome.errors


def test_commands_when_aio_pika_is_missing(tmp_path: Path) -> None:
    """One line says how to install it; status 3."""
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util\nfind = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *more: None if name == 'aio_pika' else find(name, *more)\n"
    )
    variables = {"AMQP_URI": "amqp://localhost/", "PYTHONPATH": str(tmp_path)}
    outcome = run("call", "Called", variables=variables)
    assert outcome.status == 3
    assert "make install EXTRAS=amqp" in outcome.errors
    assert outcome.errors.count("\n") == 1
