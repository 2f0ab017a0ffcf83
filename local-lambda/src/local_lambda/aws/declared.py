"""Functions of a template on the endpoint of `start --aws`: they can be looked up and invoked, but not changed.

Source of fields: https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html.
"""

from __future__ import annotations

import time

from local_lambda.aws.checks import Document, invalid
from local_lambda.aws.event_invoke import document_of
from local_lambda.aws.function import Provisioned
from local_lambda.aws.layers import now
from local_lambda.errors import ApiError
from local_lambda.events.identifiers import new_uuid
from local_lambda.functions.config import FunctionConfig
from local_lambda.service.pool import EnvironmentPool


class DeclaredFunction:
    """A function that the template declares. `pool` has its environments, and its configuration as it is now."""

    tags: dict[str, str]

    def __init__(self, pool: EnvironmentPool) -> None:
        self.pool = pool
        self.tags = {}
        self._modified, self._revision = now(), new_uuid()
        self._since = time.time()

    @property
    def name(self) -> str:
        """The function's name."""
        return self.pool.function.name

    @property
    def reserved_concurrency(self) -> int | None:
        """The reserved concurrency in the template."""
        return self.pool.function.reserved_concurrency

    @property
    def event_invoke(self) -> dict[str, Document]:
        """Its settings of asynchronous invocations by qualifier."""
        function = self.pool.function
        return {
            qualifier: document_of(settings, f"{function.arn}:{qualifier}", self._since)
            for qualifier, settings in function.event_invoke.items()
        }

    @property
    def provisioned(self) -> dict[str, Provisioned]:
        """Its provisioned concurrency by qualifier."""
        function = self.pool.function
        if not (function.provisioned and function.alias):
            return {}
        return {function.alias: Provisioned(function.provisioned, self._modified)}

    @property
    def configuration(self) -> Document:
        """Its FunctionConfiguration in the API's form. Size and digest of its code are missing: it has no zip."""
        return {**_configuration(self.pool.function), "LastModified": self._modified, "RevisionId": self._revision}

    def refuse_change(self) -> ApiError:
        """The error for an operation that would change it."""
        return invalid(f"{self.name} is declared in the template: change it there; `start --watch` reads it again")


def _configuration(function: FunctionConfig) -> Document:
    logging: Document = {"LogFormat": function.logging.log_format, "LogGroup": function.log_group}
    if function.logging.log_format == "JSON":
        logging["ApplicationLogLevel"] = function.logging.application_log_level
        logging["SystemLogLevel"] = function.logging.system_log_level
    document: Document = {
        "FunctionName": function.name,
        "FunctionArn": function.arn,
        "Role": f"arn:aws:iam::{function.account_id}:role/local-lambda",
        "Description": "",
        "Timeout": function.timeout,
        "MemorySize": function.memory_mb,
        "Version": function.version,
        "TracingConfig": {"Mode": "Active" if function.tracing_active else "PassThrough"},
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Image" if function.runtime is None else "Zip",
        "EphemeralStorage": {"Size": function.ephemeral_storage_mb},
        "LoggingConfig": logging,
    }
    if function.runtime is not None:
        document |= {"Runtime": function.runtime, "Handler": function.handler}
    if function.tenant_isolation:
        document["TenancyConfig"] = {"TenantIsolationMode": "PER_TENANT"}
    if function.snap_start:
        status = "Off" if function.version == "$LATEST" else "On"
        document["SnapStart"] = {"ApplyOn": "PublishedVersions", "OptimizationStatus": status}
    if function.durable is not None:
        timeout, days = function.durable
        document["DurableConfig"] = {"ExecutionTimeout": timeout, "RetentionPeriodInDays": days}
    if function.dead_letters is not None:
        document["DeadLetterConfig"] = {"TargetArn": function.dead_letters}
    if function.environment:
        document["Environment"] = {"Variables": dict(function.environment)}
    return document
