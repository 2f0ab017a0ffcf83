"""The texts that are checked, each with the place it is at: Markdown without code, and what the tool prints."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PRINTED = re.compile(r"local-lambda/src/.*\.py")
_FENCE = re.compile(r"^ *(```|~~~)")
_CODE = re.compile(r"`[^`]*`|\]\([^)]*\)|<[^>]*>")


class Text(NamedTuple):
    """A piece of prose, and where it begins."""

    file: str
    line: int
    prose: str


def texts() -> Iterator[Text]:
    """All of them, in the order of the files' names."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.splitlines():
        path = ROOT / name
        if not path.is_file():
            continue
        if name.endswith(".md"):
            yield from markdown(name, path.read_text(encoding="utf-8"))
        elif PRINTED.fullmatch(name):
            yield from messages(name, path.read_text(encoding="utf-8"))


def markdown(name: str, text: str) -> Iterator[Text]:
    """The lines outside code blocks, without code in them: `x` stands in its place."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if _FENCE.match(line):
            fenced = not fenced
        elif not fenced and line.strip():
            yield Text(name, number, _CODE.sub(lambda code: "](x)" if code[0][0] == "]" else "x", line))


def messages(name: str, source: str) -> Iterator[Text]:
    """String literals of at least three words that are not docstrings: what may be printed."""
    tree = ast.parse(source)
    passed = {id(statement.value) for statement in ast.walk(tree) if isinstance(statement, ast.Expr)}  # docstrings
    passed |= {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "x" for part in node.values]
            prose = "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in passed:
            prose = node.value
        else:
            continue
        if len(prose.split()) >= 3 and "\n" not in prose:
            yield Text(name, node.lineno, _CODE.sub("x", prose))
