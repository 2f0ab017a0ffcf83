"""The row for the live page: what `start --ui` costs under load, and how long the page waits for a picture.

The open page is a small client here, so that its waiting can be measured, and Chromium as well if there is one.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

from benchmarks import candidates, processes
from benchmarks.candidates import EVENT, Server, Setup, all_running
from benchmarks.client import load
from benchmarks.figures import Figure, Samples, compare
from benchmarks.measuring import in_turns

CLIENTS = 8
ENVIRONMENTS = 4
COUNT = 3000
OPEN = ", a page open"
CHROMIUM = ", open in Chromium"
BROWSER_SECONDS = 30.0
"""Seconds in which Chromium has to show the page."""
FLAGS = (
    *("--headless", "--no-first-run", "--disable-gpu", "--no-proxy-server", "--remote-debugging-port=0"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


def page(setup: Setup, effort: float) -> list[Figure]:
    """8 clients with 4 environments: without the page, with `--ui`, with a page that is open, and in Chromium."""
    plain = candidates.local_lambda_start(setup, ENVIRONMENTS)
    watched = candidates.local_lambda_start(setup, ENVIRONMENTS, more=["--ui"])
    with all_running(setup, [plain, watched], required=2) as servers:
        names = {server: [server.name] for server in servers}
        names[servers[1]].append(servers[1].name + OPEN)
        browser = shutil.which("chromium")
        if browser:
            names[servers[1]].append(servers[1].name + CHROMIUM)
        else:
            setup.left_out.append("the page in Chromium: there is no `chromium`")
        every = [name for each in names.values() for name in each]
        rates, cpu = {name: Samples() for name in every}, {name: Samples() for name in every}
        pictures: list[float] = []
        for server in servers:
            load(server.port, server.function, EVENT, CLIENTS, 500)
        for server in in_turns(servers, max(3, int(10 * effort))):
            for name in names[server]:
                with contextlib.ExitStack() as shown:
                    if name.endswith(OPEN):
                        shown.enter_context(_open_page(setup, server, pictures))
                    elif name.endswith(CHROMIUM):
                        shown.enter_context(_chromium(str(browser), _link(setup, server)))
                    before = processes.cpu_seconds(server.process)
                    rate, failed = load(server.port, server.function, EVENT, CLIENTS, COUNT)
                    spent = processes.cpu_seconds(server.process) - before
                rates[name].values.append(rate)
                rates[name].errors += failed
                cpu[name].values.append(spent / COUNT)
    figures = compare("live page, responses", "/s", rates) + compare("live page, CPU time of an invocation", "µs", cpu)
    waited = compare("live page, a picture under that load", "ms", {servers[1].name + OPEN: Samples(pictures)})
    return figures + [replace(figure, ratio=None) for figure in waited]


def _link(setup: Setup, server: Server) -> str:
    """The address of the page, with the token, from what the tool has printed."""
    log = (setup.folder / f"{server.name.replace(' ', '-')}.log").read_text()
    found = re.search(r"live page: (\S+)", log)
    assert found is not None
    return found[1]


@contextlib.contextmanager
def _chromium(program: str, link: str) -> Iterator[None]:
    """The page in a browser, from when it runs until the block has ended."""
    flags = [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder, "profile")
        process = processes.start(
            [program, *flags, f"--user-data-dir={profile}", link], profile.parent, Path(folder, "log")
        )
        try:
            deadline = time.monotonic() + BROWSER_SECONDS
            while not _runs(profile, link.partition("#")[0]):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{program} has not shown the live page")
                time.sleep(0.05)
            yield
        finally:
            processes.stop(process)


def _runs(profile: Path, address: str) -> bool:
    """Whether the page in this browser has begun: the first thing it does is to take the token out of its address."""
    try:
        port = int((profile / "DevToolsActivePort").read_text().split()[0])
        with urlopen(f"http://127.0.0.1:{port}/json/list") as response:
            return address in [target["url"] for target in json.load(response)]
    except (OSError, LookupError, ValueError):
        return False


@contextlib.contextmanager
def _open_page(setup: Setup, server: Server, pictures: list[float]) -> Iterator[None]:
    """Do what a page does, until the block has ended: read the stream, and ask for pictures with the pause it gets."""
    link = urlsplit(_link(setup, server))
    host, port, headers = str(link.hostname), link.port, {"X-Local-Lambda-Token": link.fragment}
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
