"""Small helpers that are useful without the rest: log levels, templates, conversion to dicts."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
from typing import Any, Dict, Optional, Union

from ._conversions import convert
from ._levels import parse_level
from ._templates import PyPwExtTemplateError, render, render_url

__all__ = [
    "PyPwExtTemplateError",
    "get_log_level",
    "is_dataclass_instance",
    "render_arg_env_string",
    "render_url",
    "try_convert_to_dict",
]


def get_log_level(level: Union[str, int, None], default: int = logging.DEBUG) -> int:
    """Return level as a number; when it names no level the one in `LOG_LEVEL`, else default.

    Args:
        level: A number, a name in any case (`"info"`, `"VERBOSE"`) or digits (`"20"`).
    """
    for candidate in (level, os.environ.get("LOG_LEVEL")):
        parsed = parse_level(candidate)
        if parsed is not None:
            return parsed
    return default


def render_arg_env_string(template: Any, in_args: Dict[str, Any]) -> Any:
    """Fill in a template in a single pass: `{lowercase}` from in_args, `{UPPERCASE}` from the environment.

    What is filled in is never looked at again, so no argument can bring an environment variable into the text. Braces
    meant as such are written twice. A template that is not text (a number, say) is returned as it is, None as "".

    Raises:
        PyPwExtTemplateError: an argument or variable is missing, or a brace stands alone. It is a ValueError, too.
    """
    return render(template, in_args) if isinstance(template, str) else ("" if template is None else template)


def is_dataclass_instance(obj: Any) -> bool:
    """Return whether obj is an instance of a dataclass; the class itself is not one."""
    return dataclasses.is_dataclass(obj) and not isinstance(obj, type)


def try_convert_to_dict(data: Any) -> Optional[Any]:
    """Return data as a dict where that is possible, data itself where it is not, None for anything empty.

    Text and bytes are read as JSON; objects are asked for `dict()` or `json()`; dataclasses give their fields.
    """
    if isinstance(data, (bytes, bytearray)):
        try:
            data = bytes(data).decode()
        except UnicodeDecodeError:
            return data
    if not is_dataclass_instance(data) and not data:
        return None
    if isinstance(data, str):
        try:
            return json.loads(data)
        except ValueError:
            return data
    if isinstance(data, dict):
        return data
    if is_dataclass_instance(data) and not hasattr(data, "dict"):
        return dataclasses.asdict(data)
    converted = convert(data)
    return converted if isinstance(converted, (dict, list)) else data
