"""The headers that a function returns: merges single and repeated ones, and renames or drops some for a REST API.

Rules: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html and, for
remapped headers, api-gateway-known-issues.html.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from local_lambda.apis.api_gateway.malformed import Malformed, shown

Pairs = list[tuple[str, str]]

_REMAPPED = frozenset(
    """
    authorization connection content-length content-md5 date max-forwards server user-agent www-authenticate
    x-amzn-requestid
    """.split()
)
"""Headers that a REST API renames to `x-amzn-Remapped-...`."""

_DROPPED_BY_REST_API = frozenset("expect host proxy-authenticate te trailer transfer-encoding upgrade via".split())
_DROPPED_BY_HTTP_API = frozenset(("connection", "content-length", "transfer-encoding"))
"""Headers that only the server can set."""

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_UNSAFE = re.compile(r"[\r\n\0]").search


def rest_api_headers(returned: Mapping[str, Any]) -> Pairs:
    """`multiValueHeaders`, then those of `headers` that do not repeat a name and value. Raises Malformed."""
    pairs = _several(returned, _string_or_boolean)
    known = {(name.lower(), value) for name, value in pairs}
    pairs += [pair for pair in _single(returned, _string_or_boolean) if (pair[0].lower(), pair[1]) not in known]
    sent = _checked(pairs, _DROPPED_BY_REST_API)
    return [(f"x-amzn-Remapped-{name}" if name.lower() in _REMAPPED else name, value) for name, value in sent]


def http_api_headers(returned: Mapping[str, Any]) -> Pairs:
    """`headers`, then `multiValueHeaders`, then a `Set-Cookie` for each of `cookies`. Raises Malformed."""
    cookies = returned.get("cookies") or []
    if not isinstance(cookies, list):
        raise Malformed(f"cookies is {shown(cookies)}, not a list")
    pairs = _single(returned, _scalar) + _several(returned, _scalar)
    pairs += [("Set-Cookie", _scalar("cookies", value)) for value in cookies]
    return _checked(pairs, _DROPPED_BY_HTTP_API)


def _single(returned: Mapping[str, Any], text: Callable[[str, object], str]) -> Pairs:
    return [(name, text(name, value)) for name, value in _mapping(returned, "headers").items()]


def _several(returned: Mapping[str, Any], text: Callable[[str, object], str]) -> Pairs:
    pairs: Pairs = []
    for name, values in _mapping(returned, "multiValueHeaders").items():
        if not isinstance(values, list):
            raise Malformed(f"{shown(name)} in multiValueHeaders is {shown(values)}, not a list")
        pairs += [(name, text(name, value)) for value in values]
    return pairs


def _mapping(returned: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = returned.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Malformed(f"headers and multiValueHeaders have to be objects; {name} is {shown(value)}")
    return value


def _string_or_boolean(name: str, value: object) -> str:
    if isinstance(value, bool):
        return json.dumps(value)
    if not isinstance(value, str):
        raise Malformed(f"{shown(value)}, the value of {shown(name)}, is not a string")
    return value


def _scalar(name: str, value: object) -> str:
    return json.dumps(value) if isinstance(value, (int, float)) else _string_or_boolean(name, value)


def _checked(pairs: Pairs, dropped: frozenset[str]) -> Pairs:
    for name, value in pairs:
        if not _NAME(name) or _UNSAFE(value):
            raise Malformed(f"{shown(name)} is not a header that can be sent")
    return [(name, value) for name, value in pairs if name.lower() not in dropped]
