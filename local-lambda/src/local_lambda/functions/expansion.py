"""Expands `Fn::ForEach`, which writes an entry of a mapping once for each value of a list.

Specification: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-foreach.html
A small text can ask for very many entries, so their number is limited.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from local_lambda.errors import UsageError
from local_lambda.functions.intrinsics import Scope, Unresolvable, text

_PREFIX = "Fn::ForEach::"
MAX_ENTRIES = 10_000
"""Limit for all entries that the loops of a template write. Templates may have 500 resources."""


class Expansion:
    """Expands the loops of one template. Lists may refer to parameters, whose values `scope` has."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._left = MAX_ENTRIES

    def expand(self, value: Any) -> Any:
        """`value` without loops. Raises UsageError for a loop that is not written as CloudFormation expects it."""
        if isinstance(value, list):
            return [self.expand(member) for member in value]
        if not isinstance(value, dict):
            return value
        if not any(isinstance(name, str) and name.startswith(_PREFIX) for name in value):
            return {name: self.expand(member) for name, member in value.items()}
        expanded: dict[Any, Any] = {}
        for name, member in value.items():
            if isinstance(name, str) and name.startswith(_PREFIX):
                for key, entry in self._loop(name, member):
                    expanded[key] = entry
            else:
                expanded[name] = self.expand(member)
        return expanded

    def _loop(self, name: str, loop: Any) -> Iterator[tuple[str, Any]]:
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
                yield from self.expand(written).items()


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
