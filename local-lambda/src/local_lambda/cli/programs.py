"""Opens what the functions of a template run: the code, layers and interpreter of each."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from local_lambda.cli.options import SourceOptions
from local_lambda.errors import UsageError

if TYPE_CHECKING:
    from local_lambda.functions.config import FunctionConfig
    from local_lambda.service.foundation import Program
    from local_lambda.sinks.console import Console


def open_program(function: FunctionConfig, source: SourceOptions, workspace: Path) -> Program:
    """Open a function's code, layers and interpreter; zip packages are unpacked to `workspace`. Raises CommandError."""
    from local_lambda.service.foundation import Program

    if source.code is not None:
        if os.path.lexists(source.code) and not (source.code.is_dir() or source.code.is_file()):
            raise UsageError(f"{source.code}: is not a folder and not a regular file; name the code's folder or zip")
        function = function._replace(code=source.code)
    interpreter = None
    if not function.command:
        from local_lambda.functions.interpreter import find_interpreter

        interpreter = find_interpreter(function, source.template, source.python, os.environ)
    code, layers = function.code.resolve(), None
    if function.layers or not code.is_dir():
        from local_lambda.functions.bundle import merge_layers, open_code

        code = open_code(function.code, workspace)
        layers = merge_layers(function.layers, workspace)
    return Program(function, code, layers, interpreter)


def note_runtimes(programs: Iterable[Program], console: Console) -> None:
    """Report, once each, a deprecated runtime in a template, or a different Python from the one that runs."""
    from local_lambda.functions.deprecated import DEPRECATED

    pairs = {
        (program.function.runtime, program.interpreter.runtime)
        for program in programs
        if program.interpreter is not None and program.function.runtime is not None
    }
    for named in sorted({named for named, _ in pairs} & DEPRECATED.keys()):
        when = DEPRECATED[named]
        console.write("platform", f"AWS deprecated {named} on {when}; name a newer Runtime in the template")
    for named, found in sorted(pairs):
        if named != found:
            console.write("platform", f"the template says {named}, this runs on {found}")
