"""JSON as the service writes it, and as it comes from a runtime or an extension, which may send anything."""

from __future__ import annotations

import json


def encode(document: object) -> bytes:
    """A document without blanks, non-ASCII characters as they are, but a lone surrogate escaped."""
    return _encode(document).encode("utf-8", "backslashreplace")


def decode(text: bytes) -> object:
    """A document from outside. Raises ValueError for whatever is wrong with it, nested too deeply included."""
    try:
        return _decode(text.decode("utf-8"))
    except RecursionError:
        raise ValueError("the document is nested too deeply") from None


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_decode = json.JSONDecoder().decode
