"""JSON from outside and JSON for outside."""

from __future__ import annotations

import pytest

from local_lambda.environment.documents import decode, encode

DEEP = 100_000
STRANGE = {
    "arrays in arrays": b"[" * DEEP + b"]" * DEEP,
    "objects in objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "a number of 5,000 digits": b"1" * 5000,
    "not UTF-8": b'"\xff"',
    "nothing": b"",
}


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE)
def test_decode_of_anything_strange_is_a_value_error(text: bytes) -> None:
    """Callers have one kind of error to expect."""
    with pytest.raises(ValueError):
        decode(text)


def test_decode_of_a_document_is_the_document() -> None:
    """Nesting as deep as anybody writes it."""
    assert decode(b'{"a":[1,{"b":null}]}') == {"a": [1, {"b": None}]}
    assert decode(b"[" * 100 + b"]" * 100)


def test_encode_escapes_a_lone_surrogate_only() -> None:
    """It cannot be written in UTF-8, and a client must get its response anyway."""
    assert encode({"a": "\xe9\ud800"}) == b'{"a":"\xc3\xa9\\ud800"}'
