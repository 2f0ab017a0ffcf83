"""From any object to the types JSON knows: one step (`convert`), or all the way down (`make_plain`)."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import json
import math
import traceback
from collections import deque
from collections.abc import Mapping, Set, ValuesView
from enum import Enum
from types import TracebackType
from typing import Any, Callable, Dict, List, Tuple

# Deep enough for any payload Lambda can carry; an object that makes ever new objects of itself ends here.
MAX_DEPTH = 64

# Python refuses to write longer numbers in decimal (4,300 digits), to protect servers.
MAX_BITS = 14_000

Step = Callable[[Any], Any]


def convert(o: Any) -> Any:
    """Return a value that stands for o and is nearer to JSON; text when nothing better is known."""
    if isinstance(o, BaseException):
        rendered = _call(o, "dict", {})  # an error of pypwext has one; nothing of that class is known here
        return rendered if isinstance(rendered, Mapping) else str(o) or repr(o)
    if isinstance(o, (datetime.date, datetime.time)):  # a datetime is a date
        return o.isoformat()
    if isinstance(o, TracebackType):
        return "".join(traceback.format_tb(o))
    if isinstance(o, type):
        return f"{o.__module__}.{o.__qualname__}"  # a class has the methods below, but no instance to call them on
    for attempt in (_from_methods, _from_known_type):
        found, value = attempt(o)
        if found:
            return value
    return _text(o)


def _from_methods(o: Any) -> Tuple[bool, Any]:
    # Stand-ins such as a Mock have any method one asks for. Only a response of the promised type counts.
    # model_dump comes first because pydantic 2 warns when its models are asked for dict() or json().
    for name, arguments in (("model_dump", {"mode": "json"}), ("model_dump", {}), ("dict", {})):
        value = _call(o, name, arguments)
        if isinstance(value, Mapping):
            return True, dict(value)
    if dataclasses.is_dataclass(o):
        # Not asdict(): it copies deeply, which fails for locks and connections. What is nested comes back here anyway.
        return True, {field.name: getattr(o, field.name, None) for field in dataclasses.fields(o)}
    value = _call(o, "json", {})
    if isinstance(value, str):
        try:
            return True, json.loads(value)
        except ValueError:
            return True, value
    return isinstance(value, (Mapping, list)), value


def _call(o: Any, name: str, arguments: Dict[str, Any]) -> Any:
    try:
        method = getattr(o, name, None)
        return method(**arguments) if callable(method) else None
    except Exception:  # the object's own code: whatever it raises, the next form is tried
        return None


def _from_known_type(o: Any) -> Tuple[bool, Any]:
    if isinstance(o, Enum):
        return True, o.value
    if isinstance(o, (bytes, bytearray, memoryview)):
        data = bytes(o)
        try:
            return True, data.decode()
        except UnicodeDecodeError:
            return True, base64.b64encode(data).decode()
    if isinstance(o, Mapping):
        return True, dict(o)
    if isinstance(o, (Set, ValuesView, deque, range)):
        return True, _in_order(o) if isinstance(o, Set) else list(o)
    if {"status_code", "headers", "body"} <= getattr(o, "__dict__", {}).keys():  # a Response of Powertools
        return True, {"status_code": o.status_code, "headers": o.headers, "body": o.body}
    return False, None


def _in_order(values: Any) -> List[Any]:
    try:
        return sorted(values)
    except TypeError:
        return sorted(values, key=repr)


def _text(o: Any) -> str:
    try:
        return str(o)
    except Exception:
        return f"<{type(o).__name__}>"


def make_plain(o: Any, step: Step = convert, _inside: Tuple[int, ...] = ()) -> Any:
    """Return o with nothing but dict, list, str, int, float, bool and None in it; step converts everything
    else.
    """
    if o is None or isinstance(o, (bool, str)):
        return o
    if isinstance(o, int):
        return int(o) if o.bit_length() <= MAX_BITS else hex(o)
    if isinstance(o, float):
        return float(o) if math.isfinite(o) else str(o)
    if id(o) in _inside:
        return "<circular reference>"
    if len(_inside) >= MAX_DEPTH:
        return _text(o)[:100]
    inside = (*_inside, id(o))
    if isinstance(o, dict):
        return {_key(key, step): make_plain(value, step, inside) for key, value in o.items()}
    if isinstance(o, (list, tuple)):
        return [make_plain(value, step, inside) for value in o]
    return make_plain(step(o), step, inside)


def _key(key: Any, step: Step) -> str:
    if isinstance(key, str):
        return key
    plain = make_plain(key, step)
    return plain if isinstance(plain, str) else json.dumps(plain)
