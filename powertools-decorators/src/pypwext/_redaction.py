"""Keeps secrets out of log rows: headers, query strings, bodies.

A row is read by more people than the request it describes, and it is kept for longer.
"""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Iterable, List, Mapping, Tuple
from urllib.parse import unquote_plus, urlsplit, urlunsplit

REDACTED = "***"

# Parts of names, compared without case and without what separates words: "X-Api-Key" contains "apikey".
SECRET_PARTS = (
    "authorization",
    "cookie",
    "token",
    "secret",
    "password",
    "passwd",
    "apikey",
    "credential",
    "signature",
    "privatekey",
)

_SEPARATORS = re.compile(r"[-_.\s]")


class Redactor:
    """Replaces the values of what is named like a secret; with active=False it passes everything on.

    Args:
        names: Further names, or parts of names, to treat as secret.
    """

    def __init__(self, active: bool = True, names: Iterable[str] = ()) -> None:
        self._active = active
        self._parts: Tuple[str, ...] = (*SECRET_PARTS, *(_simplify(name) for name in names))

    def is_secret(self, name: object) -> bool:
        """Return whether a value of that name must not be shown."""
        simple = _simplify(str(name))
        return self._active and any(part in simple for part in self._parts)

    def redact(self, value: Any) -> Any:
        """Return value with the secrets in its dicts and lists replaced."""
        if isinstance(value, Mapping):
            return {key: REDACTED if self.is_secret(key) else self.redact(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.redact(item) for item in value]
        return value

    def redact_headers(self, headers: Mapping[str, Any]) -> Dict[str, Any]:
        """Return headers as a plain dict; a URL in `Location` is treated as a URL."""
        shown: Dict[str, Any] = self.redact(headers)
        for name in shown:
            if name.lower() in ("location", "referer") and isinstance(shown[name], str):
                shown[name] = self.redact_url(shown[name])
        return shown

    def redact_url(self, url: str) -> str:
        """Return url without password and without the secrets in its query and fragment."""
        if not self._active:
            return url
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        netloc = f"{REDACTED}@{host}" if "@" in parts.netloc else parts.netloc
        query, fragment = self._redact_pairs(parts.query), self._redact_pairs(parts.fragment)
        return urlunsplit(parts._replace(netloc=netloc, query=query, fragment=fragment))

    def _redact_pairs(self, text: str) -> str:
        shown: List[str] = []
        for pair in text.split("&"):
            name, equals, _ = pair.partition("=")
            shown.append(f"{name}={REDACTED}" if equals and self.is_secret(unquote_plus(name)) else pair)
        return "&".join(shown)

    def redact_body(self, body: Any, content_type: Any = None, limit: int = 65_536) -> Any:
        """Return what a row shows of a body: parsed JSON, text, or for anything else how large it is."""
        if body is None or body in (b"", ""):
            return None
        if not isinstance(body, (str, bytes, bytearray)):
            return f"<{type(body).__name__}>"  # a file or a generator: reading it would take it from the request
        if len(body) > limit:
            return f"<{len(body)} bytes>"
        try:
            text = body if isinstance(body, str) else bytes(body).decode()
        except UnicodeDecodeError:
            return f"<{len(body)} bytes>"
        try:
            return self.redact(json.loads(text))
        except ValueError:
            pass
        is_form = str(content_type or "").startswith("application/x-www-form-urlencoded")
        return self._redact_pairs(text) if is_form else text


def _simplify(name: str) -> str:
    return _SEPARATORS.sub("", name).lower()
