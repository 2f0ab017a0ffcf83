"""The rows for extensions: what one adds to an invocation, what a log subscriber adds, how fast lines are delivered.

The same `local-lambda start` serves all functions of a row, so that they differ only in their extension.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace

from benchmarks import candidates, processes
from benchmarks.candidates import EVENT, READY_SECONDS, Server, Setup, with_extension
from benchmarks.client import READ, WrongAnswer
from benchmarks.figures import Figure, Samples, compare
from benchmarks.measuring import GROWTH, timed

LINES = 100_000
STALL_SECONDS = 15.0
"""Seconds without a batch after which missing lines count as lost."""
SETTLE_SECONDS = 0.2
"""Seconds between blocks, so that a partial batch is delivered. A batch with timeoutMs 1000 is mostly full before."""


def extension(setup: Setup, effort: float) -> list[Figure]:
    """A warm echo with a minimal external extension subscribed to INVOKE, compared with no extension."""
    functions: dict[str, dict[str, object]] = {"Plain": {}, "Extended": with_extension(setup.python)}
    names = {"Plain": "no extension", "Extended": "local-lambda start, one extension"}
    measured = functions_timed(setup, functions, names, EVENT, max(4, int(20 * effort)))
    return compare("warm invoke with an extension", "µs", measured, bar=1.6) if measured else []


def subscriber(setup: Setup, effort: float) -> list[Figure]:
    """A log subscriber that gets platform and function records, compared with the extension without a subscription.

    The function writes one line per invocation, so that there are function records.
    """
    common: dict[str, object] = {"Handler": "lines.handler"}
    functions = {"Extended": with_extension(setup.python) | common}
    names = {"Extended": "extension without a subscription"}
    for api in ("logs", "telemetry"):
        for milliseconds in ("", "25"):
            name = f"{api.title()}{milliseconds}"
            functions[name] = with_extension(setup.python, SUBSCRIBE=api, TIMEOUT_MS=milliseconds) | common
            names[name] = f"local-lambda start, {api.title()} API, timeoutMs {milliseconds or 'default'}"
    event = lines_event(0, 1)
    measured = functions_timed(setup, functions, names, event, max(4, int(20 * effort)), SETTLE_SECONDS)
    return compare("warm invoke with a subscriber", "µs", measured, bar=1.25) if measured else []


def lines(setup: Setup, effort: float) -> list[Figure]:
    """100,000 lines of 200 bytes, in one invocation, to a listener that counts; errors are lines lost or misplaced.

    It is compared with the same function without a subscriber. Memory is that of the tool: how much its peak exceeds
    its size before the first line, and how much it grows from the first round to the last.
    """
    if not setup.tool:
        return []
    figures: list[Figure] = []
    rest: list[Figure] = []
    for how in ("print", "at once"):
        measured: dict[str, Samples] = {}
        for name, api in (("no subscriber", ""), ("local-lambda start, Logs API", "logs")):
            measured[name], peak, growth = lines_written(setup, api, how, max(2, int(5 * effort)))
            errors = measured[name].errors
            if api:
                rest.append(Figure(f"lost or out of order, {how}", name, "lines", errors, bar=0, errors=errors))
            rest.append(Figure(f"memory at the peak, {how}", name, "MB", peak))
            bar = GROWTH if api else None
            rest.append(Figure(f"memory, last round to first, {how}", name, "MB", growth, bar=bar))
        figures += compare(f"{LINES:,} lines, {how}", "/s", measured)
    return figures + sorted(rest, key=lambda figure: figure.what)


def functions_timed(
    setup: Setup,
    functions: Mapping[str, Mapping[str, object]],
    names: Mapping[str, str],
    event: bytes,
    blocks: int,
    pause: float = 0.0,
) -> dict[str, Samples]:
    """Time the functions of one `local-lambda start` in turns; return samples by `names`, empty without the tool."""
    if not setup.tool:
        return {}
    with candidates.local_lambda_start(setup, functions=functions) as server:
        servers = [replace(server, name=name, function=function) for function, name in names.items()]
        return timed(servers, event, blocks, count=500, pause=pause)


def lines_event(first: int, count: int, how: str = "print") -> bytes:
    """Return an event for `lines.handler`."""
    return json.dumps({"first": first, "lines": count, "at once": how == "at once"}).encode()


def lines_written(setup: Setup, api: str, how: str, rounds: int) -> tuple[Samples, float, float]:
    """Have LINES lines written `rounds` times, to a subscriber of `api` if it is not empty.

    Returns lines per second until the caller has its response and the listener has all lines; the MB by which the
    tool's peak exceeds its size before; and the MB by which it grew from the end of the first round to the last.
    """
    samples = Samples()
    with socket.create_server(("127.0.0.1", 0)) as reports:
        port = str(reports.getsockname()[1]) if api else ""
        variables = {"SUBSCRIBE": api, "REPORT_PORT": port, "TIMEOUT_MS": "25"}  # so that the last batch does not wait
        own = with_extension(setup.python, **variables) | {"Handler": "lines.handler"}
        with candidates.local_lambda_start(setup, functions={"Lines": own}) as server:
            listener = Listener(reports) if api else None
            before = processes.resident(server.process)
            processes.forget_peak(server.process)
            ends = []
            for number in range(rounds):
                begin = time.perf_counter()
                errors = write_lines(server, lines_event(number * LINES, LINES, how))
                if listener is not None:
                    errors += listener.missing((number + 1) * LINES)
                if errors:
                    samples.errors += errors
                else:
                    samples.values.append(LINES / (time.perf_counter() - begin))
                time.sleep(SETTLE_SECONDS)
                ends.append(processes.resident(server.process))
            if listener is not None:
                samples.errors += listener.out_of_order
                listener.close()
            return samples, processes.peak(server.process) - before, ends[-1] - ends[0]


def write_lines(server: Server, event: bytes) -> int:
    """Have lines written; return the number of failed invocations, 0 or 1."""
    with closing(server.connect()) as connection:
        try:
            connection.invoke(connection.request(event), event)
        except (OSError, WrongAnswer):
            return 1
    return 0


class Listener:
    """The figures that the extension's counter reports: lines received, and lines that are out of order."""

    def __init__(self, reports: socket.socket) -> None:
        reports.settimeout(READY_SECONDS)
        self.connection, _ = reports.accept()
        self.connection.settimeout(STALL_SECONDS)
        self.rest = b""
        self.lines = self.out_of_order = self.given_up = 0

    def missing(self, expected: int) -> int:
        """Wait until `expected` lines have arrived since the start; return how many are missing, each counted once."""
        try:
            while self.lines + self.given_up < expected:
                data = self.connection.recv(READ)
                if not data:
                    break
                *reports, self.rest = (self.rest + data).split(b"\n")
                if reports:
                    self.lines, self.out_of_order, _ = map(int, reports[-1].split())
        except TimeoutError:
            pass
        missing = max(0, expected - self.given_up - self.lines)
        self.given_up += missing
        return missing

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()
