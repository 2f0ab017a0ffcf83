"""The page names functions that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "local_lambda"
PAGE = PACKAGE.parents[1] / "docs" / "life-of-an-invocation.md"
FILE = re.compile(r"[\w/]+\.py")


def named() -> list[tuple[str, str]]:
    """File and function of every name in the tables; a name belongs to the file before it."""
    found = []
    for row in PAGE.read_text().splitlines():
        if not row.startswith("| ") or row.startswith("| step"):
            continue
        file = ""
        for name in re.findall(r"`([^`]+)`", row.rpartition(" | ")[2]):
            if FILE.fullmatch(name):
                file = name
            else:
                found.append((file, name))
    return found


def defined(file: str) -> set[str]:
    """Functions of a module, and methods as `Class.method`."""
    names = set()
    for node in ast.parse((PACKAGE / file).read_text()).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{part.name}" for part in node.body if isinstance(part, ast.FunctionDef)}
    return names


def test_page_has_three_stories() -> None:
    """Warm, cold with an extension, and timed out, each with a diagram and a table."""
    text = PAGE.read_text()
    assert (text.count("```mermaid"), text.count("| step | function |")) == (3, 3)


@pytest.mark.parametrize(("file", "name"), dict.fromkeys(named()))
def test_function_named_on_the_page_exists(file: str, name: str) -> None:
    """Renaming one means renaming it on the page."""
    assert name in defined(file)
