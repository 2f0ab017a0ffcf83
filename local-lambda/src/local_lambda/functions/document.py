"""Reads a template's text as mappings, lists and scalars, without their meaning. A template is not trusted.

This delays every start, so yaml is imported only for templates that are not JSON. Anchors can expand a small text into
an endless document, so the size of the expansion is checked before anything walks through it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from local_lambda.errors import UsageError

MAX_TEMPLATE_BYTES = 1_048_576
"""CloudFormation's limit: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
MAX_DEPTH = 200
"""Limit for nested lists and mappings."""
MAX_NODES = 1_000_000
"""Limit for the values in the expanded document; each use of an anchor counts."""
NAME_IT = "pass its path with -t"
"""What to do if the template itself is not there."""
_TOO_DEEP = f"has more than {MAX_DEPTH} nested lists and mappings; write it flatter"


def read_document(path: Path, advice: str = NAME_IT) -> dict[str, Any]:
    """The template at `path`. Raises UsageError if it is invalid or expands beyond the limits.

    `advice` says what to do if there is no such file.
    """
    try:
        with path.open("rb") as file:
            source = file.read(MAX_TEMPLATE_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(f"{path}: not found; {advice}") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); name a template with -t") from None
    if len(source) > MAX_TEMPLATE_BYTES:
        raise UsageError(f"{path}: is larger than {MAX_TEMPLATE_BYTES} bytes, the limit for a template")
    try:
        document = _parse(path, source)
    except RecursionError:
        raise UsageError(f"{path}: {_TOO_DEEP}") from None
    except ValueError as error:
        raise UsageError(f"{path}: is not valid: {error}") from None
    _check_size(path, document)
    if not isinstance(document, dict):
        raise UsageError(f"{path}: is not a mapping; an AWS SAM template begins with Resources and other sections")
    return document


def _parse(path: Path, source: bytes) -> Any:
    if source.lstrip().startswith(b"{"):
        try:
            return json.loads(source)
        except json.JSONDecodeError:
            pass  # YAML may begin like JSON, and its parser reports the line
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(source)
    loader.yaml_multi_constructors = {**loader.yaml_multi_constructors, "!": _intrinsic}
    loader.yaml_constructors = {
        **loader.yaml_constructors,
        "tag:yaml.org,2002:int": _integer,
        "tag:yaml.org,2002:timestamp": lambda _, node: node.value,  # templates have strings, not dates
    }
    try:
        return loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f" line {mark.line + 1}:" if mark else ""
        raise UsageError(f"{path}:{line} is not valid YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise UsageError(f"{path}: is not valid YAML: {str(error).splitlines()[0]}") from None
    finally:
        loader.dispose()


def _integer(loader: Any, node: Any) -> Any:
    """An integer; text if it begins with a zero, as account ids do, or is a time: YAML would read other numbers."""
    written: str = node.value
    is_other = ":" in written or (written.lstrip("+-").startswith("0") and written.lstrip("+-")[1:2].isdigit())
    return written if is_other else loader.construct_yaml_int(node)


def _intrinsic(loader: Any, tag: str, node: Any) -> dict[str, Any]:
    """`!Tag value` in its long form, `{"Fn::Tag": value}`."""
    value: Any
    if node.id == "scalar":
        value = loader.construct_scalar(node)
        if tag == "GetAtt":
            value = value.split(".", 1)
    elif node.id == "sequence":
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {tag if tag in ("Ref", "Condition") else f"Fn::{tag}": value}


def _check_size(path: Path, document: Any) -> None:
    """Raises UsageError if the document contains itself, is nested too deeply or expands too far."""
    sizes: dict[int, int] = {}
    depths: dict[int, int] = {}
    open_nodes: set[int] = set()
    ahead = [document]
    while ahead:
        node = ahead[-1]
        inner = [member for member in _members(node) if isinstance(member, (dict, list))]
        unknown = [member for member in inner if id(member) not in sizes]
        if id(node) in sizes or not isinstance(node, (dict, list)):
            ahead.pop()
        elif unknown:
            open_nodes.add(id(node))
            if any(id(member) in open_nodes for member in unknown):
                raise UsageError(f"{path}: has an anchor that contains itself; write the value out")
            ahead += unknown
        else:
            open_nodes.discard(id(node))
            sizes[id(node)] = 1 + len(_members(node)) + sum(sizes[id(member)] for member in inner)
            depths[id(node)] = 1 + max((depths[id(member)] for member in inner), default=0)
            if sizes[id(node)] > MAX_NODES:
                raise UsageError(f"{path}: expands to more than {MAX_NODES} values; write it without anchors")
            if depths[id(node)] > MAX_DEPTH:
                raise UsageError(f"{path}: {_TOO_DEEP}")
            ahead.pop()


def _members(node: Any) -> list[Any]:
    return list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else []
