"""Header fields as an application has them, pairs of name and value, and as bytes in a message."""

from __future__ import annotations

from collections.abc import Sequence

Pairs = Sequence[tuple[str, str]]
"""Names and values, in order. A name may occur more than once."""


class Block:
    """Headers that never change, turned into bytes once."""

    def __init__(self, *pairs: tuple[str, str]) -> None:
        self.pairs = pairs
        self.lines = render(pairs)


def render(pairs: Pairs) -> bytes:
    """Header lines, each with its line end. What UTF-8 cannot express becomes `?`.

    Raises ValueError when a name or value would end its line: the rest of it could be taken for another response.
    """
    text = "".join([f"{name}: {value}\r\n" for name, value in pairs])
    if text.count("\n") != len(pairs) or text.count("\r") != len(pairs) or "\0" in text:
        raise ValueError("a header has a line end or NUL in it")
    return text.encode("utf-8", "replace")


NONE = Block()
JSON = Block(("Content-Type", "application/json"))
TEXT = Block(("Content-Type", "text/plain"))
