"""Code that the rows share: which candidates are measured, in turns, and how.

Candidates are measured in turns, so that other load on the machine affects all of them equally.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from benchmarks import candidates
from benchmarks.candidates import Server, Setup
from benchmarks.client import WrongAnswer, latencies
from benchmarks.figures import Samples

GROWTH = 2.0
"""MB that the tool may grow by over 10,000 invocations."""


def single_environment(setup: Setup) -> list[AbstractContextManager[Server]]:
    """The floor, the tool both ways, the peers."""
    tool = [candidates.local_lambda_exec(setup), candidates.local_lambda_start(setup)] if setup.tool else []
    return [candidates.floor(setup), *tool, *(candidates.peer(setup, name) for name in setup.peers)]


@contextmanager
def on_one_cpu() -> Iterator[None]:
    """Keep this process, and all processes that it starts meanwhile, on one CPU."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def in_turns(servers: Sequence[Server], blocks: int) -> Iterator[Server]:
    """Yield every server once per block; each block begins with a different server."""
    for block in range(blocks):
        turn = block % len(servers)
        yield from [*servers[turn:], *servers[:turn]]


def timed(
    servers: Sequence[Server], event: bytes, blocks: int, count: int, warm: int = 50, pause: float = 0.0
) -> dict[str, Samples]:
    """Invoke each server `count` times per block, after a warm-up of `warm` times; one error ends a block.

    After each block, wait for `pause` seconds, so that the server finishes its remaining work.
    """
    measured = {server.name: Samples() for server in servers}
    connections = {server.name: server.connect() for server in servers}
    for server in in_turns(servers, blocks):
        samples = measured[server.name]
        try:
            latencies(connections[server.name], event, warm)
            samples.values += latencies(connections[server.name], event, count)
        except (OSError, WrongAnswer):
            samples.errors += 1
            connections[server.name].reopen()
        time.sleep(pause)
    for connection in connections.values():
        connection.close()
    return measured
