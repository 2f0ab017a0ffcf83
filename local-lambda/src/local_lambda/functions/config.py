"""The configuration of one function: everything the execution environment needs, independent of its source.

`template.py` makes a `FunctionConfig` from an AWS SAM template, `local-lambda exec` makes one from the environment
variables `AWS_LAMBDA_*`. Limits: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from local_lambda.limits import (
    DEFAULT_MEMORY_MB,
    DEFAULT_RETENTION_DAYS,
    DEFAULT_STORAGE_MB,
    DEFAULT_TIMEOUT_SECONDS,
    MAX_EVENT_AGE_SECONDS,
    MAX_EVENT_RETRIES,
)

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"

MAX_CONCURRENCY_DEFAULT = 10

RESERVED_VARIABLES = frozenset(
    """
    AWS_ACCESS_KEY AWS_ACCESS_KEY_ID AWS_DEFAULT_REGION AWS_EXECUTION_ENV AWS_LAMBDA_FUNCTION_MEMORY_SIZE
    AWS_LAMBDA_FUNCTION_NAME AWS_LAMBDA_FUNCTION_VERSION AWS_LAMBDA_INITIALIZATION_TYPE AWS_LAMBDA_LOG_GROUP_NAME
    AWS_LAMBDA_LOG_STREAM_NAME AWS_LAMBDA_RUNTIME_API AWS_REGION AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
    LAMBDA_RUNTIME_DIR LAMBDA_TASK_ROOT
    """.split()
)
"""Environment variables that a function's configuration must not set; names that start with `_` are reserved too."""


def partition(region: str) -> str:
    """The partition that a region belongs to, as ARNs say it."""
    return "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"


class LoggingConfig(NamedTuple):
    """`LoggingConfig` of a function: `log_format` is `Text` or `JSON`; the levels apply to `JSON` only."""

    log_format: str = "Text"
    application_log_level: str = "INFO"
    system_log_level: str = "INFO"
    log_group: str | None = None


class ApiRoute(NamedTuple):
    """One `Api` (`rest`) or `HttpApi` event of a function.

    `payload_format` is `1.0` or, for an HTTP API only, `2.0`; `api` is the logical id of the API it belongs to.
    `authorizer` names one of its authorizers, or is `NONE`; None leaves the choice to the API.
    """

    method: str
    path: str
    payload_format: str
    rest: bool
    api: str
    authorizer: str | None = None


class Cors(NamedTuple):
    """Cross-origin resource sharing of a function URL or an API. `max_age` in seconds; `*` stands for everything."""

    origins: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    max_age: int | None = None
    credentials: bool = False


class Authorizer(NamedTuple):
    """A Lambda authorizer: the function that decides, and what it is asked about.

    `function` is its name; `sources` are what has to be in a request, as `header.NAME`, `querystring.NAME`,
    `context.NAME` or `stageVariables.NAME`. A `token` is the only source of a TOKEN authorizer, whose value has to
    match the regular expression `validation`. `simple` responses are `{"isAuthorized": true}`. Decisions are kept for
    `ttl` seconds.
    """

    function: str
    sources: tuple[str, ...] = ()
    token: bool = False
    validation: str | None = None
    payload_format: str = "1.0"
    simple: bool = False
    ttl: int = 0


class ApiSettings(NamedTuple):
    """The settings of one API: CORS, its Lambda authorizers by name, and the one that routes have by default."""

    cors: Cors | None = None
    authorizers: Mapping[str, Authorizer] = MappingProxyType({})
    default: str | None = None


PROVISIONED = "provisioned-concurrency"
SNAP_START = "snap-start"
AUTH_TYPES = ("NONE", "AWS_IAM")
INVOKE_MODES = ("BUFFERED", "RESPONSE_STREAM")


class FunctionUrl(NamedTuple):
    """A function's URL: who may call it, whether its responses are streamed, and which pages may read them."""

    auth_type: str
    invoke_mode: str = "BUFFERED"
    cors: Cors | None = None


class Alias(NamedTuple):
    """An alias: the version it points to, and the shares (0 to 1) of others that get a part of the invocations."""

    version: str
    weights: Mapping[str, float] = MappingProxyType({})


class EventInvokeConfig(NamedTuple):
    """What becomes of asynchronous invocations: `max_age` in seconds, further attempts, and ARNs of destinations."""

    max_age: int = MAX_EVENT_AGE_SECONDS
    retries: int = MAX_EVENT_RETRIES
    on_success: str | None = None
    on_failure: str | None = None


class DurableConfig(NamedTuple):
    """How long a durable execution may take, in seconds, and how long its history is kept after it, in days."""

    timeout: int
    retention_days: int = DEFAULT_RETENTION_DAYS


class FunctionConfig(NamedTuple):
    """One function. `timeout` in seconds, `memory_mb` and `ephemeral_storage_mb` in MB, `code` a folder or a zip."""

    name: str
    handler: str
    logical_id: str = ""
    runtime: str | None = None
    code: Path = Path(".")
    timeout: int = DEFAULT_TIMEOUT_SECONDS
    memory_mb: int = DEFAULT_MEMORY_MB
    ephemeral_storage_mb: int = DEFAULT_STORAGE_MB
    environment: Mapping[str, str] = MappingProxyType({})
    layers: tuple[Path, ...] = ()
    tracing_active: bool = False
    logging: LoggingConfig = LoggingConfig()
    reserved_concurrency: int | None = None
    routes: tuple[ApiRoute, ...] = ()
    command: tuple[str, ...] = ()
    """The program to run instead of a managed Python runtime (`exec`, container images)."""
    version: str = "$LATEST"
    region: str = REGION
    account_id: str = ACCOUNT_ID
    architecture: str = "x86_64"
    source: str | None = None
    """The code itself, as text: that of a file `index.py`, with nothing else in the package."""
    urls: Mapping[str, FunctionUrl] = MappingProxyType({})
    """The function URLs by qualifier: `$LATEST` or an alias."""
    event_invoke: Mapping[str, EventInvokeConfig] = MappingProxyType({})
    """The settings of asynchronous invocations by qualifier; without any, those of every function apply."""
    dead_letters: str | None = None
    """The ARN of the queue or topic for events that have failed."""
    published: tuple[str, ...] = ()
    """The published versions, which have the same code here as `$LATEST`."""
    aliases: Mapping[str, Alias] = MappingProxyType({})
    alias: str = ""
    """The alias that routes, URLs and queues call, if there is one."""
    initialization_type: str = "on-demand"
    """How the environments of this configuration begin: `PROVISIONED` for those that start ahead of invocations."""
    provisioned: int = 0
    """How many environments start ahead."""
    tenant_isolation: bool = False
    """Whether every environment serves one tenant."""
    snap_start: bool = False
    """Whether the environments of its published versions are restored from a snapshot."""
    durable: DurableConfig | None = None
    """Set for a durable function."""

    @property
    def arn(self) -> str:
        """The unqualified function ARN."""
        return f"arn:{partition(self.region)}:lambda:{self.region}:{self.account_id}:function:{self.name}"

    @property
    def invoked_arn(self) -> str:
        """The ARN that routes, URLs and queues call."""
        return self.qualified_arn(self.alias or "$LATEST")

    def qualified_arn(self, qualifier: str) -> str:
        """The ARN of a version or an alias; that of `$LATEST` is the unqualified one."""
        return self.arn if qualifier == "$LATEST" else f"{self.arn}:{qualifier}"

    @property
    def log_group(self) -> str:
        """The log group's name: `LoggingConfig.LogGroup` or `/aws/lambda/<name>`."""
        return self.logging.log_group or f"/aws/lambda/{self.name}"
