"""Random identifiers: request ids, extension identifiers, X-Ray ids. Cheap, because every invocation needs several."""

from __future__ import annotations

import os

_BYTES = 4096
_VARIANT = {digit: "89ab"[index & 3] for index, digit in enumerate("0123456789abcdef")}
_digits = ""
_position = 0


def random_hex(length: int) -> str:
    """`length` random hexadecimal digits, taken from a buffer of a few thousand."""
    global _digits, _position
    start = _position
    _position = end = start + length
    if end > len(_digits):
        _digits = os.urandom(_BYTES).hex()
        start, _position = 0, length
        end = length
    return _digits[start:end]


def new_uuid() -> str:
    """A random UUID (version 4) as text; much cheaper than `uuid.uuid4()`."""
    digits = random_hex(32)
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{_VARIANT[digits[16]]}{digits[17:20]}-{digits[20:]}"
