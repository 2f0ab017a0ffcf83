"""What the tests share: the folder on the import path, and a stand-in for Lambda's APIs."""

import sys
from pathlib import Path
from typing import Iterator

import pytest
from extensions_api import ExtensionsApi

FOLDER = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(FOLDER), str(FOLDER / "app"), str(FOLDER / "python-example-extension")]


@pytest.fixture
def api() -> Iterator[ExtensionsApi]:
    """Lambda's APIs, with no events yet."""
    with ExtensionsApi() as server:
        yield server
