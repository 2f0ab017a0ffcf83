"""Every limit of the service, once. This tool's own limits are defined where they are used.

Sources: the quotas at https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, the API reference, and
AWS's own supervisor (https://github.com/aws/aws-lambda-runtime-interface-emulator).
"""

from __future__ import annotations

# --- a function's configuration

DEFAULT_TIMEOUT_SECONDS = 3
MAX_TIMEOUT_SECONDS = 900
DEFAULT_MEMORY_MB = 128
MIN_MEMORY_MB = 128
MAX_MEMORY_MB = 10_240
DEFAULT_STORAGE_MB = 512
"""`EphemeralStorage`: the size of `/tmp`."""
MIN_STORAGE_MB = 512
MAX_STORAGE_MB = 10_240
MAX_LAYERS = 5
MAX_ENVIRONMENT_BYTES = 4096
"""Names and values of a function's environment variables together."""

# --- invocations

MAX_EVENT_BYTES = 6_291_456
"""A synchronous invocation's event: 6 MB."""
MAX_ASYNC_EVENT_BYTES = 1_048_576
"""An asynchronous invocation's event: 1 MB."""
MIN_EVENT_AGE_SECONDS = 60
MAX_EVENT_AGE_SECONDS = 21_600
"""How long an asynchronous event is tried, unless the function says otherwise: six hours."""
MAX_EVENT_RETRIES = 2
"""How often the function is invoked again for an event that has failed."""
MAX_PAYLOAD_BYTES = 6 * 1024 * 1024 + 100
"""The size of a function's response."""
MAX_STREAMED_BYTES = 200 * 1024 * 1024
"""The size of a streamed response."""
STREAM_BURST_BYTES = 6 * 1024 * 1024
STREAM_BYTES_PER_SECOND = 2 * 1024 * 1024
"""A streamed response is sent at full speed up to the first limit, and at the second one from there on."""
MAX_CLIENT_CONTEXT_BYTES = 3_583
LOG_TAIL_BYTES = 4096
"""How much of the log `LogType: Tail` returns."""

# --- phases

INIT_TIMEOUT_SECONDS = 10.0
PROVISIONED_INIT_SECONDS = 130.0
"""The Init phase of an environment that starts ahead, or the function's timeout if that is longer."""
RESTORE_SECONDS = 10.0
"""The hooks that run after a restore."""
INTERNAL_SHUTDOWN_SECONDS = 0.5
"""The Shutdown phase with internal extensions alone."""
EXTERNAL_SHUTDOWN_SECONDS = 2.0
"""The Shutdown phase with an external extension."""
RUNTIME_SHUTDOWN_SECONDS = 0.3
"""The runtime's share if there are external extensions; if there are internal ones too, it is the internal 0.5 s."""

# --- extensions and telemetry

MAX_EXTENSIONS = 10
MAX_LOG_EVENT_BYTES = 262_144
"""The longest log line; a longer one is cut."""

# --- packages

MAX_UNZIPPED_BYTES = 262_144_000
"""Code and layers together: 250 MB."""
MAX_INLINE_BYTES = 4_194_304
"""Code inside a template (`ZipFile`, `InlineCode`): 4 MB."""
MAX_ZIPPED_BYTES = 52_428_800
"""A zip sent with the request: 50 MB."""
MAX_CREATE_REQUEST_BYTES = 70_167_211
"""A request that contains a zip."""

# --- durable executions

MAX_EXECUTION_SECONDS = 31_622_400
"""How long a durable execution may take: https://docs.aws.amazon.com/lambda/latest/api/API_DurableConfig.html."""
MAX_RETENTION_DAYS = 90
DEFAULT_RETENTION_DAYS = 14
"""How long the history of a durable execution is kept, from the page above and that of AWS SAM."""
MAX_OPERATIONS = 3000
"""How many operations a durable execution may have."""
MAX_EXECUTION_BYTES = 100_000_000
"""How much a durable execution may store."""
