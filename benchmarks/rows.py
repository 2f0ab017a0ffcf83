"""The rows of the table: each starts its candidates, measures them in turns, and returns its figures.

In turns, so that whatever else the machine does hits all alike. Each row stands alone and can be run by its name.
"""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing

from benchmarks import candidates, processes
from benchmarks.candidates import EVENT, FUNCTION, READY_SECONDS, Server, Setup, all_running
from benchmarks.client import READ, WrongAnswer, latencies, load
from benchmarks.figures import Figure, Samples, compare

CLIENTS = 8
ENVIRONMENTS = 4
PAYLOADS = {"1 KB": 1_000, "100 KB": 100_000, "5.9 MB": 5_900_000}
GROWTH = 2.0
"""MB by which the tool may grow over 10,000 invocations and still be flat."""
IDLE = 60.0
"""MB that the idle tool may take."""


def warm(setup: Setup, effort: float) -> list[Figure]:
    """One keep-alive client invokes again and again; before that, how long each server took to its first answer."""
    with all_running(setup, single_environment(setup)) as servers:
        start = {server.name: Samples([server.started]) for server in servers}
        measured = timed(servers, EVENT, blocks=max(4, int(20 * effort)), count=500)
    return compare("warm invoke", "µs", measured, bar=1.10) + compare("server start to first answer", "ms", start)


def parallel(setup: Setup, effort: float) -> list[Figure]:
    """8 clients on 4 environments, against the floor with 8 clients on one."""
    tool = [candidates.local_lambda_start(setup, ENVIRONMENTS)] if setup.tool else []
    peers = [candidates.peer(setup, name) for name in setup.peers]
    with all_running(setup, [candidates.floor(setup), candidates.floor(setup, ENVIRONMENTS), *tool, *peers]) as servers:
        measured = {server.name: Samples() for server in servers}
        for server in servers:  # so that every environment is there and warm
            measured[server.name].errors = load(server.port, server.function, EVENT, CLIENTS, 500)[1]
        for server in in_turns(servers, max(3, int(10 * effort))):
            rate, failed = load(server.port, server.function, EVENT, CLIENTS, 3000)
            measured[server.name].values.append(rate)
            measured[server.name].errors += failed
    return compare(f"{CLIENTS} clients", "/s", measured, bar=2.0)


def environment(setup: Setup, effort: float) -> list[Figure]:
    """A new environment in a running tool, against a runtime started by hand against the floor.

    The template has many functions; the first invocation of each starts its environment.
    """
    functions: dict[str, dict[str, object]] = {f"Echo{number}": {} for number in range(max(5, int(20 * effort)) + 1)}
    runtime_port = processes.free_port()
    tool = [candidates.local_lambda_start(setup, functions=functions)] if setup.tool else []
    measured = {"runtime by hand on the floor": Samples(), **({"local-lambda start": Samples()} if tool else {})}
    by_hand, *new = measured.values()
    with all_running(setup, [candidates.bare_floor(setup, runtime_port), *tool]) as (floor, *servers):
        for function in list(functions)[1:]:
            by_hand.values.append(first_answer(setup, floor, runtime_port))
            for server, samples in zip(servers, new, strict=False):
                with closing(server.connect(function)) as connection:
                    try:
                        samples.values += latencies(connection, EVENT, 1)
                    except (OSError, WrongAnswer):
                        samples.errors += 1
    return compare("new environment to first answer", "ms", measured, bar=1.25)


def invoke(setup: Setup, effort: float) -> list[Figure]:
    """`local-lambda invoke`, the whole process, against the time a runtime started by hand needs to its first next."""
    template = candidates.write_template(setup.folder / "invoke", candidates.ECHO, setup.python)
    event = template.with_name("event.json")
    event.write_bytes(EVENT)
    command = [setup.tool, "invoke", "-t", str(template), "-e", str(event), "--python", setup.python]
    runtime, whole = Samples(), Samples()
    for _ in range(max(5, int(20 * effort))):
        runtime.values.append(first_next(setup))
        if setup.tool:
            begin = time.perf_counter()
            result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, start_new_session=True)
            whole.values.append(time.perf_counter() - begin)
            whole.errors += result.returncode != 0 or result.stdout.strip() != EVENT
    measured = {"runtime to its first next": runtime, **({"local-lambda invoke": whole} if setup.tool else {})}
    return compare("invoke once", "ms", measured, bar=5.0)


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


def memory(setup: Setup, effort: float) -> list[Figure]:
    """Resident memory of the tool's own processes: after one invocation, and its growth over 10,000 more."""
    tool = [candidates.local_lambda_exec(setup), candidates.local_lambda_start(setup)] if setup.tool else []
    idle: list[Figure] = []
    growth: list[Figure] = []
    with all_running(setup, tool, required=0) as servers:
        time.sleep(1)
        idle += [
            Figure("idle memory", server.name, "MB", processes.resident(server.process, setup.python), bar=IDLE)
            for server in servers
        ]
        for server in servers:
            load(server.port, server.function, EVENT, 1, 1000)
            before = processes.resident(server.process, setup.python)
            _, errors = load(server.port, server.function, EVENT, 1, 10_000)
            grown = processes.resident(server.process, setup.python) - before
            growth.append(Figure("growth over 10,000 invocations", server.name, "MB", grown, bar=GROWTH, errors=errors))
    return idle + growth


ROWS: dict[str, Callable[[Setup, float], list[Figure]]] = {
    row.__name__: row for row in (warm, parallel, environment, invoke, payload, memory)
}


def single_environment(setup: Setup) -> list[AbstractContextManager[Server]]:
    """The floor, the tool both ways, the peers."""
    tool = [candidates.local_lambda_exec(setup), candidates.local_lambda_start(setup)] if setup.tool else []
    return [candidates.floor(setup), *tool, *(candidates.peer(setup, name) for name in setup.peers)]


def in_turns(servers: Sequence[Server], blocks: int) -> Iterator[Server]:
    """Yield every server once per block, each block beginning with another one."""
    for block in range(blocks):
        turn = block % len(servers)
        yield from [*servers[turn:], *servers[:turn]]


def timed(
    servers: Sequence[Server], event: bytes, blocks: int, count: int, warm: int = 50, pause: float = 0.0
) -> dict[str, Samples]:
    """Invoke each server `count` times per block, after `warm` times that are not counted; one error ends a block.

    After each block wait for `pause` seconds, so that what it has left to do is done.
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


def first_answer(setup: Setup, floor: Server, runtime_port: int) -> float:
    """Start a runtime by hand for the floor; return the seconds to the answer of an invocation that waits for it."""
    log = setup.folder / "runtime-by-hand.log"
    with closing(floor.connect()) as connection:
        begin = time.perf_counter()
        connection.send(connection.request(EVENT), EVENT)
        runtime = processes.start(setup.runtime, FUNCTION, log, {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{runtime_port}"})
        while not connection.receive():
            pass
        seconds = time.perf_counter() - begin
    processes.stop(runtime)
    return seconds


def first_next(setup: Setup) -> float:
    """Start a runtime by hand; return the seconds to its first request, which is next."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(READY_SECONDS)
        api = f"127.0.0.1:{listener.getsockname()[1]}"
        begin = time.perf_counter()
        runtime = processes.start(
            setup.runtime, FUNCTION, setup.folder / "runtime.log", {"AWS_LAMBDA_RUNTIME_API": api}
        )
        connection, _ = listener.accept()
        with connection:
            request = connection.recv(READ)
            seconds = time.perf_counter() - begin
        processes.stop(runtime)
    if b"/runtime/invocation/next" not in request:
        raise SystemExit(f"the runtime does not start: {request.decode(errors='replace')}")
    return seconds


def long_string(length: int) -> bytes:
    """Return a JSON document of `length` bytes that is one string."""
    return b'"' + b"x" * (length - 2) + b'"'


def objects(length: int) -> bytes:
    """Return a JSON document of about `length` bytes that is a list of small objects, as an API would answer."""
    item = {"id": 1000001, "name": "item number one", "price": 12.5, "tags": ["red", "green"], "active": True}
    return json.dumps([item] * (length // (len(json.dumps(item)) + 2))).encode()
