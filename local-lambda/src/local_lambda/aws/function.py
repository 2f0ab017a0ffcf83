"""One function of the endpoint: its configuration in the API, and what environments need to know.

Source of fields: https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from local_lambda.aws.checks import Document
from local_lambda.aws.layers import LayerVersion, now
from local_lambda.aws.packages import Package
from local_lambda.environment.environment import ExecutionEnvironment
from local_lambda.events.identifiers import new_uuid
from local_lambda.functions.config import DurableConfig, FunctionConfig, LoggingConfig
from local_lambda.functions.interpreter import Interpreter
from local_lambda.limits import DEFAULT_MEMORY_MB, DEFAULT_RETENTION_DAYS, DEFAULT_STORAGE_MB, DEFAULT_TIMEOUT_SECONDS
from local_lambda.service.pool import EnvironmentPool


class Provisioned(NamedTuple):
    """The provisioned concurrency of a version or alias: how many environments, and when that was set."""

    environments: int
    modified: str


class Policy(NamedTuple):
    """Who may invoke a function, a version or an alias: statements in the form of IAM."""

    statements: list[Document]
    revision: str


@dataclass
class Function:
    """One function. `configuration` is its FunctionConfiguration in the API's form, stored only here."""

    configuration: Document
    package: Package
    layers: list[LayerVersion]
    opt: Path | None
    own_opt: Path | None
    """The folder to remove together with `opt`, if `opt` was merged for this function only."""
    tags: dict[str, str]
    reserved_concurrency: int | None = None
    published: dict[str, Function] = field(default_factory=dict)
    """The published versions by number."""
    last_version: int = 0
    aliases: dict[str, Document] = field(default_factory=dict)
    """The aliases in the API's form."""
    interpreter: Interpreter | None = None
    pool: EnvironmentPool = field(init=False)
    create_ahead: Callable[[], ExecutionEnvironment] = field(init=False)
    """Makes an environment that starts ahead of its invocations."""
    provisioned: dict[str, Provisioned] = field(default_factory=dict)
    """The provisioned concurrency of versions and aliases."""
    policies: dict[str | None, Policy] = field(default_factory=dict)
    """The policies by qualifier."""
    event_invoke: dict[str, Document] = field(default_factory=dict)
    """The settings of asynchronous invocations by qualifier, in the API's form. All versions of a function share it."""
    made: int = 0

    def snapshot(self, description: str | None) -> Function:
        """The next version: as the function is now, and unchangeable."""
        self.last_version += 1
        number = str(self.last_version)
        configuration = copy.deepcopy(self.configuration)
        configuration |= {"Version": number, "FunctionArn": f"{configuration['FunctionArn']}:{number}"}
        if description is not None:
            configuration["Description"] = description
        version = Function(configuration, self.package, self.layers, self.opt, self.own_opt, {})
        version.interpreter = self.interpreter
        version.event_invoke = self.event_invoke
        self.published[number] = version
        return version

    def version_of(self, qualifier: str) -> str:
        """The version that an alias points to; any other qualifier is one itself."""
        alias = self.aliases.get(qualifier)
        return qualifier if alias is None else str(alias["FunctionVersion"])

    @property
    def name(self) -> str:
        """The function's name."""
        return str(self.configuration["FunctionName"])

    def config(self) -> FunctionConfig:
        """The function in the form that environments use."""
        document, logging = self.configuration, self.configuration["LoggingConfig"]
        return FunctionConfig(
            self.name,
            document["Handler"],
            runtime=document["Runtime"],
            code=self.package.folder,
            timeout=document["Timeout"],
            memory_mb=document["MemorySize"],
            ephemeral_storage_mb=document["EphemeralStorage"]["Size"],
            environment=document.get("Environment", {}).get("Variables", {}),
            tracing_active=document["TracingConfig"]["Mode"] == "Active",
            logging=LoggingConfig(
                logging["LogFormat"],
                logging.get("ApplicationLogLevel", "INFO"),
                logging.get("SystemLogLevel", "INFO"),
                logging["LogGroup"],
            ),
            reserved_concurrency=self.reserved_concurrency,
            version=document["Version"],
            region=document["FunctionArn"].split(":")[3],
            account_id=document["FunctionArn"].split(":")[4],
            tenant_isolation="TenancyConfig" in document,
            durable=durable_config(document),
            snap_start=document["SnapStart"]["ApplyOn"] == "PublishedVersions",
            dead_letters=document.get("DeadLetterConfig", {}).get("TargetArn"),
        )


def new_configuration(name: str, arn: str, request: Document, package: Package, layers: list[LayerVersion]) -> Document:
    """The FunctionConfiguration of a checked CreateFunction request, with every default."""
    configuration: Document = {
        "FunctionName": name,
        "FunctionArn": arn,
        "Runtime": request["Runtime"],
        "Role": request["Role"],
        "Handler": request["Handler"],
        "CodeSize": package.size,
        "Description": "",
        "Timeout": DEFAULT_TIMEOUT_SECONDS,
        "MemorySize": DEFAULT_MEMORY_MB,
        "CodeSha256": package.sha256,
        "Version": "$LATEST",
        "TracingConfig": {"Mode": "PassThrough"},
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": request.get("Architectures", ["x86_64"]),
        "EphemeralStorage": {"Size": DEFAULT_STORAGE_MB},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"},
    }
    if request.get("TenancyConfig"):
        configuration["TenancyConfig"] = request["TenancyConfig"]
    if request.get("DurableConfig"):
        configuration["DurableConfig"] = {"RetentionPeriodInDays": DEFAULT_RETENTION_DAYS}
    change(configuration, request, layers)
    return configuration


def durable_config(document: Document) -> DurableConfig | None:
    """The durable settings of a FunctionConfiguration."""
    found = document.get("DurableConfig")
    return DurableConfig(found["ExecutionTimeout"], found["RetentionPeriodInDays"]) if found else None


def change(configuration: Document, request: Document, layers: list[LayerVersion]) -> None:
    """Write the members of a request into a FunctionConfiguration."""
    for member in ("Runtime", "Role", "Handler", "Description", "Timeout", "MemorySize"):
        if member in request:
            configuration[member] = request[member]
    for member in ("TracingConfig", "EphemeralStorage", "SnapStart"):
        configuration[member] = {**configuration[member], **request.get(member, {})}
    logging = {**configuration["LoggingConfig"], **request.get("LoggingConfig", {})}
    if logging["LogFormat"] == "JSON":
        logging = {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO", **logging}
    else:
        logging = {member: logging[member] for member in ("LogFormat", "LogGroup")}
    configuration["LoggingConfig"] = logging
    if "Environment" in request:
        configuration.pop("Environment", None)
        if request["Environment"].get("Variables"):
            configuration["Environment"] = {"Variables": dict(request["Environment"]["Variables"])}
    if "DeadLetterConfig" in request:
        configuration.pop("DeadLetterConfig", None)
        if request["DeadLetterConfig"].get("TargetArn"):
            configuration["DeadLetterConfig"] = {"TargetArn": request["DeadLetterConfig"]["TargetArn"]}
    if request.get("DurableConfig"):
        configuration["DurableConfig"] |= request["DurableConfig"]
    configuration.pop("Layers", None)
    if layers:
        configuration["Layers"] = [
            {"Arn": layer.document["LayerVersionArn"], "CodeSize": layer.package.size} for layer in layers
        ]
    touch(configuration)


def touch(configuration: Document) -> None:
    """Record a change of the configuration as a new revision."""
    configuration["LastModified"] = now()
    configuration["RevisionId"] = new_uuid()
