"""Opens what the functions of a template run: the code, layers and interpreter of each."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from local_lambda.cli.options import SourceOptions

if TYPE_CHECKING:
    from local_lambda.functions.config import FunctionConfig
    from local_lambda.service.foundation import Program
    from local_lambda.sinks.console import Console


def open_program(function: FunctionConfig, source: SourceOptions, workspace: Path) -> Program:
    """Open a function's code, layers and interpreter; zip packages are unpacked to `workspace`. Raises CommandError."""
    from local_lambda.service.foundation import Program

    interpreter = None
    if not function.command:
        from local_lambda.functions.interpreter import find_interpreter

        interpreter = find_interpreter(function, source.template, source.python, os.environ)
    code, layers = function.code.resolve(), None
    if function.layers or function.source is not None or not code.is_dir():
        from local_lambda.functions.bundle import merge_layers, open_code, write_code

        source_text = function.source
        code = open_code(function.code, workspace) if source_text is None else write_code(source_text, workspace)
        layers = merge_layers(function.layers, workspace)
    return Program(function, code, layers, interpreter)


def note_runtimes(programs: Iterable[Program], console: Console) -> None:
    """Report, once each, a deprecated runtime in a template, or a different Python from the one that runs."""
    from local_lambda.functions.deprecated import DEPRECATED

    pairs: dict[tuple[str, str], list[str]] = {}
    for program in programs:
        if program.interpreter is not None and program.function.runtime is not None:
            pair = program.function.runtime, program.interpreter.runtime
            pairs.setdefault(pair, []).append(program.function.logical_id or program.function.name)
    for named in sorted({named for named, _ in pairs} & DEPRECATED.keys()):
        when = DEPRECATED[named]
        console.write("platform", f"AWS deprecated {named} on {when}; name a newer Runtime in the template")
    for named, found in sorted(pairs):
        if named != found:
            of = "" if len(pairs) == 1 else f" for {', '.join(pairs[named, found])}"
            console.write("platform", f"the template says {named}{of}, this runs on {found}")
