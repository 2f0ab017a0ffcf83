"""Templates with `{argument}` and `{ENVIRONMENT}` placeholders.

The template comes from the developer, the arguments may come from anyone. So there is one pass over the template and
none over what was filled in, and in a URL an argument stays inside the part it was meant for.
"""

from __future__ import annotations

import os
import re
from typing import Any, Callable, Mapping, Optional, Set, Tuple
from urllib.parse import quote

from ._errors import PyPwExtInternalError

# Doubled braces first, then placeholders, then any brace that is neither.
_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")

# What an argument may add to the host: a name or its beginning, with a port, but nothing that ends the host.
_HOST_PART = re.compile(r"[A-Za-z0-9._:-]*")

Escape = Callable[[str, str, int], str]


class PyPwExtTemplateError(PyPwExtInternalError, ValueError):
    """A template cannot be filled in."""


def render(template: str, arguments: Mapping[str, Any], escape: Optional[Escape] = None) -> str:
    """Return the template with its placeholders filled in; escape gets each argument's name, text and position."""

    def replace(match: re.Match[str]) -> str:
        token, name = match.group(0), match.group(1)
        if token in ("{{", "}}"):
            return token[0]
        if name is None:
            raise PyPwExtTemplateError(f"Template {template!r}: a brace stands alone; write it twice to keep it")
        if name.isupper():
            return _get_variable(template, name)
        if name not in arguments:
            raise PyPwExtTemplateError(f"Template {template!r}: there is no argument {name!r}")
        text = str(arguments[name])
        return escape(name, text, match.start()) if escape else text

    return _TOKEN.sub(replace, template)


def _get_variable(template: str, name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise PyPwExtTemplateError(f"Template {template!r}: the environment variable {name!r} is not set")
    return value


def render_url(template: str, arguments: Mapping[str, Any]) -> str:
    """Return the URL of a template.

    An argument in path or query is percent-encoded and cannot add a segment, a parameter or `..`; in the host it may
    hold host characters only. An argument at the very start is the developer's way to pass in the whole beginning of
    a URL, and variables of the environment are the developer's own: both are taken as they are.
    """
    host_start, host_end = _find_host(template)

    def escape(name: str, text: str, position: int) -> str:
        if position == 0:
            return text
        if host_start <= position < host_end:
            if not _HOST_PART.fullmatch(text):
                raise PyPwExtTemplateError(f"Template {template!r}: the argument {name!r} cannot be in a host name")
            return text
        return quote(text, safe="")

    url = render(template, arguments, escape)
    _refuse_climbing(template, url)
    return url


def _find_host(template: str) -> Tuple[int, int]:
    scheme_end = template.find("://")
    if scheme_end < 0:
        return 0, 0
    start = scheme_end + 3
    end = min((at for at in (template.find(mark, start) for mark in "/?#") if at >= 0), default=len(template))
    return start, end


def _refuse_climbing(template: str, url: str) -> None:
    # Percent-encoding does not help against a segment that is just dots: clients and servers resolve it either way.
    added = _find_dots(url) - _find_dots(template)
    if added:
        raise PyPwExtTemplateError(f"Template {template!r}: an argument would lead to another path")


def _find_dots(url: str) -> Set[str]:
    path = re.split(r"[?#]", url, maxsplit=1)[0]
    return {".", ".."} & set(path.split("/"))
