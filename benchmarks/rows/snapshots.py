"""The row for SnapStart: an environment that is restored from a snapshot, and one that is initialized."""

from __future__ import annotations

import subprocess
import time
from contextlib import closing
from pathlib import Path

from benchmarks import candidates
from benchmarks.candidates import EVENT, READY_SECONDS, NotReady, Setup
from benchmarks.client import WrongAnswer, latencies
from benchmarks.figures import Figure, Samples, compare

LAST_LINE = b"INIT_REPORT"
"""What a snapshot that is ready has written."""


def restore(setup: Setup, effort: float) -> list[Figure]:
    """From the request to the first response of a new environment: the same code without SnapStart and with it.

    The template has many functions of each kind; the first invocation of each makes its environment.
    """
    if not setup.tool:
        return []
    if subprocess.run([setup.python, "-c", "import sys; sys.exit(sys.version_info < (3, 12))"]).returncode:
        setup.left_out.append("restore: SnapStart needs a function with Python 3.12 (--python PATH names one)")
        return []
    number = max(5, int(20 * effort))
    code = {"Handler": "imports.handler"}
    snap_start = {**code, "AutoPublishAlias": "live", "SnapStart": {"ApplyOn": "PublishedVersions"}}
    cold = {f"Cold{each}": code for each in range(number)}
    snapped = {f"Snap{each}": snap_start for each in range(number)}
    measured = {"initialized": Samples(), "local-lambda start, restored": Samples()}
    try:
        with candidates.local_lambda_start(setup, functions={**candidates.ECHO, **cold, **snapped}) as server:
            wait_for_snapshots(setup.folder / f"{server.name.replace(' ', '-')}.log", number)
            for functions in zip(cold, (f"{name}:live" for name in snapped), strict=True):
                for function, samples in zip(functions, measured.values(), strict=True):
                    with closing(server.connect(function)) as connection:
                        try:
                            samples.values += latencies(connection, EVENT, 1)
                        except (OSError, WrongAnswer):
                            samples.errors += 1
    except NotReady as error:
        setup.left_out.append(f"restore: {error}")
        return []
    return compare("new environment of a function with imports", "ms", measured)


def wait_for_snapshots(log: Path, number: int) -> None:
    """Return when so many snapshots are ready. Raises NotReady."""
    deadline = time.monotonic() + READY_SECONDS
    while log.read_bytes().count(LAST_LINE) < number:
        if time.monotonic() > deadline:
            raise NotReady(f"no {number} snapshots in {READY_SECONDS:.0f} s")
        time.sleep(0.05)
