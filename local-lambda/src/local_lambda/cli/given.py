"""What the options of a command and the shell add to a template."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local_lambda.cli.options import SourceOptions
from local_lambda.errors import UsageError
from local_lambda.functions.config import ACCOUNT_ID, REGION
from local_lambda.functions.given import Given
from local_lambda.functions.property_names import NOT_KNOWN, NOT_SERVED

if TYPE_CHECKING:
    from local_lambda.functions.config import FunctionConfig
    from local_lambda.functions.template import Functions
    from local_lambda.sinks.console import Console

MAX_FILE_BYTES = 1_048_576
_LINE = re.compile(r"(?:export\s+)?([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*(.*)").fullmatch
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def given(source: SourceOptions) -> Given:
    """What the options and the shell add to the template. Raises UsageError."""
    if source.code is not None and not (source.code.is_dir() or source.code.is_file()):
        why = "is not a folder and not a regular file" if os.path.lexists(source.code) else "does not exist"
        raise UsageError(f"{source.code}: {why}; name the code's folder or zip")
    variables: dict[str, Mapping[str, str]] = {}
    if source.env_file is not None:
        variables[""] = read_env_file(source.env_file)
    if source.env_vars is not None:
        read = read_env_vars(source.env_vars)
        variables.update({**read, "": {**variables.get("", {}), **read.get("", {})}})
    return Given(
        shell=os.environ,
        parameters=source.parameters,
        variables=variables,
        region=region_of(source.region, os.environ),
        account=source.account or ACCOUNT_ID,
        layers={name: _layer(name, path) for name, path in source.layers},
        code=source.code,
    )


def region_of(chosen: str | None, shell: Mapping[str, str]) -> str:
    """The region: `chosen`, `AWS_REGION` or `AWS_DEFAULT_REGION` of the shell, or us-east-1. Raises UsageError."""
    names = (("--region", chosen), *((name, shell.get(name)) for name in ("AWS_REGION", "AWS_DEFAULT_REGION")))
    for name, value in names:
        if value:
            if not re.fullmatch(r"[a-z]{2}(-[a-z]{1,12}){1,3}-\d{1,2}", value):
                raise UsageError(f"{name}: {value!r} is not a region; name one such as eu-west-1")
            return value
    return REGION


def read_env_file(path: Path) -> dict[str, str]:
    """The variables of a file with a line `NAME=value` for each; quotes, `export` and comments are as in a shell.

    In single quotes a value is taken as it is, in double quotes `\\n`, `\\r`, `\\t` and escaped characters are
    replaced. Nothing is substituted. Raises UsageError, with the line, for anything else.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(_read(path, "--env-file").splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE(line)
        value = _value(match[2]) if match else None
        if match is None or value is None:
            raise UsageError(f"{path}: line {number}: is not NAME=value; put a value with spaces at its ends in quotes")
        found[match[1]] = value
    return found


def _value(text: str) -> str | None:
    """The value behind the equals sign; None if a quote is not closed or something follows it."""
    quote = text[:1]
    if quote not in ("'", '"'):
        return re.split(r"(?:^|\s)#", text, maxsplit=1)[0].rstrip()
    inside = r"[^']*" if quote == "'" else r'(?:[^"\\]|\\.)*'
    match = re.fullmatch(rf"{quote}({inside}){quote}\s*(?:#.*)?", text)
    if match is None:
        return None
    if quote == "'":
        return match[1]
    return re.sub(r"\\(.)", lambda escaped: _ESCAPES.get(escaped[1], escaped[1]), match[1])


def read_env_vars(path: Path) -> dict[str, dict[str, str]]:
    """Variables by function, from JSON as `sam local` reads it; those under `Parameters`, for all, are under `""`.

    Raises UsageError.
    """
    try:
        document = json.loads(_read(path, "--env-vars"))
    except ValueError as error:
        raise UsageError(f"{path}: is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise UsageError(
            f'{path}: is not a mapping; write it as {{"Function": {{"NAME": "value"}}, "Parameters": {{}}}}'
        )
    found: dict[str, dict[str, str]] = {}
    for function, variables in document.items():
        if not isinstance(variables, dict):
            raise UsageError(f"{path}: {function}: is not a mapping; give it variables, as in {{{function!r}: {{}}}}")
        named = found.setdefault("" if function == "Parameters" else function, {})
        for name, value in variables.items():
            named[name] = _text(path, f"{function}.{name}", value)
    return found


def _text(path: Path, where: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, (str, int, float)):
        raise UsageError(f"{path}: {where}: is not a string; write lists and mappings as JSON in quotes")
    return str(value)


_PIPES: dict[Path, bytes] = {}
"""What was in pipes, such as /dev/stdin: they can be read once, but templates are read again when they change."""


def _read(path: Path, option: str) -> str:
    try:
        if path in _PIPES:
            content = _PIPES[path]
        else:
            with path.open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
            if path.is_fifo():
                _PIPES[path] = content
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); name another file with {option}") from None
    if len(content) > MAX_FILE_BYTES:
        raise UsageError(f"{path}: is larger than {MAX_FILE_BYTES} bytes; Lambda takes 4 KB of variables")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is not UTF-8 (byte {error.start}); save it as UTF-8") from None


def _layer(name: str, path: Path) -> Path:
    if not (path.is_dir() or path.is_file()):
        raise UsageError(f"--layer {name}: {path} is not a folder and not a zip file")
    return path.resolve()


def check_names(given: Given, functions: Functions) -> None:
    """Raises UsageError for variables of a function that the template does not have."""
    known = [*functions, *(function for function, _ in functions.refused)]
    names = {name for function in known for name in (function.logical_id, function.name)}
    for name in given.variables:
        if name and name not in names:
            listed = ", ".join(function.logical_id for function in known)
            raise UsageError(f"--env-vars: there is no function {name}; name Parameters or one of: {listed}")


def note_template(
    given: Given, functions: Functions, chosen: tuple[FunctionConfig, ...], console: Console, events: bool = False
) -> None:
    """Report, a line each, what is different from AWS in the chosen functions, and which variables are set.

    With `events`, events that are not served because there is no local AWS endpoint count as well.
    """
    for line in _notes(given, functions, chosen, events):
        console.write("platform", line)


def _notes(given: Given, functions: Functions, chosen: tuple[FunctionConfig, ...], events: bool) -> Iterator[str]:
    notes = {function.logical_id: functions.notes[function.logical_id] for function in chosen}
    used = {what: value for note in notes.values() for what, value in note.stand_ins.items()}
    if used:
        values = ", ".join(
            f"{what} ({value})" if value != what.partition(" ")[2] else what for what, value in used.items()
        )
        overrides = "--parameter-overrides" if any(what.startswith("parameter ") for what in used) else "--env-vars"
        yield f"stand-ins for values that only AWS has: {values}; set others with {overrides}"
    for logical_id, note in notes.items():
        for layer in note.layers:
            yield f"{logical_id} runs without the layer {layer}; give its folder or zip with --layer {layer}=PATH"
        if note.not_emulated:
            yield f"{logical_id}: not emulated: {', '.join(note.not_emulated)}"
        unserved = [event for event in note.events if event.endswith((NOT_SERVED, NOT_KNOWN))]
        with_aws = [event for event in note.events if event not in unserved]
        if events and with_aws:
            yield f"{logical_id}: served with --aws only: {', '.join(with_aws)}"
        if events and unserved:
            yield f"{logical_id}: left out: {', '.join(unserved)}"
    used_layers = {layer for function in functions for layer in function.layers}
    for name, path in given.layers.items():
        if path not in used_layers:
            yield f"--layer {name} is not used: no function here has this layer; name it as the template does"
    for function in chosen:
        if function.tenant_isolation:
            for line in _without_tenants(function, notes[function.logical_id].events):
                yield f"{function.logical_id}: {line}"
        names = given.variables_of(function.logical_id, function.name)
        if names:
            yield f"{function.logical_id} has from --env-file and --env-vars: {', '.join(sorted(names))}"


def _without_tenants(function: FunctionConfig, events: tuple[str, ...]) -> Iterator[str]:
    """What a function that isolates tenants cannot have on AWS. SnapStart is named where snapshots are taken.

    Sources: https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation.html and, for HTTP APIs,
    https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation-invoke.html.
    """
    if function.provisioned:
        yield "ProvisionedConcurrencyConfig has no effect: AWS does not combine it with TenancyConfig"
    callers = [f"the event {event.partition(' (')[0]}" for event in events if " (" in event]
    if any(not route.rest for route in function.routes):
        callers.insert(0, "an HTTP API")
    if function.urls:
        callers.insert(0, "a function URL")
    if callers:
        yield f"refused without a tenant, and AWS does not combine TenancyConfig with: {', '.join(callers)}"
