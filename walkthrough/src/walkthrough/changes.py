"""Make the change that a `diff` block shows, and undo it.

The lines of each hunk must occur in the file exactly once; the numbers in `@@` lines are ignored.
"""

from __future__ import annotations

import re
from pathlib import Path


class DiffError(Exception):
    """The diff does not fit its file."""


def read_hunks(lines: list[str]) -> list[tuple[str, str, str]]:
    """Return the file's name, the old text and the new text of each hunk."""
    hunks: list[tuple[str, list[str], list[str]]] = []
    name = ""
    for line in lines:
        if line.startswith("--- "):
            continue
        if line.startswith("+++ "):
            name = re.sub(r"^[ab]/", "", line[4:].split("\t")[0].strip())
            continue
        if line.startswith("@@"):
            hunks.append((name, [], []))
            continue
        if not hunks or hunks[-1][0] != name:
            hunks.append((name, [], []))
        mark, text = line[:1] or " ", line[1:] + "\n"
        if mark not in " +-" or not name:
            raise DiffError(f"no line of a unified diff: {line}")
        if mark in " -":
            hunks[-1][1].append(text)
        if mark in " +":
            hunks[-1][2].append(text)
    return [(name, "".join(old), "".join(new)) for name, old, new in hunks]


def apply(lines: list[str], folder: Path) -> dict[Path, bytes]:
    """Change the files below folder; return their previous content."""
    before: dict[Path, bytes] = {}
    for name, old, new in read_hunks(lines):
        path = folder / name
        if not path.is_file():
            raise DiffError(f"there is no file {name}")
        content = path.read_text(encoding="utf-8")
        places = len(re.findall(f"^{re.escape(old)}", content, re.MULTILINE))
        if places != 1:
            raise DiffError(f"these lines are {places} times in {name}:\n{old}")
        before.setdefault(path, path.read_bytes())
        place = re.search(f"^{re.escape(old)}", content, re.MULTILINE)
        assert place
        path.write_text(content[: place.start()] + new + content[place.end() :], encoding="utf-8")
    return before


def undo(before: dict[Path, bytes]) -> None:
    """Restore what `apply` has changed."""
    for path, content in before.items():
        path.write_bytes(content)
