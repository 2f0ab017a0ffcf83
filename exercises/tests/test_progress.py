"""The file with the progress, which commands in several terminals use."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Callable

import pytest
from learn.progress import Damaged, Progress
from learner import EXERCISES, FIRST, SECOND, read_until, run, solve, start

NAMES = [exercise.name for exercise in EXERCISES]


def test_changes_of_another_terminal_are_kept(tmp_path: Path) -> None:
    """What is read before a change is what the file has then."""
    one, two = (Progress(tmp_path / "progress.json", NAMES) for _ in range(2))
    one.finish(FIRST.name)
    two.next_hint(SECOND.name, 3)
    one.finish(SECOND.name)
    assert json.loads((tmp_path / "progress.json").read_text()) == {
        "version": 1,
        "done": [FIRST.name, SECOND.name],
        "hints": {SECOND.name: 1},
    }


def test_changes_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    """One after the other, under a lock."""

    def finish(name: str) -> None:
        Progress(tmp_path / "progress.json", NAMES).finish(name)

    threads = [threading.Thread(target=finish, args=(name,)) for name in NAMES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(Progress(tmp_path / "progress.json", NAMES).done) == NAMES
    assert [file.name for file in tmp_path.iterdir()] == ["progress.json"]


def test_session_keeps_what_a_different_terminal_wrote(tmp_path: Path) -> None:
    """A hint that is read meanwhile is not forgotten, and an earlier exercise that begins again is asked for."""
    with start(tmp_path) as process:
        try:
            read_until(process, "Waiting for you")
            run(tmp_path, "--hint")
            solve(tmp_path)
            read_until(process, f"02. {SECOND.title}")
            assert Progress(tmp_path / "progress.json", NAMES).hints == {FIRST.name: 1}
            read_until(process, "Waiting for you")
            run(tmp_path, "--reset", "1")
            read_until(process, f"01. {FIRST.title}")
        finally:
            process.terminate()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "[" * 100_000,
        '{"done": 3, "hints": {}}',
        '{"done": ["99-unknown"], "hints": {}}',
        '{"done": [[]], "hints": {}}',
        '{"done": [], "hints": {"01-hello": "1"}}',
        '{"done": [], "hints": {"01-hello": 4}}',
        '{"done": [], "hints": {"01-hello": true}}',
        '{"done": [], "hints": []}',
        '{"version": 2, "done": [], "hints": {}}',
    ],
    ids=range(12),
)
def test_progress_that_is_damaged(tmp_path: Path, text: str) -> None:
    """It is not used."""
    (tmp_path / "progress.json").write_text(text)
    with pytest.raises(Damaged, match="is damaged"):
        Progress(tmp_path / "progress.json", NAMES)


@pytest.mark.parametrize("option", ["--hint", "--list", "--once", "--reset=1"])
def test_damaged_progress_is_not_overwritten(tmp_path: Path, option: str) -> None:
    """One line says what to do."""
    text = '{"done": [1'
    (tmp_path / "progress.json").write_text(text)
    done = run(tmp_path, option)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "is damaged: repair it, or remove it" in done.stderr
    assert (tmp_path / "progress.json").read_text() == text


def test_progress_that_is_a_folder(tmp_path: Path) -> None:
    """It cannot be used either."""
    (tmp_path / "progress.json").mkdir()
    with pytest.raises(Damaged, match="is damaged"):
        Progress(tmp_path / "progress.json", NAMES)


@pytest.mark.parametrize("change", [lambda p: p.finish(FIRST.name), lambda p: p.next_hint(FIRST.name, 3)])
def test_progress_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Progress], None]
) -> None:
    """One line says why, and the file stays as it is."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    progress = Progress(tmp_path / "progress.json", NAMES)
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(Damaged, match=r"progress\.json cannot be written: Permission denied"):
        change(progress)
    assert list(tmp_path.iterdir()) == []
