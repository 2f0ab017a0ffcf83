"""What the tests share: the folder on the import path, and a stand-in for Lambda's APIs."""

import sys
from pathlib import Path
from typing import Iterator

import pytest

FOLDER = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(FOLDER), str(FOLDER / "app"), str(FOLDER / "logs-api-extension")]

import extensions_api  # noqa: E402


@pytest.fixture
def api() -> Iterator[extensions_api.ExtensionsApi]:
    """The APIs, with no events yet."""
    with extensions_api.ExtensionsApi() as server:
        yield server
