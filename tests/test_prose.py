"""Which texts the prose linter reads, and at which lines."""

from __future__ import annotations

from prose.texts import comments, docstrings, markdown, messages

SOURCE = '''"""The module
and more."""

LIMIT = 1  # a comment
# one block,
# two lines

"""The limit's `docstring`."""


def greet(name: str) -> str:
    """Return a greeting."""
    return f"hello to you, {name}"
'''


def test_docstrings_are_those_of_modules_functions_and_attributes() -> None:
    """Each with its first line, and `x` in place of code."""
    found = [(text.line, text.prose) for text in docstrings("a.py", SOURCE)]
    assert found == [(1, "The module\nand more."), (8, "The limit's x."), (12, "Return a greeting.")]


def test_comments_on_successive_lines_are_one_text() -> None:
    """A comment after code begins the block if comments follow it."""
    assert [(text.line, text.prose) for text in comments("a.py", SOURCE)] == [(4, "a comment\none block,\ntwo lines")]


def test_messages_are_not_docstrings() -> None:
    """Only a string that can be printed, with `x` in place of values."""
    assert [(text.line, text.prose) for text in messages("a.py", SOURCE)] == [(13, "hello to you, x")]


def test_markdown_has_no_code_and_no_addresses() -> None:
    """Blocks are left out; code and addresses become `x`."""
    text = "See `code` and https://example.com/reply.\n\n```text\na reply\n```\n"
    assert [(each.line, each.prose) for each in markdown("a.md", text)] == [(1, "See x and x")]
