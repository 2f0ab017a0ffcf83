"""What pypwext costs: the time to import each part, and the overhead of each decorator per call.

    python benchmarks/cost.py [--rounds 7] [--json FILE]

Imports are timed in fresh interpreters, along with what the part is built on. Calls are timed in rounds: in each, every
variant runs for a moment, so that a machine that gets slower for a while slows all of them. Medians are shown.
"""

import argparse
import json
import logging
import os
import statistics
import subprocess
import sys
import time
from typing import Any, Callable, Dict, List, Tuple

IMPORTS = (
    ("(interpreter alone)", "pass"),
    ("aws_lambda_powertools.logging", "import aws_lambda_powertools.logging"),
    ("requests", "import requests"),
    ("boto3", "import boto3"),
    ("pydantic.BaseModel", "from pydantic import BaseModel"),
    ("pypwext.errors", "import pypwext.errors"),
    ("pypwext.encoders", "import pypwext.encoders"),
    ("pypwext.pwlogging", "import pypwext.pwlogging"),
    ("pypwext.service", "import pypwext.service"),
    ("pypwext.service, with a service made", "import pypwext.service; pypwext.service.PyPwExtService()"),
    ("pypwext.pwhttp", "import pypwext.pwhttp"),
    (
        "pypwext.pwhttp, with a session made",
        "import pypwext.pwhttp; pypwext.pwhttp.PyPwExtHTTPSession(region='eu-west-1')",
    ),
    ("pypwext.models", "import pypwext.models"),
)

# Long enough for the clock, short enough to be interrupted rarely.
MOMENT = 0.02

EVENT = {"version": "2.0", "body": "{}", "requestContext": {"http": {"method": "GET"}}}


class Nowhere:
    """A stream that takes everything, so that no terminal or disk is measured."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        """Nothing is kept."""


def measure_imports(rounds: int) -> List[Tuple[str, float, float]]:
    """Return name, milliseconds, and milliseconds above the bare interpreter, of each import."""
    times: Dict[str, List[float]] = {name: [] for name, _ in IMPORTS}
    for _ in range(rounds + 1):  # the first round fills the disk cache
        for name, statement in IMPORTS:
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", statement], check=True)
            times[name].append((time.perf_counter() - started) * 1000)
    medians = {name: statistics.median(values[1:]) for name, values in times.items()}
    floor = medians[IMPORTS[0][0]]
    return [(name, median, median - floor) for name, median in medians.items()]


def make_calls() -> Dict[str, Callable[[], Any]]:
    """Return the variants to call, by name. The first is the bare function, the floor of all others."""
    from aws_lambda_powertools.logging import Logger

    from pypwext.errors import ErrorAction, PyPwExtErrorHandler, StdPyPwExtError
    from pypwext.pwlogging import PyPwExtLogger
    from pypwext.service import PyPwExtResponse, PyPwExtService

    def bare(a: int, b: int = 2) -> int:
        return a + b

    silent = PyPwExtLogger(service="silent", level="CRITICAL", logger_handler=logging.StreamHandler(Nowhere()))
    loud = PyPwExtLogger(service="loud", level="DEBUG", logger_handler=logging.StreamHandler(Nowhere()))
    powertools = Logger(service="powertools", level="DEBUG", logger_handler=logging.StreamHandler(Nowhere()))
    errors = PyPwExtErrorHandler()
    service = PyPwExtService(logger=silent)
    collected = errors.collect(bare)
    rooted = errors.collect(root=True)(bare)
    error = StdPyPwExtError("no", action=ErrorAction.CONTINUE)

    @errors.collect
    def fail() -> None:
        raise error

    @errors.collect(root=True)
    def fail_below_root() -> None:
        fail()

    def logs_by_hand(a: int, b: int = 2) -> int:
        powertools.debug({"msg": "Entering bare", "args": {"a": a, "b": b}})
        value = bare(a, b)
        powertools.info({"msg": "Exiting bare", "return": value})
        return value

    def respond(event: Any = None, context: Any = None) -> Any:
        return PyPwExtResponse(answer=42)

    method_silent = silent.method(bare)
    method_loud = loud.method(bare)
    response = service.response(respond)
    handler = service.handler(respond)
    return {
        "bare function": lambda: bare(1),
        "@logger.method, level hides its rows": lambda: method_silent(1),
        "@logger.method, two rows": lambda: method_loud(1),
        "the same two rows by Powertools' own logger": lambda: logs_by_hand(1),
        "one row: PyPwExtLogger.info": lambda: loud.info("text"),
        "one row: Powertools' Logger.info": lambda: powertools.info("text"),
        "@errors.collect": lambda: collected(1),
        "@errors.collect(root=True)": lambda: rooted(1),
        "@errors.collect below a root, one error collected": fail_below_root,
        "bare function that makes a PyPwExtResponse": respond,
        "@service.response": response,
        "@service.handler": lambda: handler(EVENT, None),
    }


def measure_calls(rounds: int) -> List[Tuple[str, float]]:
    """Return name and microseconds per call of each variant."""
    calls = make_calls()
    repeats = {name: find_repeats(call) for name, call in calls.items()}
    times: Dict[str, List[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            times[name].append(time_calls(call, repeats[name]) * 1e6)
    return [(name, statistics.median(values)) for name, values in times.items()]


def find_repeats(call: Callable[[], Any]) -> int:
    """Return how many calls fill a moment."""
    repeats = 1
    while time_calls(call, repeats) * repeats < MOMENT:
        repeats *= 2
    return repeats


def time_calls(call: Callable[[], Any], repeats: int) -> float:
    """Return the seconds one of many calls took."""
    started = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - started) / repeats


def main() -> int:
    """Measure, print two tables, and write the figures to a file if asked."""
    parser = argparse.ArgumentParser(description="Measure what pypwext costs.")
    parser.add_argument("--rounds", type=int, default=7, help="how often everything is measured; default: %(default)s")
    parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
    options = parser.parse_args()
    os.environ.pop("LOG_LEVEL", None)
    os.environ.setdefault("AWS_REGION", "eu-west-1")

    print(f"Python {sys.version.split()[0]}, median of {options.rounds} rounds\n")
    imports = measure_imports(options.rounds)
    print(f"{'import':<40}{'ms':>8}{'above interpreter':>20}")
    for name, total, above in imports:
        print(f"{name:<40}{total:>8.0f}{above:>20.0f}")
    calls = measure_calls(options.rounds)
    floor = calls[0][1]
    print(f"\n{'call':<52}{'µs':>8}{'above bare function':>22}")
    for name, microseconds in calls:
        print(f"{name:<52}{microseconds:>8.2f}{microseconds - floor:>22.2f}")
    if options.json:
        figures = {"python": sys.version.split()[0], "imports_ms": imports, "calls_us": calls}
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
