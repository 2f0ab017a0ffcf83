"""Clients that give up, hang up by half, or break off: the tool has as many descriptors afterwards as before."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from attacks.conftest import Figure, Rounds
from attacks.connections import connect, invocation, read_to_end, request, reset
from attacks.counting import descriptors, settles
from support.tool import Tool

AT_ONCE = 4
SPARE = 2
"""How many more descriptors than before are harmless: an environment's connection is recreated now and then."""


def give_up(tool: Tool, chance: random.Random) -> None:
    """Ask for something that takes a moment, and do not wait for it (`curl -m 0.01`)."""
    connection = connect(tool.host, tool.port)
    connection.sendall(invocation("Slow", b'{"seconds": 0.05}'))
    connection.settimeout(chance.uniform(0.001, 0.02))
    with pytest.raises(TimeoutError):
        connection.recv(1)
    connection.close()


def give_up_rudely(tool: Tool, chance: random.Random) -> None:
    """The same, and the connection is reset."""
    connection = connect(tool.host, tool.port)
    connection.sendall(invocation("Slow", b'{"seconds": 0.05}'))
    connection.settimeout(chance.uniform(0.001, 0.02))
    with pytest.raises(TimeoutError):
        connection.recv(1)
    reset(connection)


def close_by_half(tool: Tool, chance: random.Random) -> None:
    """Say that nothing more will be sent, read the whole answer, and leave."""
    with connect(tool.host, tool.port) as connection:
        connection.sendall(invocation("Slow", b'{"seconds": 0.01}'))
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def break_off_in_the_body(tool: Tool, chance: random.Random) -> None:
    """Promise more than is sent, and leave."""
    connection = connect(tool.host, tool.port)
    connection.sendall(invocation("Echo", b'"' + b"x" * chance.randrange(300), length=chance.randrange(400, 9_000)))
    connection.close()


def break_off_by_half(tool: Tool, chance: random.Random) -> None:
    """Promise more than is sent, say that nothing more will be, and leave without reading."""
    connection = connect(tool.host, tool.port)
    connection.sendall(invocation("Echo", b'"' + b"x" * chance.randrange(300), length=chance.randrange(400, 9_000)))
    connection.shutdown(socket.SHUT_WR)
    connection.close()


def break_off_in_the_head(tool: Tool, chance: random.Random) -> None:
    """Leave somewhere in the head."""
    data = invocation("Echo", b"{}")
    connection = connect(tool.host, tool.port)
    connection.sendall(data[: chance.randrange(1, data.index(b"\r\n\r\n"))])
    connection.close()


def do_not_read(tool: Tool, chance: random.Random) -> None:
    """Ask for a response of 300 KB and leave in the middle of it."""
    connection = connect(tool.host, tool.port)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.sendall(invocation("Large", b'{"bytes": 300000}'))
    connection.recv(100)
    connection.close()


def say_nothing(tool: Tool, chance: random.Random) -> None:
    """Connect and leave."""
    connect(tool.host, tool.port).close()


def pipeline_and_leave(tool: Tool, chance: random.Random) -> None:
    """Ask for several things at once and leave before the first is answered."""
    connection = connect(tool.host, tool.port)
    connection.sendall(invocation("Slow", b'{"seconds": 0.02}') * 2 + request("GET", "/") * 5)
    connection.close()


Leave = Callable[[Tool, random.Random], None]


@pytest.mark.parametrize(
    "leave",
    [
        give_up,
        give_up_rudely,
        close_by_half,
        break_off_in_the_body,
        break_off_by_half,
        break_off_in_the_head,
        do_not_read,
        say_nothing,
        pipeline_and_leave,
    ],
    ids=lambda leave: leave.__name__,
)
def test_descriptors_when_clients_leave(
    tool: Tool, leave: Leave, rounds: Rounds, chance: random.Random, figure: Figure
) -> None:
    """The count after many of each equals the count before, and the tool serves as before."""
    pid, count = tool.process.pid, rounds(50)
    with ThreadPoolExecutor(AT_ONCE) as clients:
        for name in ("Echo", "Slow", "Large"):
            list(clients.map(lambda name: tool.invoke(name, {"seconds": 0.2, "bytes": 1}), [name] * AT_ONCE))
        list(clients.map(lambda _: leave(tool, chance), range(2 * AT_ONCE)))  # all environments are there
        before = descriptors(pid)
        list(clients.map(lambda _: leave(tool, chance), range(count)))
    assert tool.invoke("Echo", [1]).json == [1]
    after = settles(lambda: descriptors(pid), before + SPARE)
    figure(f"descriptors more after {count} clients that {leave.__name__.replace('_', ' ')}", after - before)
    assert after <= before + SPARE


def test_answer_when_a_client_has_closed_by_half(tool: Tool) -> None:
    """It is complete, and the connection ends after it."""
    with connect(tool.host, tool.port, seconds=3) as connection:
        connection.sendall(invocation("Slow", b'{"seconds": 0.01}'))
        connection.shutdown(socket.SHUT_WR)
        assert read_to_end(connection).endswith(b'{"seconds": 0.01}')
