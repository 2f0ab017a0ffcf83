"""How texts are shown."""

from __future__ import annotations

import pytest
from learn.texts import printable, shorten, wrap, wrap_markdown


@pytest.fixture(autouse=True)
def columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of forty columns."""
    monkeypatch.setenv("COLUMNS", "40")


def test_wide_lines_are_broken_at_spaces_only() -> None:
    """Never within a path, an id or a code span."""
    text = "See 0a1b2c3d-0000-4000-8000-000000000000-11 in the log, at `Content-Type: application/json`."
    assert wrap(text).split("\n") == [
        "See",
        "0a1b2c3d-0000-4000-8000-000000000000-11",
        "in the log, at",
        "`Content-Type: application/json`.",
    ]


def test_wide_terminal_has_eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer lines are hard to read."""
    monkeypatch.setenv("COLUMNS", "200")
    assert max(map(len, wrap("word " * 60).split("\n"))) in range(70, 81)


def test_paragraphs_are_joined_and_code_is_kept() -> None:
    """A line break in a code span does not become a space after a hyphen."""
    page = "The header `Content-\nType: a` is\nshort.\n\n"
    page += "    if  wide_code_stays_as_it_is_however_long:\n        x\n\nEnd.\n"
    page += "```\na\n\nb\n```"
    assert wrap_markdown(page) == (
        "The header `Content-Type: a` is short.\n\n    if  wide_code_stays_as_it_is_however_long:\n        x\n\nEnd.\n"
        "```\na\n\nb\n```"
    )


def test_control_characters_and_surrogates_are_escaped() -> None:
    """They would change the terminal, or could not be written."""
    assert printable("\x1b[2Jé\ud800\r\n\tü\xa0") == "\\x1b[2Jé\\ud800\\r\n\tü "


def test_long_texts_are_cut() -> None:
    """With an ellipsis."""
    assert shorten("x" * 301) == "x" * 300 + "…"
    assert shorten("x" * 300) == "x" * 300
