"""Header fields: pairs of name and value for applications, bytes in messages."""

from __future__ import annotations

from collections.abc import Sequence

Pairs = Sequence[tuple[str, str]]
"""Names and values, in order. A name may occur more than once."""


class Block:
    """Headers that never change, converted to bytes once."""

    def __init__(self, *pairs: tuple[str, str]) -> None:
        self.pairs = pairs
        self.lines = render(pairs)


def render(pairs: Pairs) -> bytes:
    """Header lines, each with its line end. A character that UTF-8 cannot express becomes `?`.

    Raises ValueError when a name or value contains a line end: what follows could be taken for a separate response.
    """
    if not pairs:
        return b""
    lines = list(map(": ".join, pairs))
    text = "".join(lines)
    if "\n" in text or "\r" in text or "\0" in text:
        raise ValueError("a header has a line end or NUL in it")
    lines.append("")
    return "\r\n".join(lines).encode("utf-8", "replace")


NONE = Block()
JSON = Block(("Content-Type", "application/json"))
TEXT = Block(("Content-Type", "text/plain"))
