"""Reads one function resource of a template, property by property, into a `FunctionConfig`.

Specification: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html
and, for `AWS::Lambda::Function`, the CloudFormation page of that name. Limits are Lambda's, and errors have the
service's wording where there is one. Finding, parsing and searching a template belong elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_lambda.functions.config import (
    ACCOUNT_ID,
    REGION,
    RESERVED_VARIABLES,
    FunctionConfig,
    LoggingConfig,
)
from local_lambda.functions.intrinsics import Scope, text
from local_lambda.functions.properties import Properties
from local_lambda.functions.routes import read_routes
from local_lambda.limits import (
    DEFAULT_MEMORY_MB,
    DEFAULT_STORAGE_MB,
    DEFAULT_TIMEOUT_SECONDS,
    MAX_ENVIRONMENT_BYTES,
    MAX_LAYERS,
    MAX_MEMORY_MB,
    MAX_STORAGE_MB,
    MAX_TIMEOUT_SECONDS,
    MIN_MEMORY_MB,
    MIN_STORAGE_MB,
)

SERVERLESS, PLAIN = "AWS::Serverless::Function", "AWS::Lambda::Function"
LAYER_CONTENT = {"AWS::Serverless::LayerVersion": "ContentUri", "AWS::Lambda::LayerVersion": "Content"}
APPLICATION_LOG_LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
SYSTEM_LOG_LEVELS = ("DEBUG", "INFO", "WARN")

_UNABLE = (
    "Lambda was unable to configure your environment variables because the environment variables you have provided"
)
RESERVED_MESSAGE = (
    f"{_UNABLE} contains reserved keys that are currently not supported for modification."
    " Reserved keys used in this request:"
)
TOO_LARGE_MESSAGE = f"{_UNABLE} exceeded the 4KB limit."


def layer_arns(resources: Mapping[str, Any]) -> dict[str, str]:
    """The value of `!Ref` for each layer version among `resources`."""
    return {
        logical_id: f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:layer:{logical_id}:1"
        for logical_id, resource in resources.items()
        if isinstance(resource, dict) and str(resource.get("Type")) in LAYER_CONTENT
    }


class FunctionReader:
    """Reads the functions among `resources`, the resources of the template at `path`."""

    def __init__(self, path: Path, resources: Mapping[str, Any], scope: Scope, shell: Mapping[str, str]) -> None:
        self._path = path
        self._resources = resources
        self._scope = scope
        self._shell = shell
        self._layer_ids = {arn: logical_id for logical_id, arn in layer_arns(resources).items()}

    def function(self, logical_id: str, name: str, properties: Properties) -> FunctionConfig:
        """One function. Raises CannotRun if it is valid but cannot run here, UsageError if it is invalid."""
        serverless = self._resources[logical_id]["Type"] == SERVERLESS
        timeout = properties.integer("Timeout", DEFAULT_TIMEOUT_SECONDS, 1, MAX_TIMEOUT_SECONDS, "seconds")
        memory = properties.integer("MemorySize", DEFAULT_MEMORY_MB, MIN_MEMORY_MB, MAX_MEMORY_MB, "MB")
        storage = properties.inside("EphemeralStorage")
        size = storage.integer("Size", DEFAULT_STORAGE_MB, MIN_STORAGE_MB, MAX_STORAGE_MB, "MB")
        tracing = properties if serverless else properties.inside("TracingConfig")
        mode = tracing.one_of("Tracing" if serverless else "Mode", ("Active", "PassThrough", "Disabled"), "PassThrough")
        concurrency = properties.integer("ReservedConcurrentExecutions", None, 0, 100_000, "environments")
        logging, environment = _logging(properties), self._environment(properties)
        routes = read_routes(properties) if serverless else ()
        image = properties.one_of("PackageType", ("Zip", "Image"), "Zip") == "Image"
        runtime, handler, command = _image(properties) if image else _runtime(properties)
        return FunctionConfig(
            name=name,
            logical_id=logical_id,
            handler=handler,
            runtime=runtime,
            command=command,
            code=self._image_folder(logical_id) if image else _code(properties, serverless),
            timeout=timeout,
            memory_mb=memory,
            ephemeral_storage_mb=size,
            environment=environment,
            layers=self._layers(properties),
            tracing_active=mode == "Active",
            logging=logging,
            reserved_concurrency=concurrency,
            routes=routes,
        )

    def _image_folder(self, logical_id: str) -> Path:
        metadata = Properties(self._path, logical_id, self._resources[logical_id].get("Metadata") or {}, self._scope)
        return metadata.file("DockerContext", ".")

    def _layers(self, properties: Properties) -> tuple[Path, ...]:
        arns = properties.strings("Layers")
        if len(arns) > MAX_LAYERS:
            raise properties.wrong("Layers", f"Cannot reference more than {MAX_LAYERS} layers.")
        return tuple(self._layer(properties, arn) for arn in arns)

    def _layer(self, properties: Properties, arn: str) -> Path:
        if arn not in self._layer_ids:
            raise properties.cannot("Layers", f"{arn} is not on this machine; !Ref a layer version of this template")
        logical_id = self._layer_ids[arn]
        layer = self._resources[logical_id]
        content = Properties(self._path, logical_id, layer.get("Properties"), self._scope)
        return content.file(LAYER_CONTENT[layer["Type"]], None)

    def _environment(self, properties: Properties) -> dict[str, str]:
        variables = properties.inside("Environment").inside("Variables")
        where = "Environment.Variables"
        reserved = [name for name in variables.values if name in RESERVED_VARIABLES]
        if reserved:
            raise properties.wrong(where, f"{RESERVED_MESSAGE} {', '.join(reserved)}")
        environment: dict[str, str] = {}
        for name in variables.values:
            if not isinstance(name, str) or not re.fullmatch("[a-zA-Z][a-zA-Z0-9_]+", name):
                raise variables.wrong(str(name), "is not a name; begin with a letter, then letters, digits and _")
            value = self._shell.get(name)
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
    value = variables.any(name, advice=f"set {name} in the shell")
    try:
        return None if value is None else text(value)
    except TypeError:
        raise variables.wrong(name, "must be a string; write lists and mappings as JSON in quotes") from None


def _runtime(properties: Properties) -> tuple[str, str, tuple[str, ...]]:
    runtime = properties.string("Runtime")
    if runtime is None:
        raise properties.wrong("Runtime", "is missing; name one, such as python3.12")
    if not re.fullmatch(r"python3\.\d+", runtime):
        raise properties.cannot("Runtime", f"{runtime} cannot run here; local-lambda runs python3.x functions")
    handler = properties.string("Handler")
    if not handler:
        raise properties.wrong("Handler", "is missing; name the function, such as app.lambda_handler")
    return runtime, handler, ()


def _image(properties: Properties) -> tuple[None, str, tuple[str, ...]]:
    """`EntryPoint` with `Command` is a program; `Command` alone is the handler, as in AWS's base images."""
    image = properties.inside("ImageConfig")
    entry_point, command = image.strings("EntryPoint"), image.strings("Command")
    if not entry_point and not command:
        raise properties.cannot("ImageConfig", "has no Command, and images are not opened; name the handler there")
    return None, command[0] if command else "", (*entry_point, *command) if entry_point else ()


def _code(properties: Properties, serverless: bool) -> Path:
    inline = properties.values.get("InlineCode") if serverless else None
    if inline is not None:
        raise properties.cannot("InlineCode", "is not run here; move it to a file and name its folder in CodeUri")
    return properties.file("CodeUri", ".") if serverless else properties.file("Code", None)


def _logging(properties: Properties) -> LoggingConfig:
    logging = properties.inside("LoggingConfig")
    return LoggingConfig(
        log_format=logging.one_of("LogFormat", ("Text", "JSON"), "Text"),
        application_log_level=logging.one_of("ApplicationLogLevel", APPLICATION_LOG_LEVELS, "INFO"),
        system_log_level=logging.one_of("SystemLogLevel", SYSTEM_LOG_LEVELS, "INFO"),
        log_group=logging.string("LogGroup"),
    )
