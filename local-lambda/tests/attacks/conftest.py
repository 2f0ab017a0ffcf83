"""How often, with which seed, and what came of it; and the tools that are attacked."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import MakeProject
from support.tool import Tool

VICTIMS = Path(__file__).with_name("functions")
SEED = 20_150_331
"""The seed of the short run, so that it is the same attack every time."""

Rounds = Callable[[int], int]
Figure = Callable[[str, object], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--times` and `--seed`, which `make attack` gives."""
    parser.addoption("--times", type=int, default=1, help="how many times the short run each attack is long")
    parser.addoption("--seed", type=int, default=SEED, help="what random choices of the attacks begin with")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Nothing here can be counted without `/proc`."""
    if sys.platform != "linux":
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="reads /proc"))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The figures of every attack, and the seed with which it can be repeated."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    lines = [
        f"{value:>12}  {name}"
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if getattr(report, "when", "") == "call" and "/attacks/" in report.nodeid
    ]
    if lines:
        times, seed = config.getoption("times", 1), config.getoption("seed", SEED)
        terminalreporter.section(f"attacks: --times {times} --seed {seed}")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> Rounds:
    """Rounds of the short run to those of this one."""
    times: int = request.config.getoption("times", 1)
    return lambda short: short * times


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Random choices that are the same for the same seed and test."""
    seed: int = request.config.getoption("seed", SEED)
    return random.Random(f"{seed} {request.node.nodeid}")


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Figure:
    """Writes down a figure for the table at the end: what it is, and the number."""

    def write_down(name: str, value: object) -> None:
        record_property(name, f"{value:,.1f}" if isinstance(value, float) else f"{value:,}")

    return write_down


@pytest.fixture(scope="module")
def tool(make_project: MakeProject) -> Iterator[Tool]:
    """`start` with a function for each thing that a victim does, and up to four environments of each."""
    names = ("echo", "slow", "large", "pids", "relay", "write")
    functions = {name.title(): {"Handler": f"victim.{name}", "CodeUri": str(VICTIMS)} for name in names}
    with make_project(None, **functions).serving("--max-environments", "4") as tool:
        yield tool
