"""What the tests share: the folder on the import path, and a stand-in for Lambda's APIs."""

import sys
from pathlib import Path
from typing import Iterator

import pytest
from extensions_api import ExtensionsApi

FOLDER = Path(__file__).resolve().parent.parent
# On Lambda the folder of the code is the working directory; here pytest may be started from anywhere.
sys.path.insert(0, str(FOLDER))


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[ExtensionsApi]:
    """Lambda's APIs, with no events yet, at the address that Lambda gives a function."""
    with ExtensionsApi() as server:
        monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", server.address)
        yield server
