"""What the page keeps of an environment, and how it names states: alone, without a run."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from local_lambda.events.local import Freeze, Stopped
from local_lambda.events.platform import FunctionLog
from local_lambda.ui.explanations import STATES, explanations
from local_lambda.ui.history import CHAPTER_LINES, CHAPTERS, ENDED_CHAPTERS, EVENTS, History
from local_lambda.ui.journal import LINES, MAX_ENDED, Journal
from local_lambda.ui.lines import LONGEST
from local_lambda.ui.states import StateReader

REPOSITORY = Path(__file__).parents[3]
BEGUN = {"functionName": "Hello", "functionVersion": "$LATEST", "phase": "init"}
SNAP = {"status": "success", "initializationType": "snap-start"}
GOOD = {"status": "success", "metrics": {"durationMs": 1.5}}


def entry(kind: str, at: float, record: Any) -> dict[str, Any]:
    """An entry of environment 1."""
    return {"type": kind, "at": at, "record": record, "environment": 1}


def take(history: History, kind: str, at: float, record: Any) -> None:
    """Give a history an event."""
    history.take(kind, at, partial(entry, kind, at, record), record if isinstance(record, dict) else {})


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([], "cold"),
        ([("platform.initStart", BEGUN)], "initializing"),
        ([("platform.initStart", BEGUN), ("platform.initReport", GOOD)], "idle"),
        ([("platform.initStart", BEGUN), ("platform.initReport", {"status": "error"})], "initializing"),
        (
            [("platform.initStart", BEGUN), ("platform.initReport", SNAP)],
            "snapshot",
        ),
        ([("platform.restoreStart", BEGUN)], "restoring"),
        ([("platform.restoreStart", BEGUN), ("platform.restoreReport", {"status": "error"})], "restoring"),
        ([("platform.restoreStart", BEGUN), ("platform.restoreReport", GOOD)], "idle"),
        ([("platform.start", {})], "busy"),
        ([("platform.start", {}), ("platform.runtimeDone", GOOD)], "busy"),
        ([("platform.start", {}), ("platform.runtimeDone", GOOD), ("platform.report", {})], "idle"),
        ([("local.stop", {"reason": "timeout"})], "ending"),
        ([("local.stop", {}), ("local.freeze", {"frozen": False})], "ending"),
        ([("local.stop", {}), ("local.stopped", {"final": False})], "cold"),
        ([("local.stop", {}), ("local.stopped", {"final": True})], "ended"),
    ],
)
def test_state_is_read_from_events(events: list[tuple[str, dict[str, Any]]], state: str) -> None:
    """Each state has an explanation."""
    reader = StateReader()
    for at, (kind, record) in enumerate(events):
        reader.take(kind, at, record)
    assert reader.state == state
    assert state in STATES


def test_chapters_and_events_are_bounded() -> None:
    """The oldest invocations are dropped and counted; the last Init phase stays; lines beyond a limit are counted."""
    history = History(1)
    take(history, "local.processStarted", 0.0, {"process": "runtime"})
    take(history, "platform.initStart", 0.1, BEGUN)
    take(history, "platform.initReport", 0.2, GOOD)
    for number in range(100):
        take(history, "platform.start", number + 1.0, {"requestId": str(number)})
        for _ in range(CHAPTER_LINES * 2):
            take(history, "function", number + 1.1, "a line")
        take(history, "local.processSignalled", number + 1.2, {"process": "runtime", "signal": "SIGTERM"})
        take(history, "platform.report", number + 1.5, {"status": "success", "requestId": str(number)})
    view = history.view(CHAPTERS)
    assert view.left_out == 100 - CHAPTERS
    assert len(view.entries) == 3 + CHAPTERS * (CHAPTER_LINES + 3)  # what is no line is there, after all these lines
    assert view.events_left_out == CHAPTERS * CHAPTER_LINES
    assert [each["type"] for each in view.entries[:3]] == [
        "local.processStarted",
        "platform.initStart",
        "platform.initReport",
    ]


def test_ended_environment_keeps_less() -> None:
    """Pictures show so many phases of it as they show by default."""
    history = History(1)
    take(history, "platform.initStart", 0.0, BEGUN)
    for number in range(CHAPTERS):
        take(history, "platform.start", number + 1.0, {"requestId": str(number)})
    assert history.view(CHAPTERS).left_out == 0
    take(history, "local.stop", 99.0, {"reason": "spindown"})
    take(history, "local.stopped", 100.0, {"final": True})
    view = history.view(CHAPTERS)
    assert [each["type"] for each in view.entries][-2:] == ["local.stop", "local.stopped"]
    assert view.left_out == CHAPTERS - ENDED_CHAPTERS + 1


def test_platform_events_of_a_chapter_are_bounded() -> None:
    """Dropped logs may be reported again and again in one invocation."""
    history = History(1)
    for _ in range(EVENTS * 3):
        take(history, "platform.logsDropped", 1.0, {})
    view = history.view(1)
    assert (len(view.entries), view.events_left_out) == (EVENTS, 2 * EVENTS)


def test_journal_is_bounded() -> None:
    """Lines, their length, and environments that have ended."""
    journal = Journal()
    sink = journal.sink(1)
    for _ in range(LINES + 10):
        sink(FunctionLog(1.0, "x" * 100_000, "function"))
    lines, skipped, last = journal.lines_after(0, 100)
    assert (len(lines), skipped, last) == (100, LINES + 10 - 100, LINES + 10)
    assert all(len(kept.event.text) < LONGEST + 50 for kept in journal.lines if isinstance(kept.event, FunctionLog))
    assert lines[0]["text"].endswith("… (100000 characters)")
    for number in range(2, 100):
        journal.sink(number)(Stopped(1.0, final=True))
    journal.sink(100)
    assert len(journal.histories) == MAX_ENDED + 2  # the first one has not ended, and the last one is new
    assert journal.ended == 98 - MAX_ENDED


def test_journal_reports_the_first_change_after_it_was_seen() -> None:
    """So that a busy run does not wake the page for each event."""
    journal, changes = Journal(), []
    journal.on_change = lambda: changes.append(journal.version)
    sink = journal.sink(1)
    for _ in range(5):
        sink(Freeze(1.0, frozen=True))
    journal.seen()
    sink(Freeze(2.0, frozen=False))
    assert changes == [1, 6]


def test_everything_that_can_be_shown_is_explained() -> None:
    """All states, spans and marks have a text, a term that the glossary has, and a walkthrough that has the word."""
    terms = set(re.findall(r"^\| .*\*\*.*", (REPOSITORY / "GLOSSARY.md").read_text(), re.MULTILINE))
    known = {term for row in terms for term in re.findall(r"\*\*([^*]+)\*\*", row)}
    for kind, found in explanations().items():
        for name, each in found.items():
            assert each.text.endswith("."), (kind, name)
            assert each.term in known, (kind, name)
            words = " ".join((REPOSITORY / each.lesson).read_text().lower().split())
            assert any(word in words for word in (name or each.term, each.term.lower())), (kind, name, each.lesson)
