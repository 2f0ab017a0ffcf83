"""Measure how long the extension takes to be ready, and how much memory it takes.

    python measure_start.py [--count 10] package/extension.zip

Unpacks the layer, starts the launcher as Lambda does, waits until the extension asks for its first event, and sends it
SHUTDOWN. The Python has to be the one that the layer was built for.
"""

import argparse
import os
import queue
import statistics
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import NamedTuple

from extensions_api import LAUNCHER, ExtensionsApi, shutdown_event

NAME = LAUNCHER.name
SECONDS = 10  # Lambda gives extensions and function together that long to be ready


class Start(NamedTuple):
    """Milliseconds from spawn to Ready, and peak memory in MB."""

    milliseconds: float
    megabytes: float


def main() -> int:
    """Print the figures; return 1 when the extension does not get ready."""
    parser = argparse.ArgumentParser(description="Measure the start of the extension in a layer.")
    parser.add_argument("package", type=Path)
    parser.add_argument("--count", type=int, default=10, help="default: %(default)s")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as layer:
        unpack(arguments.package, Path(layer))
        try:
            starts = [start(Path(layer, "extensions", NAME)) for _ in range(arguments.count)]
        except queue.Empty:
            print(f"{NAME} did not ask for an event within {SECONDS} seconds.", file=sys.stderr)
            return 1
    milliseconds = statistics.median(start.milliseconds for start in starts)
    megabytes = max(start.megabytes for start in starts)
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    print(f"{NAME} on {python}: {milliseconds:.0f} ms from spawn to Ready, {megabytes:.0f} MB ({len(starts)} starts)")
    return 0


def unpack(package: Path, folder: Path) -> None:
    """Unpack a zip with its permissions, which zipfile forgets by itself."""
    with zipfile.ZipFile(package) as archive:
        for entry in archive.infolist():
            os.chmod(archive.extract(entry, folder), entry.external_attr >> 16)


def start(launcher: Path) -> Start:
    """Start the extension once; raises queue.Empty when it is not ready in time."""
    with ExtensionsApi() as api:
        began = time.perf_counter()
        with api.start(launcher) as process:
            try:
                api.asked.get(timeout=SECONDS)
            except queue.Empty:
                process.kill()
                raise
            milliseconds = (time.perf_counter() - began) * 1000
            api.events.put(shutdown_event())
            peak = os.wait4(process.pid, 0)[2].ru_maxrss
            process.returncode = 0  # it has been waited for
    return Start(milliseconds, peak / (1024 * 1024 if sys.platform == "darwin" else 1024))


if __name__ == "__main__":
    sys.exit(main())
