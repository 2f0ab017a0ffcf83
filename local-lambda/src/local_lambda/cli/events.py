"""The events that a command line names: files, or standard input."""

from __future__ import annotations

import sys
from pathlib import Path

from local_lambda.errors import UsageError
from local_lambda.limits import MAX_EVENT_BYTES


def read_event(name: str | None) -> bytes:
    """The event in the file `name`, or on standard input for `-`, or `{}` without a name. Raises UsageError."""
    if name is None:
        return b"{}"
    if name == "-" and sys.stdin is None:
        raise UsageError("cannot read the event from standard input: it is closed")
    try:
        if name == "-":
            return sys.stdin.buffer.read()
        with Path(name).open("rb") as file:
            return file.read() if Path(name).is_file() else file.read(MAX_EVENT_BYTES + 1)  # a device may have no end
    except OSError as error:
        raise UsageError(f"cannot read the event {name}: {error.strerror}") from None


def check_event(name: str | None, payload: bytes) -> None:
    """Raises UsageError when the input is not a valid event."""
    from local_lambda.errors import ApiError
    from local_lambda.service.payload import check_json

    event = "the event" if name in (None, "-") else f"the event {name}"
    if len(payload) > MAX_EVENT_BYTES:
        raise UsageError(f"{event} has {len(payload)} bytes; Lambda takes {MAX_EVENT_BYTES} at most")
    try:
        check_json(payload)
    except ApiError as error:
        raise UsageError(f"{event} is not JSON: {error.message.rpartition('json: ')[2]}") from None
