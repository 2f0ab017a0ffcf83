"""What tool 4 changes: it adds a field to an event, and hides card numbers in a response."""

import json
import re
from typing import Any, Match

# The texts in a JSON document; and in a text, the words, and escapes such as \n, whose letters are not part of a word.
TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
ESCAPE_OR_WORD = re.compile(rb"\\u[0-9a-fA-F]{4}|\\.|\w+")


def change_event(event: bytes, request_id: str) -> bytes:
    """Put a field in front of those of a JSON object, unless it has that one; all other bytes stay as they are."""
    try:
        content: Any = json.loads(event.decode())
    except (ValueError, RecursionError):
        return event
    if not isinstance(content, dict) or "correlation" in content:
        return event
    before, brace, fields = event.partition(b"{")
    field = b'"correlation": ' + json.dumps(request_id).encode()
    return before + brace + field + (b", " if content else b"") + fields


def change_response(response: bytes) -> bytes:
    """Hide the card numbers in texts. Digits of other values stay: stars in a number would not be JSON."""
    # Not json.loads and json.dumps: they make floats of exact numbers, and six bytes of a letter such as é.
    return TEXT.sub(lambda text: ESCAPE_OR_WORD.sub(hide, text[0]), response)


def hide(word: Match[bytes]) -> bytes:
    """The word, or stars and four digits if it is a card number."""
    return b"*" * 12 + word[0][12:] if len(word[0]) == 16 and word[0].isdigit() else word[0]
