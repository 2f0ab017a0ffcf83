"""How a function's process is started: the program, its working directory and exactly the variables it sees.

Values and precedence: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html. Later wins: customer,
platform unreserved, credentials, runtime, platform reserved.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from local_lambda.config import FunctionConfig

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "ASIALOCALLAMBDA00000",
    "AWS_SECRET_ACCESS_KEY": "local-lambda-has-no-secret-key",
    "AWS_SESSION_TOKEN": "local-lambda-has-no-session-token",
}
"""Well-formed credentials that open nothing: a function never gets the caller's own."""

_LOCALE = ("LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE")
_BOOTSTRAP = str(Path(__file__).with_name("bootstrap.py"))


@dataclass(frozen=True)
class Launch:
    """How to start the runtime. `runtime_version` and its ARN are None when the program is not a managed runtime."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    log_stream: str
    runtime_version: str | None = None
    runtime_version_arn: str | None = None


def new_log_stream(version: str) -> str:
    """A log stream name as the service makes one per environment: `YYYY/MM/DD/[<version>]<32 hex>`."""
    return f"{datetime.now(timezone.utc):%Y/%m/%d}/[{version}]{os.urandom(16).hex()}"


def managed_launch(
    function: FunctionConfig,
    python: Path,
    python_version: str,
    code: Path,
    runtime_api: str,
    xray: tuple[str, int],
    shell: Mapping[str, str],
) -> Launch:
    """A managed Python runtime: `bootstrap.py` run by the function's interpreter in the folder of its code."""
    log_stream = new_log_stream(function.version)
    release = ".".join(python_version.split(".")[:2])
    env = {name: shell[name] for name in _LOCALE if name in shell}
    env |= {"LANG": env.get("LANG", "en_US.UTF-8"), "PATH": f"{python.parent}{os.pathsep}{shell.get('PATH', os.defpath)}"}
    env |= function.environment
    env |= platform_variables(function, log_stream, runtime_api, xray)
    env |= {
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{release}",
        "LAMBDA_TASK_ROOT": str(code),
        "LAMBDA_RUNTIME_DIR": str(Path(_BOOTSTRAP).parent),
        "_HANDLER": function.handler,
        "TZ": ":UTC",
    }
    version = f"python:{python_version}"
    digest = hashlib.sha256(f"{version} {os.path.realpath(python)}".encode()).hexdigest()
    return Launch(
        (str(python), _BOOTSTRAP),
        env,
        str(code),
        log_stream,
        version,
        f"arn:aws:lambda:{function.region}::runtime:{digest}",
    )


def command_launch(
    function: FunctionConfig, runtime_api: str, xray: tuple[str, int], shell: Mapping[str, str], cwd: str
) -> Launch:
    """A program of the caller's, in the caller's environment and folder, as in a container image (`exec`)."""
    log_stream = new_log_stream(function.version)
    defaults = {"AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR", "_HANDLER": function.handler, "TZ": ":UTC"}
    platform = platform_variables(function, log_stream, runtime_api, xray)
    credentials = {name: shell[name] for name in CREDENTIALS if name in shell}
    return Launch(function.command, {**defaults, **shell, **platform, **credentials}, cwd, log_stream)


def platform_variables(
    function: FunctionConfig, log_stream: str, runtime_api: str, xray: tuple[str, int]
) -> dict[str, str]:
    """The reserved variables that describe function and environment, for every kind of runtime."""
    host, port = xray[0], str(xray[1])
    logging = function.logging
    json_logging = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": logging.application_log_level}
    return {
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": f"{host}:{port}",
        **(json_logging if logging.log_format == "JSON" else {}),
        **CREDENTIALS,
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "_AWS_XRAY_DAEMON_ADDRESS": host,
        "_AWS_XRAY_DAEMON_PORT": port,
    }
