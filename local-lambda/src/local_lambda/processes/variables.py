"""The environment variables that an environment's processes see.

Values and reserved names: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html. Later groups win, in
this order: unreserved, customer, credentials, platform, runtime.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from local_lambda.functions.config import SNAP_START, FunctionConfig

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "ASIALOCALLAMBDA00000",
    "AWS_SECRET_ACCESS_KEY": "local-lambda-has-no-secret-key",
    "AWS_SESSION_TOKEN": "local-lambda-has-no-session-token",
}
"""Well-formed dummy credentials: a function never gets the caller's own."""

LAYERS_VARIABLE = "_LOCAL_LAMBDA_LAYERS"
"""Tells `bootstrap.py`, which removes it, where the layers are when they cannot be at `/opt`."""

_NOT_FOR_EXTENSIONS = frozenset(
    """
    AWS_EXECUTION_ENV AWS_LAMBDA_LOG_GROUP_NAME AWS_LAMBDA_LOG_STREAM_NAME AWS_XRAY_CONTEXT_MISSING
    AWS_XRAY_DAEMON_ADDRESS LAMBDA_RUNTIME_DIR LAMBDA_TASK_ROOT
    """.split()
)


class Endpoints(NamedTuple):
    """Where the environment's services are: the Runtime API as `host:port`, X-Ray's UDP port as host and port.

    `aws` is the URL of the local AWS endpoint, if there is one.
    """

    runtime_api: str
    xray: tuple[str, int]
    aws: str | None = None


def extension_variables(env: Mapping[str, str]) -> dict[str, str]:
    """The part of the runtime's variables that an extension sees."""
    return {name: value for name, value in env.items() if name not in _NOT_FOR_EXTENSIONS and not name.startswith("_")}


def unreserved_variables(function: FunctionConfig, endpoints: Endpoints) -> dict[str, str]:
    """The variables that Lambda sets if the function's configuration does not."""
    host, port = endpoints.xray
    logging = function.logging
    json_logging = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": logging.application_log_level}
    return {
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": f"{host}:{port}",
        "TZ": ":UTC",
        **({"AWS_ENDPOINT_URL": endpoints.aws} if endpoints.aws else {}),
        **(json_logging if logging.log_format == "JSON" else {}),
    }


def platform_variables(function: FunctionConfig, log_stream: str, endpoints: Endpoints) -> dict[str, str]:
    """The reserved variables that describe function and environment, for every kind of runtime.

    A function with SnapStart does not have the names of its log, which differ from environment to environment:
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html.
    """
    host, port = endpoints.xray[0], str(endpoints.xray[1])
    log = {"AWS_LAMBDA_LOG_GROUP_NAME": function.log_group, "AWS_LAMBDA_LOG_STREAM_NAME": log_stream}
    return {
        **({} if function.initialization_type == SNAP_START else log),
        **CREDENTIALS,
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": function.initialization_type,
        "AWS_LAMBDA_RUNTIME_API": endpoints.runtime_api,
        "_AWS_XRAY_DAEMON_ADDRESS": host,
        "_AWS_XRAY_DAEMON_PORT": port,
    }
