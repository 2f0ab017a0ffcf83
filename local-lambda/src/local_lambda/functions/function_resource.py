"""Reads one function resource of a template, property by property, into a `FunctionConfig`.

Specification: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html
and, for `AWS::Lambda::Function`, the CloudFormation page of that name. Limits are Lambda's, and errors have the
service's wording where there is one. Finding, parsing and searching a template belong elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias, TypeVar

from local_lambda.errors import UsageError
from local_lambda.functions.config import (
    RESERVED_VARIABLES,
    Alias,
    DurableConfig,
    FunctionConfig,
    FunctionUrl,
    LoggingConfig,
)
from local_lambda.functions.event_invoke import read_dead_letters, read_event_invoke
from local_lambda.functions.function_urls import read_url
from local_lambda.functions.given import Given
from local_lambda.functions.intrinsics import OnlyOnAws, Scope, Unresolvable, is_intrinsic, text
from local_lambda.functions.properties import CannotRun, Properties
from local_lambda.functions.property_names import NOT_EMULATED, foreign, not_emulated, of_other_type, other_events
from local_lambda.functions.routes import read_routes
from local_lambda.functions.stand_ins import StandIns
from local_lambda.functions.transforms import TRANSFORM
from local_lambda.limits import (
    DEFAULT_MEMORY_MB,
    DEFAULT_RETENTION_DAYS,
    DEFAULT_STORAGE_MB,
    DEFAULT_TIMEOUT_SECONDS,
    MAX_ENVIRONMENT_BYTES,
    MAX_EXECUTION_SECONDS,
    MAX_INLINE_BYTES,
    MAX_LAYERS,
    MAX_MEMORY_MB,
    MAX_RETENTION_DAYS,
    MAX_STORAGE_MB,
    MAX_TIMEOUT_SECONDS,
    MIN_MEMORY_MB,
    MIN_STORAGE_MB,
)

SERVERLESS, PLAIN = "AWS::Serverless::Function", "AWS::Lambda::Function"
LAYER_CONTENT = {"AWS::Serverless::LayerVersion": "ContentUri", "AWS::Lambda::LayerVersion": "Content"}
APPLICATION_LOG_LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
Default = TypeVar("Default", int, None)
Value = TypeVar("Value")
_LAYER_ARN = re.compile(r"arn:[a-z-]+:lambda:[^:\s]+:[^:\s]+:layer:[^:\s]+:\d+").fullmatch
_LAYER_NAME = re.compile("[a-zA-Z0-9_-]{1,140}").fullmatch
SYSTEM_LOG_LEVELS = ("DEBUG", "INFO", "WARN")
Layers: TypeAlias = dict[str, tuple[str, Callable[[], Path | None]]]
"""Layer versions by ARN: the logical id, and what finds the content."""

_UNABLE = (
    "Lambda was unable to configure your environment variables because the environment variables you have provided"
)
RESERVED_MESSAGE = (
    f"{_UNABLE} contains reserved keys that are currently not supported for modification."
    " Reserved keys used in this request:"
)
TOO_LARGE_MESSAGE = f"{_UNABLE} exceeded the 4KB limit."


class Notes(NamedTuple):
    """What is different from AWS in one function.

    `stand_ins` (what -> value), the layers that are left out, properties that are not emulated, and events that need a
    local AWS endpoint.
    """

    stand_ins: Mapping[str, str] = MappingProxyType({})
    layers: tuple[str, ...] = ()
    not_emulated: tuple[str, ...] = ()
    events: tuple[str, ...] = ()


def layer_arns(resources: Mapping[str, Any], scope: Scope, given: Given, stack: str, taken: Layers) -> dict[str, str]:
    """The value of `!Ref` for each layer version among `resources`, those of the stack `Outer/Inner/`.

    A layer without a `LayerName` has the logical id as its name. Versions count up, also those in other stacks.
    """
    arns: dict[str, str] = {}
    for logical_id, resource in resources.items():
        if not isinstance(resource, dict) or str(resource.get("Type")) not in LAYER_CONTENT:
            continue
        properties, name = resource.get("Properties"), None
        with suppress(Unresolvable):
            name = scope.resolve(properties.get("LayerName")) if isinstance(properties, dict) else None
        if not isinstance(name, str) or not _LAYER_NAME(name):
            name = f"{stack.replace('/', '-')}{logical_id}"
        arn, version = f"arn:{given.partition}:lambda:{given.region}:{given.account}:layer:{name}", 1
        while f"{arn}:{version}" in (*taken, *arns.values()):
            version += 1
        arns[logical_id] = f"{arn}:{version}"
    return arns


class _Settings:
    """Reads settings that may depend on parameters without a value, which then have stand-ins.

    `properties` has no stand-ins; its error counts, because it names what is missing.
    """

    def __init__(self, properties: Properties, lenient: Properties, stand_ins: StandIns) -> None:
        self._properties = properties
        self._lenient = lenient
        self._stand_ins = stand_ins

    def read(self, read: Callable[[Properties], Value]) -> Value:
        """What `read` returns. Raises its UsageError if there is no value even with stand-ins."""
        try:
            return read(self._properties)
        except CannotRun as reason:
            try:
                return read(self._lenient)
            except UsageError:
                raise reason from None

    def inside(self, name: str) -> _Settings:
        """The settings inside a mapping."""
        return _Settings(self.read(lambda either: either.inside(name)), self._lenient.inside(name), self._stand_ins)

    def integer(self, name: str, default: Default, low: int, high: int, unit: str) -> int | Default:
        """An integer as `Properties.integer` reads it. A parameter without a value stands for Lambda's default."""
        try:
            return self._properties.integer(name, default, low, high, unit)
        except CannotRun:
            value = self._properties.values.get(name)
            parameter = f"parameter {value.get('Ref')}" if isinstance(value, dict) else ""
            used, known = self._stand_ins.used, parameter in self._stand_ins.used
            self.read(lambda either: either.any(name))
            if parameter not in used:
                return self.read(lambda either: either.integer(name, default, low, high, unit))
            if not known:
                del used[parameter]
            used[f"{parameter} as {name}"] = "none" if default is None else str(default)
            return default


class FunctionReader:
    """Reads the functions among `resources`, the resources of the template at `path`.

    `layers` has the layers of all stacks; those of this one are added, whose ARNs are `arns`. `notes` has the notes on
    each function read, by logical id.
    """

    def __init__(
        self,
        path: Path,
        resources: Mapping[str, Any],
        scope: Scope,
        given: Given,
        layers: Layers,
        arns: Mapping[str, str],
    ) -> None:
        self._path = path
        self._resources = resources
        self._scope = scope
        self._given = given
        self._layers_of_all = layers
        for logical_id, arn in arns.items():
            layers[arn] = logical_id, partial(self._layer_content, logical_id)
        self.notes: dict[str, Notes] = {}

    def function(self, logical_id: str, name: str, properties: Properties) -> FunctionConfig:
        """One function. Raises CannotRun if it is valid but cannot run here, UsageError if it is invalid."""
        serverless = self._resources[logical_id]["Type"] == SERVERLESS
        unknown = tuple(foreign(properties.values, serverless))
        values = {name: value for name, value in properties.values.items() if name not in of_other_type(serverless)}
        properties = Properties(self._path, logical_id, values, self._scope)
        stand_ins = StandIns(self._resources, self._given)
        lenient = properties.with_stand_ins(stand_ins)
        settings = _Settings(properties, lenient, stand_ins)
        timeout = settings.integer("Timeout", DEFAULT_TIMEOUT_SECONDS, 1, MAX_TIMEOUT_SECONDS, "seconds")
        memory = settings.integer("MemorySize", DEFAULT_MEMORY_MB, MIN_MEMORY_MB, MAX_MEMORY_MB, "MB")
        storage = settings.inside("EphemeralStorage")
        size = storage.integer("Size", DEFAULT_STORAGE_MB, MIN_STORAGE_MB, MAX_STORAGE_MB, "MB")
        mode = settings.read(_tracing if serverless else _tracing_config)
        concurrency = settings.integer("ReservedConcurrentExecutions", None, 0, 100_000, "environments")
        logging = settings.read(lambda either: _logging(either, lenient))
        environment = self._environment(lenient, logical_id, name)
        routes = settings.read(read_routes) if serverless else ()
        url = settings.read(_url) if serverless else None
        event_invoke = settings.read(
            lambda either: read_event_invoke(logical_id, either.inside("EventInvokeConfig"), name)
        )
        configured = properties.values.get("EventInvokeConfig") is not None
        dead_letters = settings.read(lambda either: read_dead_letters(either, serverless))
        alias = settings.read(_alias) if serverless else None
        tenancy = settings.read(_tenancy)
        ahead = settings.inside("ProvisionedConcurrencyConfig")
        provisioned = ahead.integer("ProvisionedConcurrentExecutions", 0, 1, 100_000, "environments")
        durable = settings.inside("DurableConfig")
        execution = durable.integer("ExecutionTimeout", None, 1, MAX_EXECUTION_SECONDS, "seconds")
        retention = durable.integer("RetentionPeriodInDays", DEFAULT_RETENTION_DAYS, 1, MAX_RETENTION_DAYS, "days")
        layers, left_out = self._layers(properties)
        source = None
        is_image = settings.read(_package_type) == "Image"
        if is_image:
            runtime, (handler, command, code) = None, self._image(logical_id, properties)
        else:
            runtime, handler, command = *settings.read(_runtime), ()
            code, source = self._code(logical_id, properties, lenient, serverless)
        missing = (*unknown, *not_emulated(_told(lenient), is_image))
        self.notes[logical_id] = Notes(stand_ins.used, left_out, missing, tuple(other_events(values)))
        return FunctionConfig(
            name=name,
            logical_id=logical_id,
            handler=handler,
            runtime=runtime,
            command=command,
            code=code,
            source=source,
            architecture=_architecture(properties),
            timeout=timeout,
            memory_mb=memory,
            ephemeral_storage_mb=size,
            environment=environment,
            layers=layers,
            tracing_active=mode == "Active",
            logging=logging,
            reserved_concurrency=concurrency,
            routes=routes,
            urls={} if url is None else {alias or "$LATEST": url},
            event_invoke={alias or "$LATEST": event_invoke} if configured else {},  # as AWS SAM does
            dead_letters=dead_letters,
            provisioned=provisioned,
            published=() if alias is None else ("1",),
            aliases={} if alias is None else {alias: Alias("1")},
            alias=alias or "",
            tenant_isolation=tenancy is not None,
            snap_start=settings.inside("SnapStart").read(_snap_start),
            durable=None if execution is None else DurableConfig(execution, retention),
            region=self._given.region,
            account_id=self._given.account,
        )

    def _metadata(self, logical_id: str) -> Properties:
        return Properties(self._path, logical_id, self._resources[logical_id].get("Metadata") or {}, self._scope)

    def _image(self, logical_id: str, properties: Properties) -> tuple[str, tuple[str, ...], Path]:
        """Handler, program, folder. An entry point is a program; a command alone is the handler, as in AWS images."""
        from local_lambda.functions.container import read_dockerfile

        metadata = self._metadata(logical_id)
        asset = "aws:asset:path" in metadata.values
        context = metadata.file("aws:asset:path" if asset else "DockerContext", ".")
        dockerfile = context / (metadata.string("aws:asset:dockerfile-path" if asset else "Dockerfile") or "Dockerfile")
        target = metadata.string("aws:asset:docker-build-target" if asset else "DockerBuildTarget")
        settings, image = properties.inside("ImageConfig"), read_dockerfile(dockerfile, target)
        if image is None and target is not None and dockerfile.is_file():
            raise properties.cannot("Metadata", f"{dockerfile} has no stage {target}; name one of its stages")
        entry_point, command = settings.strings("EntryPoint"), settings.strings("Command")
        if image is not None and image.is_foreign:
            raise properties.cannot("PackageType", f"{dockerfile} begins from {image.base}, which has no Python")
        if not entry_point and not command:
            if image is None:
                raise properties.cannot(
                    "ImageConfig", f"has no Command, and there is no {dockerfile}; name the handler there"
                )
            entry_point, command = image.program, image.command
            if not entry_point and not command:
                raise properties.cannot(
                    "ImageConfig", f"has no Command, and {dockerfile} no CMD; name the handler there"
                )
        handler = command[0] if command else ""
        folder = image.folder(context, handler) if image is not None else context
        return handler, (*entry_point, *command) if entry_point else (), self._given.code or folder

    def _code(
        self, logical_id: str, properties: Properties, lenient: Properties, serverless: bool
    ) -> tuple[Path, str | None]:
        """The folder, zip or file with the code, or its text."""
        if self._given.code is not None:
            return self._given.code, None
        name = "CodeUri" if serverless else "Code"
        inline, name_of_inline = (lenient, "InlineCode") if serverless else (lenient, "ZipFile")
        if not serverless and isinstance(properties.values.get("Code"), dict):
            inline = lenient.inside("Code")
        source = inline.string(name_of_inline)
        if source is not None:
            if len(source.encode()) > MAX_INLINE_BYTES:
                raise inline.wrong(name_of_inline, f"is larger than {MAX_INLINE_BYTES} bytes; move it to a file")
            return self._path.parent.absolute(), source
        metadata = self._metadata(logical_id)
        if metadata.values.get("aws:asset:property") in (name, "CodeUri"):  # as the AWS CDK writes it
            return metadata.file("aws:asset:path", None), None
        return properties.file(name, "." if serverless else None), None

    def _layers(self, properties: Properties) -> tuple[tuple[Path, ...], tuple[str, ...]]:
        """The layers that are on this machine, and the names of the others."""
        arns = properties.with_stand_ins(StandIns(self._resources, self._given)).strings("Layers")
        if len(arns) > MAX_LAYERS:
            raise properties.wrong("Layers", f"Cannot reference more than {MAX_LAYERS} layers.")
        written = properties.values.get("Layers")
        for arn in written if isinstance(written, list) else ():
            if isinstance(arn, str) and not _LAYER_ARN(arn) and not arn.startswith("{{resolve:"):
                raise properties.wrong("Layers", f"{arn!r} is not the ARN of a layer version; !Ref one, or use its ARN")
        if self._given.dynamic is not None:
            try:
                arns = tuple(map(self._scope.resolve_dynamic, arns))
            except Unresolvable as error:
                raise properties.cannot("Layers", str(error)) from None
        found = [(arn, self._layer(arn)) for arn in arns]
        return tuple(path for _, path in found if path is not None), tuple(arn for arn, path in found if path is None)

    def _layer(self, arn: str) -> Path | None:
        logical_id, content = self._layers_of_all.get(arn, (arn, None))
        for name in (arn, arn.rpartition(":")[0], logical_id):
            if name in self._given.layers:
                return self._given.layers[name]
        return None if content is None else content()

    def _layer_content(self, logical_id: str) -> Path | None:
        """The folder or zip of a layer of this template; None if it is in S3."""
        layer = self._resources[logical_id]
        content = Properties(self._path, logical_id, layer.get("Properties"), self._scope)
        name = LAYER_CONTENT[layer["Type"]]
        metadata = self._metadata(logical_id)
        if metadata.values.get("aws:asset:property") == name:
            return metadata.file("aws:asset:path", None)
        given = content.values.get(name)
        if is_intrinsic(given):
            given = content.any(name)
        if isinstance(given, dict) or str(given).startswith("s3://"):
            return None
        return content.file(name, None)

    def _environment(self, properties: Properties, logical_id: str, name: str) -> dict[str, str]:
        variables, given = (
            properties.inside("Environment").inside("Variables"),
            self._given.variables_of(logical_id, name),
        )
        where = "Environment.Variables"
        written = [name for name in variables.values if name != TRANSFORM]  # one that is not run is named elsewhere
        names = [*written, *(name for name in given if name not in variables.values)]
        reserved = [name for name in names if name in RESERVED_VARIABLES]
        if reserved:
            raise properties.wrong(where, f"{RESERVED_MESSAGE} {', '.join(reserved)}")
        environment: dict[str, str] = {}
        for name in names:
            if not isinstance(name, str) or not re.fullmatch("[a-zA-Z][a-zA-Z0-9_]+", name):
                raise variables.wrong(str(name), "is not a name; use a letter, then one or more letters, digits and _")
            value = given.get(name, self._given.from_shell(name))
            if value is None:
                value = _variable(variables, name)
            if value is not None and ("\0" in value or not _is_text(value)):
                raise variables.wrong(name, "has a character that no variable can have (a zero byte, half a pair)")
            if value is not None:
                environment[name] = value
        size = len(json.dumps(environment, ensure_ascii=False, separators=(",", ":")).encode())
        if size > MAX_ENVIRONMENT_BYTES:
            raise properties.wrong(where, f"{TOO_LARGE_MESSAGE} They measure {size:,} bytes; shorten them.")
        return environment


def _told(properties: Properties) -> dict[str, Any]:
    """The properties without those that are `!Ref AWS::NoValue`, and without deployments that are not enabled.

    A transform among them is named elsewhere.
    """
    told = {name: value for name, value in properties.values.items() if name != TRANSFORM}
    for name, value in properties.values.items():
        if is_intrinsic(value) and name in NOT_EMULATED:
            with suppress(UsageError):
                told[name] = properties.any(name)
        if name in NOT_EMULATED and told[name] is None:
            del told[name]
    preference = told.get("DeploymentPreference")
    if isinstance(preference, dict):
        with suppress(UsageError):
            if properties.inside("DeploymentPreference").string("Enabled") == "false":
                del told["DeploymentPreference"]
    return told


def _url(properties: Properties) -> FunctionUrl | None:
    settings = properties.inside("FunctionUrlConfig")
    return read_url(settings) if settings.values else None


def _snap_start(properties: Properties) -> bool:
    apply_on = properties.string("ApplyOn") or "None"
    if apply_on not in ("PublishedVersions", "None"):
        raise properties.wrong("ApplyOn", f"'{apply_on}' is not one of PublishedVersions, None")
    return apply_on == "PublishedVersions"


def _alias(properties: Properties) -> str | None:
    """The alias that AWS SAM publishes a version for."""
    name = properties.string("AutoPublishAlias")
    if name is not None and not is_alias(name):
        raise properties.wrong("AutoPublishAlias", f"'{name}' is not an alias; use letters, digits, - and _")
    return name


def is_alias(name: str) -> bool:
    """Whether an alias may have this name: it must not look like the number of a version."""
    return bool(re.fullmatch(r"(?![0-9]+$)[a-zA-Z0-9_-]{1,128}", name))


def _tenancy(properties: Properties) -> str | None:
    settings = properties.inside("TenancyConfig")
    return settings.one_of("TenantIsolationMode", ("PER_TENANT",), "PER_TENANT") if settings.values else None


def _is_text(value: str) -> bool:
    """Whether it can be encoded in UTF-8: JSON and YAML can contain halves of surrogate pairs."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _variable(variables: Properties, name: str) -> str | None:
    if variables.values[name] is None:
        raise variables.wrong(name, "has no value; write '' for an empty one")
    try:
        value = variables.any(name)
    except CannotRun as reason:
        if not isinstance(reason.__cause__, OnlyOnAws):
            raise
        raise CannotRun(f"{reason}, or set {name} with --env-vars") from None
    try:
        return None if value is None else text(value)
    except TypeError:
        raise variables.wrong(name, "must be a string; write lists and mappings as JSON in quotes") from None


def _tracing(properties: Properties) -> str:
    return properties.one_of("Tracing", ("Active", "PassThrough", "Disabled"), "PassThrough")


def _tracing_config(properties: Properties) -> str:
    return properties.inside("TracingConfig").one_of("Mode", ("Active", "PassThrough", "Disabled"), "PassThrough")


def _package_type(properties: Properties) -> str:
    return properties.one_of("PackageType", ("Zip", "Image"), "Zip")


def _architecture(properties: Properties) -> str:
    """`x86_64` or `arm64`. Here a function runs on the processor of the machine, whatever this says."""
    named = properties.strings("Architectures")
    if len(named) > 1 or any(name not in ("x86_64", "arm64") for name in named):
        raise properties.wrong("Architectures", f"{list(named)} is not valid; use [x86_64] or [arm64]")
    return named[0] if named else "x86_64"


def _runtime(properties: Properties) -> tuple[str, str]:
    runtime = properties.string("Runtime")
    if runtime is None:
        raise properties.wrong("Runtime", "is missing; name one, such as python3.12")
    if not re.fullmatch(r"python3\.\d+", runtime):
        raise properties.cannot("Runtime", f"{runtime} cannot run here; local-lambda runs python3.x functions")
    handler = properties.string("Handler")
    if not handler:
        raise properties.wrong("Handler", "is missing; name the function, such as app.lambda_handler")
    return runtime, handler


def _logging(properties: Properties, lenient: Properties) -> LoggingConfig:
    logging = properties.inside("LoggingConfig")
    return LoggingConfig(
        log_format=logging.one_of("LogFormat", ("Text", "JSON"), "Text"),
        application_log_level=logging.one_of("ApplicationLogLevel", APPLICATION_LOG_LEVELS, "INFO"),
        system_log_level=logging.one_of("SystemLogLevel", SYSTEM_LOG_LEVELS, "INFO"),
        log_group=lenient.inside("LoggingConfig").string("LogGroup"),
    )
