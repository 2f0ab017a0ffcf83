"""The journal: what is in the database, and when."""

import sqlite3
import threading
from pathlib import Path

import pytest
from app.journal import Journal
from test_run import count_visits


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Where the database will be."""
    return str(tmp_path / "journal.sqlite3")


def test_visits_when_pending(path: str) -> None:
    """Visits are counted, but other connections do not see them yet."""
    journal = Journal(path)
    assert [journal.add("Ada"), journal.add("Grace")] == [1, 2]
    assert count_visits(path) == 0


def test_visits_when_closed(path: str, capsys: pytest.CaptureFixture) -> None:
    """Closing commits all of them, and says how many."""
    journal = Journal(path)
    journal.add("Ada")
    journal.add("Grace")
    journal.close()
    assert count_visits(path) == 2
    assert capsys.readouterr().out.startswith("[journal] visits committed: 2, in ")
    with pytest.raises(sqlite3.ProgrammingError):
        journal.add("Edith")


def test_visits_when_closed_by_another_thread(path: str) -> None:
    """The thread that cleans up is not the one that made the connection."""
    journal = Journal(path)
    journal.add("Ada")
    thread = threading.Thread(target=journal.close)
    thread.start()
    thread.join()
    assert count_visits(path) == 1


def test_visits_when_opened_again(path: str) -> None:
    """Another environment finds what is there."""
    for _ in range(2):
        journal = Journal(path)
        journal.add("Ada")
        journal.close()
    assert count_visits(path) == 2
