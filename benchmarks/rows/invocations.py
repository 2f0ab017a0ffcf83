"""The rows for invocations of a warm environment: latency, throughput, large payloads."""

from __future__ import annotations

import json
from dataclasses import replace

from benchmarks import candidates, processes
from benchmarks.candidates import EVENT, Setup, all_running
from benchmarks.client import load
from benchmarks.figures import Figure, Samples, compare
from benchmarks.measuring import in_turns, on_one_cpu, single_environment, timed

CLIENTS = 8
ENVIRONMENTS = 4
CPU_MICROSECONDS = 60.0
"""CPU time that the tool may use per invocation."""
PAYLOADS = {"1 KB": 1_000, "100 KB": 100_000, "5.9 MB": 5_900_000}


def warm(setup: Setup, effort: float) -> list[Figure]:
    """One keep-alive client invokes again and again."""
    with all_running(setup, single_environment(setup)) as servers:
        measured = timed(servers, EVENT, blocks=max(4, int(20 * effort)), count=500)
    return compare("warm invoke", "µs", measured, bar=1.20)


def one_cpu(setup: Setup, effort: float) -> list[Figure]:
    """The same with the client, the servers and the runtimes on one CPU, so that only CPU time counts."""
    with on_one_cpu(), all_running(setup, single_environment(setup)) as servers:
        measured = timed(servers, EVENT, blocks=max(4, int(20 * effort)), count=500)
    return compare("warm invoke on one CPU", "µs", measured, bar=1.5)


def parallel(setup: Setup, effort: float) -> list[Figure]:
    """8 clients with 4 environments: responses per second, and CPU time of the server's own processes per response."""
    tool = [candidates.local_lambda_start(setup, ENVIRONMENTS)] if setup.tool else []
    peers = [candidates.peer(setup, name) for name in setup.peers]
    count = 3000
    with all_running(setup, [candidates.floor(setup, ENVIRONMENTS), *tool, *peers]) as servers:
        measured = {server.name: Samples() for server in servers}
        cpu = {server.name: Samples() for server in servers}
        for server in servers:  # so that every environment exists and is warm
            measured[server.name].errors = load(server.port, server.function, EVENT, CLIENTS, 500)[1]
        for server in in_turns(servers, max(3, int(10 * effort))):
            before = processes.cpu_seconds(server.process)
            rate, failed = load(server.port, server.function, EVENT, CLIENTS, count)
            spent = processes.cpu_seconds(server.process) - before
            measured[server.name].values.append(rate)
            measured[server.name].errors += failed
            cpu[server.name].values.append(spent / count)
    return compare(f"{CLIENTS} clients, {ENVIRONMENTS} environments", "/s", measured, bar=0.80) + [
        replace(figure, ratio=None, against="", bar=CPU_MICROSECONDS if figure.bar else None)
        for figure in compare("CPU time of an invocation", "µs", cpu, bar=1.0)
    ]


def payload(setup: Setup, effort: float) -> list[Figure]:
    """Payloads of three sizes, as one long string and as a list of objects."""
    figures = []
    with all_running(setup, single_environment(setup)) as servers:
        for size, length in PAYLOADS.items():
            blocks, count = max(3, int(10 * effort)), {"1 KB": 100, "100 KB": 20}.get(size, 3)
            for kind, event in (("string", long_string(length)), ("objects", objects(length))):
                measured = timed(servers, event, blocks, count, warm=1)
                figures += compare(f"{size}, {kind}", "ms", measured, bar=1.3 if size == "5.9 MB" else None)
    return figures


def long_string(length: int) -> bytes:
    """Return a JSON document of `length` bytes that is one string."""
    return b'"' + b"x" * (length - 2) + b'"'


def objects(length: int) -> bytes:
    """Return a JSON document of about `length` bytes that is a list of small objects, like an API's response."""
    item = {"id": 1000001, "name": "item number one", "price": 12.5, "tags": ["red", "green"], "active": True}
    return json.dumps([item] * (length // (len(json.dumps(item)) + 2))).encode()
