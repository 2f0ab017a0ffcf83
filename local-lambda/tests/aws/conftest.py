"""The local AWS endpoint as most modules need it; some define their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.aws_endpoint import Endpoint, serving_aws


@pytest.fixture(scope="module")
def aws(function_python: Path) -> Iterator[Endpoint]:
    """One endpoint for all tests of this module."""
    with serving_aws(function_python) as endpoint:
        yield endpoint
