"""Commands that are given something hostile: they end by themselves, soon, with the right status and one line."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Mapping
from pathlib import Path

from support.tool import COMMAND, Outcome

PATIENCE_SECONDS = 60.0
"""How long a command may take at most on a busy machine; what is refused takes a fraction of a second."""
WORK_SECONDS = 2
"""How long each of its processes may compute: the system ends a process that never ends, however busy the system is."""
MEMORY_BYTES = 3 * 1024**3
"""The address space a command gets, so that one that reads for ever does not take the machine with it."""


def run(
    *arguments: str | Path,
    variables: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    seconds: float = PATIENCE_SECONDS,
    work: int = WORK_SECONDS,
) -> Outcome:
    """Run the tool to its end. Raises TimeoutExpired when that does not come."""
    ended = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        env={**os.environ, **(variables or {})},
        timeout=seconds,
        preexec_fn=lambda: _limit(work),
    )
    return Outcome(ended.returncode, ended.stdout, ended.stderr.decode("utf-8", "backslashreplace"))


def _limit(work: int = WORK_SECONDS) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (work, work))


def refused(outcome: Outcome, status: int = 2) -> None:
    """The command has said in one printable line what is wrong, and ended with this status."""
    assert "Traceback" not in outcome.errors, outcome.errors[-2000:]
    assert outcome.status == status, outcome
    lines = outcome.errors.splitlines()
    assert len(lines) == 1, outcome.errors[-2000:]
    assert lines[0].startswith("local-lambda: ")
    assert lines[0].isprintable()
    assert outcome.output == b""


def refused_or_serving(*arguments: str | Path) -> Outcome | None:
    """What a command that serves has said when it refused to; None when it serves, which it does no longer."""
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=_limit,
    )
    assert process.stderr is not None
    errors = b""
    with process:
        for line in process.stderr:
            errors += line
            if b"listening on" in line:
                process.kill()
                return None
        output, rest = process.communicate()
    return Outcome(process.returncode, output, (errors + rest).decode("utf-8", "backslashreplace"))
