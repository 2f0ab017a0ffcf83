"""Makes text from outside safe for a terminal or a drawing: control characters are shown, never sent.

Log lines, paths, traces and file names can contain what moves the cursor, sets the title or writes to the clipboard.
Such a character becomes an escape sequence as Python writes it, such as `\\x1b`. Recordings, deliveries and payloads
keep their text.
"""

from __future__ import annotations

import re
import sys

_SET = r"[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
"""Control characters (C0, C1), other line ends, changes of writing direction, and what UTF-8 or XML cannot hold."""
_SAFE_ASCII = bytes([*b"\t\n", *range(32, 127)])
_UNSAFE = f"{_SET}{_SET}*"  # one that begins with a set is searched for four times as fast as `+`


def visible(text: str) -> str:
    """The text with unsafe characters shown as escape sequences. Tabs and line feeds stay; CR LF becomes LF."""
    if text.isascii():
        if not text.encode().translate(None, _SAFE_ASCII):  # much faster than `isprintable`
            return text
    elif text.replace("\t", "").replace("\n", "").isprintable():
        return text
    # The pattern is compiled when it is first needed, because that takes longer than an invocation.
    return re.sub(_UNSAFE, _escape, text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """The text in one line: everything that is not printable is shown as an escape sequence."""
    return text if text.isprintable() else "".join([char if char.isprintable() else ascii(char)[1:-1] for char in text])


def json_visible(document: str) -> str:
    """A JSON document with unsafe characters as the escape sequences of JSON, so that its values stay the same."""
    return re.sub(_UNSAFE, lambda found: "".join([f"\\u{ord(char):04x}" for char in found[0]]), document)


def print_line(message: str) -> None:
    """Print a message of the tool in one line on standard error."""
    print(f"local-lambda: {one_line(message)}", file=sys.stderr, flush=True)


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
