"""A template is text from anywhere: what it expands to is bounded, and what cannot be read is one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from local_lambda.errors import UsageError
from local_lambda.functions.document import MAX_TEMPLATE_BYTES, read_document

LAUGHS = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 10))
HOSTILE = {
    "an anchor in itself": ("a: &a {b: {c: *a}}\n", "has an anchor that contains itself"),
    "an anchor in itself as a list": ("a: &a [1, *a]\n", "has an anchor that contains itself"),
    "a billion laughs": (f"l0: &l0 [lol]\n{LAUGHS}\n", "expands to more than 1000000 values"),
    "nested lists": ("a: " + "[" * 300 + "]" * 300, "has more than 200 nested lists and mappings"),
    "nested lists as JSON": (
        '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}",
        "has more than 200 nested lists and mappings",
    ),
    "a long number": ("a: " + "9" * 5_000, "is not valid: Exceeds the limit"),
    "a long number as JSON": ('{"a": ' + "9" * 5_000 + "}", "is not valid: Exceeds the limit"),
    "too many bytes": ("#" * (MAX_TEMPLATE_BYTES + 1), "is larger than 1048576 bytes"),
}


@pytest.mark.parametrize(("text", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_read_document_refuses_what_has_no_end(tmp_path: Path, text: str, reason: str) -> None:
    """One line, with the template's name."""
    path = tmp_path / "template.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as raised:
        read_document(path)
    assert str(raised.value).startswith(f"{path}: {reason}")
    assert "\n" not in str(raised.value)


def test_read_document_refuses_a_device() -> None:
    """It would be read for ever."""
    with pytest.raises(UsageError, match="/dev/zero: is larger than 1048576 bytes"):
        read_document(Path("/dev/zero"))


def test_read_document_expands_anchors(tmp_path: Path) -> None:
    """As often as they are used."""
    path = tmp_path / "template.yaml"
    path.write_text("a: &a {b: [1, 2]}\nc: [*a, *a, *a]\n")
    inner = {"b": [1, 2]}
    assert read_document(path) == {"a": inner, "c": [inner] * 3}
