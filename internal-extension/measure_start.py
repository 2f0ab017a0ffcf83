"""Measure what the extension adds to the start of the function, and to its memory.

    python measure_start.py [--count 10] LOCAL_LAMBDA

Starts the function with the extension and the one without by turns, each time in a new environment, and compares what
Lambda's report says of them: the duration of the init, and the most memory used.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import List, NamedTuple

from with_database import new_database

FOLDER = Path(__file__).resolve().parent


class Start(NamedTuple):
    """Milliseconds of the Init phase, and peak memory in MB."""

    milliseconds: float
    megabytes: float


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Measure the start of the function with and without the extension.")
    parser.add_argument("local_lambda", help="the command to run the function with")
    parser.add_argument("--count", type=int, default=10, help="default: %(default)s")
    arguments = parser.parse_args()
    functions = ("NoExtensionFunction", "GracefulFunction")
    starts = [[start(arguments.local_lambda, name) for name in functions] for _ in range(arguments.count)]
    without, with_extension = (median([pair[index] for pair in starts]) for index in range(2))
    print(
        f"internal-example-extension on Python {sys.version_info.major}.{sys.version_info.minor}: "
        f"{with_extension.milliseconds:.0f} ms to be ready instead of {without.milliseconds:.0f} ms, "
        f"{with_extension.megabytes:.0f} MB instead of {without.megabytes:.0f} MB ({arguments.count} starts of each)"
    )
    return 0


def start(local_lambda: str, function: str) -> Start:
    """Start the function once, in an environment of its own."""
    command = [local_lambda, "invoke", "--template", str(FOLDER / "template.yaml"), "--python", sys.executable]
    command += ["--report", "json", "-e", str(FOLDER / "events/visit.json"), function]
    with new_database() as path:
        variables = {**os.environ, "DATABASE_PATH": path, "EXTENSION_EVENTS": "INVOKE"}
        process = subprocess.run(command, env=variables, capture_output=True)
    if process.returncode != 0:
        sys.exit(process.stderr.decode())
    (report,) = [event for event in json.loads(process.stdout)["events"] if event["type"] == "platform.report"]
    metrics = report["record"]["metrics"]
    return Start(metrics["initDurationMs"], metrics["maxMemoryUsedMB"])


def median(starts: List[Start]) -> Start:
    """The median of both."""
    milliseconds = statistics.median(start.milliseconds for start in starts)
    return Start(milliseconds, statistics.median(start.megabytes for start in starts))


if __name__ == "__main__":
    sys.exit(main())
