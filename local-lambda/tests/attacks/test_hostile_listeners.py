"""Telemetry listeners that do not respond in HTTP, or never stop: functions are served, and memory stays flat."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator

import pytest

from attacks.conftest import VICTIMS, Figure, Rounds
from attacks.counting import descriptors, forget_peak, megabytes, peak_megabytes, settles
from attacks.mortal import Mortal, started
from conftest import MakeProject

ANSWERS = re.findall(r'^    "(.+)": lambda', (VICTIMS / "listening.py").read_text(), re.MULTILINE)
BUDGET_SECONDS = 10.0


def name(answer: str) -> str:
    """The function with this listener."""
    return re.sub(r"\W", "", answer.title())


@pytest.fixture(scope="module")
def tool(make_project: MakeProject) -> Iterator[Mortal]:
    """A function for each kind of answer."""
    functions = {
        name(answer): {
            "Handler": "listening.handler",
            "CodeUri": str(VICTIMS),
            "Environment": {"Variables": {"ANSWER": answer}},
        }
        for answer in ANSWERS
    }
    with started(make_project(None, **functions), "--max-environments", "1") as tool:
        yield tool


@pytest.mark.parametrize("answer", ANSWERS)
def test_invocations_when_a_listener_answers_badly(tool: Mortal, answer: str, rounds: Rounds, figure: Figure) -> None:
    """They succeed, whatever becomes of their telemetry, and the tool keeps nothing of it."""
    pid, since = tool.process.pid, len(tool.lines)
    assert not tool.fails(name(answer), 0)
    forget_peak(pid)
    memory, before = megabytes(pid), descriptors(pid)
    assert [tool.invoke(name(answer), number).json for number in range(rounds(20))] == [*range(rounds(20))]
    after = settles(lambda: descriptors(pid), before + 3)
    peak = peak_megabytes(pid) - memory
    figure(f"MB more at most for a listener that answers with {answer}", peak)
    assert after <= before + 3
    assert peak < 20
    assert not any(re.match("Traceback|Fatal error|local-lambda: ", line) for line in tool.lines[since:])


def test_end_of_the_tool_when_listeners_have_answered_badly(tool: Mortal) -> None:
    """It comes in time."""
    tool.look()
    tool.process.send_signal(signal.SIGTERM)
    assert tool.process.wait(BUDGET_SECONDS) == 0
    assert settles(tool.left, 0) == 0
