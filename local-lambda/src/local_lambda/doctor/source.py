"""What the source of a function says: its handler, what it imports, and where it writes."""

from __future__ import annotations

import ast
from collections.abc import Iterator

MODES = frozenset("wax+")
WRITERS = frozenset({"write_text", "write_bytes", "mkdir", "touch"})


def parse(text: bytes) -> ast.Module | None:
    """The syntax tree; None if it is not valid, or not for this Python."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def defines(tree: ast.Module, name: str) -> bool:
    """Whether a module has this name after it was imported, as far as can be seen: `import *` may bring anything."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and node.name == name:
            return True
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store):
            return True
        if isinstance(node, ast.alias) and (node.asname or node.name) in (name, "*"):
            return True
    return False


def imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """The topmost packages that are imported when the module is, and the lines; not those that a `try` protects."""
    ahead: list[ast.AST] = list(tree.body)
    while ahead:
        node = ahead.pop()
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.partition(".")[0], node.lineno
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0], node.lineno
        elif isinstance(node, ast.If) and not _is_for_types(node.test):
            ahead += [*node.body, *node.orelse]
        elif isinstance(node, (ast.With, ast.ClassDef)):
            ahead += node.body


def writes(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Paths, written out in the source, that are opened for writing and are not below /tmp; and the lines."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        path, wants = None, False
        if isinstance(node.func, ast.Name) and node.func.id == "open" and node.args:
            mode = (
                node.args[1] if len(node.args) > 1 else next((k.value for k in node.keywords if k.arg == "mode"), None)
            )
            path = _text(node.args[0])
            wants = bool(MODES & set(_text(mode) or ""))
        elif isinstance(node.func, ast.Attribute) and node.func.attr in WRITERS:
            made = node.func.value
            if isinstance(made, ast.Call) and isinstance(made.func, ast.Name) and made.func.id == "Path" and made.args:
                path, wants = _text(made.args[0]), True
        if wants and path is not None and not path.startswith(("/tmp/", "/dev/", "/mnt/")) and path != "/tmp":
            yield path, node.lineno


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _is_for_types(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else test.id if isinstance(test, ast.Name) else ""
    return name == "TYPE_CHECKING"
