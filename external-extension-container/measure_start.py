"""Measure how long the extension takes to be ready, and how much memory it takes.

    python measure_start.py [--count 10]

Starts the launcher as Lambda does, waits until the extension asks for its first event, and sends it SHUTDOWN.
"""

import argparse
import os
import statistics
import sys
import time
from typing import NamedTuple

from extensions_api import LAUNCHER, ExtensionsApi, shutdown_event

SECONDS = 10  # Lambda gives extensions and function together that long to be ready


class Start(NamedTuple):
    """Milliseconds from spawn to Ready, and peak memory in MB."""

    milliseconds: float
    megabytes: float


def main() -> int:
    """Print the figures; return 1 when the extension does not get ready."""
    parser = argparse.ArgumentParser(description="Measure the start of the extension.")
    parser.add_argument("--count", type=int, default=10, help="default: %(default)s")
    try:
        starts = [start() for _ in range(parser.parse_args().count)]
    except TimeoutError as error:
        print(error, file=sys.stderr)
        return 1
    milliseconds = statistics.median(start.milliseconds for start in starts)
    megabytes = max(start.megabytes for start in starts)
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    times = f"{milliseconds:.0f} ms from spawn to Ready"
    print(f"{LAUNCHER.name} on {python}: {times}, {megabytes:.0f} MB ({len(starts)} starts)")
    return 0


def start() -> Start:
    """Start the extension once; raises TimeoutError when it is not ready in time."""
    with ExtensionsApi() as api:
        began = time.perf_counter()
        with api.start() as process:
            if not api.ready.wait(SECONDS):
                process.kill()
                raise TimeoutError(f"{LAUNCHER.name} did not ask for an event within {SECONDS} seconds")
            milliseconds = (time.perf_counter() - began) * 1000
            api.events.put(shutdown_event())
            peak = os.wait4(process.pid, 0)[2].ru_maxrss
            process.returncode = 0  # it has been waited for
    return Start(milliseconds, peak / (1024 * 1024 if sys.platform == "darwin" else 1024))


if __name__ == "__main__":
    sys.exit(main())
