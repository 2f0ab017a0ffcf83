"""Filters of event source mappings: the pattern language of EventBridge, as Event Ruler reads it.

Rules: https://github.com/aws/event-ruler (README: an array in a record matches if one of its elements does, and all
fields below an array must match in the same element) and
https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html. Pure: a pattern's text in, a function out.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address, ip_network
from typing import Any

from local_lambda.sources.ports import Document, Matches

_Path = tuple[str, ...]
_Test = Callable[[object], bool]
"""Whether a pattern matches one leaf of a record: a text, a number, a boolean or null."""
_Node = Callable[[list[object], frozenset[_Path]], bool]
"""Whether a part of a pattern matches the values at its place; the paths are those at which a record has no leaf."""

_RESERVED = frozenset(
    {"exactly", "exists", "anything-but", "anything-but-ignore-case", "prefix", "suffix", "equals-ignore-case"}
    | {"numeric", "wildcard", "cidr"}
)
"""An `$or` with a field of such a name is an ordinary field."""
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def compiled(text: str) -> Matches:
    """The filter of a pattern. Raises ValueError if the pattern is not valid."""
    absent: set[_Path] = set()
    try:
        node = _fields(json.loads(text), (), absent)
    except RecursionError:
        raise ValueError("the pattern is nested too deeply") from None

    def matches(view: Document) -> bool:
        missing = frozenset(path for path in absent if not any(map(_is_leaf, _at(view, path))))
        return node([view], missing)

    return matches


def _fields(pattern: object, path: _Path, absent: set[_Path]) -> _Node:
    """All fields of a pattern's object match, in the same object of a record."""
    if not isinstance(pattern, dict) or not pattern:
        raise ValueError("a pattern is an object with at least one field")
    tests = [_field(name, value, path, absent) for name, value in pattern.items()]

    def matches(values: list[object], missing: frozenset[_Path]) -> bool:
        objects = [value for value in values if isinstance(value, dict)] or [{}]
        return any(all(test([each], missing) for test in tests) for each in objects)

    return matches


def _field(name: str, pattern: Any, path: _Path, absent: set[_Path]) -> _Node:
    if name == "$or" and _is_choice(pattern):
        choices = [_fields(choice, path, absent) for choice in pattern]
        return lambda values, missing: any(choice(values, missing) for choice in choices)
    below = (*path, name)
    inner = _leaves(pattern, below, absent) if isinstance(pattern, list) else _fields(pattern, below, absent)

    def matches(values: list[object], missing: frozenset[_Path]) -> bool:
        return inner(list(_below(values, name)), missing)

    return matches


def _is_choice(pattern: Any) -> bool:
    return (
        isinstance(pattern, list)
        and len(pattern) > 1
        and all(isinstance(choice, dict) and not _RESERVED & choice.keys() for choice in pattern)
    )


def _leaves(patterns: list[object], path: _Path, absent: set[_Path]) -> _Node:
    """At least one leaf matches one of the patterns, or there is none and that is what a pattern asks for."""
    if not patterns:
        raise ValueError("a field needs at least one value")
    wanted = [pattern for pattern in patterns if not _is_absence(pattern)]
    tests = [_test(pattern) for pattern in wanted]
    if len(wanted) < len(patterns):
        absent.add(path)

    def matches(values: list[object], missing: frozenset[_Path]) -> bool:
        leaves = filter(_is_leaf, values)
        return path in missing or any(test(leaf) for leaf in leaves for test in tests)

    return matches


def _is_absence(pattern: object) -> bool:
    return isinstance(pattern, dict) and pattern.keys() == {"exists"} and pattern["exists"] is False


def _test(pattern: object) -> _Test:
    if isinstance(pattern, list):
        raise ValueError("a list of values has no lists")
    if not isinstance(pattern, dict):
        return lambda leaf: _equal(leaf, pattern)
    if len(pattern) != 1:
        raise ValueError("an object in a list of values has one operator")
    ((name, operand),) = pattern.items()
    if name == "exists" and operand is True:
        return lambda leaf: True
    if name == "anything-but":
        return _anything_but(operand)
    if name == "numeric":
        return _numeric(operand)
    if name == "cidr":
        network = ip_network(_text(operand), strict=False)
        return lambda leaf: isinstance(leaf, str) and _in_network(leaf, network)
    return _text_test(name, operand)


def _text_test(name: str, operand: object) -> _Test:
    """An operator that matches texts only."""
    if name in ("prefix", "suffix"):
        matches = str.startswith if name == "prefix" else str.endswith
        if isinstance(operand, dict):
            if operand.keys() != {"equals-ignore-case"}:
                raise ValueError(f"{name} takes a string or equals-ignore-case")
            folded = _text(operand["equals-ignore-case"]).lower()
            return lambda leaf: isinstance(leaf, str) and matches(leaf.lower(), folded)
        text = _text(operand)
        return lambda leaf: isinstance(leaf, str) and matches(leaf, text)
    if name == "equals-ignore-case":
        lower = _text(operand).lower()
        return lambda leaf: isinstance(leaf, str) and leaf.lower() == lower
    if name == "wildcard":
        expression = _wildcard(_text(operand))
        return lambda leaf: isinstance(leaf, str) and expression.fullmatch(leaf) is not None
    raise ValueError(f"{name} is not an operator")


def _anything_but(operand: object) -> _Test:
    if isinstance(operand, dict):
        if len(operand) != 1:
            raise ValueError("anything-but takes one operator")
        ((name, inner),) = operand.items()
        excluded = [_text_test(name, each) for each in (inner if isinstance(inner, list) else [inner])]
    else:
        values = operand if isinstance(operand, list) else [operand]
        if not (all(isinstance(value, str) for value in values) or all(map(_is_number, values))):
            raise ValueError("anything-but takes strings or numbers")
        excluded = [_test(value) for value in values]
    if not excluded:
        raise ValueError("anything-but needs a value")
    return lambda leaf: not any(test(leaf) for test in excluded)


def _numeric(operand: object) -> _Test:
    """One comparison, or a range: a lower bound, then a higher upper bound."""
    if not isinstance(operand, list) or len(operand) not in (2, 4):
        raise ValueError("numeric takes a comparison or a range")
    names, bounds = operand[::2], operand[1::2]
    if not all(isinstance(name, str) and name in _COMPARISONS for name in names) or not all(map(_is_number, bounds)):
        raise ValueError("numeric compares with numbers")
    if len(names) == 2 and not (names[0][0] == ">" and names[1][0] == "<" and bounds[0] < bounds[1]):
        raise ValueError("a range of numeric begins with its lower bound")
    pairs = [(_COMPARISONS[name], bound) for name, bound in zip(names, bounds, strict=True)]
    return lambda leaf: (
        isinstance(leaf, (int, float))
        and not isinstance(leaf, bool)
        and all(compare(leaf, bound) for compare, bound in pairs)
    )


def _wildcard(text: str) -> re.Pattern[str]:
    """`*` stands for any text; a backslash takes the meaning from `*` and from a backslash.

    The first place where the text after a star fits is as good as any other. So the groups are atomic: a text is not
    divided in all possible ways.
    """
    if re.search(r"(?<!\\)(?:\\\\)*\*\*", text) or re.fullmatch(r"(?:[^\\]|\\[\\*])*", text, re.DOTALL) is None:
        raise ValueError("a wildcard pattern has ** or a backslash before something else")
    texts = [""]
    for part in re.findall(r"\\.|.", text, re.DOTALL):
        if part == "*":
            texts.append("")
        else:
            texts[-1] += re.escape(part[-1])
    first, *between = texts
    last = f".*{between.pop()}" if between else ""
    return re.compile(first + "".join(f"(?>.*?{each})" for each in between) + last, re.DOTALL)


def _in_network(text: str, network: Any) -> bool:
    try:
        return ip_address(text) in network
    except ValueError:
        return False


def _text(operand: object) -> str:
    if not isinstance(operand, str):
        raise ValueError("the operator takes a string")
    return operand


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _equal(leaf: object, value: object) -> bool:
    """Equal in JSON, where a boolean is not a number."""
    return isinstance(leaf, bool) == isinstance(value, bool) and leaf == value


def _is_leaf(value: object) -> bool:
    return not isinstance(value, dict)


def _at(view: Document, path: _Path) -> Iterable[object]:
    """All values at a path."""
    values: list[object] = [view]
    for name in path:
        values = list(_below(values, name))
    return values


def _below(values: Iterable[object], name: str) -> Iterator[object]:
    """The values of a member, and the elements of those that are arrays."""
    left = [value[name] for value in values if isinstance(value, dict) and name in value]
    while left:
        value = left.pop()
        if isinstance(value, list):
            left += value
        else:
            yield value
