"""What the tests share: the folder on the import path, and an Extensions API to run the extension against."""

import sys
from pathlib import Path
from typing import Iterator

import pytest

FOLDER = Path(__file__).resolve().parent.parent
# In the container the code's folder is the working directory; here pytest may be started from anywhere.
sys.path.insert(0, str(FOLDER))

from extensions_api import ExtensionsApi  # noqa: E402


@pytest.fixture
def api() -> Iterator[ExtensionsApi]:
    """A fresh stand-in for Lambda's Extensions API."""
    with ExtensionsApi() as server:
        yield server
