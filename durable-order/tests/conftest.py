"""What the tests share: the folder on the import path, and a ledger for each test."""

import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent
# On Lambda the folder of the code is the working directory; here pytest may be started from anywhere.
sys.path.insert(0, str(FOLDER))


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of the shop's ledger, which does not exist yet."""
    path = tmp_path / "ledger.txt"
    monkeypatch.setenv("SHOP_LEDGER", str(path))
    return path
