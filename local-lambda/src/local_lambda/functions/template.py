"""AWS SAM and CloudFormation templates: reads the functions of a template as `FunctionConfig`.

Specification: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification.html
This delays every start, so yaml is imported only for templates that are not JSON. `intrinsics.py` resolves values such
as `!Ref` and `!Sub`, `function_resource.py` reads the properties of a function, and `bundle.py` opens code and layers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from local_lambda.errors import UsageError
from local_lambda.functions.config import ACCOUNT_ID, REGION, FunctionConfig
from local_lambda.functions.document import read_document
from local_lambda.functions.function_resource import PLAIN, SERVERLESS, FunctionReader, layer_arns
from local_lambda.functions.intrinsics import Scope, Unresolvable, is_intrinsic
from local_lambda.functions.properties import CannotRun, Properties


class Functions(tuple[FunctionConfig, ...]):
    """The functions of a template that can run locally. `refused` has the others, each with the reason."""

    template: Path
    refused: tuple[tuple[FunctionConfig, CannotRun], ...]

    @classmethod
    def of(
        cls, template: Path, functions: Iterable[FunctionConfig], refused: Iterable[tuple[FunctionConfig, CannotRun]]
    ) -> Functions:
        """The functions of `template`, and the refused ones."""
        result = cls(functions)
        result.template = template
        result.refused = tuple(refused)
        return result


def load_functions(path: Path, shell: Mapping[str, str]) -> Functions:
    """The functions of the template at `path`, in its order; at least one.

    An environment variable in a function's `Environment` gets its value from `shell` if it is set there. Raises
    UsageError for a template that AWS would reject, and if none of its functions can run locally.
    """
    document = read_document(path)
    resources = _section(path, document, "Resources")
    scope, functions = _scope(path, document, resources)
    reader = FunctionReader(path, resources, scope, shell)
    found: list[FunctionConfig] = []
    refused: list[tuple[FunctionConfig, CannotRun]] = []
    for logical_id, (name, properties) in functions.items():
        try:
            found.append(reader.function(logical_id, name, properties))
        except CannotRun as reason:
            refused.append((FunctionConfig(name, handler="", logical_id=logical_id), reason))
    if not found and refused:
        raise refused[0][1]
    if not found:
        raise UsageError(f"{path}: Resources: there is no function; add a resource of Type {SERVERLESS}")
    return Functions.of(path, found, refused)


def select(functions: Functions, wanted: str | None) -> FunctionConfig:
    """The function whose logical id, name or ARN is `wanted`, or the only one. Raises UsageError."""
    if wanted is None and len(functions) == 1:
        return functions[0]
    for function in functions:
        if wanted in _names(function):
            return function
    for function, reason in functions.refused:
        if wanted in _names(function):
            raise reason
    known = [function.logical_id for function in (*functions, *(refused for refused, _ in functions.refused))]
    names = ", ".join(known)
    if wanted is None:
        raise UsageError(f"{functions.template}: there are several functions; name one of: {names}")
    raise UsageError(f"{functions.template}: there is no function {wanted}; name one of: {names}")


def _names(function: FunctionConfig) -> tuple[str, ...]:
    return function.logical_id, function.name, function.arn, f"{function.arn}:{function.version}"


def _section(path: Path, document: Mapping[str, Any], name: str) -> dict[str, Any]:
    section = document.get(name)
    if section is None:
        section = {}
    if not isinstance(section, dict):
        raise UsageError(f"{path}: {name}: must be a mapping; give it names and values")
    return section


def _scope(
    path: Path, document: Mapping[str, Any], resources: Mapping[str, Any]
) -> tuple[Scope, dict[str, tuple[str, Properties]]]:
    """The template's scope and, for each function that its conditions include: logical id, name and properties."""
    sections = [_section(path, document, name) for name in ("Parameters", "Mappings", "Conditions")]
    globals_ = _section(path, _section(path, document, "Globals"), "Function")
    references: dict[str, Any] = {**layer_arns(resources)}
    scope = Scope(sections[0], sections[1], sections[2], references)
    functions: dict[str, tuple[str, Properties]] = {}
    for logical_id, resource in resources.items():
        kind = resource.get("Type") if isinstance(resource, dict) else None
        if kind not in (SERVERLESS, PLAIN) or not _is_wanted(scope, resource):
            continue
        values = resource.get("Properties")
        values = {} if values is None else values
        if kind == SERVERLESS and isinstance(values, dict):
            values = _merge(globals_, values)
        properties = Properties(path, logical_id, values, scope)
        name = _function_name(properties) or logical_id
        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name):
            raise properties.wrong("FunctionName", f"'{name}' is not a name; use up to 64 letters, digits, - and _")
        for other, (known, _) in functions.items():
            if known == name:
                raise properties.wrong("FunctionName", f"'{name}' is also the name of {other}; use another one")
        functions[logical_id] = name, properties
    for logical_id, (name, _) in functions.items():
        references[logical_id] = name
        references[f"{logical_id}.Arn"] = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{name}"
    return scope, functions


def _function_name(properties: Properties) -> str | None:
    """The `FunctionName`; None if only AWS knows it, because locally any name works."""
    try:
        return properties.string("FunctionName")
    except CannotRun:
        return None


def _is_wanted(scope: Scope, resource: Mapping[str, Any]) -> bool:
    condition = resource.get("Condition")
    try:
        return not isinstance(condition, str) or scope.condition(condition)
    except Unresolvable:
        return True


def _merge(defaults: Any, own: Any) -> Any:
    """`Globals` merged into a function's values, as SAM does: mappings by key, lists appended, others replaced."""
    if isinstance(defaults, dict) and isinstance(own, dict) and not is_intrinsic(defaults) and not is_intrinsic(own):
        return {**defaults, **{key: _merge(defaults[key], own[key]) if key in defaults else own[key] for key in own}}
    if isinstance(defaults, list) and isinstance(own, list):
        return [*defaults, *own]
    return own
