"""The messages between the tool and its supervisors: marshalled tuples, each preceded by its length in four bytes.

Both sides use this module. Isolated interpreters load it from its own folder, so it imports nothing of the package and
nothing that costs start-up time: `socket` alone would cost 8 ms.
"""

from __future__ import annotations

import _socket
import marshal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing `typing` costs 3 ms
    from collections.abc import Sequence
    from typing import Any

_LENGTH_BYTES = 4
_CHUNK_BYTES = 1 << 20
_INT_BYTES = 4
_MAX_DESCRIPTORS = 8
_SCM_CREDENTIALS = getattr(_socket, "SCM_CREDENTIALS", None)
CREDENTIALS_SPACE = _socket.CMSG_SPACE(3 * _INT_BYTES)
"""The space that a receiver with SO_PASSCRED needs for the sender's process id."""


def pack(message: Any) -> bytes:
    """A message as bytes."""
    body = marshal.dumps(message)
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


def unpack(data: bytes) -> tuple[Any, bytes]:
    """The first message in `data`, and what comes after it; None while the message is incomplete."""
    end = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES], "big")
    if len(data) < _LENGTH_BYTES or len(data) < end:
        return None, data
    return marshal.loads(data[_LENGTH_BYTES:end]), data[end:]


def send(
    control: Any, message: Any, descriptors: Sequence[int] = (), speaker: tuple[int, int, int] | None = None
) -> bool:
    """Send a message over a blocking socket; False when the other side is gone.

    `speaker` (process, user and group id) names another process as the sender. The kernel checks that it may be named,
    and translates its id for a receiver in another process namespace (unix(7), SCM_CREDENTIALS).
    """
    data = pack(message)
    ancillary = []
    if descriptors:
        ancillary.append((_socket.SOL_SOCKET, _socket.SCM_RIGHTS, _integers(descriptors)))
    if speaker is not None and _SCM_CREDENTIALS is not None:
        ancillary.append((_socket.SOL_SOCKET, _SCM_CREDENTIALS, _integers(speaker)))
    try:
        sent = control.sendmsg([data], ancillary) if ancillary else 0
        control.sendall(data[sent:])
    except OSError:
        return False
    return True


def receive(control: Any) -> tuple[Any, list[int]] | None:
    """The next message of a blocking socket, and its file descriptors; None when the other side has closed."""
    try:
        space = _socket.CMSG_SPACE(_MAX_DESCRIPTORS * _INT_BYTES)
        header, ancillary, _, _ = control.recvmsg(_LENGTH_BYTES, space, getattr(_socket, "MSG_CMSG_CLOEXEC", 0))
        descriptors: list[int] = []
        for level, kind, data in ancillary:
            if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
                descriptors += _split(data)
        chunks, missing = [], int.from_bytes(header, "big")
        while missing:
            chunk = control.recv(min(missing, _CHUNK_BYTES))
            if not chunk:
                return None
            chunks.append(chunk)
            missing -= len(chunk)
    except OSError:  # a tool that ended before it had read all our messages resets the connection
        return None
    return (marshal.loads(b"".join(chunks)), descriptors) if header else None


def speaker_of(ancillary: Any) -> int | None:
    """The id, as seen here, of the process that sent `ancillary`; None if the kernel does not report it."""
    for level, kind, data in ancillary:
        if level == _socket.SOL_SOCKET and kind == _SCM_CREDENTIALS:
            return _split(data)[0] or None
    return None


def _integers(numbers: Sequence[int]) -> bytes:
    return b"".join(number.to_bytes(_INT_BYTES, sys.byteorder) for number in numbers)


def _split(data: bytes) -> list[int]:
    starts = range(0, len(data) - _INT_BYTES + 1, _INT_BYTES)
    return [int.from_bytes(data[start : start + _INT_BYTES], sys.byteorder) for start in starts]
