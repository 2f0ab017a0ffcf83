"""`Globals` of a template: the properties that AWS SAM gives to all resources of a type.

Specification: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/
sam-specification-template-anatomy-globals.html. What is supported there, and the words for what is not, are in
samtranslator/plugins/globals/globals.py of https://github.com/aws/serverless-application-model (1.115.0).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from local_lambda.functions.intrinsics import is_intrinsic

PREFIX = "AWS::Serverless::"
SUPPORTED: Mapping[str, frozenset[str]] = {
    section: frozenset(supported.split())
    for section, supported in {
        "Api": """
            AccessLogSetting AlwaysDeploy Auth BinaryMediaTypes CacheClusterEnabled CacheClusterSize CanarySetting Cors
            DefinitionUri Domain EndpointAccessMode EndpointConfiguration GatewayResponses MergeDefinitions
            MethodSettings MinimumCompressionSize Name OpenApiVersion PropagateTags SecurityPolicy TracingEnabled
            Variables
        """,
        "CapacityProvider": """
            InstanceRequirements KmsKeyArn LoggingConfig ManagedResourceTags OperatorRole PropagateTags ScalingConfig
            Tags VpcConfig
        """,
        "Function": """
            Architectures AssumeRolePolicyDocument AutoPublishAlias AutoPublishAliasAllProperties
            CapacityProviderConfig CodeSigningConfigArn CodeUri DeadLetterQueue DeploymentPreference Description
            DurableConfig Environment EphemeralStorage EventInvokeConfig FileSystemConfigs FunctionScalingConfig
            FunctionUrlConfig Handler KmsKeyArn Layers LoggingConfig MemorySize PermissionsBoundary PropagateTags
            ProvisionedConcurrencyConfig PublishToLatestPublished RecursiveLoop ReservedConcurrentExecutions RolePath
            Runtime RuntimeManagementConfig SnapStart SourceKMSKeyArn Tags TenancyConfig Timeout Tracing
            VersionDeletionPolicy VpcConfig
        """,
        "HttpApi": """
            AccessLogSettings Auth CorsConfiguration DefaultRouteSettings Domain FailOnWarnings PropagateTags
            RouteSettings StageVariables Tags
        """,
        "LayerVersion": "PublishLambdaVersion",
        "MicrovmImage": """
            AdditionalOsCapabilities BaseImageArn BaseImageVersion BuildRoleArn CpuConfigurations
            EgressNetworkConnectors EnvironmentVariables Hooks Logging PropagateTags Resources Tags
        """,
        "NetworkConnector": "OperatorRole PropagateTags Tags",
        "SimpleTable": "SSESpecification",
        "StateMachine": "PropagateTags",
        "WebSocketApi": """
            AccessLogSettings ApiKeySelectionExpression DefaultRouteSettings DisableExecuteApiEndpoint
            DisableSchemaValidation Domain FailOnWarnings IpAddressType PropagateTags RouteSelectionExpression
            RouteSettings StageVariables Tags
        """,
    }.items()
}
"""Section -> the properties that may be in it."""
_REPLACED = {"Function": ("Architectures",)}
"""Lists that a resource's own replaces: `CUSTOM_STRATEGIES` in SAM's source."""


def unsupported(globals_: Mapping[str, Any]) -> Iterator[str]:
    """What AWS SAM refuses a template for, in its words, with what to do about it."""
    for section, values in globals_.items():
        supported = SUPPORTED.get(str(section))
        if supported is None:
            wanted = ", ".join(SUPPORTED)
            yield f"Globals: '{section}' is not supported, and AWS SAM refuses the template; use one of: {wanted}"
        elif not isinstance(values, dict):
            yield f"Globals: Value of {section} must be a dictionary, or AWS SAM refuses the template"
        else:
            for name in (each for each in values if each not in supported):
                yield (
                    f"Globals: '{name}' is not a supported property of '{section}', and AWS SAM refuses the template;"
                    f" correct the name, or move it to each resource of type {PREFIX}{section}"
                )


def with_globals(resource: Mapping[str, Any], globals_: Mapping[str, Any]) -> Any:
    """The properties of a resource, merged with the section for its type. Those of other types are as they are."""
    kind, values = str(resource.get("Type")), resource.get("Properties")
    common = globals_.get(kind.removeprefix(PREFIX)) if kind.startswith(PREFIX) else None
    if not isinstance(common, dict) or not (values is None or isinstance(values, dict)):
        return values
    values = {} if values is None else values
    section = kind.removeprefix(PREFIX)
    wanted = dict(_wanted(common, SUPPORTED.get(section, frozenset()), resource.get("IgnoreGlobals")))
    for name in _REPLACED.get(section, ()):
        if name in values:
            wanted.pop(name, None)
    return merge(wanted, values)


def _wanted(common: Mapping[str, Any], supported: frozenset[str], ignored: Any) -> Iterator[tuple[str, Any]]:
    """What is supported of a section, without what a resource ignores: `*` for all of it, or a list of properties.

    Source: https://github.com/aws/serverless-application-model/pull/3386
    """
    for name, each in common.items():
        if name in supported and ignored != "*" and not (isinstance(ignored, list) and name in ignored):
            yield name, each


def merge(defaults: Any, own: Any) -> Any:
    """The section merged into a resource's values, as SAM does: mappings by key, lists appended, others replaced."""
    if isinstance(defaults, dict) and isinstance(own, dict) and not is_intrinsic(defaults) and not is_intrinsic(own):
        return {**defaults, **{key: merge(defaults[key], own[key]) if key in defaults else own[key] for key in own}}
    if isinstance(defaults, list) and isinstance(own, list):
        return [*defaults, *own]
    return own
