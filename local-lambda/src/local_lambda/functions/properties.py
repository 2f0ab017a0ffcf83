"""Reads the properties of one template resource with their types. Errors name template, resource and property.

There are two kinds of errors: `UsageError` for what AWS would reject as well, and `CannotRun` for what is valid on AWS
and not possible locally. This module does not know which properties exist and what they mean.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from local_lambda.errors import UsageError
from local_lambda.functions.intrinsics import NO_VALUE, Scope, Unresolvable, is_intrinsic, text

if TYPE_CHECKING:
    from local_lambda.functions.stand_ins import StandIns

Default = TypeVar("Default", int, None)


class CannotRun(UsageError):
    """The function is valid on AWS but cannot run locally; this matters only if the function is requested."""


class Properties:
    """The `values` of the resource (or part of one) called `name`; files are relative to the folder of `template`."""

    def __init__(self, template: Path, name: str, values: Any, scope: Scope) -> None:
        self._template = template
        self._name = name
        self._scope = scope
        if not isinstance(values, dict):
            raise UsageError(f"{template}: {name}: must be a mapping; give it properties")
        self.values: dict[str, Any] = values

    def wrong(self, name: str, what: str) -> UsageError:
        """The error for a property that AWS would reject as well."""
        return UsageError(self._line(name, what))

    def cannot(self, name: str, what: str) -> CannotRun:
        """The error for a property that is not supported locally."""
        return CannotRun(self._line(name, what))

    def _line(self, name: str, what: str) -> str:
        return f"{self._template}: {self._name}.{name}: {what}"

    def with_stand_ins(self, stand_ins: StandIns) -> Properties:
        """The same properties, in which a value that only AWS has is one of `stand_ins`."""
        return Properties(self._template, self._name, self.values, self._scope.with_stand_ins(stand_ins))

    def any(self, name: str) -> Any:
        """The value with its intrinsic functions resolved; None if it is missing."""
        try:
            value = self._scope.resolve(self.values.get(name))
            if isinstance(value, str) and "{{resolve:" in value:
                value = self._scope.resolve_dynamic(value)
        except Unresolvable as error:
            raise self._unresolvable(name, error) from error
        return None if value is NO_VALUE else value

    def _unresolvable(self, name: str, error: Unresolvable) -> CannotRun:
        why = str(error)
        return self.cannot(name, why if "; " in why else f"{why}; local-lambda needs a value: write it out")

    def inside(self, name: str) -> Properties:
        """The properties inside a mapping, such as `Size` in `EphemeralStorage`; empty if it is missing."""
        try:
            value = self._scope.resolve_outermost(self.values.get(name))
        except Unresolvable as error:
            raise self._unresolvable(name, error) from error
        if value is None or value is NO_VALUE:
            value = {}
        return Properties(self._template, f"{self._name}.{name}", value, self._scope)

    def string(self, name: str) -> str | None:
        """A string; numbers and booleans are converted as in CloudFormation."""
        value = self.any(name)
        try:
            return None if value is None else text(value)
        except TypeError:
            raise self.wrong(name, "must be a string; a list or a mapping is not one") from None

    def one_of(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        """One of the `allowed` strings."""
        value = self.string(name)
        if value is not None and value not in allowed:
            raise self.wrong(name, f"'{value}' is unknown; use {' or '.join(allowed)}")
        return default if value is None else value

    def integer(self, name: str, default: Default, low: int, high: int, unit: str) -> int | Default:
        """An integer from `low` to `high`, or `default` if it is missing."""
        value = self.any(name)
        if value is None:
            return default
        if isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.wrong(name, f"{value!r} is not valid; give a whole number of {unit} from {low} to {high}")
        return value

    def reference(self, logical_id: str, attribute: str) -> str:
        """An attribute of another resource."""
        return self._at({"Fn::GetAtt": [logical_id, attribute]}).string("") or ""

    def _at(self, value: Any) -> Properties:
        return Properties(self._template, self._name, {"": value}, self._scope)

    def strings(self, name: str) -> tuple[str, ...]:
        """A list of strings, empty if it is missing."""
        value = self.any(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(name, "must be a list of strings; write it as [a, b]")
        return tuple(value)

    def file(self, name: str, default: str | None) -> Path:
        """The absolute path of an existing folder or file."""
        value = self.values.get(name)
        if not _is_in_s3(value):  # otherwise it does not matter what its name there is
            value = self.any(name)
        if value is None:
            value = default
        if value is None:
            raise self.wrong(name, "is missing; name a folder or a zip file")
        if isinstance(value, dict) or _is_in_s3(value):
            raise self.cannot(name, "is not on this machine; run a folder or a zip file in its place with --code")
        if not isinstance(value, str):
            raise self.wrong(name, "must be a string; name a folder or a zip file")
        if "\0" in value:
            raise self.wrong(name, "has a zero byte in it; name a folder or a zip file")
        path = Path(os.path.abspath(self._template.parent / value))
        if os.path.exists(path) and not (path.is_dir() or path.is_file()):
            raise self.wrong(name, f"{path} is not a folder and not a regular file; name a folder or a zip file")
        if not os.path.exists(path):
            raise self.cannot(name, f"{path} does not exist; build it, or correct the path (relative to the template)")
        return path


def _is_in_s3(value: Any) -> bool:
    """Whether a property, as it is written, is a place in S3."""
    if not is_intrinsic(value):
        return isinstance(value, dict) or str(value).startswith("s3://")
    argument = value.get("Fn::Sub")
    return str(argument[0] if isinstance(argument, list) and argument else argument).startswith("s3://")
