"""What the tests share: the folder on the import path, and stand-ins for Lambda's APIs and for AWS."""

import sys
import threading
from pathlib import Path
from typing import Iterator

import pytest
from extensions_api import ExtensionsApi

FOLDER = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(FOLDER), str(FOLDER / "app"), str(FOLDER / "toolbox")]

from aws_stand_in import AWS  # noqa: E402


@pytest.fixture
def api() -> Iterator[ExtensionsApi]:
    """Lambda's APIs, with no events yet."""
    with ExtensionsApi() as server:
        yield server


@pytest.fixture
def cloud() -> Iterator[AWS]:
    """Systems Manager, Secrets Manager and S3."""
    with AWS() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()
