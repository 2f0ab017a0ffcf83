"""How texts look on the terminal: which characters, how long, and where lines break."""

from __future__ import annotations

import re
import shutil
import textwrap

WIDTH = 80
LONGEST = 300
"""How many characters of a response are shown."""
_SPACE_OF_CODE = "\0"


def shorten(text: str, most: int = LONGEST) -> str:
    """The text, or its beginning and an ellipsis."""
    return text if len(text) <= most else text[:most] + "…"


def one_line(text: str) -> str:
    """The text on one line, shortened."""
    return shorten(" ".join(text.split()))


def printable(text: str) -> str:
    """The text with control characters and lone surrogates escaped, so that it cannot change the terminal."""
    text = text.replace("\xa0", " ")
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def wrap(text: str) -> str:
    """Break lines that are wider than the terminal or 80 columns, never within an id, a path or a code span."""
    width = min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns or WIDTH)  # 0: a terminal that does not know
    return "\n".join(line if len(line) <= width else _fill(line, width) for line in text.split("\n"))


def wrap_markdown(text: str) -> str:
    """Join the lines of each paragraph and break them again; blocks of code stay as they are."""
    shown, paragraph, fenced = [], [], False
    for line in [*text.split("\n"), ""]:
        code = fenced or line.startswith(("    ", "```"))
        fenced ^= line.startswith("```")
        if line.strip() and not code:
            paragraph.append(line)
            continue
        if paragraph:
            shown.append(wrap(_join(paragraph)))
            paragraph = []
        shown.append(line)
    return "\n".join(shown).rstrip("\n")


def _join(lines: list[str]) -> str:
    joined = "\n".join(lines)
    joined = re.sub(
        r"`[^`]*`", lambda span: re.sub(r"-\n *", "-", span[0]), joined
    )  # `Content-` and `Type` are one word
    return " ".join(joined.split())


def _fill(line: str, width: int) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    kept = re.sub(r"`[^`\n]*`", lambda span: span[0].replace(" ", _SPACE_OF_CODE), line)
    filled = textwrap.fill(kept, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return filled.replace(_SPACE_OF_CODE, " ")
