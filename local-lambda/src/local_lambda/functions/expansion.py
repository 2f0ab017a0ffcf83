"""Expands `Fn::ForEach`, which writes an entry of a mapping once for each value of a list, and `Fn::Transform`.

Specification: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-foreach.html
A small text can ask for very many entries, so their number is limited.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from local_lambda.errors import UsageError
from local_lambda.functions.intrinsics import Scope, Unresolvable, text
from local_lambda.functions.transforms import TRANSFORM, Transforms

_PREFIX = "Fn::ForEach::"
_BODIES = ("Body", "DefinitionBody")
"""Properties whose `AWS::Include` the reader of APIs runs, and names otherwise."""
_Include: TypeAlias = Callable[[Any], dict[str, Any] | None]
MAX_ENTRIES = 10_000
"""Limit for all entries that the loops of a template write. Templates may have 500 resources."""


class Expansion:
    """Expands the loops and transforms of one template. Lists may refer to parameters, whose values `scope` has."""

    def __init__(self, scope: Scope, transforms: Transforms) -> None:
        self._scope = scope
        self._transforms = transforms
        self._left = MAX_ENTRIES

    def expand(self, value: Any) -> Any:
        """`value` without loops and files to insert.

        Raises UsageError for a loop that is not written as CloudFormation expects it.
        """
        return self._expand(value, self._transforms.include)

    def _expand(self, value: Any, include: _Include) -> Any:
        if isinstance(value, list):
            return [self._expand(member, include) for member in value]
        if not isinstance(value, dict):
            return value
        expanded: dict[Any, Any] = {}
        for name, member in value.items():
            if isinstance(name, str) and name.startswith(_PREFIX):
                for key, entry in self._loop(name, member, include):
                    expanded[key] = entry
            elif name == TRANSFORM:
                included = include(member)
                expanded |= {name: member} if included is None else self._expand(included, self._transforms.name)
            else:
                expanded[name] = self._expand(member, _leave if name in _BODIES else include)
        return expanded

    def _loop(self, name: str, loop: Any, include: _Include) -> Iterator[tuple[str, Any]]:
        try:
            identifier, values, fragment = loop
            values = self._scope.resolve(values)
            if not isinstance(values, list):
                raise TypeError(values)
            entries = list(fragment.items())
            texts = [text(value) for value in values]
        except (TypeError, ValueError, AttributeError, Unresolvable) as error:
            why = str(error) if isinstance(error, Unresolvable) else "write it as [identifier, [values], {key: entry}]"
            raise UsageError(f"{name}: {why}") from None
        for value in texts:
            for key, entry in entries:
                self._left -= 1
                if self._left < 0:
                    raise UsageError(f"{name}: the loops write more than {MAX_ENTRIES} entries; use shorter lists")
                written = _put_in({key: entry}, text(identifier), value)
                yield from self._expand(written, include).items()


def _leave(transform: Any) -> None:
    """Leave a transform as it is written."""


def _put_in(value: Any, identifier: str, chosen: str) -> Any:
    """`value` with the loop's identifier replaced: `${X}`, `&{X}` (letters and digits only) and `!Ref X`."""
    if isinstance(value, str):
        short = re.sub(r"[^a-zA-Z0-9]", "", chosen)
        return value.replace("${" + identifier + "}", chosen).replace("&{" + identifier + "}", short)
    if isinstance(value, list):
        return [_put_in(member, identifier, chosen) for member in value]
    if isinstance(value, dict):
        if value == {"Ref": identifier}:
            return chosen
        return {
            _put_in(name, identifier, chosen): _put_in(member, identifier, chosen) for name, member in value.items()
        }
    return value
