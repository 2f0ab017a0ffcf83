"""Finds the Python that runs the function: that of the example's virtual environment, not the one that runs this tool.

Runtimes: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html. Starting an interpreter to query it is
slow, so this module reads files first and starts the interpreter only if they are not enough. The function's process,
environment variables and folders are made elsewhere.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from local_lambda.errors import StartError
from local_lambda.functions.config import FunctionConfig

CLIENT = "awslambdaric"
OLDEST = (3, 8)
ANSWER_SECONDS = 10

_QUESTION = """
import sys
sys.path.pop(0)
try:
    from importlib.util import find_spec
    client = find_spec("awslambdaric") is not None
except ImportError:
    client = False
print("%s\\n%s\\n%d" % (sys.executable, ".".join(map(str, sys.version_info[:3])), client))
"""


class Interpreter(NamedTuple):
    """A Python 3.8 or newer that has the runtime interface client.

    `path` is absolute and may be a link: a virtual environment's python is a link and works only under its own name.
    `version` is `3.11.7`, or `3.11` if the rest is unknown without starting it.
    """

    path: Path
    version: str

    @property
    def runtime(self) -> str:
        """The identifier of this version's Lambda runtime, such as `python3.11`."""
        return "python" + ".".join(self.version.split(".")[:2])


class _DoesNotRun(StartError):
    """A file named like an interpreter that is not one, such as a pyenv shim of a version that is not active."""


def find_interpreter(
    function: FunctionConfig, template: Path, chosen: str | None, shell: Mapping[str, str]
) -> Interpreter:
    """The interpreter for `function` of `template`: the first one found. Raises StartError if that is unusable.

    In this order: `chosen` (a path or a command name), `LOCAL_LAMBDA_PYTHON`, `.venv` next to the template, `.venv` in
    or next to the function's code, `VIRTUAL_ENV`, the template's `Runtime` on `PATH`, `python3` on `PATH`.
    """
    home = Path(os.path.abspath(template.parent))
    for asked, by in ((chosen, "--python"), (shell.get("LOCAL_LAMBDA_PYTHON"), "LOCAL_LAMBDA_PYTHON")):
        if asked:
            return _asked(asked, by, home, shell)
    folders = [home / ".venv", function.code / ".venv", function.code.parent / ".venv"]
    if shell.get("VIRTUAL_ENV"):
        folders.append(Path(shell["VIRTUAL_ENV"]))
    for folder in folders:
        path = Path(os.path.abspath(folder / "bin" / "python"))
        if os.path.lexists(path):
            return _examine(path, home, shell)
    for name in (function.runtime, "python3"):
        try:
            return _on_path(name or "python3", home, shell)
        except _DoesNotRun:
            continue
    raise StartError(
        f"there is no python3 to run {function.name} with; install Python {'.'.join(map(str, OLDEST))} or newer,"
        " or name one with --python"
    )


def find_for_runtime(function: FunctionConfig, home: Path, chosen: str | None, shell: Mapping[str, str]) -> Interpreter:
    """The interpreter for a function without a template: one of its runtime's version, else any usable one.

    In this order: `chosen`, `LOCAL_LAMBDA_PYTHON`; `.venv` in `home`, `VIRTUAL_ENV`, the `Runtime` on `PATH`, `python3`
    on `PATH`. Raises StartError, with what to do, if none has the runtime interface client.
    """
    for asked, by in ((chosen, "--python"), (shell.get("LOCAL_LAMBDA_PYTHON"), "LOCAL_LAMBDA_PYTHON")):
        if asked:
            return _asked(asked, by, home, shell)
    folders = [home / ".venv", *(Path(folder) for folder in (shell.get("VIRTUAL_ENV"),) if folder)]
    paths = [Path(os.path.abspath(folder / "bin" / "python")) for folder in folders]
    candidates = [partial(_examine, path, home, shell) for path in paths if os.path.lexists(path)]
    candidates += [partial(_on_path, name, home, shell) for name in (function.runtime or "python3", "python3")]
    usable = []
    for find in candidates:
        try:
            found = find()
        except StartError:
            continue
        if found.runtime == function.runtime:
            return found
        usable.append(found)
    if usable:
        return usable[0]
    runtime = function.runtime or "python3"
    raise StartError(
        f"no {runtime} with {CLIENT} was found; make one where local-lambda aws was started: {runtime} -m venv .venv &&"
        f" .venv/bin/python -m pip install {CLIENT}, or start it with --python PATH"
    )


def _asked(asked: str, by: str, home: Path, shell: Mapping[str, str]) -> Interpreter:
    try:
        return _examine(Path(os.path.abspath(asked)), home, shell) if os.sep in asked else _on_path(asked, home, shell)
    except _DoesNotRun as error:
        raise StartError(f"{by} {asked}: {error}; name another Python interpreter") from None


def _on_path(name: str, home: Path, shell: Mapping[str, str]) -> Interpreter:
    """The first one of this name on `PATH` that runs."""
    reason = _DoesNotRun("command not found on PATH")
    for folder in shell.get("PATH", os.defpath).split(os.pathsep):
        path = Path(os.path.abspath(os.path.join(folder, name)))
        if _is_program(path):
            try:
                return _examine(path, home, shell)
            except _DoesNotRun as error:
                reason = error
    raise reason


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _examine(path: Path, home: Path, shell: Mapping[str, str]) -> Interpreter:
    """The interpreter at `path`. Raises StartError, with what to do, if it cannot run a function."""
    virtual = virtual_environment(path)
    if not _is_program(path):
        again = "no longer a program; make its virtual environment again" if virtual is not None else "not a program"
        raise _DoesNotRun(f"{path} is {again}")
    version, client = _version(path, virtual), False
    if version is not None:
        client = any((folder / CLIENT).is_dir() for folder in _packages(path, version, virtual))
    if version is None or (not client and _number(version) >= OLDEST):
        executable, version, client = _ask(path, shell)
        if path.parent.name == "shims":  # a shim of pyenv, asdf or mise runs a shell at every start
            path = Path(executable)
    if _number(version) < OLDEST:
        raise StartError(
            f"{path} is Python {version}; functions run on {'.'.join(map(str, OLDEST))} or newer:"
            " name another one with --python"
        )
    if not client:
        raise StartError(f"{path} has no {CLIENT}, the runtime interface client; {_advice(path, home, virtual)}")
    return Interpreter(path, version)


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")[:2]))


def virtual_environment(path: Path) -> dict[str, str] | None:
    """The settings of the virtual environment whose python is `path`, as written by venv, virtualenv or uv."""
    try:
        lines = (path.parent.parent / "pyvenv.cfg").read_text(errors="replace").splitlines()
    except OSError:
        return None
    settings = (line.partition("=") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in settings}


def _version(path: Path, virtual: Mapping[str, str] | None) -> str | None:
    if virtual is not None:
        match = re.match(r"\d+\.\d+(\.\d+)?", virtual.get("version") or virtual.get("version_info") or "")
        return match[0] if match else None
    with path.open("rb") as file:
        if file.read(2) == b"#!":
            return None
    match = re.fullmatch(r"python(\d+\.\d+)", path.resolve().name)
    return match[1] if match else None


def _packages(path: Path, version: str, virtual: Mapping[str, str] | None) -> Iterator[Path]:
    """The usual folders for the interpreter's packages."""
    prefixes = [path.parent.parent if virtual is not None else path.resolve().parent.parent]
    if virtual is not None and virtual.get("include-system-site-packages", "").lower() == "true":
        prefixes.append(Path(virtual.get("home", "")).parent)
    minor = ".".join(version.split(".")[:2])
    for prefix in prefixes:
        for library in ("lib", "lib64"):
            yield prefix / library / f"python{minor}" / "site-packages"


def _ask(path: Path, shell: Mapping[str, str]) -> tuple[str, str, bool]:
    """Start it to find its executable, its version and whether it has the client. Raises StartError if it fails."""
    import subprocess

    try:
        answer = subprocess.run(
            [path, "-E", "-c", _QUESTION],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ANSWER_SECONDS,
            env=dict(shell),
        )
    except subprocess.TimeoutExpired:
        raise _DoesNotRun(f"{path} does not run (no response in {ANSWER_SECONDS} seconds)") from None
    except OSError as error:
        raise _DoesNotRun(f"{path} does not run ({error.strerror})") from None
    lines = answer.stdout.splitlines()
    if answer.returncode != 0 or len(lines) != 3 or not re.fullmatch(r"\d+\.\d+\.\d+", lines[1]):
        reason = (answer.stderr.strip().splitlines() or [f"exit status {answer.returncode}"])[0]
        raise _DoesNotRun(f"{path} does not run ({reason})")
    return lines[0], lines[1], lines[2] == "1"


def _advice(path: Path, home: Path, virtual: Mapping[str, str] | None) -> str:
    from shlex import quote

    python = quote(str(path))
    if virtual is None:
        own = quote(str(home / ".venv"))
        make = f"{python} -m venv {own} && {own}/bin/python -m pip install {CLIENT}"
        return f"install it next to the template: {make}"
    if "uv" in virtual:
        return f"install it: uv pip install --python {python} {CLIENT}"
    return f"install it: {python} -m pip install {CLIENT}"
