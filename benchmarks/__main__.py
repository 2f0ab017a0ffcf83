"""Command line: `python -m benchmarks`, run from the root of the repository."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.candidates import Setup, default_tool
from benchmarks.figures import Figure, table
from benchmarks.processes import no_survivors
from benchmarks.rows import ROWS

QUICK = 0.2
"""Fraction of the blocks that --quick measures."""


def peer(argument: str) -> tuple[str, str]:
    """Parse NAME=COMMAND."""
    name, separator, command = argument.partition("=")
    if not (name and separator and command):
        raise argparse.ArgumentTypeError("expected NAME=COMMAND")
    return name, command


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="How fast local-lambda is, compared with a floor and any peer."
    )
    parser.add_argument("--python", default=sys.executable, help="the function's interpreter, with awslambdaric")
    parser.add_argument("--tool", default=default_tool(), help="local-lambda (default: the one in this repository)")
    parser.add_argument(
        "--peer",
        type=peer,
        action="append",
        default=[],
        metavar="NAME=COMMAND",
        help="an emulator run as COMMAND PYTHON -m awslambdaric app.handler; {port} in COMMAND is its port (else 8080)",
    )
    parser.add_argument(
        "--only", choices=ROWS, action="append", metavar="NAME", help=f"one of {', '.join(ROWS)}; repeatable"
    )
    parser.add_argument("--quick", action="store_true", help="a fifth of the blocks: a quick look, not a result")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to this file")
    return parser.parse_args(argv)


def conditions() -> dict[str, object]:
    """Return what the figures depend on; `load` is the average over the last minute."""
    packages = {name: version(name) for name in ("awslambdaric", "uvloop", "httptools")}
    machine = {
        "cpus": len(os.sched_getaffinity(0)),
        "load": os.getloadavg()[0],
        "system": platform.system(),
        "machine": platform.machine(),
    }
    return machine | {"python": platform.python_version()} | packages


def main(argv: Sequence[str] | None = None) -> int:
    """Run the rows and print the table as it grows; return the exit status, 130 after Ctrl-C."""
    options = arguments(argv)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # with it, every start would compile edited files again
    if not options.tool:
        print("local-lambda is missing (make -C local-lambda install): measuring the others alone", file=sys.stderr)
    figures: list[Figure] = []
    found = conditions()
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder, no_survivors():
        setup = Setup(options.python, options.tool, dict(options.peer), Path(folder))
        try:
            for name in options.only or ROWS:
                print(f"{name} ...", file=sys.stderr, flush=True)
                figures += ROWS[name](setup, QUICK if options.quick else 1.0)
        except KeyboardInterrupt:
            return 130
        finally:
            print(table(figures))
            print(", ".join(f"{name} {value}" for name, value in found.items()))
            for reason in dict.fromkeys(setup.left_out):
                print(f"left out: {reason}")
    if options.json:
        document = {
            "conditions": conditions(),
            "figures": [dataclasses.asdict(f) | {"passed": f.passed} for f in figures],
        }
        options.json.write_text(json.dumps(document, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
