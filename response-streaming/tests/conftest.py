"""What the tests share: the folder on the import path, and a stand-in for Lambda's Runtime API."""

import sys
from pathlib import Path
from typing import Iterator

import pytest
from runtime_api import RuntimeApi

FOLDER = Path(__file__).resolve().parent.parent
# On Lambda the folder of the code is the working directory; here pytest may be started from anywhere.
sys.path.insert(0, str(FOLDER))


@pytest.fixture(autouse=True)
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row takes no time."""
    monkeypatch.setenv("SECONDS_PER_ROW", "0")


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    """Lambda's Runtime API, for a runtime that asks for one event."""
    with RuntimeApi() as server:
        yield server
