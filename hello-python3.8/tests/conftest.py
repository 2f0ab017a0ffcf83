"""What the tests share: the folder on the import path, a context object, and events."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable

import pytest

FOLDER = Path(__file__).resolve().parent.parent
# On Lambda the folder of the code is the working directory; here pytest may be started from anywhere.
sys.path.insert(0, str(FOLDER))


@pytest.fixture
def context() -> SimpleNamespace:
    """The part of Lambda's context object that the function reads."""
    return SimpleNamespace(
        function_name="HelloFunction",
        function_version="$LATEST",
        memory_limit_in_mb="256",
        aws_request_id="3f1c5e0a-7d0b-4b52-9a53-1d1d4f1f7a11",
        get_remaining_time_in_millis=lambda: 29998,
    )


@pytest.fixture
def event() -> Callable[[str], Any]:
    """Reads an event of the events folder by its name."""
    return lambda name: json.loads((FOLDER / "events" / f"{name}.json").read_text(encoding="utf-8"))
