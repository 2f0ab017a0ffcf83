"""Messages of the encoding `application/vnd.amazon.eventstream`. Bytes only; nothing is sent here.

Format: https://smithy.io/2.0/aws/amazon-eventstream.html. Lengths and checksums, headers, payload, checksum.
"""

from __future__ import annotations

import struct
from zlib import crc32

_STRING = 7
"""The type of a header whose value is a string."""


def message(event_type: str, content_type: str, payload: bytes) -> bytes:
    """One event."""
    names = {":event-type": event_type, ":content-type": content_type, ":message-type": "event"}
    headers = b"".join(_header(name.encode(), value.encode()) for name, value in names.items())
    prelude = struct.pack("!II", 12 + len(headers) + len(payload) + 4, len(headers))
    checked = struct.pack("!I", crc32(prelude))
    begun = b"%b%b%b%b" % (prelude, checked, headers, payload)
    return begun + struct.pack("!I", crc32(begun))


def _header(name: bytes, value: bytes) -> bytes:
    return struct.pack(f"!B{len(name)}sBH{len(value)}s", len(name), name, _STRING, len(value), value)
