"""Commands that are given something hostile: they end by themselves, soon, with the right status and one line."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Mapping
from pathlib import Path

from support.tool import COMMAND, Outcome

PATIENCE_SECONDS = 10.0
"""How long a command may take at most on a busy machine; what is refused takes a fraction of a second."""
MEMORY_BYTES = 3 * 1024**3
"""The address space a command gets, so that one that reads for ever does not take the machine with it."""


def run(
    *arguments: str | Path,
    variables: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    seconds: float = PATIENCE_SECONDS,
) -> Outcome:
    """Run the tool to its end. Raises TimeoutExpired when that does not come."""
    ended = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        env={**os.environ, **(variables or {})},
        timeout=seconds,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES)),
    )
    return Outcome(ended.returncode, ended.stdout, ended.stderr.decode("utf-8", "backslashreplace"))


def refused(outcome: Outcome, status: int = 2) -> None:
    """The command has said in one printable line what is wrong, and ended with this status."""
    assert "Traceback" not in outcome.errors, outcome.errors[-2000:]
    assert outcome.status == status, outcome
    lines = outcome.errors.splitlines()
    assert len(lines) == 1, outcome.errors[-2000:]
    assert lines[0].startswith("local-lambda: ")
    assert lines[0].isprintable()
    assert len(lines[0]) < 2_000
    assert outcome.output == b""
