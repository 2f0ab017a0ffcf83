"""JSON as the service writes it, and as runtimes and extensions send it, which may be anything."""

from __future__ import annotations

import json


def encode(document: object) -> bytes:
    """A document without spaces. Non-ASCII characters stay as they are, but a lone surrogate is escaped."""
    return _encode(document).encode("utf-8", "backslashreplace")


def decode(text: bytes) -> object:
    """Parse a document from outside. Raises ValueError for any problem with it, including too deep nesting."""
    try:
        return _decode(text.decode("utf-8"))
    except RecursionError:
        raise ValueError("the document is nested too deeply") from None


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_decode = json.JSONDecoder().decode
