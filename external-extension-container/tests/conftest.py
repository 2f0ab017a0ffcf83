"""What the tests share: the folder on the import path, and a stand-in for Lambda's APIs."""

import sys
from pathlib import Path
from typing import Iterator

import pytest
from extensions_api import ExtensionsApi

FOLDER = Path(__file__).resolve().parent.parent
# In the container the code's folder is the working directory; here pytest may be started from anywhere.
sys.path.insert(0, str(FOLDER))


@pytest.fixture
def api() -> Iterator[ExtensionsApi]:
    """Lambda's APIs, with no events yet."""
    with ExtensionsApi() as server:
        yield server
