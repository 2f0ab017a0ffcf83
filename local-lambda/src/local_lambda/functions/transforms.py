"""Transforms of a template: local files that `AWS::Include` inserts, and macros, which run only on AWS.

Specification: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/transform-aws-include.html. `sam deploy`
and `aws cloudformation package` upload a Location that is a local file, relative to the template. A template is not
trusted, so a file that is inserted cannot insert others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from local_lambda.errors import UsageError
from local_lambda.functions.document import read_document

TRANSFORM = "Fn::Transform"
_INCLUDE = "AWS::Include"
_KNOWN = frozenset({"AWS::LanguageExtensions", "AWS::Serverless-2016-10-31"})
"""The transforms of the section `Transform` that are emulated. Any other macro can add resources."""


class Transforms:
    """The transforms of the template at `path`. `remarks` has a line for each one that is not run."""

    def __init__(self, path: Path, document: Mapping[str, Any]) -> None:
        self._path = path
        self._files: dict[str, dict[str, Any]] = {}
        self.remarks: list[str] = []
        for transform in macros(document):
            self.name(transform)
        for section in (document, document.get("Globals"), document.get("Mappings")):
            if isinstance(section, dict) and TRANSFORM in section:
                self.name(section[TRANSFORM])

    def name(self, transform: Any) -> None:
        """Add a remark on a transform that is not run."""
        name, place = _parts(transform)
        of = f" of {place}" if isinstance(place, str) else ""
        advice = "write out what it adds"
        if name == _INCLUDE:
            advice = "insert the content of the file"
        line = f"Transform {name}{of} is not run, and what it adds is missing; {advice}"
        if line not in self.remarks:
            self.remarks.append(line)

    def include(self, transform: Any) -> dict[str, Any] | None:
        """What stands in place of an `Fn::Transform` in a section; None, with a remark, if it is not run."""
        name, place = _parts(transform)
        if name != _INCLUDE or not isinstance(place, str) or "://" in place:
            self.name(transform)
            return None
        try:
            if place not in self._files:
                self._files[place] = read_document(self._path.parent / place, "correct the Location that names it")
        except UsageError as reason:
            self.remarks.append(f"Transform {name} of {place} is not run: {reason}")
            return None
        return self._files[place]


def macros(document: Mapping[str, Any]) -> Iterator[Any]:
    """The transforms in the section `Transform` that are not emulated."""
    transform = document.get("Transform")
    for each in transform if isinstance(transform, list) else () if transform is None else (transform,):
        if _parts(each)[0] not in _KNOWN:
            yield each


def _parts(transform: Any) -> tuple[str, Any]:
    """The name of a transform, and its Location."""
    if not isinstance(transform, dict):
        return str(transform), None
    parameters = transform.get("Parameters")
    return str(transform.get("Name")), parameters.get("Location") if isinstance(parameters, dict) else None
