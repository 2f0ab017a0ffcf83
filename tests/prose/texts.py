"""The texts that are checked, each with its place: Markdown without code, messages, docstrings and comments."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PRINTED = re.compile(r"local-lambda/src/.*\.py")
NOTES = re.compile(r"(?:benchmarks|local-lambda/src|tests/prose|walkthrough/src)/.*\.py")
"""The files whose docstrings and comments are checked even without `--all`."""
_FENCE = re.compile(r"^ *(```|~~~)")
_CODE = re.compile(r"https?://\S+|`[^`]*`|\]\([^)]*\)|<[^>]*>")


class Text(NamedTuple):
    """A piece of prose, and where it begins."""

    file: str
    line: int
    prose: str


def texts(*, every_note: bool = False) -> Iterator[Text]:
    """All texts in the order of the files' names; with `every_note`, the docstrings and comments of all files."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.splitlines():
        path = ROOT / name
        if not path.is_file():
            continue
        if name.endswith(".md"):
            yield from markdown(name, path.read_text(encoding="utf-8"))
            continue
        if PRINTED.fullmatch(name):
            yield from messages(name, path.read_text(encoding="utf-8"))
        if NOTES.fullmatch(name) or (every_note and name.endswith(".py")):
            yield from docstrings(name, path.read_text(encoding="utf-8"))
            yield from comments(name, path.read_text(encoding="utf-8"))


def markdown(name: str, text: str) -> Iterator[Text]:
    """The lines outside code blocks, without code in them: `x` stands in its place."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if _FENCE.match(line):
            fenced = not fenced
        elif not fenced and line.strip():
            yield Text(name, number, without_code(line))


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
            yield Text(name, node.lineno, without_code(prose))


def docstrings(name: str, source: str) -> Iterator[Text]:
    """The docstrings of modules, classes, functions and attributes."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield Text(name, node.lineno, without_code(node.value.value))


def comments(name: str, source: str) -> Iterator[Text]:
    """The comments; those on successive lines are one text."""
    block: list[str] = []
    first = last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        if block and token.start[0] != last + 1:
            yield Text(name, first, without_code("\n".join(block)))
            block = []
        first, last = (first if block else token.start[0]), token.start[0]
        block.append(token.string.lstrip("#!: "))
    if block:
        yield Text(name, first, without_code("\n".join(block)))


def without_code(text: str) -> str:
    """The text with `x` in place of code, link targets and tags; the lines keep their numbers."""
    return _CODE.sub(lambda code: ("](x)" if code[0][0] == "]" else "x") + "\n" * code[0].count("\n"), text)
