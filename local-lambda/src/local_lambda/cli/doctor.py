"""`local-lambda doctor`: looks for what would fail on AWS, in the functions of a template, a package or a layer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from local_lambda.cli.given import given
from local_lambda.cli.options import SourceOptions
from local_lambda.doctor.checks import check_function, check_layer
from local_lambda.doctor.tree import Tree
from local_lambda.errors import StartError
from local_lambda.events.printable import one_line
from local_lambda.functions.template import load_functions, select

if TYPE_CHECKING:
    from local_lambda.functions.config import FunctionConfig


class DoctorOptions(NamedTuple):
    """`target` is a function of the template, or the path of a package or layer; None means all functions."""

    source: SourceOptions
    target: str | None = None


def doctor(options: DoctorOptions) -> int:
    """Run the command: a line for each finding on standard output. The exit status is 1 if there was any."""
    found = 0
    for line in _lines(options):
        found += 1
        print(one_line(line))
    if not found:
        print("nothing was found that AWS would refuse")
    return 1 if found else 0


def _lines(options: DoctorOptions) -> Iterator[str]:
    target = options.target
    if target is not None and (os.sep in target or os.path.exists(target)):
        tree = Tree(Path(target))
        is_layer = bool({"python", "extensions", "bin", "lib"} & tree.names()) and not any(
            "/" not in name and name.endswith(".py") for name in tree.entries
        )
        findings = check_layer(tree) if is_layer else check_function(Path(target), (), None, None)
        yield from map(str, findings)
        return
    functions = load_functions(options.source.template, given(options.source))
    if target is None:
        functions.require_one()
        yield from (f"{function.logical_id}: {reason}" for function, reason in functions.refused)
    for function in functions if target is None else (select(functions, target),):
        yield from (f"{function.logical_id}: {line}" for line in _of(function, options.source))


def _of(function: FunctionConfig, source: SourceOptions) -> Iterator[str]:
    if function.source is not None or function.command:
        return
    version = function.runtime.removeprefix("python") if function.runtime else None
    findings = check_function(
        function.code,
        function.layers,
        function.handler,
        version,
        function.architecture,
        tuple(_installed(function, source)),
    )
    yield from map(str, findings)


def _installed(function: FunctionConfig, source: SourceOptions) -> Iterator[Path]:
    """The folders with the packages of the function's Python environment, if there is one."""
    from local_lambda.functions.interpreter import find_interpreter

    try:
        interpreter = find_interpreter(function, source.template, source.python, os.environ)
    except StartError:
        return
    yield from interpreter.path.parent.parent.glob("lib/python*/site-packages")
