"""How to start the processes of an environment: programs, working directories and environment variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from time import gmtime, strftime
from types import MappingProxyType
from typing import NamedTuple

from local_lambda.functions.config import FunctionConfig
from local_lambda.functions.interpreter import Interpreter
from local_lambda.processes.sandbox_specification import RUNTIME_DIRECTORY
from local_lambda.processes.variables import (
    CREDENTIALS,
    LAYERS_VARIABLE,
    Endpoints,
    extension_variables,
    platform_variables,
    unreserved_variables,
)

_LOCALE = ("LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE")
_WRAPPER = """
[ -f "$1" ] || { echo "$AWS_LAMBDA_EXEC_WRAPPER: does not exist"; exit 127; }
[ -x "$1" ] || { echo "$AWS_LAMBDA_EXEC_WRAPPER: is not an executable"; exit 126; }
exec "$@"
"""


class Folders(NamedTuple):
    """Code and layers as the processes see them: `/var/task` and `/opt` in a sandbox. Without layers, `layers` is None.

    `runtime` holds what starts a managed runtime: `/var/runtime` in a sandbox.
    """

    code: str
    layers: str | None
    extensions: tuple[str, ...]
    runtime: str = RUNTIME_DIRECTORY


class Launch(NamedTuple):
    """How to start runtime and extensions. Version and interpreter are set for a managed runtime only."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    log_stream: str
    runtime_version: str | None = None
    interpreter: Path | None = None
    extensions: tuple[str, ...] = ()
    """File names of the external extensions, sorted."""
    extension_folder: str = "/opt/extensions"
    extension_env: Mapping[str, str] = MappingProxyType({})

    @property
    def program(self) -> str:
        """The runtime's program."""
        return self.argv[0]

    @property
    def runtime_version_arn(self) -> str | None:
        """The ARN ends in a digest, as on AWS: here of version and interpreter."""
        if self.interpreter is None:
            return None
        from _blake2 import blake2s  # `hashlib` would take 3 ms to start OpenSSL

        digest = blake2s(f"{self.runtime_version} {os.path.realpath(self.interpreter)}".encode()).hexdigest()
        return f"arn:aws:lambda:{self.env['AWS_REGION']}::runtime:{digest}"


def new_log_stream(version: str) -> str:
    """A log stream name like those the service gives environments: `YYYY/MM/DD/[<version>]<32 hex>`."""
    return f"{strftime('%Y/%m/%d', gmtime())}/[{version}]{os.urandom(16).hex()}"


def managed_launch(
    function: FunctionConfig,
    interpreter: Interpreter,
    folders: Folders,
    endpoints: Endpoints,
    shell: Mapping[str, str],
) -> Launch:
    """A managed Python runtime: the function's interpreter runs `bootstrap.py` in the folder of its code."""
    python, log_stream = interpreter.path, new_log_stream(function.version)
    layers = folders.layers or "/opt"
    env = {name: shell[name] for name in _LOCALE if name in shell}
    env |= {
        "LANG": env.get("LANG", "en_US.UTF-8"),
        "PATH": os.pathsep.join((str(python.parent), shell.get("PATH", os.defpath), f"{layers}/bin")),
        "LD_LIBRARY_PATH": os.pathsep.join((folders.code, f"{folders.code}/lib", f"{layers}/lib")),
    }
    env |= unreserved_variables(function, endpoints)
    env |= function.environment
    env |= platform_variables(function, log_stream, endpoints)
    env |= {
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{interpreter.runtime}",
        "LAMBDA_TASK_ROOT": folders.code,
        "LAMBDA_RUNTIME_DIR": folders.runtime,
        "_HANDLER": function.handler,
    }
    argv: tuple[str, ...] = (str(python), f"{folders.runtime}/bootstrap.py")
    if "AWS_LAMBDA_EXEC_WRAPPER" in function.environment:
        wrapper = _where(function.environment["AWS_LAMBDA_EXEC_WRAPPER"], folders.code, layers)
        argv = ("/bin/sh", "-c", _WRAPPER, "sh", wrapper, *argv)
    return Launch(
        argv,
        env if layers == "/opt" else {**env, LAYERS_VARIABLE: layers},
        folders.code,
        log_stream,
        f"python:{interpreter.version}",
        interpreter.path,
        folders.extensions,
        f"{layers}/extensions",
        extension_variables(env),
    )


def _where(path: str, code: str, layers: str) -> str:
    """Where a file below `/var/task` or `/opt` is: without a sandbox, their contents are in other folders."""
    for mounted, folder in (("/var/task/", code), ("/opt/", layers)):
        if path.startswith(mounted):
            return f"{folder}/{path[len(mounted) :]}"
    return path


def command_launch(
    function: FunctionConfig, folders: Folders, endpoints: Endpoints, shell: Mapping[str, str]
) -> Launch:
    """The caller's own program, in the caller's environment and folder, as in a container image (`exec`)."""
    log_stream = new_log_stream(function.version)
    defaults = {**unreserved_variables(function, endpoints), "_HANDLER": function.handler}
    platform = platform_variables(function, log_stream, endpoints)
    credentials = {name: shell[name] for name in CREDENTIALS if name in shell}
    env = {**defaults, **shell, **function.environment, **platform, **credentials}
    return Launch(
        function.command,
        env,
        folders.code,
        log_stream,
        extensions=folders.extensions,
        extension_folder=f"{folders.layers or '/opt'}/extensions",
        extension_env=extension_variables(env),
    )
