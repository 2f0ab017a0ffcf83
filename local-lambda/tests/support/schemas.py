"""The schemas of resources that cfn-lint ships."""

from __future__ import annotations

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest


def schemas() -> Path:
    """The folder of the schemas that cfn-lint ships."""
    spec = find_spec("cfnlint")
    if spec is None or spec.origin is None:
        pytest.skip("cfn-lint is not installed")
    return Path(spec.origin).parent / "data" / "schemas"


@cache
def types() -> dict[str, str]:
    """Each type with the name of its schema."""
    listed: dict[str, str] = json.loads((schemas() / "providers" / "us-east-1.json").read_text())
    return listed


def schema_of(kind: str) -> dict[str, Any]:
    """The schema of a type."""
    schema: dict[str, Any] = json.loads((schemas() / "resources" / f"{types()[kind]}.json").read_text())
    return schema


def properties_of(kind: str) -> set[str]:
    """The properties that a template may set."""
    schema = schema_of(kind)
    results = {path.split("/", 2)[2] for path in schema.get("readOnlyProperties", ())}
    return set(schema["properties"]) - results
