"""Nothing is lost when workers and brokers die: a request runs again unless its response was confirmed."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from conftest import MakeProject
from support.broker import RabbitMQ
from support.requester import Requester
from support.tool import Gate, Project

NUMBER = count()
"""Each test has its own function, and so its own queue."""


@pytest.fixture
def name() -> str:
    """The function's name."""
    return f"Wait{next(NUMBER)}"


@pytest.fixture
def project(make_project: MakeProject, name: str) -> Project:
    """A function that waits at a gate."""
    return make_project(**{name: {"Handler": "app.wait", "Timeout": 300}})


@pytest.fixture
def requester(broker: RabbitMQ) -> Iterator[Requester]:
    """A requester with a queue for responses."""
    with Requester(broker.uri) as requester:
        yield requester


def test_message_when_worker_is_killed(
    project: Project, name: str, broker: RabbitMQ, requester: Requester, make_gate: Callable[[], Gate]
) -> None:
    """It is delivered to a different worker, which reports that, and so does the response."""
    gate = make_gate()
    with project.serving("--amqp", broker.uri) as first, project.serving("--amqp", broker.uri) as second:
        requester.send(name, gate.event)
        serving, other = first, second
        while not any("waiting at" in line for line in serving.lines):
            serving, other = other, serving
        serving.process.kill()
        gate.reached(other)
        gate.open("done")
        answer = requester.answer()
        assert b"done" in answer.body
        assert answer.headers["X-Redelivered"] == "true"
        other.wait_for(f"{answer.headers['x-amzn-RequestId']} was delivered before: it may run a second time")
        serving.process.wait()


def test_messages_when_worker_is_stopped(
    project: Project, name: str, broker: RabbitMQ, requester: Requester, make_gate: Callable[[], Gate]
) -> None:
    """SIGTERM: what runs is finished and answered, what has not begun stays in the queue for the next worker."""
    gate = make_gate()
    with project.serving("--amqp", broker.uri, "--max-environments", "1") as tool:
        requester.send(name, gate.event)
        gate.reached(tool)
        requester.send(name, {"gate": "/nowhere"})
        tool.process.send_signal(signal.SIGTERM)
        tool.wait_for(f"stopped consuming from {broker.shown}")
        gate.open("finished")
        assert b"finished" in requester.answer().body
        assert tool.wait().status == 0
    assert requester.depth(name) == 1
    with project.serving("--amqp", broker.uri):
        assert b"FileNotFoundError" in requester.answer().body
    assert requester.answers.empty()


def test_retries_when_worker_is_stopped(make_project: MakeProject, broker: RabbitMQ, requester: Requester) -> None:
    """An asynchronous request between two attempts goes back to the queue."""
    project = make_project(
        {"app.py": "def handler(event, context):\n    raise ValueError('no')\n"}, Retried={"Handler": "app.handler"}
    )
    with project.serving("--amqp", broker.uri) as tool:
        requester.send("Retried", {}, reply_to=None)
        tool.wait_for("REPORT RequestId")
        tool.stop()
    assert requester.depth("Retried") == 1


def test_worker_when_queue_is_deleted(project: Project, name: str, broker: RabbitMQ, requester: Requester) -> None:
    """It says so, and declares the queue again."""
    with project.serving("--amqp", broker.uri) as tool:
        requester.run(requester.channel.queue_delete(name))
        tool.wait_for(f"lost {broker.shown}: the queue {name} is gone")
        tool.wait_for("again$")
        requester.send(name, {"gate": "/nowhere"})
        assert b"FileNotFoundError" in requester.answer().body


def test_function_when_it_has_no_concurrency(make_project: MakeProject, broker: RabbitMQ, requester: Requester) -> None:
    """Its messages stay in the queue, and a message says so."""
    project = make_project(Idle={"Handler": "app.echo", "ReservedConcurrentExecutions": 0})
    with project.serving("--amqp", broker.uri) as tool:
        tool.wait_for("Idle has no concurrency: its messages stay in the queue")
        requester.send("Idle", {})
        assert requester.depth("Idle") == 1


def test_worker_when_broker_is_killed(
    project: Project, name: str, broker: RabbitMQ, make_gate: Callable[[], Gate]
) -> None:
    """It says once that it lost it, and takes up queue and messages where they were left."""
    gate = make_gate()
    with project.serving("--amqp", broker.uri, "--max-environments", "1") as tool:
        with Requester(broker.uri) as requester:
            requester.run(requester.channel.declare_queue(f"answers-{name}", durable=True))
            for _ in range(2):
                requester.send(name, gate.event, reply_to=f"answers-{name}", delivery_mode=2)
            gate.reached(tool)
        broker.stop()
        tool.wait_for(f"lost {broker.shown}: .*; trying until it is back")
        broker.start()
        tool.wait_for(f"serving {name} from {broker.shown} again")
        for _ in range(2):  # the first one runs to its end in vain, and then again
            since = len(tool.lines)
            gate.open("here")
            tool.wait_for(f"waiting at {gate.path}", since)
        gate.open("here")
        with Requester(broker.uri) as requester:
            assert all(b"here" in requester.take(f"answers-{name}").body for _ in range(2))
        assert tool.text.count("trying until") == 1
        assert tool.text.count("again") == 1
        assert "guest@" not in tool.text


def test_worker_when_stopped_without_a_broker(project: Project, name: str, broker: RabbitMQ) -> None:
    """It ends as usual while it looks for a broker that is not running."""
    with project.serving("--amqp", broker.uri) as tool:
        broker.stop()
        try:
            tool.wait_for("trying until it is back")
            outcome = tool.stop()
        finally:
            broker.start()
    assert outcome.status == 0
    assert outcome.errors.endswith("platform | stopped\n")
