"""The three standard streams, and what happens when one of them is closed or full."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from local_lambda.errors import StartError

if TYPE_CHECKING:
    from local_lambda.environment.invocation import Invocation


def fill_standard_descriptors() -> None:
    """Occupy the descriptors of closed standard streams, so that no socket gets such a number and is mistaken for one.

    Python has None for a closed stream; standard error becomes one that discards what is written.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def check_output() -> None:
    """Raises StartError when there is no standard output, before a command runs whose output would be lost."""
    if sys.stdout is None:
        raise StartError("standard output is closed; redirect it to a file, or to /dev/null")


def write_payload(data: bytes) -> None:
    """Write to standard output. If that is unbuffered (`PYTHONUNBUFFERED`), a signal may interrupt a write.

    Raises StartError when it is full, BrokenPipeError when the reader has gone.
    """
    left = memoryview(data)
    try:
        while left:
            left = left[sys.stdout.buffer.write(left) :]
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _full(error) from None
    flush_output()


class PayloadStream:
    """Writes a streamed response to standard output while it comes; see `environment.invocation.ResponseSink`."""

    def begin(self, invocation: Invocation, content_type: str, resume: Callable[[], None]) -> None:
        """There is nothing to write before the first piece."""

    def write(self, data: bytes) -> bool:
        """Write a piece. Raises the same errors as `write_payload`."""
        write_payload(data)
        return True


def flush_output() -> None:
    """Write what is buffered. Raises the same errors as `write_payload`."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _full(error) from None


def discard_output() -> None:
    """Drop what could not be written, so that the interpreter does not fail on it when it exits (status 120)."""
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        if stream is None:
            continue
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)


def _full(error: OSError) -> StartError:
    return StartError(f"cannot write to standard output: {error.strerror}")
