"""The rows for starting: a new environment, and a whole `local-lambda invoke`."""

from __future__ import annotations

import socket
import subprocess
import time
from contextlib import closing

from benchmarks import candidates, processes
from benchmarks.candidates import EVENT, FUNCTION, READY_SECONDS, Server, Setup, all_running
from benchmarks.client import READ, WrongAnswer, latencies
from benchmarks.figures import Figure, Samples, compare


def environment(setup: Setup, effort: float) -> list[Figure]:
    """A new environment in a running tool, compared with a runtime started by hand on the floor.

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
    return compare("new environment to first response", "ms", measured, bar=1.15)


def start(setup: Setup, effort: float) -> list[Figure]:
    """From the start of the server's process to its first response: a template with one function, and the floor."""
    tool = [candidates.local_lambda_exec, candidates.local_lambda_start] if setup.tool else []
    measured: dict[str, Samples] = {}
    for _ in range(max(3, int(15 * effort))):
        for candidate in (candidates.floor, *tool):
            with candidate(setup) as server:
                measured.setdefault(server.name, Samples()).values.append(server.started)
    return compare("server start to first response", "ms", measured, bar=1.3)


def invoke(setup: Setup, effort: float) -> list[Figure]:
    """`local-lambda invoke`, the whole process, compared with a runtime started by hand, until its first next."""
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
    return compare("invoke once", "ms", measured, bar=3.5)


def first_answer(setup: Setup, floor: Server, runtime_port: int) -> float:
    """Start a runtime by hand for the floor; return the seconds until the waiting invocation's response."""
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
    """Start a runtime by hand; return the seconds until its first request, which is next."""
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
