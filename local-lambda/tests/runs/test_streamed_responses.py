"""Response streaming between a real runtime in Python and boto3."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import MakeProject
from support.streaming import client, events, make_wrapper, payload
from support.tool import FUNCTIONS, Tool, serving


@pytest.fixture(scope="module")
def python() -> Iterator[Tool]:
    """A runtime in Python."""
    with serving("exec", "--no-bandwidth-limit", "--", sys.executable, FUNCTIONS / "streamer.py") as tool:
        yield tool


def test_boto3_gets_the_pieces_of_a_python_runtime(python: Tool) -> None:
    """All of them, the end, and the log on request."""
    found = events(python, {"pieces": 3, "size": 5}, LogType="Tail")
    assert payload(found) == b"x" * 15
    assert list(found[-1]) == ["InvokeComplete"]
    assert "ErrorCode" not in found[-1]["InvokeComplete"]
    assert found[-1]["InvokeComplete"]["LogResult"]


def test_boto3_gets_more_than_invoke_allows(python: Tool) -> None:
    """20 MB, which a response in one piece cannot have."""
    assert len(payload(events(python, {"pieces": 200, "size": 100_000}))) == 20_000_000
    answer = client(python).invoke(FunctionName="function", Payload=json.dumps({"pieces": 200, "size": 100_000}))
    assert json.load(answer["Payload"])["errorType"] == "Function.ResponseSizeTooLarge"


def test_invoke_prints_the_pieces(extend: MakeProject, shared_folder: Path) -> None:
    """A wrapper starts the runtime that streams; its response is printed, as any other."""
    wrapper = make_wrapper(shared_folder, "streamer.py")
    project = extend(variables={"AWS_LAMBDA_EXEC_WRAPPER": str(wrapper)})
    outcome = project.invoke(events=[{"pieces": 3, "size": 2}])
    assert (outcome.status, outcome.output) == (0, b"xxxxxx\n"), outcome.errors
