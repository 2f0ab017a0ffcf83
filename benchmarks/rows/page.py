"""The row for the live page: what `start --ui` costs under load, and how long the page waits for a picture."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPConnection, HTTPException

from benchmarks import candidates, processes
from benchmarks.candidates import EVENT, Server, Setup, all_running
from benchmarks.client import load
from benchmarks.figures import Figure, Samples, compare
from benchmarks.measuring import in_turns

CLIENTS = 8
ENVIRONMENTS = 4
COUNT = 3000
OPEN = ", a page open"


def page(setup: Setup, effort: float) -> list[Figure]:
    """8 clients with 4 environments: without the page, with `--ui`, and with a page that is open."""
    plain = candidates.local_lambda_start(setup, ENVIRONMENTS)
    watched = candidates.local_lambda_start(setup, ENVIRONMENTS, more=["--ui"])
    with all_running(setup, [plain, watched], required=2) as servers:
        names = {server: [server.name] for server in servers}
        names[servers[1]].append(servers[1].name + OPEN)
        every = [name for each in names.values() for name in each]
        rates, cpu = {name: Samples() for name in every}, {name: Samples() for name in every}
        pictures: list[float] = []
        for server in servers:
            load(server.port, server.function, EVENT, CLIENTS, 500)
        for server in in_turns(servers, max(3, int(10 * effort))):
            for name in names[server]:
                shown = _open_page(setup, server, pictures) if name.endswith(OPEN) else contextlib.nullcontext()
                with shown:
                    before = processes.cpu_seconds(server.process)
                    rate, failed = load(server.port, server.function, EVENT, CLIENTS, COUNT)
                    spent = processes.cpu_seconds(server.process) - before
                rates[name].values.append(rate)
                rates[name].errors += failed
                cpu[name].values.append(spent / COUNT)
    figures = compare("live page, responses", "/s", rates) + compare("live page, CPU time of an invocation", "µs", cpu)
    waited = compare("live page, a picture under that load", "ms", {servers[1].name + OPEN: Samples(pictures)})
    return figures + [replace(figure, ratio=None) for figure in waited]


@contextlib.contextmanager
def _open_page(setup: Setup, server: Server, pictures: list[float]) -> Iterator[None]:
    """Do what a page does, until the block has ended: read the stream, and ask for pictures with the pause it gets."""
    log = (setup.folder / f"{server.name.replace(' ', '-')}.log").read_text()
    found = re.search(r"live page: http://([\d.]+):(\d+)/#(\w+)", log)
    assert found is not None
    host, port, headers = found[1], int(found[2]), {"X-Local-Lambda-Token": found[3]}
    stream = HTTPConnection(host, port, timeout=60)
    stream.request("GET", "/api/stream", headers=headers)
    response = stream.getresponse()
    over = threading.Event()

    def read() -> None:
        with contextlib.suppress(OSError, ValueError, HTTPException):
            while response.read1(65536):
                pass

    def draw() -> None:
        connection = HTTPConnection(host, port, timeout=60)
        pause = 0.0
        while not over.wait(pause):
            began = time.perf_counter()
            connection.request("GET", "/api/picture?environments=1,2,3&last=8", headers=headers)
            pause = json.load(connection.getresponse())["pauseMs"] / 1000
            pictures.append(time.perf_counter() - began)
        connection.close()

    drawing = threading.Thread(target=draw)
    reading = threading.Thread(target=read)
    drawing.start()
    reading.start()
    try:
        yield
    finally:
        over.set()
        drawing.join()
        if stream.sock is not None:
            stream.sock.shutdown(socket.SHUT_RDWR)
        reading.join()
        response.close()
        stream.close()
