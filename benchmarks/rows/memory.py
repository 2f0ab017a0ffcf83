"""The row for the memory of the tool's own processes."""

from __future__ import annotations

import time

from benchmarks import candidates, processes
from benchmarks.candidates import EVENT, Setup, all_running
from benchmarks.client import load
from benchmarks.figures import Figure
from benchmarks.measuring import GROWTH

IDLE = 50.0
"""MB that the idle tool may use."""


def memory(setup: Setup, effort: float) -> list[Figure]:
    """Resident memory of the tool's own processes: after one invocation, and its growth over 10,000 more."""
    tool = [candidates.local_lambda_exec(setup), candidates.local_lambda_start(setup)] if setup.tool else []
    idle: list[Figure] = []
    growth: list[Figure] = []
    with all_running(setup, tool, required=0) as servers:
        time.sleep(1)
        idle += [
            Figure("idle memory", server.name, "MB", processes.resident(server.process), bar=IDLE) for server in servers
        ]
        for server in servers:
            load(server.port, server.function, EVENT, 1, 1000)
            before = processes.resident(server.process)
            _, errors = load(server.port, server.function, EVENT, 1, 10_000)
            grown = processes.resident(server.process) - before
            growth.append(Figure("growth over 10,000 invocations", server.name, "MB", grown, bar=GROWTH, errors=errors))
    return idle + growth
