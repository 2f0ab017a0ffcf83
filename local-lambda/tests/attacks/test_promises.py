"""Requests that promise much, never end, or come all at once: memory follows what was received, and is given back."""

from __future__ import annotations

import json
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from attacks.conftest import VICTIMS, Figure, Rounds
from attacks.connections import connect, invocation, read_answers, read_to_end, request
from attacks.counting import forget_peak, megabytes, peak_megabytes, processor_seconds, settles
from conftest import MakeProject
from support.streaming import client, events, payload
from support.tool import FUNCTIONS, Tool, serving

PROMISED = 6_000_000
MAX_HEADER_BYTES = 65_536


@pytest.fixture
def fresh(make_project: MakeProject) -> Iterator[Tool]:
    """A separate tool for requests that fill memory."""
    project = make_project(None, Echo={"Handler": "victim.echo", "CodeUri": str(VICTIMS)})
    with project.serving("--max-environments", "1") as tool:
        tool.invoke("Echo", {})
        yield tool


def test_memory_when_bodies_are_only_promised(fresh: Tool, rounds: Rounds, figure: Figure) -> None:
    """Each client sends one byte of 6 MB and waits: the tool holds what was received."""
    count, pid = min(rounds(50), 333), fresh.process.pid
    before = megabytes(pid)
    with ExitStack() as clients:
        for _ in range(count):
            connection = clients.enter_context(connect(fresh.host, fresh.port))
            connection.sendall(invocation("Echo", b"[", length=PROMISED))
        assert fresh.invoke("Echo", 1).json == 1
        after = megabytes(pid)
    figure(f"MB more while {count} clients have sent 1 byte of {PROMISED:,}", after - before)
    assert after - before < 30


def test_memory_when_broken_bodies_are_over(fresh: Tool, rounds: Rounds, figure: Figure) -> None:
    """Half of 6 MB, then gone: what was taken is given back."""
    pid = fresh.process.pid
    connect(fresh.host, fresh.port).close()
    count = rounds(30)
    before = megabytes(pid)
    for _ in range(count):
        with connect(fresh.host, fresh.port) as connection:
            connection.sendall(invocation("Echo", b"[" * (PROMISED // 2), length=PROMISED))
    assert fresh.invoke("Echo", 1).json == 1
    after = settles(lambda: megabytes(pid), before + 50)
    figure(f"MB more after {count} clients that sent half of {PROMISED:,} bytes", after - before)
    assert after - before < 50


CHUNKED = (
    b"POST /2015-03-31/functions/Echo/invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
)
GET = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"
ENDLESS = {
    "header name": (GET, b"a" * 65_536),
    "header value": (GET + b"x: ", b"a" * 65_536),
    "headers": (GET, b"a-header-of-forty-bytes: and-its-value-.\r\n" * 1638),
    "folded line": (GET + b"x: a\r\n", b" " + b"a" * 65_533 + b"\r\n"),
    "method": (b"", b"G" * 65_536),
    "URL": (b"GET /", b"a" * 65_536),
    "query": (b"GET /?", b"a=b&" * 16_384),
    "chunk extension": (CHUNKED + b"1;", b"a" * 65_536),
    "trailer": (CHUNKED + b"1\r\n1\r\n0\r\nx: ", b"a" * 65_536),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_request_when_its_head_never_ends(fresh: Tool, what: str, rounds: Rounds, figure: Figure) -> None:
    """It is refused as soon as it is longer than 64 KB, although the rest never comes, and more of it costs nothing."""
    start, piece = ENDLESS[what]
    used, sent, most = processor_seconds(fresh.process.pid), 0, min(rounds(6_000_000), 60_000_000)
    with connect(fresh.host, fresh.port) as connection, suppress(OSError):
        connection.sendall(start)
        while sent < most:
            connection.sendall(piece)
            sent += len(piece)
    assert fresh.invoke("Echo", 1).json == 1
    used = processor_seconds(fresh.process.pid) - used
    figure(f"seconds of work for an endless {what}, cut at {most:,} bytes", used)
    with connect(fresh.host, fresh.port, seconds=2) as connection:
        connection.sendall(start + piece + piece[:8_000])
        assert re.match(rb"HTTP/1.1 4\d\d .*\r\nConnection: close\r\n", read_to_end(connection), re.DOTALL)


def test_answer_when_a_head_is_too_large(fresh: Tool) -> None:
    """431, and the end."""
    with connect(fresh.host, fresh.port, seconds=2) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nx: " + b"a" * MAX_HEADER_BYTES)
        assert read_to_end(connection).startswith(b"HTTP/1.1 431 ")


def test_answers_when_quick_requests_follow_a_slow_one(tool: Tool, rounds: Rounds) -> None:
    """All come, in order, however many were sent ahead."""
    count = rounds(400)
    with connect(tool.host, tool.port, seconds=3) as connection:
        connection.sendall(invocation("Slow", b'{"seconds": 0.2}'))
        sender = connection.makefile("wb")
        sender.write(b"".join(request("GET", f"/{number}") for number in range(count)))
        sender.flush()
        (status, body), *others = read_answers(connection, count + 1)
    assert (status, json.loads(body)) == (200, {"seconds": 0.2})
    assert [status for status, _ in others] == [404] * count
    assert [b"/%d" % number in body for number, (_, body) in enumerate(others)] == [True] * count


def test_memory_when_a_client_pipelines_without_reading(fresh: Tool, rounds: Rounds, figure: Figure) -> None:
    """The tool stops accepting requests whose responses are not read."""
    pid, before, sent = fresh.process.pid, megabytes(fresh.process.pid), 0
    piece = request("GET", "/" + "x" * 200) * 500
    with connect(fresh.host, fresh.port, seconds=1) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        try:
            for _ in range(rounds(300)):
                connection.sendall(piece)
                sent += len(piece)
        except TimeoutError:
            pass
        after = megabytes(pid)
    figure(f"MB more after {sent:,} bytes of requests whose answers are not read", after - before)
    assert fresh.invoke("Echo", 1).json == 1
    assert after - before < 40


def test_memory_when_events_are_queued(make_project: MakeProject, rounds: Rounds, figure: Figure) -> None:
    """The queue of asynchronous invocations is bounded by bytes: what does not fit gets 429."""
    project = make_project(None, Slow={"Handler": "victim.slow", "CodeUri": str(VICTIMS)})
    payload = b'{"seconds": 600, "x": "%b"}' % (b"x" * 1_000_000)
    statuses: list[int] = []
    tool = Tool(["start", "-t", project.template, "--python", project.python, "--port", "0", "--max-environments", "1"])
    try:
        before = megabytes(tool.process.pid)
        for _ in range(min(rounds(300), 1000)):
            reply = tool.invoke("Slow", payload=payload, X_Amz_Invocation_Type="Event")
            statuses.append(reply.status)
        after = megabytes(tool.process.pid)
    finally:
        tool.process.kill()
        tool.process.wait()
    figure(f"MB more after {len(statuses)} events of 1 MB, {statuses.count(429)} refused", after - before)
    assert set(statuses) == {202, 429}
    assert after - before < 300


def test_memory_when_uploads_to_the_aws_endpoint_are_broken_off(
    function_python: Path, rounds: Rounds, figure: Figure
) -> None:
    """An upload costs what has arrived of it, and nothing when it is over."""
    promised, part = 60_000_000, 6_000_000
    with serving("aws", "--python", function_python) as tool:
        pid, count = tool.process.pid, rounds(5)
        before = megabytes(pid)
        with ExitStack() as clients:
            for _ in range(count):
                connection = clients.enter_context(connect(tool.host, tool.port))
                connection.sendall(request("POST", "/2015-03-31/functions", b"{", length=promised))
            assert tool.request("GET", "/").status == 403
            during = megabytes(pid)
        for _ in range(count):
            with connect(tool.host, tool.port) as connection:
                connection.sendall(request("POST", "/2015-03-31/functions", b"{" * part, length=promised))
        assert tool.request("GET", "/").status == 403
        after = settles(lambda: megabytes(pid), before + 60)
    figure(f"MB more while {count} uploads of {promised:,} bytes have begun", during - before)
    figure(f"MB more after {count} of them were broken off at {part:,}", after - before)
    assert during - before < 30
    assert after - before < 60


def test_memory_while_a_streamed_response_passes(figure: Figure) -> None:
    """200 MB go through, and the tool holds a small part of them."""
    with serving("exec", "--no-bandwidth-limit", "--", sys.executable, FUNCTIONS / "streamer.py") as tool:
        assert payload(events(tool, {"pieces": 1, "size": 1})) == b"x"
        pid = tool.process.pid
        forget_peak(pid)
        before = megabytes(pid)
        answer = client(tool).invoke_with_response_stream(
            FunctionName="function", Payload=json.dumps({"pieces": 2000, "size": 100_000})
        )
        received = sum(
            len(event["PayloadChunk"]["Payload"]) for event in answer["EventStream"] if "PayloadChunk" in event
        )
        more = peak_megabytes(pid) - before
        figure("MB more at most while 200 MB are streamed", more)
        assert (received, more < 20) == (200_000_000, True), more
