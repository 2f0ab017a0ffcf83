"""The arguments of a call by name, as the function will see them."""

from __future__ import annotations

import inspect
from typing import Any, Callable, Dict, FrozenSet, Optional, Tuple

from ._wrapping import INJECTED

_REST = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_MISSING = object()


class Arguments:
    """Names the arguments of calls to one function: defaults included, without self, without an empty *args or
    **kwargs.

    Parameters that a decorator below fills in later (the response of an HTTP call) are shown when the caller gave them.
    """

    def __init__(self, func: Callable[..., Any]) -> None:
        self._signature = _get_signature(func)
        self._injected: FrozenSet[str] = getattr(func, INJECTED, frozenset())
        parameters = list(self._signature.parameters.values()) if self._signature else []
        kinds = {parameter.kind for parameter in parameters}
        # Binding by hand is eight times as fast as by inspect, and good for nearly all functions.
        self._is_plain = self._signature is not None and kinds <= {
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            inspect.Parameter.KEYWORD_ONLY,
        }
        self._defaults: Dict[str, Any] = {
            parameter.name: _MISSING if parameter.default is inspect.Parameter.empty else parameter.default
            for parameter in parameters
        }
        positional = [p.name for p in parameters if p.kind == inspect.Parameter.POSITIONAL_OR_KEYWORD]
        self._positional = tuple(positional)
        self._self = positional[0] if positional and positional[0] in ("self", "cls") else None

    def name(self, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Dict[str, Any]:
        """Return the arguments of a call by name. For a wrong call, which will fail anyway, return what was
        given.
        """
        if self._is_plain and len(args) <= len(self._positional) and kwargs.keys() <= self._defaults.keys():
            given = {**dict(zip(self._positional, args)), **kwargs}
            named = {**self._defaults, **given}
            is_complete = not any(value is _MISSING for value in named.values())
            if is_complete and len(given) == len(args) + len(kwargs):
                return self._select(named, given)
        return self._name_by_inspection(args, kwargs)

    def _name_by_inspection(self, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Dict[str, Any]:
        try:
            if self._signature is None:
                raise TypeError
            bound = self._signature.bind(*args, **kwargs)
        except TypeError:  # a wrong call, or a wrapper that hides what the function really takes
            return {"args": list(args), **kwargs}
        given = dict(bound.arguments)
        bound.apply_defaults()
        parameters = self._signature.parameters
        named = {name: value for name, value in bound.arguments.items() if value or parameters[name].kind not in _REST}
        return self._select(named, given)

    def _select(self, named: Dict[str, Any], given: Dict[str, Any]) -> Dict[str, Any]:
        if self._self is not None:
            del named[self._self]
        for name in self._injected:
            if name not in given:
                named.pop(name, None)
        return named


def _get_signature(func: Callable[..., Any]) -> Optional[inspect.Signature]:
    try:
        return inspect.signature(func)
    except (TypeError, ValueError):  # some builtins have none
        return None
